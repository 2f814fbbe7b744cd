"""A process that runs jobs of one test kind until none is open: `python -m tests.support.job_worker DATABASE`.

Its clock runs 60 times as fast as ours, so that the lease of a process that was killed ends within a second.
"""

import select
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, func, insert
from sqlalchemy import select as sql_select

from fenfa.db.engine import Database, open_sqlite, open_url
from fenfa.db.tables import events, jobs
from fenfa.services.runner import Runner
from fenfa.services.work import Bench, Kind, Work
from fenfa.vocabulary import JobState

STEPS = 3
START = datetime(2026, 11, 2, tzinfo=UTC)
_SPEED = 60


def now() -> datetime:
    return START + timedelta(seconds=time.monotonic() * _SPEED)


@dataclass(frozen=True)
class WorkerBench:
    database: Database
    clock: Any = now
    config: Any = None
    keys: Any = None


def run(bench: Bench, work: Work) -> None:
    for number in range(work.memory.get("next", 1), STEPS + 1):
        work.memory["next"] = number + 1
        work.commit({"done": number, "total": STEPS}, mark, f"{work.id} {number}")


def mark(connection: Connection, name: str) -> None:
    connection.execute(insert(events).values(ts=name, extra={}))


KINDS = (Kind("count", run),)


def open_jobs(connection: Connection) -> int:
    states = jobs.c.state.in_((JobState.QUEUED, JobState.RUNNING))
    return connection.scalar(sql_select(func.count()).select_from(jobs).where(states)) or 0


def open_database(address: str) -> Database:
    """`address` is a file, or a URL as SQLAlchemy writes it."""
    plain = address.replace("postgresql+psycopg://", "postgresql://", 1)
    return open_url(plain) if "://" in address else open_sqlite(Path(address))


def main(address: str) -> None:
    database = open_database(address)
    runner = Runner(WorkerBench(database), KINDS)
    while database.read_now(open_jobs):
        if not runner.run_next():
            select.select([], [], [], 0.01)


if __name__ == "__main__":
    main(sys.argv[1])
