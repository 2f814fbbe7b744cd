"""What PostgreSQL's state is called: the same until anybody commits, and nothing where the server does not answer."""

import asyncio
from collections.abc import Iterator

import pytest
from sqlalchemy import insert

from fenfa.db.engine import Database
from fenfa.db.snapshots import Snapshots
from fenfa.db.tables import settings
from tests.support.postgresql import PostgreSQL, running_postgresql

pytestmark = pytest.mark.postgresql


def commit(database: Database, name: str) -> None:
    database.write_now(lambda c: c.execute(insert(settings).values(name=name, value=1, updated_at="")))


@pytest.fixture
def database(postgresql: PostgreSQL) -> Iterator[Database]:
    opened = postgresql.fresh()
    yield opened
    opened.close()


def url_of(database: Database) -> str:
    return database.engine.url.render_as_string(hide_password=False).replace("+psycopg", "")


def test_it_moves_with_every_commit_and_with_nothing_else(database: Database) -> None:
    async def ask() -> None:
        snapshots = Snapshots(url_of(database))
        await snapshots.connect()
        seen = []
        for number in range(3):
            first = await snapshots.current()
            database.read_now(lambda c: c.exec_driver_sql("SELECT count(*) FROM settings").scalar())
            assert await snapshots.current() == first
            commit(database, str(number))
            seen.append(first)
        assert len(set(seen)) == 3
        assert None not in seen
        snapshots.close()

    asyncio.run(ask())


def test_whoever_asks_meanwhile_hears_of_what_was_committed_before(database: Database) -> None:
    async def ask() -> None:
        snapshots = Snapshots(url_of(database))
        await snapshots.connect()
        before = asyncio.create_task(snapshots.current())
        while snapshots._asked is None:
            await asyncio.sleep(0)
        commit(database, "a")
        after = await asyncio.gather(*(snapshots.current() for _ in range(5)))
        assert len({await before, *after}) == 2
        assert len(set(after)) == 1
        snapshots.close()

    asyncio.run(ask())


def test_whoever_gives_up_takes_the_answer_from_nobody(database: Database) -> None:
    async def ask() -> None:
        snapshots = Snapshots(url_of(database))
        await snapshots.connect()
        first, second = (asyncio.create_task(snapshots.current()) for _ in range(2))
        await asyncio.sleep(0)
        first.cancel()
        assert await second is not None
        snapshots.close()

    asyncio.run(ask())


def test_nobody_waits_for_a_server_that_is_away() -> None:
    async def ask(server: PostgreSQL, database: Database) -> None:
        assert await database.awaited_mark() is None  # the connection is being made
        while await database.awaited_mark() is None:
            await asyncio.sleep(0)
        server.stop_hard()
        assert await database.awaited_mark() is None
        server.start()
        while await database.awaited_mark() is None:
            await asyncio.sleep(0)
        database.close()

    with running_postgresql() as server:
        asyncio.run(ask(server, server.fresh()))
