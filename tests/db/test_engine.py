"""The seam: what a unit of work may rely on, on both engines."""

import asyncio
import multiprocessing
import sqlite3
import threading
from collections.abc import Callable
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, delete, event, func, insert, select, text, update
from sqlalchemy.exc import IntegrityError, ProgrammingError

from fenfa.db.engine import Database, open_database, open_sqlite, open_url
from fenfa.db.tables import settings, variants
from fenfa.errors import ConfigInvalid, Conflict, NotFound, StorageFull, Unavailable
from fenfa.services.products import create_product
from fenfa.services.variants import create_variant


def put(connection: Connection, name: str, value: Any = 1) -> None:
    connection.execute(insert(settings).values(name=name, value=value, updated_at=""))


def put_and_fail(connection: Connection, name: str) -> None:
    put(connection, name)
    raise ValueError("after the statement")


def names(connection: Connection) -> list[str]:
    return list(connection.scalars(select(settings.c.name).order_by(settings.c.name)))


def count(connection: Connection) -> int:
    return int(connection.scalar(select(func.count()).select_from(settings)) or 0)


def test_write_commits(database: Database) -> None:
    database.write_now(put, "a")
    asyncio.run(database.write(put, name="b"))
    assert database.read_now(names) == asyncio.run(database.read(names)) == ["a", "b"]


def test_error_rolls_back(database: Database) -> None:
    with pytest.raises(ValueError, match="after the statement"):
        database.write_now(put_and_fail, "a")
    with pytest.raises(ValueError, match="after the statement"):
        asyncio.run(database.write(put_and_fail, "b"))
    database.write_now(put, "c")
    assert database.read_now(names) == ["c"]


def test_read_sees_one_moment_and_writes_nothing(database: Database) -> None:
    if not database.inline:  # PostgreSQL reads what is committed, statement by statement
        assert database.read_now(names) == []
        return
    with database.reading() as connection:
        assert names(connection) == []
        database.write_now(put, "a")
        assert names(connection) == []
    assert database.read_now(names) == ["a"]


def test_json_keeps_its_letters(database: Database) -> None:
    value = {"ü": ["日本", 1.5, None, True, {"deep": "\u2028"}]}
    database.write_now(put, "a", value)
    assert database.read_now(lambda connection: connection.scalar(select(settings.c.value))) == value


def test_same_row_twice_is_a_conflict(database: Database) -> None:
    database.write_now(put, "a")
    with pytest.raises(Conflict, match="at the same moment"):
        database.write_now(put, "a")


def test_row_without_its_owner_is_a_conflict(database: Database) -> None:
    values = {"id": "var_1", "app_id": "app_1", "product_id": "prd_nobody", "created_at": "", "updated_at": ""}
    with pytest.raises(Conflict):
        database.write_now(lambda connection: connection.execute(insert(variants).values(values)))


def test_missing_value_is_our_own_fault(database: Database) -> None:
    with pytest.raises(IntegrityError):
        database.write_now(lambda connection: connection.execute(insert(settings).values(name="a", value=1)))


def test_failed_commit_is_an_error(database: Database) -> None:
    """A deferred constraint fails at COMMIT, when every statement has succeeded."""

    def prepare(connection: Connection) -> None:
        connection.execute(text("CREATE TABLE owner (id INTEGER PRIMARY KEY)"))
        owned = "CREATE TABLE owned (id INTEGER REFERENCES owner (id) DEFERRABLE INITIALLY DEFERRED)"
        connection.execute(text(owned))

    def orphan(connection: Connection) -> None:
        connection.execute(text("INSERT INTO owned VALUES (7)"))

    database.write_now(prepare)
    with pytest.raises(Conflict):
        database.write_now(orphan)
    with pytest.raises(Conflict):
        asyncio.run(database.write(orphan))
    database.write_now(put, "a")
    assert database.read_now(lambda connection: connection.scalar(text("SELECT count(*) FROM owned"))) == 0


