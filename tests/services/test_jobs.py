"""The queue: leases, steps that only the holder may note, and what admins do with a job."""

from datetime import timedelta

import pytest

from fenfa.db.engine import Database
from fenfa.errors import Conflict, JobStopped, NotFound
from fenfa.services import jobs
from fenfa.services.records import Page, Record, stamp
from fenfa.vocabulary import JobState
from tests.support.client import Clock

ME, OTHER = "me", "other"


def add(database: Database, clock: Clock, kind: str = "count", key: str = "", due: str = "") -> str:
    return database.write_now(jobs.enqueue, stamp(clock()), kind, {"to": 3}, "tok_1", key, due)


def take(database: Database, clock: Clock, owner: str = ME, job_id: str = "") -> Record | None:
    return database.write_now(jobs.lease, clock(), owner, job_id)


def state(database: Database, job_id: str) -> str:
    return str(database.read_now(jobs.get_job, job_id)["state"])


def test_a_new_job(database: Database, clock: Clock) -> None:
    job = database.read_now(jobs.get_job, add(database, clock))
    assert job["id"].startswith("job_")
    now = "2026-11-02T09:30:00.000Z"
    assert (job["kind"], job["state"], job["args"], job["actor"]) == ("count", "queued", {"to": 3}, "tok_1")
    assert (job["done"], job["total"], job["message"], job["attempts"]) == (0, 0, "", 0)
    assert (job["created_at"], job["due_at"], job["finished_at"]) == (now, now, None)
    assert not {"memory", "lease_owner", "open_key"} & set(job)


def test_one_key_is_one_open_job(database: Database, clock: Clock) -> None:
    first = add(database, clock, key="a")
    assert add(database, clock, key="a") == first
    assert add(database, clock, key="b") != first
    assert add(database, clock, kind="other", key="a") != first
    take(database, clock, job_id=first)
    assert add(database, clock, key="a") == first
    database.write_now(jobs.finish, clock(), first, ME, JobState.DONE, "")
    assert add(database, clock, key="a") != first


def test_jobs_without_a_key_are_all_different(database: Database, clock: Clock) -> None:
    assert add(database, clock) != add(database, clock)


def test_the_oldest_due_job_comes_first(database: Database, clock: Clock) -> None:
    later = add(database, clock, due=stamp(clock() + timedelta(minutes=1)))
    first, second = add(database, clock), add(database, clock)
    taken = [take(database, clock) for _ in range(3)]
    assert [job and job["id"] for job in taken] == [first, second, None]
    assert not database.read_now(jobs.has_due, clock())
    clock.move(minutes=1)
    assert database.read_now(jobs.has_due, clock())
    found = take(database, clock)
    assert found is not None
    assert (found["id"], found["attempts"], found["memory"]) == (later, 1, {})


def test_a_named_job_is_leased_before_it_is_due_but_not_from_another(database: Database, clock: Clock) -> None:
    job_id = add(database, clock, due=stamp(clock() + timedelta(minutes=1)))
    assert take(database, clock, job_id=job_id) is not None
    assert take(database, clock, OTHER, job_id) is None


def test_a_lease_ends_unless_it_is_prolonged(database: Database, clock: Clock) -> None:
    job_id = add(database, clock)
    take(database, clock)
    clock.move(seconds=40)
    assert database.write_now(jobs.prolong, clock(), job_id, ME)
    clock.move(seconds=40)
    assert take(database, clock, OTHER) is None
    clock.move(seconds=21)
    found = take(database, clock, OTHER)
    assert found is not None
    assert found["attempts"] == 2
    assert not database.write_now(jobs.prolong, clock(), job_id, ME)


def test_only_the_holder_notes_steps(database: Database, clock: Clock) -> None:
    job_id = add(database, clock)
    take(database, clock)
    step = {"done": 1, "total": 3, "message": "one", "memory": {"next": 2}}
    assert database.write_now(jobs.advance, clock(), job_id, ME, step) is False
    clock.move(minutes=2)
    taken = take(database, clock, OTHER)
    assert taken is not None
    assert (taken["done"], taken["total"], taken["message"], taken["memory"]) == (1, 3, "one", {"next": 2})
    assert taken["attempts"] == 1  # it had got ahead
    with pytest.raises(JobStopped):
        database.write_now(jobs.advance, clock(), job_id, ME, {"done": 2})
    with pytest.raises(JobStopped):
        database.write_now(jobs.finish, clock(), job_id, ME, JobState.DONE, "late")
    assert database.read_now(jobs.get_job, job_id)["done"] == 1


