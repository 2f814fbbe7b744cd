"""An App Store Connect of our own, for whoever asks for it."""

from collections.abc import Iterator

import pytest

from tests.support.app_store import Account, AppStore, app_store, make_account
from tests.support.client import Clock


@pytest.fixture
def account() -> Account:
    return make_account()


@pytest.fixture
def store(account: Account) -> Iterator[AppStore]:
    with app_store(account, clock=Clock()) as started:
        yield started
