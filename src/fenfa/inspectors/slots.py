"""At most two readers at once, whichever processes start them: a slot is a locked file in a folder that all of them share.

The lock belongs to the open file, not to the process that opened it. So a child that inherits it holds the slot too, and the
kernel frees it when the last of them is gone, however that came about.
"""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

MOST = 2
_PAUSE = 0.01


@contextmanager
def taken(folder: Path) -> Iterator[int]:
    """A slot, as a file descriptor to pass on. Blocks until one is free; who waits longest gets it, asleep until it is first
    in the queue."""
    folder.mkdir(exist_ok=True, mode=0o750)
    with _opened(folder / "queue") as queue:
        fcntl.flock(queue, fcntl.LOCK_EX)
        slot = _first_free([folder / f"slot-{number}" for number in range(MOST)])
    try:
        yield slot
    finally:
        os.close(slot)


def count_taken(folder: Path) -> int:
    """How many slots are taken at this moment."""
    paths = [path for number in range(MOST) if (path := folder / f"slot-{number}").exists()]
    return sum(not _is_free(path) for path in paths)


def _is_free(path: Path) -> bool:
    slot = _locked(path)
    if slot is not None:
        os.close(slot)
    return slot is not None


def _first_free(paths: list[Path]) -> int:
    """The kernel waits for one lock, not for either of two; hence the pauses, of the first in the queue alone."""
    while True:
        for path in paths:
            slot = _locked(path)
            if slot is not None:
                return slot
        time.sleep(_PAUSE)


def _locked(path: Path) -> int | None:
    slot = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(slot, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(slot)
        return None
    return slot


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        yield descriptor
    finally:
        os.close(descriptor)
