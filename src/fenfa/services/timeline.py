"""The order in which events are listed, newest first: found in indexes, however many events there are and whatever is asked for.

An index knows the order of one type's events: of all, of a variant or of a release. What is asked for is put together from as
few of these strands as hold it, and each is read no further than needed.
"""

import heapq
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

from sqlalchemy import ColumnElement, Connection, func, select, tuple_

from fenfa.db.tables import events
from fenfa.vocabulary import EventType

Moment = tuple[str, int]
"""`ts` and `seq` of an event: its place in the order."""

END: Moment = ("~", 0)
"""Newer than every event."""


@dataclass(frozen=True)
class Strand:
    """The events of one type, of everything or of one value of a column that has such an index; `others` (columns and values)
    must be so as well."""

    type: EventType
    column: str = ""
    value: str = ""
    others: tuple[tuple[str, str], ...] = ()


class Timeline:
    """What the strands hold, merged, from `before` (without it) back to `start` (a time, with it)."""

    def __init__(self, strands: Iterable[Strand], before: Moment = END, start: str = "", step: int = 1000) -> None:
        self._start, self._step = start, step
        self._merged = heapq.merge(*(self._follow(strand, before) for strand in strands), reverse=True)

    def take(self, connection: Connection, count: int) -> list[int]:
        """The `seq` of the next events. Each call may bring a connection of its own."""
        self._connection = connection
        return [seq for _, seq in islice(self._merged, count)]

    def _follow(self, strand: Strand, before: Moment) -> Iterator[Moment]:
        while True:
            ts, seq = events.c.ts, events.c.seq
            query = select(ts, seq).where(*_conditions(strand), tuple_(ts, seq) < tuple_(*before), ts >= self._start)
            found = self._connection.execute(query.order_by(ts.desc(), seq.desc()).limit(self._step)).all()
            yield from ((one.ts, one.seq) for one in found)
            if len(found) < self._step:
                return
            before = (found[-1].ts, found[-1].seq)


def _conditions(strand: Strand) -> Iterator[ColumnElement[bool]]:
    yield events.c.type == strand.type
    if strand.column:
        yield events.c[strand.column] == strand.value
    for name, value in strand.others:
        yield func.coalesce(events.c[name], "") == value  # so that no engine takes the index of this column instead
