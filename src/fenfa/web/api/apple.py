"""Apple: teams and their keys, what Apple says of them, and registering devices."""

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from fenfa.services import apple_calls, apple_teams, batches, jobs, registering, registrations, slots
from fenfa.services.apple_teams import public_team
from fenfa.services.batches import Batch
from fenfa.services.device_lists import IMPORT
from fenfa.services.records import Record
from fenfa.vocabulary import Scope
from fenfa.web import examples
from fenfa.web.deps import Paged, change, guarded, identity_of, now_of, runtime_of
from fenfa.web.envelope import ok, single
from fenfa.web.examples import answers
from fenfa.web.fields import Line
from fenfa.web.registering import register_now
from fenfa.web.schemas import DeviceChoice, RegistrationDraft, TeamChange, TeamChoice, TeamDraft
from fenfa.web.threads import in_thread

router = APIRouter(prefix="/admin/api", tags=["Apple"], route_class=guarded(Scope.ADMIN))
_TEAM = examples.single("team", examples.TEAM)


@router.get("/apple/status", summary="Ask Apple whether the key works", **answers(examples.APPLE_STATUS))
async def read_status(request: Request, team_id: Line = "") -> Response:
    """Always 200: `message` says what is wrong and what to do. The default team, unless `team_id` names another."""
    return ok(await in_thread(apple_calls.status, runtime_of(request), team_id))


@router.get(
    "/apple/devices", summary="List Apple's devices", **answers(examples.listed(examples.APPLE_DEVICE), 400, 404, 502)
)
async def list_devices(request: Request, page: Paged, team_id: Line = "") -> Response:
    """Asked of Apple now. Brings the registrations and slots here up to date as well."""
    runtime = runtime_of(request)
    team_id = team_id or await runtime.database.read(apple_teams.default_team)
    listed = await in_thread(registering.read_list, runtime, team_id)
    shown = [vars(device) for device in listed[page.offset : page.offset + page.limit]]
    return ok({"items": shown, "total": len(listed)})


# teams


@router.get("/apple/teams", summary="List Apple teams", **answers({"items": [examples.TEAM], "total": 1}))
async def list_teams(request: Request) -> Response:
    """The default team, which is that of the settings, comes first. Keys never come back."""
    teams = await runtime_of(request).database.read(_teams, runtime_of(request).clock().date())
    return ok({"items": teams, "total": len(teams)})


@router.post("/apple/teams", summary="Add an Apple team", **answers(_TEAM, 400, 409, status=201))
async def create_team(request: Request, draft: TeamDraft) -> Response:
    unit, keys = apple_teams.create_team, runtime_of(request).keys
    team_id = await change(request, "team.create", "", unit, now_of(request), keys, draft.changes())
    return await _answer(request, team_id, 201)


@router.get("/apple/teams/{team_id}", summary="Read an Apple team", **answers(_TEAM, 404))
async def read_team(request: Request, team_id: str) -> Response:
    """With its key's health and its slots, as Apple last said."""
    return await _answer(request, team_id)


@router.put("/apple/teams/{team_id}", summary="Change an Apple team", **answers(_TEAM, 400, 404, 409))
async def update_team(request: Request, team_id: str, body: TeamChange) -> Response:
    """Only what is sent. The ID `default` is the team of the settings."""
    unit, keys = apple_teams.update_team, runtime_of(request).keys
    await change(request, "team.update", team_id, unit, now_of(request), keys, team_id, body.changes())
    return await _answer(request, team_id)


@router.delete("/apple/teams/{team_id}", summary="Delete an Apple team", **answers({"deleted": True}, 404))
async def delete_team(request: Request, team_id: str) -> Response:
    """Its products are of the default team again. Apple notices nothing."""
    unit, keys = apple_teams.delete_team, runtime_of(request).keys
    await change(request, "team.delete", team_id, unit, now_of(request), keys, team_id)
    return ok({"deleted": True})


@router.post("/apple/teams/{team_id}/test", summary="Test an Apple team's key", **answers(examples.APPLE_STATUS, 404))
async def test_team(request: Request, team_id: str) -> Response:
    """Asks Apple once; always 200 for a team that exists."""
    return ok(await in_thread(apple_calls.status, runtime_of(request), team_id))


# registering


@router.post(
    "/devices/register-apple",
    summary="Register devices with Apple",
    **answers(examples.REGISTERED_DEVICES, 400),
)
async def register_devices(request: Request, choice: DeviceChoice | None = None) -> Response:
    """Without a body: every verified device that is not registered yet. Answers when all is done; what Apple puts off goes on in
    the background."""
    given = choice.device_ids if choice else None
    batch = await _enqueue(request, given, choice.team_id if choice else "", True, True)
    runtime = runtime_of(request)
    await in_thread(batches.run_batch, runtime, batch)
    results = await runtime.database.read(batches.batch_results, batch)
    succeeded = sum(result["success"] for result in results)
    return ok({"success_count": succeeded, "fail_count": len(results) - succeeded, "results": results})


