"""How many events fit what is asked for, and where they lie: told by their sums, which no number of events makes slow."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Connection, Select, func, select

from fenfa.db.tables import event_marks, place_sums, variants
from fenfa.services.periods import days_of, last_day, periods_of
from fenfa.services.tallies import MEASURES
from fenfa.services.timeline import END, Moment, Strand, Timeline
from fenfa.vocabulary import EventType

KEPT_FROM = "kept_from"
_IDS = ("product_id", "app_id", "variant_id", "release_id")


@dataclass(frozen=True)
class EventFilter:
    """What to list. `start` and `end` are dates, `YYYY-MM-DD`, both inclusive."""

    type: str | None = None
    app_id: str | None = None
    variant_id: str | None = None
    release_id: str | None = None
    start: str | None = None
    end: str | None = None
    product_id: str | None = None
    platform: str | None = None

    @property
    def types(self) -> tuple[EventType, ...]:
        return (EventType(self.type),) if self.type else tuple(EventType)

    @property
    def ids(self) -> dict[str, str]:
        return {name: value for name in _IDS if (value := getattr(self, name))}

    @property
    def is_narrow(self) -> bool:
        """Whether it asks for something less than everything that happened."""
        return bool(self.ids or self.platform)


@dataclass(frozen=True)
class Extent:
    """The events that fit: how many there are in each period (the newest first), and where a `Timeline` finds them."""

    counts: dict[str, int]
    strands: list[Strand]
    before: Moment
    start: str

    @property
    def total(self) -> int:
        return sum(self.counts.values())

    def timeline(self, wanted: int, before: Moment = END, columns: tuple[str, ...] = ()) -> Timeline:
        """From which so many events are to be taken."""
        return Timeline(self.strands, min(before, self.before), self.start, wanted, columns)


def measure_extent(connection: Connection, wanted: EventFilter) -> Extent:
    start = max(kept_from(connection), wanted.start or "")
    counts, homes = _count(connection, wanted, periods_of(*_days(connection, start, wanted.end)))
    before = (f"{wanted.end}~", 0) if wanted.end else END
    return Extent(counts, list(_strands(wanted, homes)), before, start)


def pass_over(
    connection: Connection, wanted: EventFilter, counts: Mapping[str, int], offset: int
) -> tuple[Moment, int] | None:
    """Where the day begins in which the event after so many others lies, and how many are before it there; None: none is left."""
    for period, number in counts.items():
        if offset < number:
            if len(period) == len("2026-01"):
                return pass_over(connection, wanted, _count(connection, wanted, days_of(period))[0], offset)
            return (f"{period}~", 0), offset
        offset -= number
    return None


def kept_from(connection: Connection) -> str:
    """The first day whose events are all there; empty: none was ever removed."""
    return connection.scalar(select(event_marks.c.day).where(event_marks.c.name == KEPT_FROM)) or ""


def _days(connection: Connection, start: str, end: str | None) -> tuple[date, date]:
    """What is asked for, of the months that have events; the second before the first where that is nothing."""
    ends = (select(of(place_sums.c.period)).scalar_subquery() for of in (func.min, func.max))
    first, last = connection.execute(select(*ends)).one()
    if not first:
        return date.max, date.min
    over = last_day(date.fromisoformat(f"{last[:7]}-01"))
    return date.fromisoformat(max(f"{first[:7]}-01", start)), min(over, date.fromisoformat(end)) if end else over


def _count(
    connection: Connection, wanted: EventFilter, periods: Iterable[str]
) -> tuple[dict[str, int], set[tuple[EventType, str]]]:
    """How many of each period fit; of which type and variant they are, where a filter asks for less than all variants."""
    counts = dict.fromkeys(periods, 0)
    homes: set[tuple[EventType, str]] = set()
    keys = [place_sums.c.period, *([place_sums.c.variant_id] if wanted.is_narrow else [])]
    sums = [func.sum(place_sums.c[MEASURES[kind]]) for kind in wanted.types]
    query = _narrowed(select(*keys, *sums), wanted).where(place_sums.c.period.in_(list(counts))).group_by(*keys)
    for row in connection.execute(query):
        numbers = [int(number) for number in row[len(keys) :]]
        counts[row[0]] += sum(numbers)
        homes.update((kind, row[len(keys) - 1]) for kind, number in zip(wanted.types, numbers, strict=True) if number)
    return counts, homes


def _narrowed(query: Select[Any], wanted: EventFilter) -> Select[Any]:
    for name, value in wanted.ids.items():
        query = query.where(place_sums.c[name] == value)
    if wanted.platform:
        query = query.where(
            place_sums.c.variant_id.in_(select(variants.c.id).where(variants.c.platform == wanted.platform))
        )
    return query


def _strands(wanted: EventFilter, homes: Iterable[tuple[EventType, str]]) -> Iterator[Strand]:
    if not wanted.is_narrow:
        yield from map(Strand, wanted.types)
        return
    others = {name: value for name, value in wanted.ids.items() if name not in ("variant_id", "release_id")}
    for kind, variant_id in sorted(homes):
        if wanted.release_id:
            yield Strand(kind, "release_id", wanted.release_id, (*others.items(), ("variant_id", variant_id)))
        else:
            yield Strand(kind, "variant_id", variant_id, tuple(others.items()))
