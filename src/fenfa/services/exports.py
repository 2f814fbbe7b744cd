"""CSV exports: streamed in constant memory, with cells that no spreadsheet runs as a formula."""

import json
import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any

from sqlalchemy import Select, select

from fenfa.db.engine import Database
from fenfa.db.tables import devices, releases, variants
from fenfa.services.devices import devices_query
from fenfa.services.events import COLUMNS
from fenfa.services.extents import EventFilter, measure_extent
from fenfa.services.records import within_days
from fenfa.services.timeline import Timeline

_FORMULA_STARTS = tuple("=+-@\t\r\n＝＋－＠")  # the wide ones too: East Asian spreadsheets take them for the others
_PADDING = " \"'"
_SPECIAL = re.compile('[",\r\n]')
_SHORT = 256  # characters of a cell that is worth keeping
_BATCH = 500
_EVENTS = 1000


def releases_query(wanted: EventFilter) -> Select[Any]:
    """Newest first; the columns of the export."""
    names = ("id", "version", "build", "created_at", "size_bytes", "sha256", "download_count", "channel")
    named = [variants.c.app_id, releases.c.variant_id, releases.c.id.label("release_id")]
    query = select(*named, *(releases.c[name] for name in names[1:])).order_by(releases.c.seq.desc())
    query = query.join(variants, variants.c.id == releases.c.variant_id)
    filters = {
        variants.c.product_id: wanted.product_id,
        variants.c.app_id: wanted.app_id,
        variants.c.id: wanted.variant_id,
        variants.c.platform: wanted.platform,
        releases.c.id: wanted.release_id,
    }
    for column, value in filters.items():
        query = query.where(column == value) if value else query
    return within_days(query, releases.c.created_at, wanted.start, wanted.end)


def devices_export_query(query: Select[Any] | None = None) -> Select[Any]:
    names = ("udid", "device_name", "model", "os_version", "created_at", "verified_at")
    return (devices_query() if query is None else query).with_only_columns(*(devices.c[name] for name in names))


def csv_chunks(database: Database, query: Select[Any]) -> Iterator[bytes]:
    """The header line, then batches of rows. Blocks; run it in a thread."""
    with database.reading() as connection:
        streaming = connection.execution_options(stream_results=True, yield_per=_BATCH)
        with streaming.execute(query) as result:
            yield _lines([list(result.keys())])
            for batch in result.partitions(_BATCH):
                yield _lines(batch)


def event_chunks(database: Database, wanted: EventFilter) -> Iterator[bytes]:
    """The same of events, newest first. Every batch is read by itself: however slowly a client takes them, and whether it takes
    them all, no transaction stays open."""
    with database.reading() as connection:
        timeline = measure_extent(connection, wanted).timeline(_EVENTS, columns=COLUMNS[1:])
    batch = _next_events(database, timeline)  # before any line: what fails here is an error and no empty file
    yield _lines([COLUMNS])
    while batch:
        yield _lines((ts, *row) for ts, _, *row in batch)
        batch = _next_events(database, timeline)


def _next_events(database: Database, timeline: Timeline) -> list[tuple[Any, ...]]:
    with database.reading() as connection:  # once: what was taken from a timeline does not come again
        return timeline.take(connection, _EVENTS)


def _lines(rows: Iterable[Iterable[Any]]) -> bytes:
    return "".join(map(_line, rows)).encode("utf-8", errors="replace")


def _line(row: Iterable[Any]) -> str:
    cells = [_known(value) if type(value) is str and len(value) <= _SHORT else _written(value) for value in row]
    return f"{','.join(cells)}\r\n"


@lru_cache(4096)
def _known(text: str) -> str:
    """Of millions of rows, most cells were written before."""
    return _written(text)


def _written(value: Any) -> str:
    """The cell as it stands in the file (RFC 4180, section 2)."""
    text = str(_cell(value))
    return '"' + text.replace('"', '""') + '"' if _SPECIAL.search(text) else text


def _cell(value: Any) -> Any:
    if isinstance(value, dict):
        value = json.dumps(value, ensure_ascii=False) if value else ""
    if isinstance(value, str) and value.lstrip(_PADDING).startswith(_FORMULA_STARTS):
        return f"'{value}"
    return "" if value is None else value
