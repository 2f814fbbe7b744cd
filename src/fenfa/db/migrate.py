"""Migrations at start: an existing SQLite file is backed up first, then Alembic brings the schema to its head.

Alembic is loaded only where there is something to do: it would be a tenth of every start.
"""

import sqlite3
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Connection, func, inspect, select, text

from fenfa.db.engine import Database
from fenfa.errors import ConfigInvalid

_LOCK = 0x46454E4641  # "FENFA": the advisory lock of migrations
MIGRATIONS = Path(__file__).parent / "migrations"


def revisions() -> list[str]:
    """Those that this version knows, as their files are named, in order."""
    return sorted(path.name.partition("_")[0] for path in MIGRATIONS.glob("versions/0*.py"))


def head_revision() -> str:
    return revisions()[-1]


def current_revision(database: Database) -> str | None:
    """None: an empty database."""
    with database.reading() as connection:
        return _revision_of(connection)


def _revision_of(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def migrate(database: Database) -> list[str]:
    """Brings the schema to its head and says in sentences what it did; nothing to do gives an empty list."""
    before = current_revision(database)
    if before == head_revision():
        return []
    _refuse_foreign(database)
    _refuse_newer(before)
    said = [f"saved the database as {_back_up(database.file, before)}"] if before and database.file else []
    with database.writing() as connection:
        if connection.dialect.name == "postgresql":  # another replica may be at it: wait, then look again
            connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))
            before = _revision_of(connection)
            if before == head_revision():
                return []
        upgrade(connection, "head")
    return [*said, f"brought the database from {before or 'nothing'} to {head_revision()}"]


def upgrade(connection: Connection, revision: str) -> None:
    """All steps to this revision, in the connection's transaction: a crash on the way leaves what was before."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


def _refuse_foreign(database: Database) -> None:
    """A database without our mark but with tables is somebody else's, such as the Go version's. The tables are looked at first:
    another server may make them, with the mark, at this moment."""
    with database.reading() as connection:
        has_tables = bool(inspect(connection).get_table_names())
    if has_tables and current_revision(database) is None:
        place = database.file or "the database"
        raise ConfigInvalid(f"{place}: belongs to another program; set FENFA_DB_PATH to a file of Fenfa's own")


def _refuse_newer(revision: str | None) -> None:
    if revision and revision not in revisions():
        raise ConfigInvalid(
            f"the database is of a newer Fenfa (schema {revision}); run that version or restore a backup"
        )


def _back_up(file: Path, revision: str) -> Path:
    folder = file.parent / "backups"
    folder.mkdir(exist_ok=True)
    target = folder / f"{file.stem}-{revision}-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.db"
    source, copy = sqlite3.connect(file), sqlite3.connect(target)
    with source, copy:
        source.backup(copy)
    source.close()
    copy.close()
    target.chmod(0o600)
    return target
