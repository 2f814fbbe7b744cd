"""Fixtures for every room."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.client import AppClient, running


@pytest.fixture
def client(tmp_path: Path) -> Iterator[AppClient]:
    """A fresh application with an empty data folder."""
    with running(tmp_path / "data") as started:
        yield started
