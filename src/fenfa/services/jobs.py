"""Jobs: work that outlives a request and a crash, as rows that processes lease.

A job is of one process at a time, the holder of its lease. Whatever a job writes goes through `advance`, in the same
transaction as its effect and only for that holder: a process that lost its lease, however late it wakes up, changes nothing.
So clocks that differ can make a job start twice, but none of its effects in the database happen twice.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, delete, insert, or_, select, update

from fenfa.db.tables import jobs
from fenfa.errors import Conflict, JobStopped, Sentence
from fenfa.services.records import Listed, Page, Record, fetch_one, fetch_page, stamp
from fenfa.vocabulary import JobState, new_id

LEASE = timedelta(seconds=60)
KEPT = timedelta(days=30)
_OVER = (JobState.DONE, JobState.FAILED, JobState.CANCELLED)
_SHOWN = (
    *("id", "kind", "state", "actor", "args", "done", "total", "message", "sentence", "attempts"),
    *("due_at", "created_at", "updated_at", "finished_at"),
)


def enqueue(
    connection: Connection, now: str, kind: str, args: Mapping[str, Any], actor: str = "", key: str = "", due: str = ""
) -> str:
    """The ID of the new job, or of the one with the same kind and key that is not over yet. `due`: not before then."""
    open_key = f"{kind} {key}" if key else None
    known = connection.scalar(select(jobs.c.id).where(jobs.c.open_key == open_key)) if open_key else None
    if known is not None:
        return str(known)
    row = {"id": new_id("job"), "kind": kind, "state": JobState.QUEUED, "open_key": open_key, "actor": actor}
    times = {"due_at": due or now, "created_at": now, "updated_at": now}
    connection.execute(insert(jobs).values(row | times | {"args": dict(args)}))
    return str(row["id"])


def get_job(connection: Connection, job_id: str) -> Record:
    return fetch_one(connection, select(*_shown()).where(jobs.c.id == job_id), "job not found")


def list_jobs(connection: Connection, page: Page, state: JobState | None = None, kind: str = "") -> Listed:
    """Newest first."""
    query = select(*_shown()).order_by(jobs.c.seq.desc())
    query = query.where(jobs.c.state == state) if state else query
    return fetch_page(connection, query.where(jobs.c.kind == kind) if kind else query, page)


def memory_of(connection: Connection, job_id: str) -> Record:
    """What the job has found so far, in the form of its kind."""
    return dict(fetch_one(connection, select(jobs.c.memory).where(jobs.c.id == job_id), "job not found")["memory"])


def said_by(job: Record) -> str:
    """The job's message in the form that pages translate."""
    told = job["sentence"]
    if not told:
        return str(job["message"])
    template, values = str(told["template"]), dict(told["values"])
    return Sentence(template, **values)


def last_enqueued(connection: Connection, kind: str) -> str:
    """When the newest job of this kind was made; empty without one."""
    query = select(jobs.c.created_at).where(jobs.c.kind == kind).order_by(jobs.c.seq.desc()).limit(1)
    return connection.scalar(query) or ""


# the lease


def has_due(connection: Connection, now: datetime) -> bool:
    return connection.scalar(select(jobs.c.seq).where(_is_due(stamp(now))).limit(1)) is not None


def lease(connection: Connection, now: datetime, owner: str, job_id: str = "") -> Record | None:
    """The job that is due for longest (or this one, if nobody has it), now this owner's; None when there is none."""
    wanted = and_(jobs.c.id == job_id, jobs.c.state == JobState.QUEUED) if job_id else _is_due(stamp(now))
    query = select(jobs.c.seq).where(wanted).order_by(jobs.c.due_at, jobs.c.seq).limit(1)
    seq = connection.scalar(query.with_for_update(skip_locked=True))  # SQLite has one writer and needs no row locks
    if seq is None:
        return None
    held = {"state": JobState.RUNNING, "lease_owner": owner, "lease_until": stamp(now + LEASE)}
    counted = update(jobs).where(jobs.c.seq == seq).values(held | {"attempts": jobs.c.attempts + 1})
    connection.execute(counted)
    return fetch_one(connection, select(jobs).where(jobs.c.seq == seq), "job not found")


def prolong(connection: Connection, now: datetime, job_id: str, owner: str) -> bool:
    """A heartbeat: False when the job is another's by now."""
    mine = update(jobs).where(*_held_by(job_id, owner))
    return bool(connection.execute(mine.values(lease_until=stamp(now + LEASE))).rowcount)


