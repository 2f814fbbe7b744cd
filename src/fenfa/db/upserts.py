"""Insert or update in one statement, so that two processes can write the same row at once."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import sqlite


def upsert(
    connection: Connection,
    table: Table,
    rows: Sequence[Mapping[str, Any]],
    key: Collection[str],
    keep: Collection[str] = (),
) -> None:
    """`key` names the columns of a unique constraint; of a row that is there, the columns in `keep` stay as they are."""
    if not rows:
        return
    statement = _insert(connection, table)
    changed = {name: statement.excluded[name] for name in rows[0] if name not in (*key, *keep)}
    connection.execute(statement.on_conflict_do_update(index_elements=list(key), set_=changed), [dict(r) for r in rows])


def insert_missing(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Rows that are there already, by whatever unique constraint, stay as they are."""
    connection.execute(_insert(connection, table).on_conflict_do_nothing(), [dict(r) for r in rows])


def _insert(connection: Connection, table: Table) -> Any:
    if connection.dialect.name == "sqlite":
        return sqlite.insert(table)
    from sqlalchemy.dialects import postgresql  # here, since most servers start without it

    return postgresql.insert(table)
