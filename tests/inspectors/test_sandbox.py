"""Children that misbehave: each costs itself, and the caller gets BadPackage."""

import os
import select
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from fenfa.errors import BadPackage
from fenfa.inspectors import sandbox

CONFINED = "from fenfa.inspectors.child import confine; confine(cpu_seconds=1); "


def command(code: str) -> tuple[str, ...]:
    return (sys.executable, "-I", "-c", code)


def test_gives_what_the_child_prints() -> None:
    assert sandbox.run(command("print('hello')")) == b"hello\n"


def test_memory_is_limited() -> None:
    assert sandbox.run(command(CONFINED + "print(1, flush=True); bytearray(2 << 30); print(2)")) == b"1\n"


def test_a_spinning_child_is_ended_by_its_processor_limit() -> None:
    started = time.monotonic()
    assert sandbox.run(command(CONFINED + "[None for _ in iter(int, 1)]")) == b""
    assert time.monotonic() - started < 20


def test_a_child_that_waits_is_ended_by_the_clock() -> None:
    started = time.monotonic()
    with pytest.raises(BadPackage, match="too long"):
        sandbox.run(command("import threading; threading.Event().wait()"), wall=0.5)
    assert time.monotonic() - started < 10


def test_a_child_that_floods_is_cut_off() -> None:
    with pytest.raises(BadPackage, match="more of itself"):
        sandbox.run(command("import sys\nwhile True: sys.stdout.write('x' * 65536)"), cap=1 << 20)


def test_descendants_die_with_the_child(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    code = (
        "import os, threading\n"
        "if os.fork() == 0:\n"
        f" open({str(note)!r}, 'w').write(str(os.getpid()))\n"
        " print('ready', flush=True)\n"
        " threading.Event().wait()\n"  # the grandchild keeps the pipe open
    )
    with pytest.raises(BadPackage, match="too long"):
        sandbox.run(command(code), wall=2)
    with suppress(ProcessLookupError):
        watch = os.pidfd_open(int(note.read_text()))
        assert select.select([watch], [], [], 10)[0], "the grandchild is still alive"
        os.close(watch)


def test_a_big_file_cannot_be_written(tmp_path: Path) -> None:
    target = tmp_path / "big"
    code = f"f = open({str(target)!r}, 'wb', buffering=0)\nwhile f.write(bytes(1 << 20)): pass"
    assert sandbox.run(command(CONFINED + f"exec({code!r})")) == b""
    assert target.stat().st_size == 64 << 20


def test_the_child_may_gain_no_privileges_and_sees_no_environment() -> None:
    code = "import os; print(dict(os.environ)); print(open('/proc/self/status').read())"
    answer = sandbox.run(command(CONFINED + code)).decode()
    assert "NoNewPrivs:\t1" in answer
    assert "PATH" not in answer
    assert "HOME" not in answer


def test_a_crash_is_a_bad_package(tmp_path: Path) -> None:
    # a reader that is not there to import crashes before it answers when even its name cannot be one
    with pytest.raises(BadPackage, match="broke its reader"):
        sandbox.read("", tmp_path)
