"""Whether the database answers, and whether it has the shape that this version expects."""

from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, column, select, table

import fenfa.db
from fenfa.db.tables import products

_VERSIONS = Path(fenfa.db.__file__).parent / "migrations" / "versions"


@dataclass(frozen=True)
class Schema:
    """Numbers of migrations: the last one that the database has seen, and the last one that this version knows."""

    current: str
    newest: str

    @property
    def is_current(self) -> bool:
        return self.current == self.newest


def ping(connection: Connection) -> None:
    """Reads a table: a connection that is open answers `SELECT 1` even when its file is gone."""
    connection.execute(select(products.c.seq).limit(1)).first()


def read_schema(connection: Connection) -> Schema:
    current = connection.scalar(select(column("version_num")).select_from(table("alembic_version")))
    return Schema(str(current or ""), newest_revision())


def newest_revision() -> str:
    """By the files' names, which begin with it: asking Alembic would keep all of it in the server's memory."""
    return max(file.name.partition("_")[0] for file in _VERSIONS.glob("[0-9]*_*.py"))
