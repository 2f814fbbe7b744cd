"""R19: a database of any earlier version comes to the head with its rows; killed on the way, the next start completes it."""

import os
import shutil
import signal
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, insert, select
from sqlalchemy.event import listen

from fenfa.db.engine import Database, open_sqlite, open_url
from fenfa.db.migrate import current_revision, head_revision, migrate
from fenfa.db.tables import day_sums, events
from fenfa.errors import Conflict
from fenfa.services.products import create_product
from fenfa.services.records import stamp
from fenfa.services.recounts import recount_due
from fenfa.vocabulary import EventType
from tests.services.shop import event
from tests.support.golden import ROWS, fill, kept

FORKS = get_context("forkserver")
FORKS.set_forkserver_preload(["tests.db.test_upgrade", "psycopg", "alembic.autogenerate"])
Opener = Callable[[], Database]


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def open_old(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[str], Opener]]:
    """Gives, for a revision, what opens a new database of that revision each time, with its rows."""
    server = request.getfixturevalue("postgresql") if request.param == "postgresql" else None
    made: list[Database] = []

    def prepare(revision: str) -> Opener:
        template = tmp_path / f"{revision}.db"
        with closing(server.empty() if server else open_sqlite(template)) as database:
            database.write_now(fill, revision)
            name = str(database.engine.url.database)

        def open_copy() -> Database:
            file = tmp_path / str(len(made)) / "fenfa.db"
            file.parent.mkdir()
            made.append(server.empty(template=name) if server else open_sqlite(Path(shutil.copy(template, file))))
            return made[-1]

        return open_copy

    yield prepare
    for database in made:
        database.close()


@pytest.mark.parametrize("revision", ROWS)
def test_every_earlier_schema_comes_to_the_head_with_its_rows(open_old: Callable[[str], Opener], revision: str) -> None:
    database = open_old(revision)()
    assert migrate(database)[-1] == f"brought the database from {revision} to {head_revision()}"
    assert database.read_now(kept, revision) == ROWS[revision]
    with pytest.raises(Conflict):  # the old rows count
        database.write_now(create_product, "2026-11-02T00:00:00.000Z", {"name": "x", "slug": "old"})
    assert migrate(database) == []


def test_events_from_before_there_were_sums_are_counted_and_so_are_those_of_a_server_that_knows_none(
    open_old: Callable[[str], Opener],
) -> None:
    database = open_old("0001")()
    migrate(database)
    now = datetime.now(UTC)

    def counted(connection: Connection) -> dict[str, list[int]]:
        columns = (day_sums.c[name] for name in ("day", "visits", "downloads", "unique_devices"))
        return {day: counts for day, *counts in connection.execute(select(*columns).where(day_sums.c.subject == ""))}

    recount_due(database, now)
    assert database.read_now(counted) == {"2026-01-02": [1, 1, 1]}
    late = dict(event(EventType.VISIT, ts=stamp(now))._asdict())
    del late["is_part"]
    database.write_now(lambda connection: connection.execute(insert(events), [late]))
    assert recount_due(database, now) == 0
    recount_due(database, now + timedelta(days=3))
    assert database.read_now(counted)[stamp(now)[:10]] == [1, 0, 0]


def test_an_old_sqlite_file_is_saved_before(tmp_path: Path) -> None:
    with closing(open_sqlite(tmp_path / "fenfa.db")) as database:
        database.write_now(fill, "0001")
        migrate(database)
    (copy,) = (tmp_path / "backups").iterdir()
    with closing(sqlite3.connect(copy)) as saved:
        assert saved.execute("SELECT version_num FROM alembic_version").fetchone() == ("0001",)
        assert saved.execute("SELECT slug FROM products ORDER BY seq").fetchall() == [("old",), ("größe",)]


@pytest.mark.parametrize("revision", ROWS)
def test_killed_before_any_statement_the_next_start_completes(open_old: Callable[[str], Opener], revision: str) -> None:
    open_copy = open_old(revision)
    step = 1 if open_copy().inline else 5  # PostgreSQL makes a database for each: not in every run all of them
    for number in range(1, 1000, step):
        database = open_copy()
        where = str(database.file or database.engine.url.render_as_string(hide_password=False))
        process = FORKS.Process(target=migrate_and_die, args=(where, number))
        process.start()
        process.join()
        if process.exitcode == 0:
            break
        assert process.exitcode == -signal.SIGKILL
        assert current_revision(database) == revision
        assert database.read_now(kept, revision) == ROWS[revision]
        migrate(database)
        assert database.read_now(kept, revision) == ROWS[revision]
        database.close()
    assert current_revision(database) == head_revision()
    assert number > 20


def migrate_and_die(where: str, number: int) -> None:
    """Killed before the statement of this number; returns when there are fewer."""
    is_url = where.startswith("postgresql")
    database = open_url(where.replace("+psycopg", "")) if is_url else open_sqlite(Path(where))
    seen = 0

    def count(*_arguments: Any) -> None:
        nonlocal seen
        seen += 1
        if seen == number:
            os.kill(os.getpid(), signal.SIGKILL)

    listen(database.engine, "before_cursor_execute", count)
    migrate(database)