@router.post(
    "/devices/{device_id}/register-apple",
    summary="Register a device with Apple",
    **answers(examples.REGISTERED_DEVICE, 400, 404, 502),
)
async def register_device(request: Request, device_id: str, choice: TeamChoice | None = None) -> Response:
    """With the teams of its products, or with the one that is named. Again is harmless."""
    device = await runtime_of(request).database.read(registrations.get_device, device_id)
    first = (await register_now(request, device, choice.team_id if choice else ""))[0]
    return ok({"message": batches.describe(first.status), "apple_device_id": first.id})


@router.get(
    "/devices/{device_id}/registrations",
    summary="List a device's registrations",
    **answers(examples.listed(examples.REGISTRATION), 404),
)
async def list_registrations(request: Request, device_id: str) -> Response:
    """One for each team that it is registered with. A `status` other than ENABLED and DISABLED means: not yet."""
    read = runtime_of(request).database.read
    await read(registrations.get_device, device_id)
    items = await read(registrations.registrations_of, device_id)
    return ok({"items": items, "total": len(items)})


@router.post(
    "/apple/registrations",
    summary="Register devices in the background",
    **answers(examples.REGISTRATION_JOBS, 400, 409, status=201),
)
async def start_registrations(request: Request, draft: RegistrationDraft) -> Response:
    """A job a team. `device_ids` left out: every verified device that is not registered yet. What would leave fewer than ten slots
    of a family is refused until `confirm` is sent."""
    batch = await _enqueue(request, draft.device_ids, draft.team_id, draft.confirm, False)
    read = runtime_of(request).database.read
    return ok({"jobs": [await read(jobs.get_job, job_id) for job_id in batch.job_ids.values()]}, 201)


@router.post(
    "/apple/registrations/plan",
    summary="Tell what registering would take",
    **answers({"teams": [examples.REGISTRATION_PLAN]}, 400),
)
async def plan_registrations(request: Request, draft: RegistrationDraft) -> Response:
    """Asks nothing of Apple: slots are those of its list when it was last read."""
    today = runtime_of(request).clock().date()
    plans = await runtime_of(request).database.read(_plan, draft.device_ids, draft.team_id, today)
    return ok({"teams": plans})


@router.post(
    "/apple/import",
    summary="Import devices from Apple",
    **answers(examples.single("job", examples.JOB), 400, 404, status=201),
)
async def start_import(request: Request, choice: TeamChoice) -> Response:
    """A job that takes over every device of Apple's list that is not here yet, as unverified."""
    now, actor, team_id = now_of(request), identity_of(request).id, choice.team_id

    def unit(connection: Any) -> str:
        wanted = team_id or apple_teams.default_team(connection)
        apple_teams.require_key(apple_teams.get_team(connection, wanted))
        return jobs.enqueue(connection, now, IMPORT.name, {"team_id": wanted}, actor, wanted)

    job_id = await change(request, "device.import", "", unit)
    return single("job", await runtime_of(request).database.read(jobs.get_job, job_id), 201)


async def _enqueue(
    request: Request, device_ids: list[str] | None, team_id: str, confirmed: bool, at_once: bool
) -> Batch:
    now, actor = runtime_of(request).clock(), identity_of(request).id
    made: list[Batch] = []

    def unit(connection: Any) -> str:
        made.append(batches.enqueue_batch(connection, now, actor, device_ids, team_id, confirmed, at_once))
        return " ".join(made[-1].job_ids.values())

    await change(request, "device.register-apple", "", unit)
    return made[-1]


async def _answer(request: Request, team_id: str, status: int = 200) -> Response:
    runtime = runtime_of(request)
    return single("team", await runtime.database.read(_team, team_id, runtime.clock().date()), status)


def _teams(connection: Any, today: Any) -> list[Record]:
    return [_team(connection, team["id"], today) for team in apple_teams.list_teams(connection)]


def _team(connection: Any, team_id: str, today: Any) -> Record:
    team, health = apple_teams.get_team(connection, team_id), apple_teams.health_of(connection, team_id)
    shown = {name: health[name] for name in ("connected", "message", "requests_left")}
    times = {name: health[name] or None for name in ("checked_at", "listed_at")}
    counted = slots.count_slots(connection, team_id, today)
    year = slots.year_end(team["membership_ends"], today)
    return public_team(team) | shown | times | {"year_ends": year or None, "slots": counted}


def _plan(connection: Any, device_ids: list[str] | None, team_id: str, today: Any) -> list[Record]:
    pairs = registrations.wanted_pairs(connection, device_ids, team_id)
    return registrations.plan(connection, pairs, today)
