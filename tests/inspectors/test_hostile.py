"""Files made to break a reader, read in the real sandbox: refused or told truthfully, quickly, in little memory, and nothing is
written anywhere. All of them in one process of their own, so that what they cost can be told."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.inspectors.fixtures import Entry
from tests.support.hostile import USAGE, hostile_entries
from tests.support.strace import Call, read_calls

MAX_PROCESSOR_SECONDS = 2.0
MAX_SECONDS = 5.0  # the promise is 2 on a quiet machine
MAX_CHILD = 512 << 20
MAX_GROWTH = 10 << 20
CHANGING = (
    *("open", "openat", "creat", "mkdir", "mkdirat", "mknod", "mknodat", "rename", "renameat", "renameat2"),
    *("link", "linkat", "symlink", "symlinkat", "unlink", "unlinkat", "rmdir", "truncate", "chmod", "fchmodat"),
    *("execve", "connect", "sendto"),
)
_WRITING = re.compile(r"O_(WRONLY|RDWR|CREAT|TRUNC|APPEND)")
Reading = dict[str, Any]


@pytest.fixture(scope="module")
def entries(hostile: Path) -> list[Entry]:
    return hostile_entries(hostile)


@pytest.fixture(scope="module")
def traced(hostile: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Reading], Path]:
    """What every file gave and cost, and the log of all system calls that name a file or a peer."""
    log = tmp_path_factory.mktemp("traced") / "calls"
    tracer = ["strace", "-f", "--seccomp-bpf", "-o", str(log), "-e", f"trace={','.join(CHANGING)}"]
    command = [*tracer, sys.executable, "-m", "tests.support.hostile", str(hostile), str(log.parent)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return [json.loads(line) for line in done.stdout.splitlines()], log


@pytest.fixture(scope="module")
def readings(traced: tuple[list[Reading], Path]) -> list[Reading]:
    return traced[0]


def test_every_hostile_file_is_refused_or_told_truthfully(entries: list[Entry], readings: list[Reading]) -> None:
    assert len(entries) == 222
    given = {reading["file"]: reading for reading in readings}
    assert [complaint for entry in entries for complaint in _complaints(entry, given[entry["file"]])] == []


def _complaints(entry: Entry, reading: Reading) -> list[str]:
    name, found, truth = entry["file"], reading.get("found"), entry["truth"] or {}
    if found is None:
        return [f"{name}: refused ({reading['refusal']})"] if entry["accept"] == "yes" else []
    problems = [f"{name}: {key} is {found[key]!r}" for key in truth if found[key] != truth[key]]
    problems += [f"{name}: accepted"] if entry["accept"] == "no" else []
    return problems + ([f"{name}: shows a local file"] if "root:x:" in str(found) else [])


def test_every_hostile_file_is_answered_soon(readings: list[Reading]) -> None:
    slow = [(one["file"], one["seconds"]) for one in readings if one["seconds"] > MAX_SECONDS]
    busy = [
        (one["file"], one["processor_seconds"]) for one in readings if one["processor_seconds"] > MAX_PROCESSOR_SECONDS
    ]
    assert (slow, busy) == ([], [])


def test_no_hostile_file_takes_much_memory(readings: list[Reading]) -> None:
    """In the child that reads it; nor in the process that asked, which a first file has warmed up."""
    assert [one["file"] for one in readings if one["child_memory"] > MAX_CHILD] == []
    own = [one["own_memory"] for one in readings]
    assert max(own) - own[0] < MAX_GROWTH


def test_no_hostile_file_makes_a_reader_write_or_connect(traced: tuple[list[Reading], Path]) -> None:
    """Python keeps what it compiled of our own modules, and every process has a /dev/null: nothing else."""
    calls = read_calls(traced[1])
    opened = [call.arguments for call in calls if call.name.startswith("open")]
    assert [one["file"] for one in traced[0] if not any(f'/{one["file"]}"' in place for place in opened)] == []
    assert [f"{call.name}({call.arguments})" for call in calls if call.result != "-1" and not _is_harmless(call)] == []


def _is_harmless(call: Call) -> bool:
    only_reads = call.name.startswith("open") and not _WRITING.search(call.arguments)
    answers = call.name == "sendto" and call.arguments.endswith(" NULL, 0")
    own = ('"/dev/null"', "/__pycache__", f"/{USAGE}")
    return call.name == "execve" or only_reads or answers or any(place in call.arguments for place in own)
