"""Registering many devices at once: a job a team, which a request may run itself and wait for, or leave to the runner."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256

from sqlalchemy import Connection, select

from fenfa.db.tables import apple_registrations, devices
from fenfa.errors import BadInput
from fenfa.services import jobs
from fenfa.services.apple_teams import default_team, get_team, require_key
from fenfa.services.records import Record, stamp
from fenfa.services.registering import REGISTER, refusals, require_confirmation
from fenfa.services.registrations import Pair, plan, unregistered, wanted_pairs
from fenfa.services.runner import Runner
from fenfa.services.work import Bench
from fenfa.vocabulary import JobState

MOST = 1000
_HEAD_START = timedelta(seconds=10)
"""In which a request runs its own jobs; after that, they are anybody's."""


@dataclass(frozen=True)
class Batch:
    """Devices in the order in which they were asked for, each with its teams, and team → job where there is something to do."""

    device_ids: list[str]
    pairs: list[Pair]
    job_ids: dict[str, str]


def enqueue_batch(
    connection: Connection,
    now: datetime,
    actor: str,
    device_ids: Sequence[str] | None,
    team_id: str = "",
    confirmed: bool = True,
    at_once: bool = False,
) -> Batch:
    """`device_ids` None: every verified device that is not registered yet. `BadInput` for a team without a key, `Conflict` for
    a batch that would leave few slots and is not `confirmed`. `at_once`: the caller runs the jobs itself."""
    if device_ids is not None and len(device_ids) > MOST:
        raise BadInput("at most {most} devices at once", most=MOST)
    pairs = wanted_pairs(connection, device_ids, team_id)
    pairs = unregistered(connection, pairs) if device_ids is None else pairs
    plans = plan(connection, pairs, now.date())
    for team in {one["team_id"] for one in plans} or {team_id or default_team(connection)}:
        require_key(get_team(connection, team))
    if not confirmed:
        for one in plans:
            require_confirmation(one)
    due = stamp(now + _HEAD_START) if at_once else stamp(now)
    made = {one["team_id"]: _enqueue(connection, stamp(now), actor, one, confirmed, due) for one in plans}
    asked = list(dict.fromkeys(device_ids)) if device_ids is not None else list(dict.fromkeys(d for d, _ in pairs))
    return Batch(asked, pairs, made)


def run_batch(bench: Bench, batch: Batch) -> None:
    """As far as it goes now; what Apple puts off goes on in the background. Blocks."""
    for job_id in batch.job_ids.values():
        Runner(bench).run_next(job_id)


def batch_results(connection: Connection, batch: Batch) -> list[Record]:
    """A record a device: `{device_id, success, message | error, apple_device_id}`."""
    known = set(connection.scalars(select(devices.c.id).where(devices.c.id.in_(batch.device_ids))))
    query = select(apple_registrations).where(apple_registrations.c.device_id.in_(batch.device_ids))
    registered = {(row["device_id"], row["team_id"]): dict(row) for row in connection.execute(query).mappings()}
    problems = {team: _problems(connection, job_id) for team, job_id in batch.job_ids.items()}
    teams: dict[str, list[str]] = {device_id: [] for device_id in batch.device_ids}
    for device_id, team in batch.pairs:
        teams[device_id].append(team)
    return [
        _result(device_id, teams[device_id], registered, problems)
        if device_id in known
        else {"device_id": device_id, "success": False, "error": "device not found", "apple_device_id": ""}
        for device_id in batch.device_ids
    ]


def _result(
    device_id: str, teams: list[str], registered: dict[Pair, Record], problems: dict[str, dict[str, str]]
) -> Record:
    """Registered with all of its teams, or what is wrong with the first that is missing."""
    rows = [registered[device_id, team] for team in teams if (device_id, team) in registered]
    answer = {"device_id": device_id, "apple_device_id": rows[0]["apple_device_id"] if rows else ""}
    missing = next((team for team in teams if (device_id, team) not in registered), None)
    if missing is None:
        return answer | {"success": True, "message": describe(rows[0]["status"])}
    told = problems[missing]
    return answer | {"success": False, "error": told.get(device_id, told[""])}


def describe(status: str) -> str:
    """A registration's state in a sentence; Apple has more words than it documents, and all of them mean: not yet."""
    if status == "ENABLED":
        return "registered"
    if status == "DISABLED":
        return "registered, but disabled in Apple's list; enable it there"
    return "registered; Apple still processes it, which can take up to three days"


def _enqueue(connection: Connection, now: str, actor: str, one: Record, confirmed: bool, due: str) -> str:
    args = {"team_id": one["team_id"], "device_ids": one["device_ids"], "confirmed": confirmed}
    key = f"{one['team_id']} {sha256(' '.join(sorted(one['device_ids'])).encode()).hexdigest()[:32]}"
    return jobs.enqueue(connection, now, REGISTER.name, args, actor, key, due)


def _problems(connection: Connection, job_id: str) -> dict[str, str]:
    """Device ID → what was wrong with it; under the empty ID what holds for all others that are not registered."""
    job = jobs.get_job(connection, job_id)
    waits = job["state"] in (JobState.QUEUED, JobState.RUNNING)
    rest = "it goes on in the background; see the job" if waits else job["message"]
    return refusals(jobs.memory_of(connection, job_id)) | {"": rest}
