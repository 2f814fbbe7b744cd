"""What happened, counted: by day, by who asked, and by what was asked for.

All of it comes from the sums of `fenfa.services.tallies`: no report reads events, and none loses what is past when events go.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Connection, Select, Table, cast, func, select

from fenfa.db.tables import day_sums, place_sums, releases
from fenfa.services.events import with_names
from fenfa.services.periods import periods_of
from fenfa.services.records import Record, fetch_all, within_days
from fenfa.services.tallies import DEVICES, MEASURES, add_agents

TOTALS = (*MEASURES.values(), DEVICES)
_PLACE = ("product_id", "variant_id", "release_id")
_AGENT = ("system", "version", "program", "in_app", "is_installer")


@dataclass(frozen=True)
class Subject:
    """What a report is about: the narrowest that is named. Nothing named: everything."""

    product_id: str = ""
    variant_id: str = ""
    release_id: str = ""

    @property
    def narrowest(self) -> str:
        """Under which name sums are kept."""
        return self.release_id or self.variant_id or self.product_id

    def narrow(self, query: Select[Any]) -> Select[Any]:
        named = next((name for name in reversed(_PLACE) if getattr(self, name)), None)
        return query.where(place_sums.c[named] == getattr(self, named)) if named else query


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
    days, before = count_with_before(connection, subject, span)
    agents = count_by_agent(connection, subject, span)
    return Report(days, before, agents, count_by_place(connection, subject, span))


def count_with_before(connection: Connection, subject: Subject, span: Span) -> tuple[list[Record], list[Record]]:
    """The days of the span, and as many days just before them."""
    both = count_by_day(connection, subject, Span(span.before().start, span.end))
    return both[len(span) :], both[: len(span)]


def count_by_day(connection: Connection, subject: Subject, span: Span) -> list[Record]:
    """`date, downloads, visits, clicks, unique_devices` of every day, oldest first. Devices are those that downloaded."""
    columns = (day_sums.c.day.label("date"), *(day_sums.c[name] for name in TOTALS))
    query = select(*columns).where(day_sums.c.subject == subject.narrowest)
    counted = {row["date"]: row for row in fetch_all(connection, _within_span(query, span))}
    nothing = dict.fromkeys(TOTALS, 0)
    return [counted.get(day) or {"date": day, **nothing} for day in span.days()]


def count_by_agent(connection: Connection, subject: Subject, span: Span) -> list[Record]:
    """`system, version, program, in_app, is_installer, downloads, visits, clicks` of every kind of visitor, in no order."""
    query = select(day_sums.c.agents).where(day_sums.c.subject == subject.narrowest)
    sums = add_agents(connection.scalars(_within_span(query, span)))
    names = (*_AGENT, *MEASURES.values())
    return [dict(zip(names, (*agent, *counts), strict=True)) for agent, counts in sums.items()]


def count_by_place(connection: Connection, subject: Subject, span: Span) -> list[Record]:
    """The counts of every release, and of visits to a variant without one, in no order.

    Each with `product_id, variant_id, release_id` and the names of these, see `fenfa.services.events.with_names`.
    """
    place = [place_sums.c[name] for name in _PLACE]
    query = subject.narrow(select(*place, *_sums(place_sums))).where(
        place_sums.c.period.in_(periods_of(span.start, span.end))
    )
    counted = query.group_by(*place).subquery()
    return fetch_all(connection, with_names(select(counted), counted.c))


def count_totals(connection: Connection, variant_id: str) -> Record:
    """`downloads, visits, clicks, unique_devices` of all time; a device counts once a day."""
    query = select(*_sums(day_sums)).where(day_sums.c.subject == variant_id)
    downloads = select(func.coalesce(func.sum(releases.c.download_count), 0)).where(releases.c.variant_id == variant_id)
    return fetch_all(connection, query)[0] | {"downloads": int(connection.scalar(downloads) or 0)}


def sum_days(days: list[Record]) -> Record:
    """`downloads, visits, clicks, unique_devices` of all the days; a device counts once a day."""
    return {name: sum(day[name] for day in days) for name in TOTALS}


def _within_span(query: Select[Any], span: Span) -> Select[Any]:
    return within_days(query, day_sums.c.day, span.start.isoformat(), span.end.isoformat())


def _sums(table: Table) -> Iterator[ColumnElement[Any]]:
    """Whole numbers, of which PostgreSQL makes decimals."""
    for name in TOTALS:
        if name in table.c:
            yield cast(func.coalesce(func.sum(table.c[name]), 0), BigInteger).label(name)
