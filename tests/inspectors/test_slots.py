"""At most two at once among all processes that share the folder; whoever dies, its slot is free."""

import fcntl
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from fenfa.inspectors import inspect, slots
from tests.support.packages import make_apk

HOLD = """
import sys
from pathlib import Path
from fenfa.inspectors.slots import taken
with taken(Path(sys.argv[1])) as slot:
    {inside}
"""
UNTIL_TOLD = HOLD.format(inside="print('in', flush=True); sys.stdin.read()")
WITH_CHILD = HOLD.format(
    inside="""import subprocess
    child = subprocess.Popen(['cat'], pass_fds=(slot,))
    print('in', flush=True); child.wait()"""
)
# every process notes when it comes and goes; O_APPEND keeps the notes in their order
MANY_TIMES = """
import os, sys
from pathlib import Path
from fenfa.inspectors.slots import taken
log = os.open(sys.argv[2], os.O_WRONLY | os.O_APPEND)
for _ in range(20):
    with taken(Path(sys.argv[1])):
        os.write(log, b'+')
        os.sched_yield()
        os.write(log, b'-')
"""


def start(code: str, *arguments: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


@contextmanager
def holder(folder: Path, code: str = UNTIL_TOLD) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A process that has a slot, and what it said then."""
    with start(code, folder) as process:
        assert process.stdout
        try:
            yield process, process.stdout.readline().strip()
        finally:
            process.kill()


def is_free(folder: Path, number: int) -> bool:
    with (folder / f"slot-{number}").open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return True


def test_at_most_two_processes_are_in(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.touch()
    processes = [start(MANY_TIMES, tmp_path / "slots", log) for _ in range(5)]
    for process in processes:
        process.communicate()
    notes = log.read_text()
    assert (notes.count("+"), notes.count("-")) == (100, 100)
    assert max(notes[:end].count("+") - notes[:end].count("-") for end in range(len(notes))) <= slots.MOST


def test_at_most_two_threads_are_in(tmp_path: Path) -> None:
    inside: list[int] = []
    most = []

    def come_and_go() -> None:
        for _ in range(20):
            with slots.taken(tmp_path / "slots") as slot:
                inside.append(slot)
                most.append(len(inside))
                os.sched_yield()
                inside.remove(slot)

    threads = [threading.Thread(target=come_and_go) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(most) == 100
    assert max(most) <= slots.MOST


def test_a_third_waits_for_either_of_two(tmp_path: Path) -> None:
    for leaving in (0, 1):
        with holder(tmp_path) as (first, _), holder(tmp_path) as (second, _):
            assert [is_free(tmp_path, number) for number in (0, 1)] == [False, False]
            third = start(UNTIL_TOLD, tmp_path)
            (first, second)[leaving].communicate("")
            assert third.stdout
            assert third.stdout.readline() == "in\n"
            third.communicate("")


def test_a_killed_holder_frees_its_slot(tmp_path: Path) -> None:
    with holder(tmp_path) as (first, _), holder(tmp_path):
        first.kill()
        with holder(tmp_path) as (_, said):
            assert said == "in"


def test_a_child_that_outlives_its_holder_still_counts(tmp_path: Path) -> None:
    with holder(tmp_path, WITH_CHILD) as (process, _):
        process.kill()
        process.wait()
        assert not is_free(tmp_path, 0)
        assert process.stdin
        process.stdin.close()  # the child's too: it ends
        with holder(tmp_path), holder(tmp_path) as (_, said):
            assert said == "in"


def test_reading_holds_a_slot_and_gives_it_back(tmp_path: Path) -> None:
    folder, path = tmp_path / "slots", make_apk(tmp_path / "app.apk")
    with holder(folder), holder(folder) as (second, _), ThreadPoolExecutor(1) as pool:
        reading = pool.submit(inspect, path, path.name, folder)
        assert inspect(path, path.name).identifier == "com.example.app"  # alone, as `fenfa inspect` does: nobody waits
        assert not reading.done()
        second.communicate("")
        assert reading.result().identifier == "com.example.app"
        assert is_free(folder, 0) or is_free(folder, 1)
    assert is_free(folder, 0)
    assert is_free(folder, 1)
