"""The log of events, as it is read: filtered, newest first."""

import re
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Select, select

from fenfa.db.packing import is_one_of
from fenfa.db.tables import events, products, releases, variants
from fenfa.errors import BadInput
from fenfa.services.extents import EventFilter, measure_extent, pass_over
from fenfa.services.records import Listed, Page, Record, fetch_all
from fenfa.services.timeline import END, Moment

COLUMNS = ("ts", "type", "app_id", "variant_id", "release_id", "ip", "ua", "extra")
_NAMES = {
    "product": (products, ("name", "slug", "icon_sha256")),
    "variant": (variants, ("platform", "display_name", "arch")),
    "release": (releases, ("version", "build", "channel", "created_at")),
}
_MARK = re.compile(r"([0-9TZ:.-]{10,30})_(\d{1,18})")


def list_events(connection: Connection, wanted: EventFilter, page: Page, before: str = "") -> Listed:
    """Newest first, each with its `mark`; `total` counts all that fit. `before` as in `read_log`; it goes with no offset."""
    if before and page.offset:
        raise BadInput("before and offset do not go together")
    extent = measure_extent(connection, wanted)
    passed = pass_over(connection, wanted, extent.counts, page.offset) if page.offset else (_moment(before), 0)
    if passed is None:
        return Listed([], extent.total, page)
    moment, left = passed
    timeline = extent.timeline(left + page.limit, moment)
    query = _rows_of(timeline.take(connection, left + page.limit)[left:]).add_columns(events.c.seq)
    return Listed([_marked(row) for row in fetch_all(connection, query)], extent.total, page)


def read_log(connection: Connection, wanted: EventFilter, limit: int, before: str = "") -> list[Record]:
    """The newest events, each with its `mark`, `product_id` and the names of what was touched, see `with_names`.

    `before` is a mark, of an event that need not be there any more: older ones follow, however many came since.
    """
    timeline = measure_extent(connection, wanted).timeline(limit, _moment(before))
    query = _rows_of(timeline.take(connection, limit)).add_columns(events.c.seq, events.c.product_id)
    return [_marked(row) for row in fetch_all(connection, with_names(query, events.c))]


def _rows_of(found: Sequence[tuple[Any, ...]]) -> Select[Any]:
    """The events that a timeline gave, as lists have them."""
    query = select(*(events.c[name] for name in COLUMNS)).where(is_one_of(events.c.seq, [row[1] for row in found]))
    return query.order_by(events.c.ts.desc(), events.c.seq.desc())


def with_names(query: Select[Any], columns: Any) -> Select[Any]:
    """Adds what people call the product, variant and release whose IDs are in `columns`; None for what is gone.

    `product_name, product_slug, product_icon_sha256, variant_platform, variant_display_name, variant_arch, release_version,
    release_build, release_channel, release_created_at`
    """
    for noun, (table, names) in _NAMES.items():
        query = query.outerjoin(table, table.c.id == columns[f"{noun}_id"])
        query = query.add_columns(*(table.c[name].label(f"{noun}_{name}") for name in names))
    return query


def _marked(row: Record) -> Record:
    return row | {"mark": f"{row['ts']}_{row.pop('seq')}"}


def _moment(mark: str) -> Moment:
    if not mark:
        return END
    found = _MARK.fullmatch(mark)
    if found is None:
        raise BadInput("before must be the mark of an event")
    return found[1], int(found[2])
