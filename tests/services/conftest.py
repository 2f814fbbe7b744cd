"""What the tests of the services start from: a bench (database, files, clock) on both engines, and rows on it."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from fenfa.db.engine import Database
from fenfa.inspectors.base import Distant, PackageInfo
from fenfa.runtime import Runtime
from fenfa.vocabulary import Platform, file_type
from tests.services.shop import Shop
from tests.support.client import Clock, make_runtime


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def bench(database: Database, tmp_path: Path, clock: Clock) -> Runtime:
    """What packages say is the inspectors' matter: here every file is a package that says next to nothing."""
    return replace(make_runtime(tmp_path / "data", clock, database=database), inspect=say_little)


def say_little(_file: Path | Distant, file_name: str) -> PackageInfo:
    return PackageInfo(file_type(file_name), Platform.LINUX)


@pytest.fixture
def shop(bench: Runtime) -> Iterator[Shop]:
    """One open write transaction, rolled back never: what a test writes it can read."""
    with bench.database.writing() as connection:
        yield Shop(connection, bench)
