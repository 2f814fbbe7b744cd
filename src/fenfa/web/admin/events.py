"""The log of events: filtered, newest first, live if wanted."""

from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from fenfa.services import events
from fenfa.services.agents import read_agent
from fenfa.services.choices import Choices, offer_choices
from fenfa.services.extents import EventFilter
from fenfa.services.records import Record, stamp
from fenfa.services.statistics import Subject
from fenfa.vocabulary import PLATFORM_NAMES, EventType, Platform
from fenfa.web.admin.narrowing import asked, asked_subject, chosen_values, release_name, variant_name
from fenfa.web.admin.panel import Page, link_of, panel_route, show
from fenfa.web.deps import runtime_of, urls_of
from fenfa.web.face import face_of
from fenfa.web.i18n import marked, translations
from fenfa.web.spans import kept_day
from fenfa.web.threads import in_thread
from fenfa.web.urls import Urls

_ROWS = 50
_FRESH = timedelta(seconds=6)
TYPES = {
    EventType.VISIT: marked("Visit"),
    EventType.CLICK: marked("Click"),
    EventType.DOWNLOAD: marked("Download"),
}


async def event_log(request: Request) -> Response:
    runtime, urls = runtime_of(request), await urls_of(request)
    language, query = face_of(request.headers).language, request.query_params
    choices, rows = await in_thread(runtime.database.read_now, _read, request)
    kinds = {kind: translations(language).gettext(text) for kind, text in TYPES.items()}
    fresh = stamp(runtime.clock() - _FRESH)
    wanted = _filter_of(request, choices.chosen)
    is_live = bool(query.get("live")) and not query.get("before")
    values: dict[str, Any] = chosen_values(choices) | {
        "rows": [_shown(row, urls, fresh if is_live else "~") for row in rows[:_ROWS]],
        "older": rows[_ROWS - 1]["mark"] if len(rows) > _ROWS else "",
        "before": query.get("before", ""),
        "is_live": is_live,
        "wanted": wanted,
        "is_filtered": wanted != EventFilter(),
        "csv": f"/admin/exports/events.csv?{_query_of(wanted)}".rstrip("?"),
        "kinds": kinds,
        "types": list(kinds.items()),
        "platforms": list(PLATFORM_NAMES.items()),
        "first_page": urls.page(choices.products[0]["slug"]) if choices.products else "",
        "link": link_of(request),
    }
    return await show(request, "admin/events.html", **values)


def _read(connection: Any, request: Request) -> tuple[Choices, list[Record]]:
    choices = offer_choices(connection, asked_subject(request))
    wanted = _filter_of(request, choices.chosen)
    return choices, events.read_log(connection, wanted, _ROWS + 1, request.query_params.get("before", ""))


def _filter_of(request: Request, chosen: Subject) -> EventFilter:
    """Words of the address that are none of ours count as left out."""
    kind, platform = asked(request, "type"), asked(request, "platform")
    return EventFilter(
        type=kind if kind in set(EventType) else None,
        platform=platform if platform in set(Platform) else None,
        product_id=chosen.product_id or None,
        variant_id=chosen.variant_id or None,
        release_id=chosen.release_id or None,
        start=kept_day(asked(request, "from")) or None,
        end=kept_day(asked(request, "to")) or None,
    )


def _query_of(wanted: EventFilter) -> str:
    """As the export takes it."""
    names = {"start": "from", "end": "to"}
    return urlencode({names.get(name, name): value for name, value in vars(wanted).items() if value})


def _shown(row: Record, urls: Urls, fresh: str) -> dict[str, Any]:
    is_known = row["product_slug"] is not None
    return row | {
        "day": row["ts"][:10],
        "time": row["ts"][11:19],
        "agent": read_agent(row["ua"]),
        "is_fresh": row["ts"] >= fresh,
        "network": f"{row['ip']}/{48 if ':' in row['ip'] else 24}" if row["ip"] else "",
        "variant": variant_name(row, "variant_"),
        "release": release_name(row, "release_") if row["release_version"] is not None else "",
        "icon_url": urls.icon(row["product_id"], row["product_icon_sha256"]) if is_known else "",
    }


PAGE = Page("/admin/events", marked("Events"), "pulse", "e", (panel_route("/admin/events", event_log),))