def test_writers_wait_for_each_other(database: Database) -> None:
    database.write_now(put, "sum", 0)

    def add(connection: Connection) -> None:
        value: Any = connection.scalar(select(settings.c.value).where(settings.c.name == "sum").with_for_update())
        connection.execute(update(settings).where(settings.c.name == "sum").values(value=value + 1))

    threads = [threading.Thread(target=lambda: [database.write_now(add) for _ in range(25)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert database.read_now(lambda connection: connection.scalar(select(settings.c.value))) == 100


def test_many_slow_readers_hold_nobody_up(database: Database) -> None:
    with ExitStack() as stack:
        for _ in range(20):
            stack.enter_context(database.reading()).execute(select(settings)).all()
        database.write_now(put, "a")
        assert database.read_now(count) == 1


def test_units_run_together(database: Database) -> None:
    async def all_at_once() -> None:
        await asyncio.gather(
            *(database.write(put, str(n)) for n in range(40)), *(database.read(count) for _ in range(40))
        )

    asyncio.run(all_at_once())
    assert database.read_now(count) == 40


def test_sqlite_is_durable_and_strict(tmp_path: Path) -> None:
    with closing(open_sqlite(tmp_path / "deep" / "er" / "a ?#%é.db")) as database, database.reading() as connection:
        pragmas = {name: connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in PRAGMAS}
    assert pragmas == PRAGMAS
    assert [path.name for path in (tmp_path / "deep" / "er").glob("*.db")] == ["a ?#%é.db"]


PRAGMAS = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 5000}


def sqlite_with_short_patience(file: Path) -> Database:
    database = open_sqlite(file)
    database.engine.dispose()
    event.listen(database.engine, "connect", lambda connection, _: connection.execute("PRAGMA busy_timeout=20"))
    return database


@pytest.fixture
def file(tmp_path: Path, sqlite_template: Path) -> Path:
    copy = tmp_path / "fenfa.db"
    copy.write_bytes(sqlite_template.read_bytes())
    return copy


def test_locked_database_is_unavailable(file: Path) -> None:
    with closing(sqlite_with_short_patience(file)) as database, closing(sqlite3.connect(file)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(Unavailable, match="the database does not answer") as refused:
            database.write_now(put, "a")
        assert refused.value.retry_after == 5
        with pytest.raises(Unavailable):
            asyncio.run(database.write(put, "a"))
        assert database.read_now(names) == []
        other.rollback()
        asyncio.run(database.write(put, "a"))


def test_full_database_is_storage_full(file: Path) -> None:
    with closing(open_sqlite(file)) as database:

        def fill(connection: Connection) -> None:
            connection.exec_driver_sql("PRAGMA max_page_count = 1")
            put(connection, "big", "x" * 1_000_000)

        with pytest.raises(StorageFull, match="the disk of the database is full"):
            database.write_now(fill)
        assert database.read_now(names) == []


def test_vanished_table_is_no_empty_list(database: Database) -> None:
    """A database error is never an empty answer."""
    database.write_now(lambda connection: connection.execute(text("DROP TABLE settings")))
    with pytest.raises((Unavailable, ProgrammingError)):
        database.read_now(names)


def commit_elsewhere(file: Path, done: Any) -> None:
    with closing(open_sqlite(file)) as database:
        database.write_now(put, "elsewhere")
    done.set()


def test_change_mark_moves_with_commits_of_any_process(file: Path) -> None:
    context = multiprocessing.get_context("spawn")
    done = context.Event()
    with closing(open_sqlite(file)) as database:
        marks = [database.change_mark()]
        database.read_now(names)
        with pytest.raises(ValueError, match="after the statement"):
            database.write_now(put_and_fail, "a")
        assert database.change_mark() == marks[0]
        database.write_now(put, "here")
        marks.append(database.change_mark())
        other = context.Process(target=commit_elsewhere, args=(file, done))
        other.start()
        assert done.wait(30)
        marks.append(database.change_mark())
        other.join()
        asyncio.run(database.write(put, "inline"))
        marks.append(database.change_mark())
    assert len(set(marks)) == 4


@pytest.mark.postgresql
def test_postgresql_has_no_change_mark_at_once(postgresql: Any) -> None:
    with closing(postgresql.fresh()) as database:
        assert database.change_mark() is None
        assert not database.inline


@pytest.mark.postgresql
def test_postgresql_that_drops_the_connection_is_unavailable_once(postgresql: Any) -> None:
    def kill(connection: Connection) -> None:
        pid = connection.scalar(text("SELECT pg_backend_pid()"))
        with closing(postgresql.fresh()) as other:
            other.read_now(lambda c: c.execute(text(f"SELECT pg_terminate_backend({pid})")))
        names(connection)

    with closing(postgresql.fresh()) as database:
        with pytest.raises(Unavailable):
            database.read_now(kill)
        assert database.read_now(names) == []


@pytest.mark.postgresql
def test_a_unit_that_outlives_the_database_ends_its_connection(postgresql: Any) -> None:
    database = postgresql.fresh()
    with database.engine.connect() as connection:
        driver: Any = connection.connection.driver_connection
        database.close()
        assert not driver.closed
    assert driver.closed


def test_server_that_is_not_there_is_unavailable(tmp_path: Path) -> None:
    with closing(open_url(f"postgresql://postgres@/fenfa?host={tmp_path}")) as database, pytest.raises(Unavailable):
        database.read_now(names)


def test_delete_of_an_owner_takes_what_hangs_on_it(open_database: Callable[[], Database]) -> None:
    with closing(open_database()) as database, database.writing() as connection:
        product = create_product(connection, "", {"name": "A"})
        create_variant(connection, "", product, {"platform": "ios"})
        connection.execute(delete(variants.metadata.tables["products"]))
        assert connection.scalar(select(func.count()).select_from(variants)) == 0


def test_what_no_column_can_hold_is_found_nowhere(database: Database) -> None:
    def find(connection: Connection) -> object:
        return connection.execute(text("SELECT name FROM products WHERE id = :id"), {"id": "prd_\0"}).first()

    if database.inline:
        assert database.read_now(find) is None
    else:
        with pytest.raises(NotFound, match="not found"):
            database.read_now(find)


def test_a_missing_table_is_unavailable(database: Database) -> None:
    with pytest.raises(Unavailable, match="does not answer"):
        database.read_now(lambda connection: connection.execute(text("SELECT 1 FROM nowhere")))


@pytest.mark.parametrize("url", ["mysql://x/y", "fenfa.db", "postgresql:/x"])
def test_other_databases_are_refused(url: str) -> None:
    with pytest.raises(ConfigInvalid, match="must begin with postgresql://"):
        open_database(url, Path("fenfa.db"))
