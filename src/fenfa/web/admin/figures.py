"""The figures that pages of the panel show of a span of days: totals beside those of the days before, and one of them drawn."""

from dataclasses import dataclass

from starlette.requests import Request

from fenfa.services.records import Record
from fenfa.services.statistics import Span, sum_days
from fenfa.web.charts import Chart, Stretch, draw_chart, stretches
from fenfa.web.i18n import Language, marked, readable_days, readable_share

LABELS = {
    "downloads": marked("Downloads"),
    "visits": marked("Visits"),
    "clicks": marked("Clicks"),
    "unique_devices": marked("Devices"),
}
_MOST_TOLD = 10  # times as much again: beyond, a percentage says nothing
PRESETS = {7: marked("7 days"), 30: marked("30 days"), 90: marked("90 days"), 364: marked("A year")}  # 52 whole weeks


@dataclass(frozen=True)
class Figure:
    """A total of the span. `change` is how it stands to the days before (`+12%`), empty if they were nothing beside these."""

    measure: str
    total: int
    before: int
    change: str


@dataclass(frozen=True)
class Figures:
    """`shown` is the measure that is drawn; `days` and `days_before` say which days these are."""

    figures: list[Figure]
    shown: str
    chart: Chart
    parts: list[Stretch]
    days: str
    days_before: str


def figures_of(
    days: list[Record], before: list[Record], span: Span, shown: str, language: Language, measures: tuple[str, ...]
) -> Figures:
    totals, others = sum_days(days), sum_days(before)
    made = [
        Figure(name, totals[name], others[name], _change(totals[name], others[name], language)) for name in measures
    ]
    parts, earlier = stretches(days, before), span.before()
    return Figures(
        made,
        shown,
        draw_chart(parts, shown, language),
        parts,
        readable_days(span.start, span.end, language),
        readable_days(earlier.start, earlier.end, language),
    )


def shown_measure(request: Request, measures: tuple[str, ...]) -> str:
    """Which of them the page is asked to draw; the first unless it says so."""
    asked = request.query_params.get("show", "")
    return asked if asked in measures else measures[0]


def days_asked(request: Request, usual: int) -> int:
    """`days`, if it is one of the presets."""
    text = request.query_params.get("days", "")
    return int(text) if text in map(str, PRESETS) else usual


def _change(now: int, before: int, language: Language) -> str:
    share = now / before - 1 if before else _MOST_TOLD
    if share >= _MOST_TOLD:
        return ""
    sign = "+" if share > 0 else "−" if share < 0 else "±"
    return sign + readable_share(abs(share), language)
