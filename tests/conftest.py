"""Fixtures for every room."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from fenfa.db.engine import Database, open_sqlite
from tests.inspectors.scores import pytest_terminal_summary, score  # noqa: F401 -- a hook and a fixture
from tests.support.client import AppClient, running
from tests.support.hostile import make_hostile
from tests.support.postgresql import PostgreSQL, shared_postgresql
from tests.support.seaweedfs import SeaweedFS, shared_seaweedfs
from tests.support.sqlite import migrated_file

settings.register_profile("repeatable", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("repeatable")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """So that no process is left alone with a long one when the others have ended."""
    items.sort(key=lambda item: "long" not in item.keywords)


@pytest.fixture
def client(tmp_path: Path) -> Iterator[AppClient]:
    """A fresh application with an empty data folder."""
    with running(tmp_path / "data") as started:
        yield started


@pytest.fixture(scope="session")
def hostile(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """The folder of the files that are made to break a reader; all test processes of a run share it."""
    base = tmp_path_factory.getbasetemp()
    folder = (base if worker_id == "master" else base.parent) / "hostile"
    make_hostile(folder)
    return folder


@pytest.fixture(scope="session")
def postgresql() -> PostgreSQL:
    """One server for the session; tests that use it carry the mark `postgresql`."""
    return shared_postgresql()


@pytest.fixture(scope="session")
def seaweedfs() -> SeaweedFS:
    """One object store for the session."""
    return shared_seaweedfs()


@pytest.fixture(scope="session")
def sqlite_template() -> Path:
    """A migrated SQLite file to copy."""
    return migrated_file()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def open_database(
    request: pytest.FixtureRequest, tmp_path: Path, sqlite_template: Path
) -> Iterator[Callable[[], Database]]:
    """Opens a fresh, migrated database, once on each engine."""
    with ExitStack() as stack:

        def open_fresh() -> Database:
            if request.param == "postgresql":
                return stack.enter_context(shared_postgresql().lent())
            return open_sqlite(Path(shutil.copy(sqlite_template, tmp_path / "fenfa.db")))

        yield open_fresh


@pytest.fixture
def database(open_database: Callable[[], Database]) -> Iterator[Database]:
    """A migrated database without rows, once on each engine."""
    opened = open_database()
    yield opened
    opened.close()
