"""Events on their way in: visits, clicks and downloads, buffered in memory and written by one writer a process."""

import asyncio
import hashlib
import hmac
import ipaddress
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from pydantic_core import to_json
from sqlalchemy import Connection, bindparam, exists, select, update

from fenfa.db.tables import day_visitors, events, products, releases
from fenfa.db.upserts import insert_many
from fenfa.services.tallies import Happening, meet_visitors, take_turn, tally
from fenfa.vocabulary import EventType

_MAX_WAITING = 50_000
_COLUMNS = ("ts", "type", "product_id", "app_id", "variant_id", "release_id", "ip", "ua", "visitor", "extra")


class Event(NamedTuple):
    """One thing that happened. `is_part`: a download that began as a range, counted once a visitor, release and day."""

    ts: str
    type: EventType
    product_id: str
    app_id: str
    variant_id: str
    release_id: str
    ip: str
    ua: str
    visitor: str
    extra: dict[str, Any]
    is_part: bool = False


class EventBuffer:
    """The events that wait for the next write. When it is full, the oldest statistics are not worth a stalled server."""

    def __init__(self) -> None:
        self._waiting: list[Event] = []
        self.turn = asyncio.Lock()  # held by whoever writes them

    def add(self, event: Event) -> None:
        if len(self._waiting) < _MAX_WAITING:
            self._waiting.append(event)

    def drain(self) -> list[Event]:
        waiting, self._waiting = self._waiting, []
        return waiting

    def restore(self, drained: list[Event]) -> None:
        """Puts back what could not be written."""
        self._waiting = (drained + self._waiting)[:_MAX_WAITING]

    def __len__(self) -> int:
        return len(self._waiting)


@lru_cache(maxsize=4096)
def network_of(address: str) -> str:
    """The address without what points to one person: /24 of IPv4, /48 of IPv6."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return ""
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped:
        parsed = parsed.ipv4_mapped
    prefix = 24 if parsed.version == 4 else 48
    return str(ipaddress.ip_network((parsed, prefix), strict=False).network_address)


@lru_cache(maxsize=4096)
def visitor_of(secret: bytes, day: str, address: str, user_agent: str) -> str:
    """A keyed hash that tells visitors of one day apart and nothing more."""
    text = f"{day}\0{address}\0{user_agent}".encode(errors="replace")
    return hmac.new(secret, text, hashlib.sha256).hexdigest()[:24]


def record_events(connection: Connection, drained: Iterable[Event]) -> Counter[EventType]:
    """Writes the events, their sums and the download counts; gives how many of each type are new."""
    take_turn(connection)
    kept = _without_repeats(connection, drained)
    if not kept:
        return Counter()
    insert_many(connection, events, _COLUMNS, [(*event[:9], to_json(event.extra).decode()) for event in kept])
    happenings = [_happening(event) for event in kept]
    happened = Counter(happenings)
    downloads = {(one, e.visitor) for one, e in zip(happenings, kept, strict=True) if e.type == EventType.DOWNLOAD}
    tally(connection, happened, meet_visitors(connection, downloads))
    _count_downloads(connection, {one: number for one, number in happened.items() if one.type == EventType.DOWNLOAD})
    return Counter({kind: sum(n for one, n in happened.items() if one.type == kind) for kind in EventType})


def _happening(event: Event) -> Happening:
    ids = (event.product_id, event.variant_id, event.release_id, event.app_id)
    return Happening(event.ts[:10], event.type, *ids, event.ua)


def _count_downloads(connection: Connection, downloads: Mapping[Happening, int]) -> None:
    if not downloads:
        return
    counts: Counter[str] = Counter()
    for one, number in downloads.items():
        counts[one.release_id] += number
    statement = (
        update(releases)
        .where(releases.c.id == bindparam("release"))
        .values(download_count=releases.c.download_count + bindparam("more"))
    )
    connection.execute(statement, [{"release": release, "more": more} for release, more in counts.items()])
    downloaded = products.c.id.in_({one.product_id for one in downloads})
    connection.execute(update(products).where(downloaded).values(revision=products.c.revision + 1))


def _without_repeats(connection: Connection, drained: Iterable[Event]) -> list[Event]:
    kept: list[Event] = []
    seen: set[tuple[str, str]] = set()
    for event in drained:
        download = (event.release_id, event.visitor)
        if event.is_part and (download in seen or _has_downloaded(connection, event)):
            continue
        if event.type == EventType.DOWNLOAD:
            seen.add(download)
        kept.append(event)
    return kept


def _has_downloaded(connection: Connection, event: Event) -> bool:
    """On that day: a visitor is another one on the next."""
    same = {"day": event.ts[:10], "subject": event.release_id, "visitor": event.visitor}
    return bool(connection.scalar(select(exists().where(*(day_visitors.c[name] == same[name] for name in same)))))
