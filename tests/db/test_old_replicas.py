"""R19: servers of the version before serve on while and after a newer one migrates: from 0006 on, a step only adds."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from itertools import count, pairwise
from pathlib import Path
from typing import Any

import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, MetaData, Table, insert, select, update

from fenfa.db.engine import Database, open_sqlite
from fenfa.db.migrate import MIGRATIONS, head_revision, migrate, upgrade
from tests.support.golden import ROWS
from tests.support.postgresql import PostgreSQL
from tests.support.server import run_fenfa

REVISIONS = sorted(script.revision for script in ScriptDirectory(str(MIGRATIONS)).walk_revisions())
SINCE = "0006"
STEPS = [(old, new) for old, new in pairwise(REVISIONS) if old >= SINCE]


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    server = request.getfixturevalue("postgresql") if request.param == "postgresql" else None
    with closing(server.empty() if server else open_sqlite(tmp_path / "fenfa.db")) as database:
        yield database


def tables_at(connection: Connection, revision: str) -> dict[str, Table]:
    """After the steps to this revision: what a server of that version knows."""
    upgrade(connection, revision)
    known = MetaData()
    known.reflect(connection)
    return dict(known.tables)


def uniques_of(table: Table) -> set[tuple[str, ...]]:
    """Every set of columns that must differ from row to row."""
    named = [constraint.columns.keys() for constraint in table.constraints if hasattr(constraint, "columns")]
    indexed = [index.columns.keys() for index in table.indexes if index.unique]
    return {tuple(columns) for columns in (*named, *indexed)}


def taken_away(old: Table, new: Table) -> Iterator[str]:
    """What a server that knows `old` would miss in `new`, or would have to say and does not."""
    for column in old.columns:
        now = new.columns.get(column.name)
        if now is None or str(now.type) != str(column.type) or (column.nullable and not now.nullable):
            yield f"{column} is not what it was"
    for column in new.columns:
        if column.name not in old.columns and not column.nullable and column.server_default is None:
            yield f"{column} must be given"
    for columns in uniques_of(new) - uniques_of(old):
        if set(columns) & set(old.columns.keys()):
            yield f"{new.name}: {columns} is bound now"


@pytest.mark.parametrize(("old", "new"), STEPS)
def test_a_step_only_adds(empty: Database, old: str, new: str) -> None:
    before, after = (empty.write_now(tables_at, revision) for revision in (old, new))
    assert set(before) <= set(after)
    assert [missing for name, table in before.items() for missing in taken_away(table, after[name])] == []


def golden_rows() -> dict[str, list[dict[str, Any]]]:
    """Of the newest version that has any: rows as its server writes them."""
    return ROWS[max(revision for revision in ROWS)]


def write_rows(connection: Connection, known: dict[str, Table]) -> None:
    for name, rows in golden_rows().items():
        connection.execute(insert(known[name]), rows)


def read_rows(connection: Connection, known: dict[str, Table]) -> dict[str, list[dict[str, Any]]]:
    found = {}
    for name, rows in golden_rows().items():
        columns = [known[name].c[column] for column in rows[0]]
        first = next(iter(known[name].primary_key.columns))
        found[name] = [dict(row) for row in connection.execute(select(*columns).order_by(first)).mappings()]
    return found


@pytest.mark.parametrize("old", [revision for revision in REVISIONS if SINCE <= revision < REVISIONS[-1]])
def test_a_server_of_before_reads_writes_and_changes_on(empty: Database, old: str) -> None:
    """Through the tables as it knows them, on the schema of now."""
    known = empty.write_now(tables_at, old)
    assert migrate(empty)
    empty.write_now(write_rows, known)
    assert empty.read_now(read_rows, known) == golden_rows()
    changed = update(known["products"]).values(name="changed")
    assert empty.write_now(lambda connection: connection.execute(changed).rowcount) == 2


@pytest.mark.postgresql
def test_requests_of_before_go_on_while_a_newer_server_migrates(postgresql: PostgreSQL) -> None:
    with closing(postgresql.empty()) as database:
        known = database.write_now(tables_at, SINCE)
        written: list[str] = []
        got_on, over = threading.Semaphore(0), threading.Event()

        def note(connection: Connection, target: str) -> None:
            row = {"ts": "", "actor": "", "action": "", "target": target, "detail": {}}
            connection.execute(insert(known["audit"]), row)

        def serve(name: str) -> None:
            for number in count():
                if over.is_set():
                    return
                database.write_now(note, f"{name} {number}")
                database.read_now(read_rows, known)
                written.append(f"{name} {number}")
                got_on.release()

        with ThreadPoolExecutor(4) as pool:
            servers = [pool.submit(serve, str(number)) for number in range(4)]
            assert all(got_on.acquire(timeout=20) for _ in range(20))
            said = migrate(database)
            assert all(got_on.acquire(timeout=20) for _ in range(20))
            over.set()
            for server in servers:
                server.result()
        assert said == [f"brought the database from {SINCE} to {head_revision()}"]
        targets = select(known["audit"].c.target)
        assert sorted(database.read_now(lambda connection: connection.scalars(targets).all())) == sorted(written)


@pytest.mark.journey
@pytest.mark.postgresql
def test_servers_that_start_at_once_migrate_once(postgresql: PostgreSQL, tmp_path: Path) -> None:
    url = postgresql.durable()

    def start(number: int) -> str:
        folder = tmp_path / str(number)
        folder.mkdir()
        done = run_fenfa(folder, "migrate", database_url=url)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    with ThreadPoolExecutor(3) as pool:
        said = sorted(pool.map(start, range(3)))
    head = head_revision()
    assert said == [f"brought the database from nothing to {head}", *[f"the database is at {head} already"] * 2]
