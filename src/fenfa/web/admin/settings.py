"""Settings: those that an admin may change, in sections with a form each, and those that the start has fixed."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from fenfa.config import Config, setting_rows
from fenfa.errors import BadInput
from fenfa.services.settings import SECRETS, Settings, find_problems, load_settings, save_settings
from fenfa.services.trials import Outcome, try_storage
from fenfa.web.admin.panel import Page, panel_route, show
from fenfa.web.deps import change, now_of, runtime_of
from fenfa.web.forms import form_of, problem_of
from fenfa.web.i18n import marked
from fenfa.web.threads import in_far_thread, in_thread
from fenfa.web.trying import try_changes

PATH = "/admin/settings"
SECTIONS: dict[str, tuple[str, ...]] = {
    "general": ("organization", "primary_domain", "secondary_domains", "upload_domain"),
    "storage": (
        *("storage_type", "s3_endpoint", "s3_bucket", "s3_region", "s3_public_url"),
        *("s3_access_key", "s3_secret_key"),
    ),
    "apple": ("apple_key_id", "apple_issuer_id", "apple_team_id", "apple_membership_ends", "apple_private_key"),
}
_ELSEWHERE = frozenset(
    {"primary_domain", "secondary_domains", "organization", "dev_proxy_front", "dev_proxy_admin", *SECTIONS["storage"]}
)  # changed above, or ignored


@dataclass(frozen=True)
class Fixed:
    """A setting of the start: what it does, the variable that sets it, whether something did, and its value, which is empty for
    a secret."""

    help: str
    variable: str
    is_given: bool
    is_secret: bool
    value: str


async def settings_page(request: Request) -> Response:
    return await _show(request, saved=request.query_params.get("saved", ""))


async def save(request: Request) -> Response:
    """One section: all of its fields or, with what is wrong beside each of them, none."""
    runtime, sent = runtime_of(request), await form_of(request)
    section = sent.get("section", "")
    if section not in SECTIONS:
        raise BadInput("the form names no section; open the settings again")
    current = await runtime.database.read(load_settings, runtime.config)
    changes = changes_of(SECTIONS[section], sent, current)
    problems = {name: problem_of(request, error) for name, error in find_problems(changes).items()}
    if not problems:
        problems = await _tried(request, changes)
    if problems:
        return await _show(request, 400, given=sent, problems=problems)
    if changes:
        await change(request, "settings.update", "settings", save_settings, now_of(request), runtime.keys, changes)
    return RedirectResponse(f"{PATH}?saved={section}#{section}", 303)


async def _tried(request: Request, changes: Mapping[str, Any]) -> dict[str, str]:
    try:
        await try_changes(request, changes)
    except BadInput as error:
        return {"s3_bucket": problem_of(request, error)}
    return {}


async def try_out_storage(request: Request) -> Response:
    runtime = runtime_of(request)
    store = await in_thread(runtime.storage.current)
    outcomes = await in_far_thread(try_storage, store, runtime.staging)
    await change(request, "storage.try", store.name, lambda _connection: None)
    return await _show(request, trial=[(outcome, _problem(request, outcome)) for outcome in outcomes])


def changes_of(names: tuple[str, ...], sent: Mapping[str, str], current: Settings) -> dict[str, Any]:
    """What differs from what holds now: a value of the configuration that nobody touched must not be saved over it.

    A secret's empty field keeps the secret; the box beside it takes the secret away.
    """
    changes: dict[str, Any] = {}
    for name in names:
        if name in SECRETS:
            if sent.get(name, "").strip():
                changes[name] = sent[name].strip()
            elif sent.get(f"remove_{name}"):
                changes[name] = ""
        elif name in sent and _read(name, sent[name]) != (current[name] or _read(name, "")):
            changes[name] = _read(name, sent[name])
    return changes


def fixed_settings(config: Config) -> list[Fixed]:
    return [
        Fixed(
            help=row.metadata["help"],
            variable=row.metadata["variable"],
            is_given=row.name in config.given,
            is_secret=row.metadata["secret"],
            value="" if row.metadata["secret"] else _text_of(getattr(config, row.name)),
        )
        for row in setting_rows()
        if row.name not in _ELSEWHERE
    ]


def _read(name: str, text: str) -> Any:
    """As the setting takes it: lists come a line each."""
    return [line.strip() for line in text.splitlines() if line.strip()] if name == "secondary_domains" else text.strip()


def _text_of(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(value)
    return str(value).lower() if isinstance(value, bool) else str(value)


def _problem(request: Request, outcome: Outcome) -> str:
    return problem_of(request, outcome.problem) if outcome.problem else ""


async def _show(request: Request, status: int = 200, **values: Any) -> Response:
    runtime = runtime_of(request)
    stored = await runtime.database.read(load_settings, runtime.config)
    given: Mapping[str, str] = values.pop("given", {})
    secrets = {name: bool(stored[name]) for name in SECRETS}
    texts = {name: _text(stored, name) for names in SECTIONS.values() for name in names if name not in SECRETS}
    frame = {"problems": {}, "saved": "", "trial": None} | values
    return await show(
        request,
        "admin/settings.html",
        status,
        **frame,
        values=texts | {name: given[name] for name in texts if name in given},
        stored=secrets,
        updated_at=stored.updated_at,
        fixed=fixed_settings(runtime.config),
    )


def _text(stored: Settings, name: str) -> str:
    return "\n".join(stored[name] or ()) if name == "secondary_domains" else str(stored[name])


PAGE = Page(
    PATH,
    marked("Settings"),
    "gear",
    ",",
    (
        panel_route(PATH, settings_page),
        panel_route(PATH, save, "POST"),
        panel_route(f"{PATH}/try-storage", try_out_storage, "POST"),
    ),
    also=("/admin/apple", "/admin/jobs", "/admin/tokens", "/admin/exports", "/admin/about"),
)
