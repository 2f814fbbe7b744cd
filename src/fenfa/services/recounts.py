"""Days whose events are counted anew: those from before there were sums, and those on which a server wrote that knew none."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Select, delete, func, insert, literal, select

from fenfa.db.engine import Database
from fenfa.db.tables import day_sums, day_visitors, events, place_sums, unsummed_days
from fenfa.services.extents import kept_from
from fenfa.services.records import stamp, within_days
from fenfa.services.tallies import Happening, Places, add_places, put_days, sums_of, take_turn
from fenfa.vocabulary import EventType

_EVERYTHING = literal("")
_SUBJECTS = (_EVERYTHING, events.c.product_id, events.c.variant_id, events.c.release_id)


def recount_due(database: Database, now: datetime) -> int:
    """Counts the days that are due, each in a transaction of its own; gives how many. Blocks."""
    due = database.read_now(_due_days, stamp(now))
    for day in due:
        database.write_now(_recount, day, now)
    return len(due)


def _due_days(connection: Connection, now: str) -> list[str]:
    """The newest first: they are what people look at."""
    query = select(unsummed_days.c.day).where(unsummed_days.c.due <= now).distinct()
    return list(connection.scalars(query.order_by(unsummed_days.c.day.desc())))


def _recount(connection: Connection, day: str, now: datetime) -> None:
    take_turn(connection)
    mine = (unsummed_days.c.day == day, unsummed_days.c.due <= stamp(now))
    if connection.execute(delete(unsummed_days).where(*mine)).rowcount:  # else another server was faster
        if day < kept_from(connection):  # what is left of its events says too little
            return
        recount_day(connection, day)
        if day >= stamp(now - timedelta(days=1))[:10]:
            _meet_again(connection, day)


def recount_day(connection: Connection, day: str) -> None:
    """Makes the sums of the day what its events say, all of which must still be there. After `take_turn`."""
    places, days = sums_of(_happened(connection, day))
    for subject, number in _devices(connection, day):
        days[subject, day].devices = number
    stored = _stored_places(connection, day)
    subjects = {"", *(name for key in stored for name in key[1:4])}
    connection.execute(delete(day_sums).where(day_sums.c.day == day, day_sums.c.subject.in_(subjects)))
    put_days(connection, days)
    for key, counts in stored.items():
        places[key][:] = map(int.__sub__, places[key], counts)
    add_places(connection, {key: counts for key, counts in places.items() if any(counts)})


def forget_visitors(connection: Connection, now: datetime) -> None:
    """Of days that are over. The day before stays: events may still be on their way."""
    connection.execute(delete(day_visitors).where(day_visitors.c.day < stamp(now - timedelta(days=1))[:10]))


def of_day(query: Select[Any], day: str) -> Select[Any]:
    """Type by type, as the index has them."""
    return within_days(query.where(events.c.type.in_(list(EventType))), events.c.ts, day, day)


def _happened(connection: Connection, day: str) -> dict[Happening, int]:
    columns = [events.c[name] for name in Happening._fields[1:]]
    found = connection.execute(of_day(select(*columns, func.count()), day).group_by(*columns))
    return {Happening(day, *values): int(number) for *values, number in found}


def _devices(connection: Connection, day: str) -> Iterator[tuple[str, int]]:
    """How many devices downloaded, by subject."""
    for column in _SUBJECTS:
        query = _downloads(select(column, func.count(events.c.visitor.distinct())), column, day)
        yield from ((subject, int(number)) for subject, number in connection.execute(query.group_by(column)))


def _downloads(query: Select[Any], subject: Any, day: str) -> Select[Any]:
    """The empty subject is everything, not what has no ID."""
    query = within_days(query.where(events.c.type == EventType.DOWNLOAD), events.c.ts, day, day)
    return query if subject is _EVERYTHING else query.where(subject != "")


def _stored_places(connection: Connection, day: str) -> Places:
    rows = connection.execute(select(place_sums).where(place_sums.c.period == day))
    return {(row[0], row[1], row[2], row[3], row[4]): list(row[5:]) for row in rows}


def _meet_again(connection: Connection, day: str) -> None:
    """So that who downloaded already is no new device on a day that goes on."""
    connection.execute(delete(day_visitors).where(day_visitors.c.day == day))
    for column in _SUBJECTS:
        query = _downloads(select(literal(day), column, events.c.visitor), column, day).distinct()
        connection.execute(insert(day_visitors).from_select(["day", "subject", "visitor"], query))
