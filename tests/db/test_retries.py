"""R17: PostgreSQL that ends connections or crashes costs time, never an acknowledged write, and writes nothing twice."""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, suppress
from itertools import count

import pytest
from sqlalchemy import Connection, event, insert, select, text

from fenfa.db.engine import Database
from fenfa.db.tables import audit
from fenfa.errors import Unavailable
from tests.support.postgresql import PostgreSQL

pytestmark = pytest.mark.postgresql


@pytest.fixture
def fresh(postgresql: PostgreSQL) -> Iterator[Database]:
    with closing(postgresql.fresh()) as database:
        database.write_now(_commit_for_good)
        database.engine.dispose()
        yield database


def _commit_for_good(connection: Connection) -> None:
    """The tests' server is allowed to forget what it committed; these tests are about what it must not forget."""
    connection.execute(text(f"ALTER DATABASE {connection.engine.url.database} SET synchronous_commit = on"))


def note(connection: Connection, target: str) -> None:
    row = {"ts": "", "actor": "", "action": "", "target": target, "detail": {}}
    connection.execute(insert(audit).values(row))


def noted(connection: Connection) -> list[str]:
    return list(connection.scalars(select(audit.c.target).order_by(audit.c.seq)))


def test_a_server_that_vanishes_is_missed_within_half_a_minute(fresh: Database) -> None:
    with fresh.reading() as connection:
        said = connection.connection.dbapi_connection.info.get_parameters()  # type: ignore[union-attr]  # of psycopg
    idle, pause, most = (int(said[f"keepalives_{name}"]) for name in ("idle", "interval", "count"))
    assert idle + pause * most <= 30
    assert int(said["tcp_user_timeout"]) <= 30_000


def end_connection(postgresql: PostgreSQL, connection: Connection) -> None:
    pid = connection.connection.dbapi_connection.info.backend_pid  # type: ignore[union-attr]  # of psycopg
    with closing(postgresql.fresh()) as other:
        other.read_now(lambda mine: mine.execute(text(f"SELECT pg_terminate_backend({pid})")))


def test_a_write_whose_connection_ended_before_its_commit_happens_once(postgresql: PostgreSQL, fresh: Database) -> None:
    runs = count()

    def unit(connection: Connection) -> None:
        note(connection, "first")
        if next(runs) == 0:
            end_connection(postgresql, connection)
        note(connection, "second")

    fresh.write_now(unit)
    assert next(runs) == 2
    assert fresh.read_now(noted) == ["first", "second"]


def test_a_commit_that_nobody_knows_of_is_not_repeated(postgresql: PostgreSQL, fresh: Database) -> None:
    runs = count()

    def unit(connection: Connection) -> None:
        next(runs)
        note(connection, "once")

    event.listen(fresh.engine, "commit", lambda connection: end_connection(postgresql, connection), once=True)
    with pytest.raises(Unavailable):
        fresh.write_now(unit)
    assert next(runs) == 1
    assert fresh.read_now(noted) == []


def test_transactions_that_lock_each_other_out_both_happen(fresh: Database) -> None:
    for name in ("a", "b"):
        fresh.write_now(note, name)
    met = threading.Barrier(2)

    def cross(first: str, second: str) -> None:
        tries = count()

        def unit(connection: Connection) -> None:
            lock = text("UPDATE audit SET actor = actor || 'x' WHERE target = :target")
            connection.execute(lock, {"target": first})
            if next(tries) == 0:
                met.wait(20)
            connection.execute(lock, {"target": second})

        fresh.write_now(unit)

    threads = [threading.Thread(target=cross, args=pair) for pair in (("a", "b"), ("b", "a"))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(fresh.read_now(lambda connection: list(connection.scalars(select(audit.c.actor))))) == {"xx"}


def test_a_server_that_crashes_loses_nothing_acknowledged(postgresql: PostgreSQL, fresh: Database) -> None:
    acknowledged: list[str] = []
    over, got_on = threading.Event(), threading.Semaphore(0)

    def write(name: str) -> None:
        for number in count():
            if over.is_set():
                return
            with suppress(Unavailable):
                fresh.write_now(note, f"{name} {number}")
                acknowledged.append(f"{name} {number}")
                got_on.release()

    threads = [threading.Thread(target=write, args=(str(n),)) for n in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(2):
        assert all(got_on.acquire(timeout=20) for _ in range(40))
        postgresql.stop_hard()
        with pytest.raises(Unavailable) as refused:
            fresh.read_now(noted)
        assert refused.value.retry_after
        while got_on.acquire(blocking=False):
            pass
        postgresql.start()
    assert all(got_on.acquire(timeout=20) for _ in range(40))
    over.set()
    for thread in threads:
        thread.join()
    found = Counter(fresh.read_now(noted))
    assert set(acknowledged) <= set(found)
    assert max(found.values()) == 1
