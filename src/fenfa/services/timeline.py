"""The order in which events are listed, newest first: found in indexes, however many events there are and whatever is asked for.

An index knows the order of one type's events: of all, of a variant or of a release. What is asked for is put together from as
few of these strands as hold it, and each is read no further than needed.
"""

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import islice
from typing import Any

from sqlalchemy import Connection, Integer, Select, bindparam, select, tuple_

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

    def __init__(
        self, strands: Sequence[Strand], before: Moment, start: str, wanted: int, columns: tuple[str, ...] = ()
    ) -> None:
        """`wanted`: how many events will probably be taken, of which each strand holds its share. `columns`: what is told of an
        event beside `ts` and `seq`."""
        self._start, self._step = start, min(max(50, 2 * wanted // max(1, len(strands))), 1000)
        self._columns = columns
        self._merged = heapq.merge(*(self._follow(strand, before) for strand in strands), reverse=True)

    def take(self, connection: Connection, count: int) -> list[tuple[Any, ...]]:
        """`ts`, `seq` and the columns of the next events. Each call may bring a connection of its own."""
        self._connection = connection
        return list(islice(self._merged, count))

    def _follow(self, strand: Strand, before: Moment) -> Iterator[tuple[Any, ...]]:
        query = _query(strand.column, self._columns, tuple(name for name, _ in strand.others))
        values = {"type": strand.type, "value": strand.value}
        others, told = tuple(value for _, value in strand.others), 2 + len(self._columns)
        limits = {"start": self._start, "step": self._step}
        while True:
            bounds = {"before_ts": before[0], "before_seq": before[1]}
            found = self._connection.execute(query, values | limits | bounds).all()
            yield from (tuple(row[:told]) for row in found if row[told:] == others)
            if len(found) < self._step:
                return
            before = (found[-1][0], found[-1][1])


@cache
def _query(column: str, columns: tuple[str, ...], others: tuple[str, ...]) -> Select[Any]:
    """Made once: making it takes longer than running it. What the others must be is no condition of it, since nearly all are so,
    and an engine that expects few would take another index."""
    ts, seq = events.c.ts, events.c.seq
    query = select(ts, seq, *(events.c[name] for name in (*columns, *others))).where(events.c.type == bindparam("type"))
    if column:
        query = query.where(events.c[column] == bindparam("value"))
    before = tuple_(bindparam("before_ts", type_=ts.type), bindparam("before_seq", type_=seq.type))
    query = query.where(tuple_(ts, seq) < before, ts >= bindparam("start"))
    return query.order_by(ts.desc(), seq.desc()).limit(bindparam("step", type_=Integer()))
