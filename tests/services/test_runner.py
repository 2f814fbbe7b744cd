"""The runner: what becomes of a job that works, refuses, fails, is cancelled or outlives its process."""

import threading
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from sqlalchemy import Connection, insert, select

from fenfa.db.tables import events
from fenfa.errors import AppleBusy, AppleRefused
from fenfa.runtime import Runtime
from fenfa.services import jobs
from fenfa.services.records import Page, Record, stamp
from fenfa.services.runner import JOBS, Runner
from fenfa.services.work import Bench, Kind, Work
from tests.support.client import Clock

Step = Callable[[Work, int], None]


def mark(connection: Connection, name: str) -> None:
    """An effect that can be counted."""
    connection.execute(insert(events).values(ts=name, extra={}))


def marks(bench: Runtime) -> list[str]:
    return bench.database.read_now(lambda connection: list(connection.scalars(select(events.c.ts))))


def counting(step: Step = lambda work, number: None, name: str = "count") -> Kind:
    """A kind that makes three marks, each in its step; `step` comes before each."""

    def run(bench: Bench, work: Work) -> None:
        for number in range(work.memory.get("next", 1), 4):
            step(work, number)
            work.memory["next"] = number + 1
            work.commit({"done": number, "total": 3, "message": f"{number} of 3"}, mark, f"{work.id} {number}")

    return Kind(name, run)


def enqueue(bench: Runtime, kind: str = "count") -> str:
    return bench.database.write_now(jobs.enqueue, stamp(bench.clock()), kind, {})


def job(bench: Runtime, job_id: str) -> Record:
    return bench.database.read_now(jobs.get_job, job_id)


def expected(job_id: str) -> list[str]:
    return [f"{job_id} {number}" for number in (1, 2, 3)]


def test_a_job_that_works(bench: Runtime) -> None:
    runner, job_id = Runner(bench, (counting(),)), enqueue(bench)
    assert runner.run_next()
    found = job(bench, job_id)
    assert (found["state"], found["done"], found["total"], found["message"]) == ("done", 3, 3, "3 of 3")
    assert marks(bench) == expected(job_id)
    assert not runner.run_next()


def test_an_error_that_says_when_puts_off(bench: Runtime, clock: Clock) -> None:
    asked = []

    def busy(work: Work, number: int) -> None:
        asked.append(number)
        if asked == [1, 2]:
            raise AppleBusy("Apple is busy; it goes on by itself", retry_after=30)

    runner, job_id = Runner(bench, (counting(busy),)), enqueue(bench)
    runner.run_next()
    found = job(bench, job_id)
    assert (found["state"], found["done"], found["message"]) == ("queued", 1, "Apple is busy; it goes on by itself")
    assert stamp(clock() + timedelta(seconds=30)) <= found["due_at"] <= stamp(clock() + timedelta(seconds=60))
    assert not runner.run_next()
    clock.move(seconds=60)
    assert runner.run_next()
    assert job(bench, job_id)["state"] == "done"
    assert marks(bench) == expected(job_id)


def test_a_job_that_gets_nowhere_is_given_up(bench: Runtime, clock: Clock) -> None:
    def busy(work: Work, number: int) -> None:
        raise AppleBusy("Apple is busy")

    runner, job_id = Runner(bench, (counting(busy),)), enqueue(bench)
    waits = []
    while runner.run_next():
        waits.append(job(bench, job_id)["due_at"])
        clock.move(hours=1)
    found = job(bench, job_id)
    assert (found["state"], found["message"], len(waits)) == ("failed", "Apple is busy", 20)


def test_a_refusal_ends_the_job_with_its_sentence(bench: Runtime) -> None:
    def refuse(work: Work, number: int) -> None:
        raise AppleRefused("Apple does not accept the key", reason="key")

    runner, job_id = Runner(bench, (counting(refuse),)), enqueue(bench)
    runner.run_next()
    found = job(bench, job_id)
    assert (found["state"], found["message"]) == ("failed", "Apple does not accept the key")