def test_finish_and_put_off(database: Database, clock: Clock) -> None:
    job_id = add(database, clock, key="a")
    take(database, clock)
    database.write_now(jobs.put_off, clock(), job_id, ME, timedelta(minutes=5), "Apple is busy")
    job = database.read_now(jobs.get_job, job_id)
    assert (job["state"], job["message"], job["due_at"]) == ("queued", "Apple is busy", "2026-11-02T09:35:00.000Z")
    assert take(database, clock) is None
    clock.move(minutes=5)
    take(database, clock)
    database.write_now(jobs.finish, clock(), job_id, ME, JobState.FAILED, "no more")
    job = database.read_now(jobs.get_job, job_id)
    assert (job["state"], job["message"], job["finished_at"]) == ("failed", "no more", stamp(clock()))


def test_cancel_what_waits(database: Database, clock: Clock) -> None:
    job_id = add(database, clock)
    database.write_now(jobs.cancel, clock(), job_id)
    assert state(database, job_id) == "cancelled"
    assert take(database, clock) is None
    with pytest.raises(Conflict, match="over already"):
        database.write_now(jobs.cancel, clock(), job_id)


def test_cancel_what_runs(database: Database, clock: Clock) -> None:
    job_id = add(database, clock)
    take(database, clock)
    database.write_now(jobs.cancel, clock(), job_id)
    assert state(database, job_id) == "running"
    assert database.write_now(jobs.advance, clock(), job_id, ME, {"done": 1}) is True


def test_retry(database: Database, clock: Clock) -> None:
    job_id = add(database, clock)
    take(database, clock)
    with pytest.raises(Conflict, match="running"):
        database.write_now(jobs.retry, stamp(clock()), job_id)
    database.write_now(jobs.advance, clock(), job_id, ME, {"done": 1, "memory": {"next": 2}})
    database.write_now(jobs.cancel, clock(), job_id)
    database.write_now(jobs.finish, clock(), job_id, ME, JobState.CANCELLED, "")
    database.write_now(jobs.retry, stamp(clock()), job_id)
    again = take(database, clock)
    assert again is not None
    assert (again["memory"], again["cancel_asked"], again["finished_at"]) == ({"next": 2}, False, None)
    database.write_now(jobs.finish, clock(), job_id, ME, JobState.DONE, "")
    with pytest.raises(Conflict, match="done"):
        database.write_now(jobs.retry, stamp(clock()), job_id)


def test_retry_of_what_was_put_off_is_at_once(database: Database, clock: Clock) -> None:
    job_id = add(database, clock, due=stamp(clock() + timedelta(hours=1)))
    database.write_now(jobs.retry, stamp(clock()), job_id)
    assert take(database, clock) is not None


def test_leases_of_the_dead_are_released(database: Database, clock: Clock) -> None:
    job_id, over = add(database, clock), add(database, clock)
    take(database, clock)
    take(database, clock)
    database.write_now(jobs.finish, clock(), over, ME, JobState.DONE, "")
    assert database.write_now(jobs.release_leases, stamp(clock())) == 1
    assert (state(database, job_id), state(database, over)) == ("queued", "done")
    with pytest.raises(JobStopped):
        database.write_now(jobs.advance, clock(), job_id, ME, {})


def test_list(database: Database, clock: Clock) -> None:
    first, second = add(database, clock, "a"), add(database, clock, "b")
    database.write_now(jobs.cancel, clock(), first)
    found = {
        "all": database.read_now(jobs.list_jobs, Page()),
        "state": database.read_now(jobs.list_jobs, Page(), JobState.CANCELLED),
        "kind": database.read_now(jobs.list_jobs, Page(), None, "b"),
        "page": database.read_now(jobs.list_jobs, Page(1, 1)),
    }
    shown = {name: ([job["id"] for job in listed.items], listed.total) for name, listed in found.items()}
    assert shown == {"all": ([second, first], 2), "state": ([first], 1), "kind": ([second], 1), "page": ([first], 2)}


def test_old_jobs_are_forgotten_and_open_ones_are_not(database: Database, clock: Clock) -> None:
    over, open_job = add(database, clock), add(database, clock)
    database.write_now(jobs.cancel, clock(), over)
    clock.move(days=29)
    database.write_now(jobs.forget_old, clock())
    assert state(database, over) == "cancelled"
    clock.move(days=2)
    database.write_now(jobs.forget_old, clock())
    with pytest.raises(NotFound, match="job not found"):
        state(database, over)
    assert state(database, open_job) == "queued"
    assert database.read_now(jobs.last_enqueued, "count") == "2026-11-02T09:30:00.000Z"
    assert database.read_now(jobs.last_enqueued, "other") == ""
