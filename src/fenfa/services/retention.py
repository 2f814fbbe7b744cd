"""Events go when they are as old as the setting says. What they sum up to stays: no count and no report changes by it."""

from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, select

from fenfa.db.tables import event_marks, events
from fenfa.db.upserts import upsert
from fenfa.errors import Sentence
from fenfa.services.extents import KEPT_FROM, kept_from
from fenfa.services.records import stamp
from fenfa.services.work import Bench, Kind, Work
from fenfa.vocabulary import EventType

_BATCH = 1000  # deleted in a transaction: no writer waits longer than for that


def give_up(connection: Connection, now: datetime, days: int) -> None:
    """Events of whole days before the last `days` are in no list any more; the job below removes them. 0: nothing changes."""
    first = stamp(now - timedelta(days=days))[:10]
    if days and first > kept_from(connection):
        upsert(connection, event_marks, [{"name": KEPT_FROM, "day": first}], key=("name",))


def forget_some(connection: Connection) -> int:
    """How many of the events that are given up went; 0: there are no more."""
    old = select(events.c.seq).where(events.c.type.in_(list(EventType)), events.c.ts < kept_from(connection))
    return connection.execute(delete(events).where(events.c.seq.in_(old.limit(_BATCH)))).rowcount


def _forget(_bench: Bench, work: Work) -> None:
    gone = int(work.job["done"])
    while some := work.commit(_progress(gone), forget_some):
        gone += some
    work.note(**_progress(gone), total=gone)


def _progress(gone: int) -> dict[str, object]:
    return {"done": gone, "message": Sentence("{events} events removed", events=gone)}


def _is_needed(connection: Connection) -> bool:
    old = select(events.c.seq).where(events.c.type.in_(list(EventType)), events.c.ts < kept_from(connection))
    return connection.scalar(old.limit(1)) is not None


FORGET = Kind("forget-events", _forget, timedelta(hours=1), _is_needed)
