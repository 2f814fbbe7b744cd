"""The process that forks readers: there when it is needed, gone when it is not, and no reader outlives its question."""

import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from socket import socketpair

import psutil
import pytest

from tests.support.readers import Readers, own_readers

PARENT = "print(os.getppid())"
SLEEP = "import threading; threading.Event().wait()"


@pytest.fixture
def readers(tmp_path: Path) -> Iterator[Readers]:
    with own_readers(tmp_path) as readers:
        yield readers


def await_end(process: int) -> None:
    """A zombie has ended too."""
    with suppress(ProcessLookupError):
        watch = os.pidfd_open(process)
        assert select.select([watch], [], [], 10)[0], "it still runs"
        os.close(watch)


def test_readers_come_from_one_process(readers: Readers) -> None:
    with ThreadPoolExecutor(8) as pool:
        parents = set(pool.map(readers.run, [PARENT] * 16))
    assert len(parents) == 1


def test_one_reader_sees_nothing_of_another(readers: Readers) -> None:
    assert readers.run("sys.fenfa_left = 'something'; print('left')") == b"left\n"
    assert readers.run("print(hasattr(sys, 'fenfa_left'))") == b"False\n"


def test_it_starts_again_when_it_was_killed(readers: Readers) -> None:
    for _ in range(3):
        parent = int(readers.run(PARENT))
        os.kill(parent, signal.SIGKILL)
    assert int(readers.run(PARENT)) != parent


def test_it_ends_when_there_is_nothing_to_read(tmp_path: Path) -> None:
    with own_readers(tmp_path, idle=0.01) as readers:
        await_end(int(readers.run(PARENT)))
        assert readers.run("print('again')") == b"again\n"


def test_a_reader_is_killed_when_its_asker_gives_up(readers: Readers) -> None:
    ours, theirs = socketpair()
    question = {"module": readers.module(SLEEP), "path": "/"}
    with ours, theirs, readers.server.forked(question, [theirs.fileno()]) as reader:
        assert psutil.pid_exists(reader)
    assert not psutil.pid_exists(reader)


def test_a_number_that_may_be_anothers_by_now_is_not_killed(readers: Readers, monkeypatch: pytest.MonkeyPatch) -> None:
    """A reader that ended with the process that forked it was reaped by nobody of ours."""
    killed: list[int] = []
    parent, (ours, theirs) = int(readers.run(PARENT)), socketpair()
    question = {"module": readers.module(SLEEP), "path": "/"}
    with ours, theirs, readers.server.forked(question, [theirs.fileno()]) as reader:
        os.kill(parent, signal.SIGKILL)
        await_end(reader)
        await_end(parent)
        for name in ("kill", "killpg"):
            monkeypatch.setattr(os, name, lambda process, _signal: killed.append(process))
    assert killed == []


def test_readers_end_with_whoever_asked(tmp_path: Path) -> None:
    """Killed outright, with a reader at work."""
    modules, told = tmp_path / "modules", tmp_path / "told"
    modules.mkdir()
    os.mkfifo(told)
    reading = f"open({str(told)!r}, 'w').write(f'{{os.getpid()}} {{os.getppid()}}')\n{SLEEP}"
    code = f"from pathlib import Path; from tests.support.readers import Readers; Readers(Path({str(modules)!r})).run({reading!r})"
    asker = subprocess.Popen([sys.executable, "-c", code])
    processes = [int(process) for process in told.read_text().split()]
    asker.kill()
    asker.wait()
    for process in processes:
        await_end(process)
