"""Insert or update in one statement, so that two processes can write the same row at once."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite


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
    statement = sqlite.insert(table) if connection.dialect.name == "sqlite" else postgresql.insert(table)
    changed = {name: statement.excluded[name] for name in rows[0] if name not in (*key, *keep)}
    connection.execute(statement.on_conflict_do_update(index_elements=list(key), set_=changed), [dict(r) for r in rows])
