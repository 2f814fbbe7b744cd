"""Whether the database answers, and whether it has the shape that this version expects."""

from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, column, insert, select, table

import fenfa.db
from fenfa.db.tables import products, settings
from fenfa.errors import Unavailable
from fenfa.vocabulary import new_id

_VERSIONS = Path(fenfa.db.__file__).parent / "migrations" / "versions"


@dataclass(frozen=True)
class Schema:
    """Numbers of migrations: the last one that the database has seen, and the last one that this version knows."""

    current: str
    newest: str

    @property
    def is_current(self) -> bool:
        return self.current == self.newest

    @property
    def is_usable(self) -> bool:
        """A newer schema is: migrations only add, so that an old replica serves on beside a new one."""
        return self.current >= self.newest


class Rehearsed(Exception):
    """No error: the transaction worked as far as it goes without a commit, and is taken back."""


def ping(connection: Connection) -> None:
    """Reads a table: a connection that is open answers `SELECT 1` even when its file is gone."""
    connection.execute(select(products.c.seq).limit(1)).first()


def rehearse(connection: Connection) -> None:
    """Writes a row, reads it, and raises `Rehearsed`, so that nothing stays."""
    name = new_id("prb")
    connection.execute(insert(settings).values(name=name, value="", updated_at=""))
    if connection.scalar(select(settings.c.name).where(settings.c.name == name)) != name:
        raise Unavailable("the database does not give back what was written")
    raise Rehearsed


def require_usable_schema(connection: Connection) -> None:
    schema = read_schema(connection)
    if not schema.is_usable:
        raise Unavailable(f"the database is at step {schema.current} of {schema.newest}; run fenfa migrate")


def read_schema(connection: Connection) -> Schema:
    current = connection.scalar(select(column("version_num")).select_from(table("alembic_version")))
    return Schema(str(current or ""), newest_revision())


def newest_revision() -> str:
    """By the files' names, which begin with it: asking Alembic would keep all of it in the server's memory."""
    return max(file.name.partition("_")[0] for file in _VERSIONS.glob("[0-9]*_*.py"))
