"""Children that misbehave: each costs itself, and the caller gets BadPackage."""

import os
import select
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from fenfa.errors import BadPackage
from fenfa.inspectors import sandbox
from tests.support.readers import Readers, own_readers

SLEEP = "import threading; threading.Event().wait()"
LESS_TIME = "import resource; resource.setrlimit(resource.RLIMIT_CPU, (1, 1)); "


@pytest.fixture
def readers(tmp_path: Path) -> Iterator[Readers]:
    folder = tmp_path / "modules"
    folder.mkdir()
    with own_readers(folder) as readers:
        yield readers


def test_gives_what_the_child_prints(readers: Readers) -> None:
    assert readers.run("print('hello')") == b"hello\n"


def test_memory_is_limited(readers: Readers) -> None:
    answer = readers.run("print(1, flush=True); bytearray(2 << 30); print(2)")
    assert answer.startswith(b'1\n{"error": ')


def test_time_files_and_dumps_are_limited(readers: Readers) -> None:
    names = ("RLIMIT_CPU", "RLIMIT_FSIZE", "RLIMIT_NOFILE", "RLIMIT_CORE")
    code = f"import resource; print([resource.getrlimit(getattr(resource, name)) for name in {names}])"
    assert readers.run(code) == b"[(20, 20), (67108864, 67108864), (64, 64), (0, 0)]\n"


def test_a_spinning_child_is_ended_by_its_processor_limit(readers: Readers) -> None:
    started = time.monotonic()
    with pytest.raises(BadPackage, match="broke its reader"):
        readers.run(LESS_TIME + "[None for _ in iter(int, 1)]")
    assert time.monotonic() - started < 20


def test_a_child_that_waits_is_ended_by_the_clock(readers: Readers) -> None:
    started = time.monotonic()
    with pytest.raises(BadPackage, match="too long"):
        readers.run(SLEEP, wall=0.5)
    assert time.monotonic() - started < 10


def test_a_child_that_floods_is_cut_off(readers: Readers) -> None:
    with pytest.raises(BadPackage, match="more of itself"):
        readers.run("while True: sys.stdout.write('x' * 65536)", cap=1 << 20)


def test_descendants_die_with_the_child(readers: Readers, tmp_path: Path) -> None:
    note = tmp_path / "pid"
    code = (
        "if os.fork() == 0:\n"
        f" open({str(note)!r}, 'w').write(str(os.getpid()))\n"
        " print('ready', flush=True)\n"
        f"{SLEEP}\n"  # the grandchild keeps the line open
    )
    with pytest.raises(BadPackage, match="too long"):
        readers.run(code, wall=2)
    await_end(int(note.read_text()))


def await_end(pid: int) -> None:
    with suppress(ProcessLookupError):
        watch = os.pidfd_open(pid)
        assert select.select([watch], [], [], 10)[0], "it is still alive"
        os.close(watch)


def test_a_big_file_cannot_be_written(readers: Readers, tmp_path: Path) -> None:
    target = tmp_path / "big"
    code = f"f = open({str(target)!r}, 'wb', buffering=0)\nwhile f.write(bytes(1 << 20)): pass"
    assert readers.run(code).startswith(b'{"error": ')
    assert target.stat().st_size == 64 << 20


def test_the_child_may_gain_no_privileges_and_sees_no_environment(readers: Readers) -> None:
    answer = readers.run("print(dict(os.environ)); print(open('/proc/self/status').read())").decode()
    assert "NoNewPrivs:\t1" in answer
    assert "PATH" not in answer
    assert "HOME" not in answer


def test_the_child_has_nothing_open_but_its_answer(readers: Readers) -> None:
    """Neither the line to the server nor another reader's."""
    answer = readers.run(
        "print([os.readlink(f'/proc/self/fd/{fd}') for fd in os.listdir('/proc/self/fd')[:-1]])"
    ).decode()
    kinds = [place for place in answer.split("'") if place.startswith(("/", "socket"))]
    assert kinds[0] == kinds[2] == "/dev/null"
    assert len(set(kinds[1:2] + kinds[3:])) == 1, kinds


def test_a_crash_is_a_bad_package(tmp_path: Path) -> None:
    # a reader that is not there to import crashes before it answers when even its name cannot be one
    with pytest.raises(BadPackage, match="broke its reader"):
        sandbox.read("", tmp_path)