def advance(connection: Connection, now: datetime, job_id: str, owner: str, changes: Mapping[str, Any]) -> bool:
    """Notes a step (`done`, `total`, `message`, `memory`); True when an admin asked it to stop there. `JobStopped` if lost."""
    alive = {"lease_until": stamp(now + LEASE), "updated_at": stamp(now), "attempts": 0}
    changed = connection.execute(update(jobs).where(*_held_by(job_id, owner)).values(alive | _told(changes)))
    if not changed.rowcount:
        raise JobStopped()
    return bool(connection.scalar(select(jobs.c.cancel_asked).where(jobs.c.id == job_id)))


def finish(connection: Connection, now: datetime, job_id: str, owner: str, state: JobState, message: str) -> None:
    """`message` empty: the last one stays."""
    _leave(connection, now, job_id, owner, {**_over(state, now), **_told({"message": message} if message else {})})


def put_off(
    connection: Connection, now: datetime, job_id: str, owner: str, wait: timedelta, message: str | None = None
) -> None:
    """Back into the queue, due after `wait`."""
    told = {} if message is None else _told({"message": message})
    _leave(connection, now, job_id, owner, {"state": JobState.QUEUED, "due_at": stamp(now + wait), **told})


def release_leases(connection: Connection, now: str) -> int:
    """Jobs of processes that are gone go on at once. Only for one who knows that no other process is there."""
    held = update(jobs).where(jobs.c.state == JobState.RUNNING)
    freed = {"state": JobState.QUEUED, "lease_owner": "", "lease_until": "", "due_at": now}
    return connection.execute(held.values(freed)).rowcount


# what admins do


def cancel(connection: Connection, now: datetime, job_id: str) -> None:
    """At once, or after the step that is running. What is done stays done."""
    job = get_job(connection, job_id)
    if job["state"] in _OVER:
        raise Conflict("the job is over already ({state})", state=job["state"])
    waiting = update(jobs).where(jobs.c.id == job_id, jobs.c.state == JobState.QUEUED)
    if not connection.execute(waiting.values(**_over(JobState.CANCELLED, now))).rowcount:
        connection.execute(update(jobs).where(jobs.c.id == job_id).values(cancel_asked=True))


def retry(connection: Connection, now: str, job_id: str) -> None:
    """A job that failed or was cancelled goes on where it stopped; one that waits goes on at once."""
    job = get_job(connection, job_id)
    if job["state"] in (JobState.DONE, JobState.RUNNING):
        raise Conflict("the job is {state}; there is nothing to try again", state=job["state"])
    again = {"state": JobState.QUEUED, "due_at": now, "attempts": 0, "cancel_asked": False, "finished_at": None}
    connection.execute(update(jobs).where(jobs.c.id == job_id).values(again | {"updated_at": now}))


def forget_old(connection: Connection, now: datetime) -> None:
    over = (jobs.c.state.in_(_OVER), jobs.c.updated_at < stamp(now - KEPT))
    connection.execute(delete(jobs).where(*over))


def _leave(connection: Connection, now: datetime, job_id: str, owner: str, changes: Mapping[str, Any]) -> None:
    freed = {"lease_owner": "", "lease_until": "", "updated_at": stamp(now)}
    changed = connection.execute(update(jobs).where(*_held_by(job_id, owner)).values(freed | dict(changes)))
    if not changed.rowcount:
        raise JobStopped()


def _told(changes: Mapping[str, Any]) -> dict[str, Any]:
    """With the message both as English text and in its parts."""
    message = changes.get("message")
    parts = {"template": message.template, "values": message.values} if isinstance(message, Sentence) else None
    return dict(changes) if message is None else {**changes, "message": str(message), "sentence": parts}


def _over(state: JobState, now: datetime) -> dict[str, Any]:
    return {"state": state, "open_key": None, "finished_at": stamp(now), "updated_at": stamp(now)}


def _held_by(job_id: str, owner: str) -> tuple[ColumnElement[bool], ...]:
    return jobs.c.id == job_id, jobs.c.lease_owner == owner, jobs.c.state == JobState.RUNNING


def _is_due(now: str) -> ColumnElement[bool]:
    waits = and_(jobs.c.state == JobState.QUEUED, jobs.c.due_at <= now)
    return or_(waits, and_(jobs.c.state == JobState.RUNNING, jobs.c.lease_until < now))


def _shown() -> list[Any]:
    return [jobs.c[name] for name in _SHOWN]
