"""Days as people ask for them: the last thirty, or from one date to another."""

from datetime import date, timedelta

from fenfa.errors import BadInput
from fenfa.services.statistics import Span

USUAL = 30
MOST = 3660
FIRST = date(1970, 1, 1)


def last_days(today: date, count: int = USUAL) -> Span:
    """That many days, today the last of them."""
    return Span(today - timedelta(days=count - 1), today)


def span_of(start: str, end: str, today: date, count: int = USUAL) -> Span:
    """From one date (`YYYY-MM-DD`) to the other. Without an end, today is the last day; without a start, it is `count` days.

    `BadInput` for dates that are none, that are in the wrong order or more than ten years apart.
    """
    last = _date("to", end) if end else today
    first = _date("from", start) if start else last_days(last, count).start
    if first > last:
        raise BadInput("from must not be after to")
    span = Span(first, last)
    if len(span) > MOST:
        raise BadInput("from and to must be at most ten years apart")
    return span


def kept_day(text: str) -> str:
    """The text if it is a date, else nothing: for pages, which show what they can."""
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        return ""


def _date(name: str, text: str) -> date:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise BadInput("{name} must be a date, YYYY-MM-DD", name=name) from None
    if day < FIRST:
        raise BadInput("dates must be after 1970")
    return day
