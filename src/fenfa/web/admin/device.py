"""The page of a device: what is known of it, what it can install, registering it with Apple, and erasing it."""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from fenfa.apple.devices import family_of
from fenfa.errors import BadInput, FenfaError
from fenfa.services import apple_teams, devices, registrations, slots
from fenfa.services.installability import Verdict, judge_device
from fenfa.services.records import Record
from fenfa.web.admin.narrowing import release_name
from fenfa.web.admin.panel import back_to, panel_route, show
from fenfa.web.deps import change, now_of, runtime_of, urls_of
from fenfa.web.forms import form_of, problem_of
from fenfa.web.registering import register_now
from fenfa.web.verdicts import REASONS
from fenfa.web.words import variant_title

PATH = "/admin/devices/{device_id}"


async def device_page(request: Request) -> Response:
    return await _show(request)


async def register_device(request: Request) -> Response:
    """With the team that was chosen. A device that did not prove who it is needs its own yes: its slot is used for a year."""
    form, device_id = await form_of(request), request.path_params["device_id"]
    database = runtime_of(request).database
    device = await database.read(registrations.get_device, device_id)
    try:
        if not device["verified_at"] and not form.get("unverified"):
            raise BadInput("this device has not proved that it exists; tick the box to register it all the same")
        await register_now(request, device, form.get("team_id", ""))
    except FenfaError as error:
        return await _show(request, problem_of(request, error))
    return back_to(f"/admin/devices/{device_id}", "registered")


async def ask_erasure(request: Request) -> Response:
    device_id, database = request.path_params["device_id"], runtime_of(request).database
    device = await database.read(devices.get_device, device_id)
    losses = await database.read(devices.count_losses, device_id)
    return await show(request, "admin/erase.html", device=device, losses=losses)


async def erase_device(request: Request) -> Response:
    await change(request, "device.erase", request.path_params["device_id"], devices.erase_device, *_id_of(request))
    return back_to("/admin/devices", "erased")


def _id_of(request: Request) -> tuple[str]:
    return (request.path_params["device_id"],)


async def _show(request: Request, problem: str = "") -> Response:
    runtime, is_https = runtime_of(request), (await urls_of(request)).base.startswith("https:")
    now, today = now_of(request), runtime.clock().date()
    device, teams, verdicts = await runtime.database.read(_whole, *_id_of(request), now, is_https, today)
    return await show(
        request,
        "admin/device.html",
        400 if problem else 200,
        device=device,
        short=masked(device["udid"]),
        teams=[team for team in teams if team["registration"] or team["configured"]],
        can_register=any(team["configured"] and not team["registration"] for team in teams),
        verdicts=[_shown(verdict) for verdict in verdicts],
        problem=problem,
    )


def masked(udid: str) -> str:
    """Enough to tell one's devices apart, too little to use."""
    return f"{udid[:4]}…{udid[-4:]}"


def _whole(
    connection: Any, device_id: str, now: str, is_https: bool, today: Any
) -> tuple[Record, list[Record], list[Verdict]]:
    """The device, every team with its `registration` of it and the slots `left` of its family, and the newest builds."""
    device = devices.get_device(connection, device_id)
    known = {one["team_id"]: one for one in registrations.registrations_of(connection, device_id)}
    family = family_of(device["model"]) or "IPHONE"
    wanted = registrations.teams_of(connection, device_id)
    teams = [
        apple_teams.public_team(team)
        | {"registration": known.get(team["id"]), "left": _left(connection, team["id"], family, today)}
        | {"is_wanted": team["id"] in wanted}
        for team in apple_teams.list_teams(connection)
    ]
    return device, teams, judge_device(connection, device, now, is_https)


def _left(connection: Any, team_id: str, family: str, today: Any) -> int | None:
    """None where it is not known."""
    counted = {one["family"]: one["left"] for one in slots.count_slots(connection, team_id, today)}
    return counted.get(family)


def _shown(verdict: Verdict) -> Record:
    release = verdict.release
    return {
        "release_id": release["id"],
        "product_id": release["product_id"],
        "product_name": release["product_name"],
        "title": variant_title(release),
        "version": release_name(release),
        "is_installable": verdict.is_installable,
        "reasons": [REASONS[one] for one in verdict.obstacles],
    }


ROUTES = (
    panel_route(PATH, device_page),
    panel_route(f"{PATH}/register", register_device, "POST"),
    panel_route(f"{PATH}/erase", ask_erasure),
    panel_route(f"{PATH}/erase", erase_device, "POST"),
)
