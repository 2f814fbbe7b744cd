"""What the journeys through a browser start from. A module may have a `browser` of its own, beside a server that it fills."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser as Chromium

from tests.support.browser import Browser, chromium, watched
from tests.support.server import FenfaServer, fenfa_server


@pytest.fixture(scope="module")
def engine() -> Iterator[Chromium]:
    with chromium() as started:
        yield started


@pytest.fixture
def server(tmp_path: Path) -> Iterator[FenfaServer]:
    """On its first run. A module may have a `server` of its own, for all of its tests."""
    with fenfa_server(tmp_path) as started:
        yield started


@pytest.fixture
def browser(engine: Chromium, server: FenfaServer) -> Iterator[Browser]:
    with watched(engine, server.url) as opened:
        yield opened
