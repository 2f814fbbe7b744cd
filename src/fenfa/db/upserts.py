"""Insert or update in one statement, so that two processes can write the same row at once; and insert very many."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, Table, bindparam, insert
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


def add_up(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Adds to the numbers of rows that are there; the primary key says which, and makes the others."""
    if not rows:
        return
    statement = _insert(connection, table)
    key = [column.name for column in table.primary_key]
    sums = {c.name: c + statement.excluded[c.name] for c in table.c if not c.primary_key}
    connection.execute(statement.on_conflict_do_update(index_elements=key, set_=sums), [dict(r) for r in rows])


def insert_new(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]], *give: str) -> list[Row[Any]]:
    """Like `insert_missing`; gives these columns of the rows that were not there."""
    if not rows:
        return []
    statement = _insert(connection, table).on_conflict_do_nothing().returning(*(table.c[name] for name in give))
    return list(connection.execute(statement, [dict(r) for r in rows]))


def insert_many(connection: Connection, table: Table, names: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> None:
    """Rows of the columns `names`, in their order in the table, with values as the driver takes them: JSON is text.
    SQLAlchemy would look at each value of each row, which costs as much as the database's own work."""
    statement = insert(table).values({name: bindparam(name) for name in names})
    sql = str(statement.compile(dialect=connection.dialect))
    by_name = not connection.dialect.positional
    connection.exec_driver_sql(sql, [dict(zip(names, row, strict=True)) for row in rows] if by_name else list(rows))


def _insert(connection: Connection, table: Table) -> Any:
    if connection.dialect.name == "sqlite":
        return sqlite.insert(table)
    from sqlalchemy.dialects import postgresql  # here, since most servers start without it

    return postgresql.insert(table)
