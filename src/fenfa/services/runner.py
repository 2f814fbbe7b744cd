"""The runner: leases jobs that are due and sees them through.

Any number of processes may run it on one database. What a job raises decides what becomes of it: an error that says when to
try again (`retry_after`) puts it off, any other `FenfaError` ends it with its sentence, a bug is tried a few times.
"""

import logging
import os
import random
import secrets
import socket
import threading
from contextlib import AbstractContextManager, suppress
from datetime import datetime, timedelta

from sqlalchemy import Connection

from fenfa.errors import Conflict, FenfaError, JobStopped, Sentence
from fenfa.services import jobs
from fenfa.services.beats import beating
from fenfa.services.device_lists import IMPORT
from fenfa.services.records import stamp
from fenfa.services.registering import REGISTER, SYNC
from fenfa.services.retention import FORGET
from fenfa.services.work import Bench, Kind, Work
from fenfa.vocabulary import JobState

JOBS: tuple[Kind, ...] = (REGISTER, SYNC, IMPORT, FORGET)
BEAT = jobs.LEASE / 4
_MOST_ATTEMPTS = 20
_ATTEMPTS_OF_A_BUG = 3
_LONGEST_WAIT = 900.0
_ENDED = Sentence("the server ended whenever it ran this")
_BROKE = Sentence("the server failed; its log says why")
log = logging.getLogger("fenfa.jobs")


class Runner:
    """One hand on the queue, for one job at a time."""

    def __init__(self, bench: Bench, kinds: tuple[Kind, ...] = JOBS, beat: timedelta = BEAT) -> None:
        self._bench = bench
        self._beat = beat.total_seconds()
        self._kinds = {kind.name: kind for kind in kinds}
        self.owner = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
        self._stopping = threading.Event()
        self._working = threading.Lock()

    def run_next(self, job_id: str = "") -> bool:
        """Runs one job that is due (or this one, due or not) as far as it goes. False when there is none. Blocks."""
        with self._working:
            if self._stopping.is_set() or not self._has_work(job_id):
                return False
            job = self._bench.database.write_now(jobs.lease, self._bench.clock(), self.owner, job_id)
            if job is not None:
                with suppress(JobStopped):  # it is another process's by now
                    self._see_through(Work(self._bench, job, self.owner, self._stopping))
            return job is not None

    def stop(self, patience: float) -> None:
        """Starts nothing more; the running job hands itself back after its step, for which this waits so many seconds."""
        self._stopping.set()
        if self._working.acquire(timeout=patience):
            self._working.release()

    def enqueue_periodic(self) -> None:
        """Makes the jobs that nobody else makes, when they are due."""
        now = self._bench.clock()
        wanted = self._bench.database.read_now(_wanted, now, tuple(self._kinds.values()))
        for kind in wanted:
            with suppress(Conflict):  # another process makes it at this moment
                self._bench.database.write_now(jobs.enqueue, stamp(now), kind.name, {}, key="periodic")

    def _has_work(self, job_id: str) -> bool:
        """A look that takes no writer's turn."""
        return bool(job_id) or self._bench.database.read_now(jobs.has_due, self._bench.clock())

    def _see_through(self, work: Work) -> None:
        if work.job["cancel_asked"]:
            self._end(work, JobState.CANCELLED, "")
        elif work.attempts > _MOST_ATTEMPTS:
            self._end(work, JobState.FAILED, "" if work.job["message"] else _ENDED)
        else:
            with self._beating(work):
                self._attempt(work)

    def _attempt(self, work: Work) -> None:
        try:
            self._kinds[work.job["kind"]].run(self._bench, work)
        except JobStopped:
            self._end(work, JobState.CANCELLED, "") if work.cancelled else self._leave(work, timedelta(0))
        except FenfaError as error:
            self._refuse(work, error)
        except Exception as error:
            log.error("job failed", exc_info=error, extra={"route": work.job["kind"]})
            self._forgive(work)
        else:
            self._end(work, JobState.DONE, "")

    def _refuse(self, work: Work, error: FenfaError) -> None:
        message = Sentence(error.template, **error.values)
        if error.retry_after is None or work.attempts >= _MOST_ATTEMPTS:
            self._end(work, JobState.FAILED, message)
        else:
            self._leave(work, _wait(error.retry_after, work.attempts), message)

    def _forgive(self, work: Work) -> None:
        if work.attempts >= _ATTEMPTS_OF_A_BUG:
            self._end(work, JobState.FAILED, _BROKE)
        else:
            self._leave(work, _wait(5, work.attempts), _BROKE)

    def _end(self, work: Work, state: JobState, message: str) -> None:
        self._bench.database.write_now(jobs.finish, self._bench.clock(), work.id, self.owner, state, message)

    def _leave(self, work: Work, wait: timedelta, message: str | None = None) -> None:
        self._bench.database.write_now(jobs.put_off, self._bench.clock(), work.id, self.owner, wait, message)

    def _beating(self, work: Work) -> AbstractContextManager[None]:
        """Prolongs the lease as long as the block takes."""

        def prolong() -> None:
            self._bench.database.write_now(jobs.prolong, self._bench.clock(), work.id, self.owner)

        return beating(self._beat, prolong, work.job["kind"])


def _wait(least: float, attempts: int) -> timedelta:
    """Twice as long every time, never all at once, at least as long as was asked for."""
    least = max(1.0, least)
    longest = min(least * 2**attempts, max(least, _LONGEST_WAIT))
    return timedelta(seconds=random.uniform(least, longest))  # noqa: S311 - spread, not secrecy


def _wanted(connection: Connection, now: datetime, kinds: tuple[Kind, ...]) -> list[Kind]:
    periodic = [(kind, stamp(now - kind.every)) for kind in kinds if kind.every]
    due = [kind for kind, before in periodic if jobs.last_enqueued(connection, kind.name) <= before]
    return [kind for kind in due if kind.is_needed(connection)]
