"""Registering many devices with Apple: what it would take, and the jobs that do it."""

from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from fenfa.apple.devices import FAMILIES
from fenfa.errors import BadInput, FenfaError
from fenfa.services import apple_teams, batches, devices, registrations
from fenfa.services.batches import MOST, Batch
from fenfa.services.records import Page as Slice
from fenfa.services.records import Record
from fenfa.web.admin.panel import panel_route, show
from fenfa.web.deps import change, identity_of, runtime_of
from fenfa.web.forms import lists_of, problem_of

PATH = "/admin/devices/register"


async def plan_page(request: Request) -> Response:
    """Of the chosen devices, or of all verified ones that are not registered yet."""
    return await _show(request, request.query_params.getlist("device_id"), request.query_params.get("team_id", ""))


async def register(request: Request) -> Response:
    """Starts a job a team, and leads to it."""
    form = await lists_of(request)
    chosen, team_id = form.get("device_id", []), form.get("team_id", [""])[-1]
    try:
        await _refuse_unverified(request, chosen, "unverified" in form)
        batch = await _enqueue(request, chosen, team_id, "confirm" in form)
    except FenfaError as error:
        return await _show(request, chosen, team_id, problem_of(request, error))
    jobs = list(batch.job_ids.values())
    return RedirectResponse(f"/admin/jobs/{jobs[0]}" if len(jobs) == 1 else "/admin/jobs", 303)


async def _enqueue(request: Request, chosen: list[str], team_id: str, confirmed: bool) -> Batch:
    now, actor, made = runtime_of(request).clock(), identity_of(request).id, list[Batch]()

    def unit(connection: Any) -> str:
        made.append(batches.enqueue_batch(connection, now, actor, chosen or None, team_id, confirmed))
        if not made[-1].job_ids:
            raise BadInput("all of these devices are registered already")
        return " ".join(made[-1].job_ids.values())

    await change(request, "device.register-apple", "", unit)
    return made[-1]


async def _refuse_unverified(request: Request, chosen: list[str], is_wanted: bool) -> None:
    unverified = await runtime_of(request).database.read(_unverified, chosen)
    if unverified and not is_wanted:
        raise BadInput("some of these devices have not proved that they exist; tick the box to register them as well")


async def _show(request: Request, chosen: list[str], team_id: str, problem: str = "") -> Response:
    today, database = runtime_of(request).clock().date(), runtime_of(request).database
    try:
        plans, unverified, teams = await database.read(_plan, chosen, team_id, today)
    except FenfaError as error:
        plans, unverified, teams, problem = [], [], [], problem_of(request, error)
    return await show(
        request,
        "admin/register.html",
        400 if problem else 200,
        chosen=chosen,
        team_id=team_id,
        teams=teams,
        plans=plans,
        unverified=unverified,
        families=FAMILIES,
        is_scarce=any(plan["needs_confirmation"] for plan in plans),
        problem=problem,
    )


def _plan(
    connection: Any, chosen: list[str], team_id: str, today: Any
) -> tuple[list[Record], list[Record], list[Record]]:
    """A plan a team, the chosen devices that are not verified, and the teams that have a key."""
    if len(chosen) > MOST:
        raise BadInput("at most {most} devices at once", most=MOST)
    teams = {team["id"]: apple_teams.public_team(team) for team in apple_teams.list_teams(connection)}
    pairs = registrations.wanted_pairs(connection, chosen or None, team_id)
    plans = registrations.plan(connection, pairs, today)
    known = [plan | {"team": teams[plan["team_id"]]} for plan in plans if plan["team_id"] in teams]
    return known, _unverified(connection, chosen), [team for team in teams.values() if team["configured"]]


def _unverified(connection: Any, chosen: list[str]) -> list[Record]:
    query = devices.devices_query(verified=False, device_ids=chosen)
    return devices.list_devices(connection, query, Slice(MOST)).items if chosen else []


ROUTES = (panel_route(PATH, plan_page), panel_route(PATH, register, "POST"))
