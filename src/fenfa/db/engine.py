"""The database: SQLite (WAL) or PostgreSQL, and the one seam that decides where a query runs.

On SQLite a unit of work runs inline on the event loop (a thread costs seven times as much as the query); on PostgreSQL the same
function runs in a bounded thread pool. Units are plain functions whose first argument is a connection inside a transaction;
`write` commits when the unit returns and rolls back when it raises.
"""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

from pydantic_core import from_json, to_json
from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, OperationalError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolExhausted

from fenfa.db.retries import repeated
from fenfa.db.snapshots import Snapshots
from fenfa.errors import Collided, ConfigInvalid, DatabaseUnreachable, FenfaError, NotFound, StorageFull, Unavailable

P = ParamSpec("P")
T = TypeVar("T")
Unit = Callable[Concatenate[Connection, P], T]
Mark = int | bytes

_PRAGMAS = ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=5000", "cache_size=-8000")
_THREADS = 16
_POSTGRESQL = {"statement_timeout": "60s", "lock_timeout": "20s", "idle_in_transaction_session_timeout": "10min"}
_ALIVE = {"keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3, "tcp_user_timeout": 25_000}
"""A machine that vanished, as in a failover, is missed within half a minute; the kernel alone takes a quarter of an hour."""
_NO_TABLE = "42P01"
_COLLISIONS = frozenset(
    {"SQLITE_CONSTRAINT_UNIQUE", "SQLITE_CONSTRAINT_PRIMARYKEY", "SQLITE_CONSTRAINT_FOREIGNKEY", "23505", "23503"}
)
_JSON: dict[str, Any] = {"json_deserializer": from_json, "json_serializer": lambda value: to_json(value).decode()}


class Database:
    """One open database. Open it with `open_database`."""

    def __init__(self, engine: Engine, file: Path | None = None, snapshots: Snapshots | None = None) -> None:
        self.engine = engine
        self.file = file
        self._writer = engine.execution_options(fenfa_begin="BEGIN IMMEDIATE")
        self._single = engine.execution_options(fenfa_begin="")
        self._kept: dict[Engine, Connection] = {}  # those of the event loop: making one costs as much as a query
        self._watcher = _watch(file) if file else None
        self._snapshots = snapshots

    @property
    def inline(self) -> bool:
        return self.engine.dialect.name == "sqlite"

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        with _translated(), self.engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        with _translated(), self._writer.begin() as connection:
            yield connection

    def read_now(self, unit: Unit[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        if self.inline:
            with self.reading() as connection:
                return unit(connection, *args, **kwargs)
        with _translated():
            return repeated(lambda: self._read_once(lambda connection: unit(connection, *args, **kwargs)))

    def write_now(self, unit: Unit[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """The unit may run again where its transaction certainly came to nothing, see `fenfa.db.retries`."""
        if self.inline:
            with self.writing() as connection:
                return unit(connection, *args, **kwargs)
        with _translated():
            return repeated(lambda: self._write_once(lambda connection: unit(connection, *args, **kwargs)))

    def _read_once(self, call: Callable[[Connection], T]) -> T:
        with self.engine.connect() as connection:
            return call(connection)

    def _write_once(self, call: Callable[[Connection], T]) -> T:
        with self._writer.connect() as connection, connection.begin() as transaction:
            result = call(connection)
            with _translated():  # nobody knows what became of a COMMIT that failed: no more to be repeated
                transaction.commit()
            return result

    async def read(self, unit: Unit[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        if self.inline:
            return self._run_inline(self.engine, lambda connection: unit(connection, *args, **kwargs))
        return await self._in_thread(lambda: self.read_now(unit, *args, **kwargs))

    async def read_one(self, unit: Unit[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """For units of one statement, which is a snapshot by itself: no BEGIN, no ROLLBACK."""
        if self.inline:
            return self.read_one_inline(unit, *args, **kwargs)
        return await self.read(unit, *args, **kwargs)

    def read_one_inline(self, unit: Unit[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """The same on the event loop, where the engine is `inline`."""
        return self._run_inline(self._single, lambda connection: unit(connection, *args, **kwargs))

    async def write(self, unit: Unit[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        if self.inline:
            return self._run_inline(self._writer, lambda connection: unit(connection, *args, **kwargs))
        return await self._in_thread(lambda: self.write_now(unit, *args, **kwargs))

    def _run_inline(self, engine: Engine, call: Callable[[Connection], T]) -> T:
        with _translated():
            connection = self._kept.pop(engine, None) or engine.connect()
            try:
                with connection.begin():
                    return call(connection)
            finally:
                self._keep(engine, connection)

    def _keep(self, engine: Engine, connection: Connection) -> None:
        if engine in self._kept or connection.invalidated or _is_open(connection):
            connection.close()
        else:
            self._kept[engine] = connection

    async def _in_thread(self, call: Callable[[], T]) -> T:
        from anyio import CapacityLimiter, to_thread

        if not hasattr(self, "_limiter"):
            self._limiter = CapacityLimiter(_THREADS)
        return await to_thread.run_sync(call, limiter=self._limiter)

    def change_mark(self) -> Mark | None:
        """What differs after any commit by any process; None where that takes waiting."""
        if self._watcher is None:
            return None
        return int(self._watcher.execute("PRAGMA data_version").fetchone()[0])

    async def awaited_mark(self) -> Mark | None:
        """The same on either engine, as of a moment after the call; None where nobody knows (then ask the rows)."""
        return await self._snapshots.current() if self._snapshots else self.change_mark()

    def close(self) -> None:
        if self._snapshots is not None:
            self._snapshots.close()
        if self._watcher is not None:
            self._watcher.close()
        for connection in self._kept.values():
            connection.close()
        self._kept.clear()
        event.listen(self.engine.pool, "checkin", _end_returned)
        self.engine.dispose()


def open_sqlite(file: Path) -> Database:
    file.parent.mkdir(parents=True, exist_ok=True)
    url = URL.create("sqlite", database=str(file))
    # a slow export holds its connection for long: without a bound on them, nobody waits for it
    # the one that was used last is used first, so that not every connection of the pool fills its cache with the same pages
    pool: dict[str, Any] = {"max_overflow": -1, "pool_use_lifo": True}
    engine = create_engine(url, connect_args={"check_same_thread": False, "timeout": 5}, **pool, **_JSON)
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    with _translated(), engine.connect():
        return Database(engine, file)


def open_database(url: str, file: Path) -> Database:
    """The database at this URL, or the SQLite file where there is none."""
    return open_url(url) if url else open_sqlite(file)


def open_url(url: str) -> Database:
    """`postgresql://…`, through psycopg 3. Raises ConfigInvalid for any other, and where psycopg is not installed."""
    if not url.startswith(("postgresql://", "postgres://")):
        raise ConfigInvalid("FENFA_DATABASE_URL must begin with postgresql://; leave it empty for SQLite")
    if find_spec("psycopg") is None:
        raise ConfigInvalid("PostgreSQL needs its driver: pip install 'fenfa[postgresql]'")
    address = "postgresql+psycopg://" + url.partition("://")[2]
    settings = " ".join(f"-c {name}={value}" for name, value in _POSTGRESQL.items())
    options = {"options": settings, "connect_timeout": 5, **_ALIVE}
    engine = create_engine(address, pool_pre_ping=True, pool_size=_THREADS, connect_args=options, **_JSON)
    return Database(engine, snapshots=Snapshots(url))


def _end_returned(_connection: Any, record: Any) -> None:
    """Of a unit that outlived its database, in the thread of a request that was cut off."""
    record.close()


def _watch(file: Path) -> sqlite3.Connection:
    return sqlite3.connect(file, isolation_level=None, check_same_thread=False)


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # we say BEGIN ourselves: the driver would begin too late and never IMMEDIATE
    for pragma in _PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    begin = connection.get_execution_options().get("fenfa_begin", "BEGIN")
    driver: Any = (
        connection.connection.dbapi_connection
    )  # asked directly: an eighth of the cost of a statement's ceremony
    if begin:
        driver.execute(begin)


def _is_open(connection: Connection) -> bool:
    """Whether the driver is still in a transaction, as after a commit that failed; closing rolls it back."""
    driver: Any = connection.connection.dbapi_connection
    return bool(driver.in_transaction)


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except (OperationalError, sqlite3.OperationalError, PoolExhausted) as error:
        raise _unavailable(error) from error
    except ProgrammingError as error:
        if _kind(error) != _NO_TABLE:
            raise
        raise _unavailable(error) from error
    except DataError as error:  # a value that no column can hold, such as a NUL in an ID
        raise NotFound("not found") from error
    except IntegrityError as error:
        if _kind(error) not in _COLLISIONS:
            raise
        raise Collided("another request changed the same thing at the same moment; try again") from error


def _unavailable(error: Exception) -> FenfaError:
    said = str(getattr(error, "orig", error))
    if "full" in said or "No space left" in said:
        return StorageFull("the disk of the database is full; free some space and try again")
    is_here = isinstance(getattr(error, "orig", error), sqlite3.Error)
    return (Unavailable if is_here else DatabaseUnreachable)("the database does not answer; try again in a moment")


def _kind(error: DBAPIError) -> str:
    """What the driver calls it: a name of SQLite or a SQLSTATE."""
    return str(getattr(error.orig, "sqlite_errorname", None) or getattr(error.orig, "sqlstate", ""))
