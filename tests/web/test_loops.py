"""What is called at once, and what in its turn."""

import threading
from collections.abc import Iterator

import pytest

from fenfa.web.loops import AtOnce, Loop


@pytest.fixture
def loop() -> Iterator[Loop]:
    loop = Loop()
    yield loop
    loop.close()


@pytest.mark.parametrize("method", ["call_soon", "call_soon_threadsafe"])
def test_callback_that_needs_no_turn_is_called_by_whoever_tells_of_it(loop: Loop, method: str) -> None:
    heard: list[tuple[str, int]] = []
    tell = AtOnce(lambda word: heard.append((word, threading.get_ident())))
    thread = threading.Thread(target=getattr(loop, method), args=(tell, "here"))
    thread.start()
    identity = thread.ident
    thread.join()
    assert heard == [("here", identity)]


@pytest.mark.parametrize("method", ["call_soon", "call_soon_threadsafe"])
def test_any_other_callback_waits_for_its_turn(loop: Loop, method: str) -> None:
    heard: list[str] = []
    getattr(loop, method)(heard.append, "later")
    loop.call_soon(loop.stop)
    assert not heard
    loop.run_forever()
    assert heard == ["later"]
