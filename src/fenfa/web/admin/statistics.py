"""Statistics of everything, a product, a variant or a release, over any days."""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from fenfa.errors import BadInput
from fenfa.services.choices import Choices, offer_choices
from fenfa.services.statistics import Report, Span, make_report
from fenfa.services.tallies import MEASURES
from fenfa.web.admin.breakdowns import breakdowns_of
from fenfa.web.admin.figures import LABELS, PRESETS, days_asked, figures_of, shown_measure
from fenfa.web.admin.narrowing import asked, asked_subject, chosen_values
from fenfa.web.admin.panel import Page, link_of, panel_route, show
from fenfa.web.deps import runtime_of
from fenfa.web.face import face_of
from fenfa.web.i18n import marked
from fenfa.web.pages import error_text
from fenfa.web.spans import kept_day, last_days, span_of
from fenfa.web.threads import in_thread

_MEASURES = ("downloads", "visits", "clicks", "unique_devices")
_USUAL = 30


async def report_page(request: Request) -> Response:
    language = face_of(request.headers).language
    span, problem = _span_of(request)
    choices, report = await in_thread(runtime_of(request).database.read_now, _read, request, span)
    shown, link = shown_measure(request, _MEASURES), link_of(request)
    ranked = shown if shown in MEASURES.values() else "downloads"
    values: dict[str, Any] = chosen_values(choices) | {
        "traffic": figures_of(report.days, report.before, span, shown, language, _MEASURES),
        "labels": LABELS,
        "presets": PRESETS,
        "days": 0 if _has_dates(request) else len(span),
        "start": kept_day(asked(request, "from")),
        "end": kept_day(asked(request, "to")),
        "problem": error_text(problem, language) if problem else "",
        "breakdowns": breakdowns_of(report, choices.chosen, ranked, language, link),
        "ranked": ranked,
        "link": link,
    }
    return await show(request, "admin/statistics.html", **values)


def _read(connection: Any, request: Request, span: Span) -> tuple[Choices, Report]:
    choices = offer_choices(connection, asked_subject(request))
    return choices, make_report(connection, choices.chosen, span)


def _has_dates(request: Request) -> bool:
    return bool(asked(request, "from") or asked(request, "to"))


def _span_of(request: Request) -> tuple[Span, BadInput | None]:
    """The days that are asked for; the usual ones, and what is wrong, for days that cannot be."""
    today, count = runtime_of(request).clock().date(), days_asked(request, _USUAL)
    try:
        return span_of(asked(request, "from"), asked(request, "to"), today, count), None
    except BadInput as error:
        return last_days(today, count), error


PAGE = Page(
    "/admin/statistics",
    marked("Statistics"),
    "chart",
    "s",
    (panel_route("/admin/statistics", report_page),),
    in_menu=False,
)
