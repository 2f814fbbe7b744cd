"""One at a time under a name, over threads and processes, and free again when its holder is killed."""

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from fenfa.db.alone import alone
from fenfa.db.engine import Database
from fenfa.errors import Unavailable

HOLD = """
import sys
from tests.support.job_worker import open_database
from fenfa.db.alone import alone
with alone(open_database(sys.argv[1]), sys.argv[2]):
    print("inside", flush=True)
    sys.stdin.read()
"""


def holder(database: Database, name: str) -> "subprocess.Popen[str]":
    address = str(database.file or database.engine.url.render_as_string(hide_password=False))
    command = [sys.executable, "-c", HOLD, address, name]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    return subprocess.Popen(command, cwd=Path(__file__).parents[2], text=True, **pipes)  # type: ignore[call-overload,no-any-return]  # the pipes are both


def test_another_process_is_waited_for(database: Database) -> None:
    entered = threading.Event()

    def enter() -> None:
        with alone(database, "a"):
            entered.set()

    with holder(database, "a") as other:
        assert other.stdout
        assert other.stdout.readline() == "inside\n"
        thread = threading.Thread(target=enter)
        thread.start()
        with alone(database, "b"):  # another name is free
            assert not entered.is_set()
        other.kill()
        assert entered.wait(30)
        thread.join()


def test_another_thread_is_waited_for_but_not_for_ever(database: Database) -> None:
    with alone(database, "a"):
        raised: list[Exception] = []

        def enter() -> None:
            try:
                with alone(database, "a", patience=0.01):
                    pass
            except Unavailable as error:
                raised.append(error)

        thread = threading.Thread(target=enter)
        thread.start()
        thread.join()
        assert len(raised) == 1


def test_it_is_free_after_an_error(database: Database) -> None:
    with pytest.raises(ZeroDivisionError), alone(database, "a"):
        raise ZeroDivisionError
    with alone(database, "a", patience=0.01):
        pass


def test_many_threads_are_inside_one_by_one(database: Database) -> None:
    inside, most = 0, 0

    def enter() -> None:
        nonlocal inside, most
        for _ in range(20):
            with alone(database, "a"):
                inside += 1
                most = max(most, inside)
                inside -= 1

    threads = [threading.Thread(target=enter) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (inside, most) == (0, 1)
