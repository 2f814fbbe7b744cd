"""Moving an installation from SQLite to PostgreSQL: every row, with its ID and place, checked against what was read."""

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from pydantic_core import to_json
from sqlalchemy import JSON, Connection, Insert, Row, Table, bindparam, func, insert, select

from fenfa.db.engine import Database
from fenfa.db.tables import metadata
from fenfa.errors import BadInput, Conflict

_BATCH = 2000


@dataclass
class Sum:
    """What tells two tables apart, whatever the order of their rows: how many there are, and the sum of their hashes."""

    rows: int = 0
    hashes: int = 0

    def add(self, row: tuple[Any, ...]) -> None:
        self.rows += 1
        self.hashes = (self.hashes + int.from_bytes(sha256(to_json(row, bytes_mode="base64")).digest())) % 2**256


def copy_database(source: Database, target: Database) -> dict[str, int]:
    """How many rows each table has. Both schemas must be at their head, and the target without rows (`BadInput`).

    All of it is one transaction of the target: whatever goes wrong (`Conflict` where a table does not come out the same) leaves
    it as empty as it was, to begin again.
    """
    with source.reading() as old, target.writing() as new:
        _require_empty(new)
        return {table.name: _copy(old, new, table) for table in metadata.sorted_tables}


def _require_empty(connection: Connection) -> None:
    for table in metadata.sorted_tables:
        if connection.execute(select(table).limit(1)).first() is not None:
            raise BadInput(f"the target holds rows already (in {table.name}); give an empty database")


def _copy(old: Connection, new: Connection, table: Table) -> int:
    read, written = Sum(), Sum()
    for batch in _batches(old, table):
        rows = [_without_nuls(row) for row in batch]
        for row in rows:
            read.add(row)
        new.execute(_insert(table), [dict(zip(table.c.keys(), row, strict=True)) for row in rows])
    for batch in _batches(new, table):
        for row in batch:
            written.add(tuple(row))
    if read != written:
        raise Conflict(f"{table.name} did not come out as it was read; nothing was copied")
    _set_sequence(new, table)
    return read.rows


def _insert(table: Table) -> Insert:
    """None is no value, also where the column holds JSON, which could say null itself."""
    kinds = {c.name: JSON(none_as_null=True) if isinstance(c.type, JSON) else c.type for c in table.c}
    return insert(table).values({name: bindparam(name, type_=kind) for name, kind in kinds.items()})


def _batches(connection: Connection, table: Table) -> Iterator[list[Row[Any]]]:
    streamed = {"stream_results": True, "yield_per": _BATCH}
    with connection.execute(select(table), execution_options=streamed) as result:
        yield from (list(batch) for batch in result.partitions(_BATCH))


def _without_nuls(row: Row[Any]) -> tuple[Any, ...]:
    """PostgreSQL has no NUL in a text, as a browser that is none may call itself."""
    return tuple(value.replace("\0", "") if isinstance(value, str) else value for value in row)


def _set_sequence(connection: Connection, table: Table) -> None:
    """The next row comes after those that were copied."""
    if connection.dialect.name == "postgresql" and "seq" in table.c:
        newest = connection.scalar(select(func.max(table.c.seq)))
        if newest is not None:
            name = func.pg_get_serial_sequence(table.name, "seq")
            connection.execute(select(func.setval(name, newest)))
