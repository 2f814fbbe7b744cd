"""An App Store Connect of our own, for whoever asks for it; and which tests are the contract suite."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.app_store import Account, AppStore, app_store, make_account
from tests.support.client import Clock

HERE = Path(__file__).parent
CONTRACT = (
    *("api/", "test_matrix.py", "test_envelope.py", "test_cache.py", "test_resumable.py"),
    *(f"public/test_{name}.py" for name in ("calendar", "catalog", "downloads", "manifest", "objects", "registration")),
)
"""What the routes promise to those who call them; `make test-matrix` runs it on each pair of database and storage, `make test`
on SQLite with a disk and on PostgreSQL with a bucket."""

BEFORE_ENGINES = ("bad_field", "bounds", "malformed", "refused", "that_are_none", "unknown_paths", "wrong_methods")
"""Words in the names of tests of what is refused before any database or storage is asked: one pair is enough for them."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        inside = item.path.is_relative_to(HERE) and str(item.path.relative_to(HERE)).startswith(CONTRACT)
        if inside and not any(word in item.name.partition("[")[0] for word in BEFORE_ENGINES):
            item.add_marker("contract")


@pytest.fixture
def account() -> Account:
    return make_account()


@pytest.fixture
def store(account: Account) -> Iterator[AppStore]:
    with app_store(account, clock=Clock()) as started:
        yield started
