"""Importing devices: from a team's list at Apple, or from a list in the form of Apple's portal, which is shown first."""

from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from fenfa.apple.device_list import MAX_BYTES
from fenfa.errors import BadInput, FenfaError
from fenfa.services import apple_teams, device_lists, jobs
from fenfa.services.device_lists import IMPORT
from fenfa.services.records import Record
from fenfa.web.admin.device import masked
from fenfa.web.admin.panel import back_to, panel_route, show
from fenfa.web.deps import change, identity_of, now_of, runtime_of
from fenfa.web.forms import fields_and_files, form_of, problem_of

PATH = "/admin/devices/import"
_MOST_SHOWN = 20


async def import_page(request: Request) -> Response:
    return await _show(request)


async def import_list(request: Request) -> Response:
    """A file or a text: first what it would do; the same text again with `sure` does it."""
    try:
        fields, files = await fields_and_files(request, MAX_BYTES)
        data = files.get("file") or fields.get("list", "").encode()
        if not data.strip():
            raise BadInput("choose a file or paste a list first")
        found = await runtime_of(request).database.read(device_lists.preview_text, data)
        if "sure" not in fields or not found["new"]:
            return await _show(request, preview=found, text=_text_of(found["new"]))
        await change(request, "device.import", "", _import, now_of(request), data)
    except FenfaError as error:
        return await _show(request, 400, problem=problem_of(request, error))
    return back_to("/admin/devices", "imported")


async def import_from_apple(request: Request) -> Response:
    team_id, now, actor = (await form_of(request)).get("team_id", ""), now_of(request), identity_of(request).id

    def unit(connection: Any) -> str:
        wanted = team_id or apple_teams.default_team(connection)
        apple_teams.require_key(apple_teams.get_team(connection, wanted))
        return jobs.enqueue(connection, now, IMPORT.name, {"team_id": wanted}, actor, wanted)

    try:
        job_id = await change(request, "device.import", "", unit)
    except FenfaError as error:
        return await _show(request, 400, refusal=problem_of(request, error))
    return RedirectResponse(f"/admin/jobs/{job_id}", 303)


def _import(connection: Any, now: str, data: bytes) -> str:
    return f"{device_lists.import_text(connection, now, data)['created']} devices"


def _text_of(rows: list[Record]) -> str:
    """The list again, of that alone which will be imported."""
    return "".join(f"{row['udid']}\t{row['device_name']}\tios\n" for row in rows)


async def _show(request: Request, status: int = 200, **values: Any) -> Response:
    teams = await runtime_of(request).database.read(apple_teams.list_teams)
    usable = [apple_teams.public_team(team) for team in teams if team["configured"]]
    frame = {"problem": "", "refusal": "", "preview": None, "text": "", "teams": usable, "most": _MOST_SHOWN}
    return await show(request, "admin/import.html", status, **frame | values, masked=masked)


ROUTES = (
    panel_route(PATH, import_page),
    panel_route(PATH, import_list, "POST"),
    panel_route(f"{PATH}/apple", import_from_apple, "POST"),
)
