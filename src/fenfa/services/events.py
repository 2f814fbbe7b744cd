"""The log of events, as it is read: filtered, newest first."""

import re
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Select, or_, select

from fenfa.db.tables import events, products, releases, variants
from fenfa.errors import BadInput
from fenfa.services.records import Listed, Page, Record, fetch_all, fetch_page, within_days

_COLUMNS = ("ts", "type", "app_id", "variant_id", "release_id", "ip", "ua", "extra")
_NAMES = {
    "product": (products, ("name", "slug", "icon_sha256")),
    "variant": (variants, ("platform", "display_name", "arch")),
    "release": (releases, ("version", "build", "channel", "created_at")),
}
_MARK = re.compile(r"([0-9TZ:.-]{10,30})_(\d{1,18})")


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


def events_query(wanted: EventFilter) -> Select[Any]:
    """Newest first."""
    query = select(*(events.c[name] for name in _COLUMNS)).order_by(events.c.ts.desc(), events.c.seq.desc())
    for name in ("type", "app_id", "product_id", "variant_id", "release_id"):
        value = getattr(wanted, name)
        query = query.where(events.c[name] == value) if value else query
    if wanted.platform:  # row by row, in the order of the index: with IN, SQLite would gather and sort all of them
        home = variants.alias()
        mine = (home.c.id == events.c.variant_id, home.c.platform == wanted.platform)
        query = query.where(select(home.c.seq).where(*mine).exists())
    return within_days(query, events.c.ts, wanted.start, wanted.end)


def list_events(connection: Connection, wanted: EventFilter, page: Page) -> Listed:
    return fetch_page(connection, events_query(wanted), page)


def read_log(connection: Connection, wanted: EventFilter, limit: int, before: str = "") -> list[Record]:
    """The newest events, each with its `mark`, `product_id` and the names of what was touched, see `with_names`.

    `before` is a mark, of an event that need not be there any more: older ones follow, however many came since.
    """
    query = events_query(wanted).add_columns(events.c.seq, events.c.product_id).limit(limit)
    if before:
        ts, seq = _read_mark(before)
        query = query.where(events.c.ts <= ts, or_(events.c.ts < ts, events.c.seq < seq))
    rows = fetch_all(connection, with_names(query, events.c))
    return [row | {"mark": f"{row['ts']}_{row['seq']}"} for row in rows]


def with_names(query: Select[Any], columns: Any) -> Select[Any]:
    """Adds what people call the product, variant and release whose IDs are in `columns`; None for what is gone.

    `product_name, product_slug, product_icon_sha256, variant_platform, variant_display_name, variant_arch, release_version,
    release_build, release_channel, release_created_at`
    """
    for noun, (table, names) in _NAMES.items():
        query = query.outerjoin(table, table.c.id == columns[f"{noun}_id"])
        query = query.add_columns(*(table.c[name].label(f"{noun}_{name}") for name in names))
    return query


def _read_mark(mark: str) -> tuple[str, int]:
    found = _MARK.fullmatch(mark)
    if found is None:
        raise BadInput("before must be the mark of an event")
    return found[1], int(found[2])
