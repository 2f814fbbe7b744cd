"""Migrations: from nothing, twice, with a backup of what was there, and never over a newer or a foreign database."""

import sqlite3
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text

from fenfa.db.engine import Database, open_sqlite
from fenfa.db.migrate import MIGRATIONS, _back_up, current_revision, head_revision, migrate, revisions
from fenfa.db.tables import metadata
from fenfa.errors import ConfigInvalid


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A database without tables."""
    server = request.getfixturevalue("postgresql") if request.param == "postgresql" else None
    with closing(server.empty() if server else open_sqlite(tmp_path / "fenfa.db")) as database:
        yield database


def set_revision(database: Database, revision: str) -> None:
    statement = text("UPDATE alembic_version SET version_num = :revision").bindparams(revision=revision)
    database.write_now(lambda connection: connection.execute(statement))


def test_from_nothing_to_the_head(empty: Database) -> None:
    assert current_revision(empty) is None
    assert migrate(empty) == [f"brought the database from nothing to {head_revision()}"]
    assert current_revision(empty) == head_revision()


def test_files_are_named_by_their_revisions_in_order() -> None:
    scripts = ScriptDirectory(str(MIGRATIONS)).walk_revisions()
    assert [script.revision for script in scripts] == revisions()[::-1]


def test_a_start_without_anything_to_do_loads_no_alembic(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from fenfa.db.engine import open_sqlite; from fenfa.db.migrate import migrate; "
        "print(migrate(open_sqlite(Path(sys.argv[1]))), 'alembic' in sys.modules)"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "fenfa.db")]
    first, second = (subprocess.run(command, capture_output=True, text=True, check=True).stdout for _ in range(2))
    assert first.endswith("True\n")
    assert second == "[] False\n"


def test_second_time_does_nothing(empty: Database) -> None:
    migrate(empty)
    assert migrate(empty) == []


def test_migrations_make_what_tables_py_says(database: Database) -> None:
    with database.reading() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "target_metadata": metadata})
        assert compare_metadata(context, metadata) == []


def test_newer_schema_is_refused_and_left_alone(empty: Database) -> None:
    migrate(empty)
    set_revision(empty, "9999")
    with pytest.raises(ConfigInvalid, match="newer Fenfa"):
        migrate(empty)
    assert current_revision(empty) == "9999"


def test_database_of_another_program_is_refused(empty: Database) -> None:
    empty.write_now(lambda connection: connection.execute(text("CREATE TABLE apps (id TEXT)")))
    with pytest.raises(ConfigInvalid, match="another program"):
        migrate(empty)


def test_saved_copy_is_whole_and_private(tmp_path: Path) -> None:
    """`_back_up` itself: the head is the first revision, so there is no older file to migrate yet."""
    file = tmp_path / "fenfa.db"
    with closing(open_sqlite(file)) as database:
        migrate(database)
        statement = text("INSERT INTO settings VALUES ('a', '1', '')")
        database.write_now(lambda connection: connection.execute(statement))
        copy = _back_up(file, "0001")  # while the newest rows are in the write-ahead log alone
    assert copy.parent == tmp_path / "backups"
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    with closing(sqlite3.connect(copy)) as saved:
        assert saved.execute("SELECT name FROM settings").fetchall() == [("a",)]
        assert saved.execute("PRAGMA integrity_check").fetchone() == ("ok",)
