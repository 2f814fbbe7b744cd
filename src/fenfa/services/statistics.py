"""What happened, counted: by day, by who asked, and by what was asked for.

The three `count_by_…` are all of a report that reads events. Days that are over do not change any more: should counting them
anew become too slow, a table of daily sums answers in their place here, and nobody else notices.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy import Connection, Select, func, select

from fenfa.db.tables import events, releases
from fenfa.services.events import with_names
from fenfa.services.records import Record, fetch_all, within_days
from fenfa.vocabulary import EventType

MEASURES = {EventType.DOWNLOAD: "downloads", EventType.VISIT: "visits", EventType.CLICK: "clicks"}
TOTALS = (*MEASURES.values(), "unique_devices")
_PLACE = ("product_id", "variant_id", "release_id")


@dataclass(frozen=True)
class Subject:
    """What a report is about: the narrowest that is named. Nothing named: everything."""

    product_id: str = ""
    variant_id: str = ""
    release_id: str = ""

    def narrow(self, query: Select[Any]) -> Select[Any]:
        named = next((name for name in reversed(_PLACE) if getattr(self, name)), None)
        return query.where(events.c[named] == getattr(self, named)) if named else query


@dataclass(frozen=True)
class Span:
    """Days from `start` to `end`, both inclusive, in UTC."""

    start: date
    end: date

    def __len__(self) -> int:
        return (self.end - self.start).days + 1

    def days(self) -> Iterator[str]:
        return ((self.start + timedelta(days=n)).isoformat() for n in range(len(self)))

    def before(self) -> "Span":
        """As many days, just before these."""
        return Span(self.start - timedelta(days=len(self)), self.start - timedelta(days=1))


@dataclass(frozen=True)
class Report:
    """`days` and `before` (as many days just before them) are of `count_by_day`, the others of their `count_by_…`."""

    days: list[Record]
    before: list[Record]
    agents: list[Record]
    places: list[Record]


def make_report(connection: Connection, subject: Subject, span: Span) -> Report:
    """Reads every event of the span three times; run it in a thread."""
    days, before = count_with_before(connection, subject, span)
    agents = count_by_agent(connection, subject, span)
    return Report(days, before, agents, count_by_place(connection, subject, span))


def count_with_before(connection: Connection, subject: Subject, span: Span) -> tuple[list[Record], list[Record]]:
    """The days of the span, and as many days just before them."""
    both = count_by_day(connection, subject, Span(span.before().start, span.end))
    return both[len(span) :], both[: len(span)]


def count_by_day(connection: Connection, subject: Subject, span: Span) -> list[Record]:
    """`date, downloads, visits, clicks, unique_devices` of every day, oldest first. Devices are those that downloaded."""
    day = func.substr(events.c.ts, 1, 10).label("date")
    query = _of(subject, span, day, *_measures(), _devices()).group_by("date")
    counted = {row["date"]: row for row in fetch_all(connection, query)}
    nothing = dict.fromkeys(TOTALS, 0)
    return [counted.get(day) or {"date": day, **nothing} for day in span.days()]


def count_by_agent(connection: Connection, subject: Subject, span: Span) -> list[Record]:
    """`ua, downloads, visits, clicks` of every user agent, in no order."""
    return fetch_all(connection, _of(subject, span, events.c.ua, *_measures()).group_by(events.c.ua))


def count_by_place(connection: Connection, subject: Subject, span: Span) -> list[Record]:
    """The counts of every release, and of visits to a variant without one, in no order.

    Each with `product_id, variant_id, release_id` and the names of these, see `fenfa.services.events.with_names`.
    """
    place = [events.c[name] for name in _PLACE]
    counted = _of(subject, span, *place, *_measures()).group_by(*place).subquery()
    return fetch_all(connection, with_names(select(counted), counted.c))


def count_totals(connection: Connection, variant_id: str) -> Record:
    """`downloads, visits, clicks, unique_devices` of all time; a device counts once a day."""
    query = select(*_measures(), _devices()).where(events.c.variant_id == variant_id)
    downloads = select(func.coalesce(func.sum(releases.c.download_count), 0)).where(releases.c.variant_id == variant_id)
    return fetch_all(connection, query)[0] | {"downloads": int(connection.scalar(downloads) or 0)}


def sum_days(days: list[Record]) -> Record:
    """`downloads, visits, clicks, unique_devices` of all the days; a device counts once a day."""
    return {name: sum(day[name] for day in days) for name in TOTALS}


def _of(subject: Subject, span: Span, *columns: Any) -> Select[Any]:
    query = subject.narrow(select(*columns))
    return within_days(query, events.c.ts, span.start.isoformat(), span.end.isoformat())


def _measures() -> tuple[Any, ...]:
    return tuple(func.count().filter(events.c.type == kind).label(name) for kind, name in MEASURES.items())


def _devices() -> Any:
    return (
        func.count(func.distinct(events.c.visitor)).filter(events.c.type == EventType.DOWNLOAD).label("unique_devices")
    )
