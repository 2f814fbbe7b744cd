"""The first page after the login: how things stand, and what to do about it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from fenfa.runtime import Runtime
from fenfa.services import releases, statistics
from fenfa.services.attention import Concern, Surroundings, list_concerns
from fenfa.services.expiring import Ending, State, list_endings
from fenfa.services.records import Record
from fenfa.services.space import Space, measure_space
from fenfa.services.statistics import Span, Subject
from fenfa.vocabulary import PLATFORM_NAMES
from fenfa.web.admin.figures import LABELS, PRESETS, days_asked, figures_of, shown_measure
from fenfa.web.admin.panel import Page, link_of, panel_route, show
from fenfa.web.deps import runtime_of, urls_of
from fenfa.web.endings import ending_advice, ending_title, ending_view, own_endings
from fenfa.web.face import face_of
from fenfa.web.i18n import Language, marked, readable_distance, translations
from fenfa.web.security import config_tokens
from fenfa.web.spans import last_days
from fenfa.web.threads import in_thread
from fenfa.web.urls import Urls

_MEASURES = ("downloads", "visits", "unique_devices")
_USUAL = 30
_NEWEST = 8
_NEXT = 4


@dataclass(frozen=True)
class Overview:
    """What the page is made of."""

    days: list[Record]
    before: list[Record]
    newest: list[Record]
    space: Space
    concerns: list[Concern]
    later: list[Ending]


async def dashboard(request: Request) -> Response:
    runtime, urls = runtime_of(request), await urls_of(request)
    language, now = face_of(request.headers).language, runtime.clock()
    span = last_days(now.date(), days_asked(request, _USUAL))
    is_https = urls.base.startswith("https:")
    seen = await in_thread(runtime.database.read_now, _overlook, runtime, now, span, is_https)
    shown = shown_measure(request, _MEASURES)
    values: dict[str, Any] = {
        "traffic": figures_of(seen.days, seen.before, span, shown, language, _MEASURES),
        "labels": LABELS,
        "presets": PRESETS,
        "days": len(span),
        "link": link_of(request),
        "newest": [_shown_release(release, urls, now, language) for release in seen.newest],
        "space": seen.space,
        "concerns": [(concern, _shown_endings(concern.endings, now, language)) for concern in seen.concerns],
        "later": _shown_endings(seen.later, now, language),
        "base": urls.base,
    }
    return await show(request, "admin/dashboard.html", **values)


async def home(_request: Request) -> Response:
    return RedirectResponse("/admin", 303)


def _overlook(connection: Any, runtime: Runtime, now: datetime, span: Span, is_https: bool) -> Overview:
    config = runtime.config
    space = measure_space(connection, runtime.staging.folder, config.min_free_bytes)
    has_default_tokens = any(token.is_default for token in config_tokens(config, "127.0.0.1"))
    endings = list_endings(connection, now, own_endings(runtime))
    days, before = statistics.count_with_before(connection, Subject(), span)
    return Overview(
        days,
        before,
        releases.list_newest_releases(connection, _NEWEST),
        space,
        list_concerns(connection, Surroundings(now, endings, space, has_default_tokens, is_https)),
        [ending for ending in endings if ending.state(now) == State.LATER][:_NEXT],
    )


def _shown_endings(endings: list[Ending], now: datetime, language: Language) -> list[dict[str, Any]]:
    text = translations(language).gettext
    return [
        ending_view(ending, now)
        | {
            "title": ending_title(ending, text),
            "note": ending_advice(ending, text),
            "distance": readable_distance(ending.ends_at, now, language) if ending.ends_at else "",
        }
        for ending in endings
    ]


def _shown_release(release: Record, urls: Urls, now: datetime, language: Language) -> dict[str, Any]:
    return release | {
        "icon_url": urls.icon(release["product_id"], release["product_icon_sha256"]),
        "age": readable_distance(release["created_at"], now, language),
        "platform_name": PLATFORM_NAMES[release["platform"]],
    }


PAGE = Page("/admin", marked("Dashboard"), "home", "d", (Route("/", home), panel_route("/admin", dashboard)))
