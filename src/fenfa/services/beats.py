"""A sign of life while work lasts, so that others know when its process is gone."""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from fenfa.errors import FenfaError

log = logging.getLogger("fenfa.beats")


@contextmanager
def beating(seconds: float, beat: Callable[[], object], name: str) -> Iterator[None]:
    """Calls `beat` every so many seconds as long as the block takes, in a thread of its own."""
    over = threading.Event()

    def beat_on() -> None:
        while not over.wait(seconds):
            try:
                beat()
            except FenfaError as error:  # the next one comes soon enough
                log.warning("heartbeat failed", exc_info=error, extra={"route": name})

    thread = threading.Thread(target=beat_on, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