def test_a_bug_is_tried_three_times_and_tells_nothing(
    bench: Runtime, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(work: Work, number: int) -> None:
        raise ZeroDivisionError("a secret")

    runner, job_id = Runner(bench, (counting(fail),)), enqueue(bench)
    tries = 0
    while runner.run_next():
        tries += 1
        clock.move(hours=1)
    found = job(bench, job_id)
    assert (tries, found["state"], found["message"]) == (3, "failed", "the server failed; its log says why")
    assert len(caplog.records) == 3


def test_cancel_between_two_steps(bench: Runtime) -> None:
    def cancel(work: Work, number: int) -> None:
        if number == 2:
            bench.database.write_now(jobs.cancel, bench.clock(), work.id)

    runner, job_id = Runner(bench, (counting(cancel),)), enqueue(bench)
    runner.run_next()
    assert job(bench, job_id)["state"] == "cancelled"
    assert marks(bench) == expected(job_id)[:2]  # what was done stays done


def test_cancel_of_a_job_whose_process_died(bench: Runtime, clock: Clock) -> None:
    job_id = enqueue(bench)
    bench.database.write_now(jobs.lease, clock(), "the dead")
    bench.database.write_now(jobs.cancel, clock(), job_id)
    clock.move(minutes=2)
    Runner(bench, (counting(),)).run_next()
    assert (job(bench, job_id)["state"], marks(bench)) == ("cancelled", [])


def test_a_server_that_ends_hands_the_job_back(bench: Runtime) -> None:
    runners: list[Runner] = []

    def end(work: Work, number: int) -> None:
        if number == 2:
            runners[0].stop(0)  # from within the job: what a shutdown does meanwhile

    runners.append(Runner(bench, (counting(end),)))
    job_id = enqueue(bench)
    assert runners[0].run_next()
    assert (job(bench, job_id)["state"], marks(bench)) == ("queued", expected(job_id)[:2])
    assert not runners[0].run_next()
    assert Runner(bench, (counting(),)).run_next()
    assert (job(bench, job_id)["state"], marks(bench)) == ("done", expected(job_id))


def test_one_that_lost_its_lease_changes_nothing_more(bench: Runtime, clock: Clock) -> None:
    def lose(work: Work, number: int) -> None:
        if number == 2:
            clock.move(minutes=5)
            assert Runner(bench, (counting(),)).run_next()

    runner, job_id = Runner(bench, (counting(lose),)), enqueue(bench)
    runner.run_next()
    assert (job(bench, job_id)["state"], marks(bench)) == ("done", expected(job_id))


def test_a_job_that_kills_every_process_is_given_up(bench: Runtime, clock: Clock) -> None:
    job_id = enqueue(bench)
    for _ in range(20):
        assert bench.database.write_now(jobs.lease, clock(), "dies of it")
        clock.move(minutes=2)
    Runner(bench, (counting(),)).run_next()
    found = job(bench, job_id)
    assert (found["state"], found["message"]) == ("failed", "the server ended whenever it ran this")


def test_a_step_that_takes_long_is_kept_alive(bench: Runtime) -> None:
    """The heartbeat, at the beat of a test."""
    beats = threading.Event()

    def run(bench: Bench, work: Work) -> None:
        assert beats.wait(30)

    runner = Runner(Beaten(bench, beats), (Kind("slow", run),), beat=timedelta(milliseconds=1))
    job_id = enqueue(bench, "slow")
    assert runner.run_next()
    assert job(bench, job_id)["state"] == "done"


class Beaten:
    """A bench whose clock notices that a third party, the heartbeat, asks for the time."""

    def __init__(self, bench: Runtime, beats: threading.Event) -> None:
        self.config, self.database, self.keys = bench.config, bench.database, bench.keys
        self._clock, self._beats, self._main = bench.clock, beats, threading.current_thread()

    def clock(self) -> datetime:
        if threading.current_thread() is not self._main:
            self._beats.set()
        return self._clock()


def test_periodic_jobs_are_made_when_they_are_due(bench: Runtime, clock: Clock) -> None:
    done: list[str] = []
    daily = Kind("daily", lambda bench, work: done.append(work.id), timedelta(days=1))
    runner = Runner(bench, (daily, counting()))

    def turn() -> int:
        runner.enqueue_periodic()
        while runner.run_next():
            pass
        return len(done)

    assert [turn(), turn()] == [1, 1]
    clock.move(hours=23)
    assert turn() == 1
    clock.move(hours=1)
    assert turn() == 2
    assert {found["kind"] for found in bench.database.read_now(jobs.list_jobs, Page()).items} == {"daily"}


def test_kinds_have_names_of_their_own() -> None:
    names = [kind.name for kind in JOBS]
    assert len(names) == len(set(names))
