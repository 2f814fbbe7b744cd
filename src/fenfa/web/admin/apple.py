"""Apple teams: their keys, tested before they are kept, what Apple says of them, and the slots for devices."""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from fenfa.errors import Conflict, FenfaError
from fenfa.services import apple_calls, apple_teams, slots
from fenfa.services.records import Record
from fenfa.web.admin.panel import Page, back_to, panel_route, show
from fenfa.web.deps import change, now_of, runtime_of
from fenfa.web.forms import fields_and_files, problem_of
from fenfa.web.i18n import marked
from fenfa.web.threads import in_thread

PATH = "/admin/apple"
_TEAM = f"{PATH}/{{team_id}}"
_TEXTS = ("name", "key_id", "issuer_id", "apple_team_id", "membership_ends")
_MAX_KEY = 64 * 1024
_EMPTY = marked("must not be empty")


async def teams_page(request: Request) -> Response:
    runtime = runtime_of(request)
    teams = await runtime.database.read(_teams, runtime.clock().date())
    return await show(request, "admin/apple.html", teams=teams)


async def new_team(request: Request) -> Response:
    return await _form(request, None, {})


async def create_team(request: Request) -> Response:
    return await _save(request, None)


async def team_page(request: Request) -> Response:
    team = await runtime_of(request).database.read(apple_teams.get_team, request.path_params["team_id"])
    return await _form(request, team, {})


async def update_team(request: Request) -> Response:
    team = await runtime_of(request).database.read(apple_teams.get_team, request.path_params["team_id"])
    return await _save(request, team)


async def test_team(request: Request) -> Response:
    """Asks Apple now; the answer is noted as the team's health, and shows in the list."""
    await in_thread(apple_calls.status, runtime_of(request), request.path_params["team_id"])
    return back_to(PATH, "tested")


async def delete_team(request: Request) -> Response:
    team_id, keys = request.path_params["team_id"], runtime_of(request).keys
    await change(request, "team.delete", team_id, apple_teams.delete_team, now_of(request), keys, team_id)
    return back_to(PATH, "deleted")


async def _save(request: Request, team: Record | None) -> Response:
    """What Apple does not take is not kept, unless somebody insists: Apple may just be out of reach."""
    values, form = await _values(request)
    problems = {name: problem_of(request, error) for name, error in apple_teams.find_problems(values).items()}
    if team is None and not values["name"]:
        problems["name"] = _EMPTY
    refusal = "" if problems or "insist" in form else await _tried(request, team, values)
    if problems or refusal:
        return await _form(request, team, values, problems, refusal)
    try:
        team_id = await _keep(request, team, values)
    except Conflict as error:
        return await _form(request, team, values, {str(error.values["field"]): problem_of(request, error)})
    await in_thread(apple_calls.status, runtime_of(request), team_id)  # so that the list tells its health
    return back_to(PATH, "saved")


async def _keep(request: Request, team: Record | None, values: dict[str, str]) -> str:
    """Of a team that there is, what differs: with another key, its health is forgotten."""
    keys, now = runtime_of(request).keys, now_of(request)
    if team is None:
        return str(await change(request, "team.create", "", apple_teams.create_team, now, keys, values))
    changes = {name: value for name, value in values.items() if name == "private_key" or team[name] != value}
    await change(request, "team.update", team["id"], apple_teams.update_team, now, keys, team["id"], changes)
    return str(team["id"])


async def _values(request: Request) -> tuple[dict[str, str], dict[str, str]]:
    """The team's fields, without the private key where none was sent, and the whole form."""
    fields, files = await fields_and_files(request, _MAX_KEY)
    values = {name: fields.get(name, "").strip() for name in _TEXTS}
    key = files.get("key_file", b"").decode("utf-8", "replace").strip() or fields.get("private_key", "").strip()
    return values | ({"private_key": key} if key else {}), fields


async def _tried(request: Request, team: Record | None, values: dict[str, str]) -> str:
    """What Apple says against the key, in words; nothing where there is no whole key yet."""
    try:
        await in_thread(apple_calls.try_key, runtime_of(request), team, values)
    except FenfaError as error:
        return problem_of(request, error)
    return ""


async def _form(
    request: Request,
    team: Record | None,
    given: dict[str, str],
    problems: dict[str, str] | None = None,
    refusal: str = "",
) -> Response:
    stored = apple_teams.public_team(team) if team else dict.fromkeys(_TEXTS, "")
    values = {name: given.get(name, stored[name]) for name in _TEXTS}
    is_wrong = bool(problems or refusal)
    shown = {"team": team and stored, "has_key": bool(team and team["private_key"]), "values": values}
    return await show(
        request, "admin/team.html", 400 if is_wrong else 200, **shown, problems=problems or {}, refusal=refusal
    )


def _teams(connection: Any, today: Any) -> list[Record]:
    return [
        apple_teams.public_team(team)
        | {"health": apple_teams.health_of(connection, team["id"])}
        | {"slots": slots.count_slots(connection, team["id"], today)}
        | {"year_ends": slots.year_end(team["membership_ends"], today)}
        for team in apple_teams.list_teams(connection)
    ]


PAGE = Page(
    PATH,
    marked("Apple teams"),
    "phone",
    "",
    (
        panel_route(PATH, teams_page),
        panel_route(f"{PATH}/new", new_team),
        panel_route(f"{PATH}/new", create_team, "POST"),
        panel_route(_TEAM, team_page),
        panel_route(_TEAM, update_team, "POST"),
        panel_route(f"{_TEAM}/test", test_team, "POST"),
        panel_route(f"{_TEAM}/delete", delete_team, "POST"),
    ),
    in_menu=False,
)
