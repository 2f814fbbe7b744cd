"""R18: several processes on one queue, killed in turn: every effect of every job exactly once."""

import subprocess
import sys
from collections import Counter
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import func, select

from fenfa.db.engine import Database
from fenfa.db.tables import events, jobs
from fenfa.services.jobs import enqueue
from fenfa.services.records import stamp
from fenfa.vocabulary import JobState
from tests.support.job_worker import STEPS, now
from tests.support.server import wait_for

pytestmark = pytest.mark.journey
JOBS = 500
PROCESSES = 3
KILLS = 9


def start(database: Database) -> "subprocess.Popen[bytes]":
    address = str(database.file or database.engine.url.render_as_string(hide_password=False))
    command = [sys.executable, "-m", "tests.support.job_worker", address]
    return subprocess.Popen(command, cwd=Path(__file__).parents[2])


def has_marks(database: Database, least: int) -> bool | None:
    found = database.read_now(lambda connection: connection.scalar(select(func.count()).select_from(events)) or 0)
    return found >= least or None


def test_every_effect_exactly_once_though_processes_are_killed(database: Database) -> None:
    ids = [database.write_now(enqueue, stamp(now()), "count", {}) for _ in range(JOBS)]
    processes = [start(database) for _ in range(PROCESSES)]
    for kill in range(1, KILLS + 1):
        wait_for(partial(has_marks, database, kill * JOBS * STEPS // (KILLS + 1)))
        processes[0].kill()
        assert processes.pop(0).wait(30) == -9
        processes.append(start(database))
    assert [process.wait(60) for process in processes] == [0] * PROCESSES
    found = database.read_now(lambda connection: Counter(connection.scalars(select(events.c.ts))))
    assert found == {f"{job} {step}": 1 for job in ids for step in range(1, STEPS + 1)}
    states = database.read_now(lambda connection: Counter(connection.scalars(select(jobs.c.state))))
    assert states == {JobState.DONE: JOBS}
