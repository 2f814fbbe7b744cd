"""Sending a staged file on to its store while it still comes in, so that little is left to do once it is whole.

Nothing depends on it: whatever became of it, `Storage.put` does what is missing.
"""

import logging
from collections.abc import Callable, Iterator
from mmap import mmap
from pathlib import Path
from queue import SimpleQueue
from threading import BoundedSemaphore, Thread

log = logging.getLogger("fenfa.storage")

_AT_ONCE = BoundedSemaphore(4)
"""Of all uploads of this process, these may: each of them holds some parts in memory."""
_GIVEN_UP = -1
_KEPT = 8
"""Buffers of one upload that are used again."""


class _GivenUp(Exception):
    """Nobody wants the object any more; makes the store drop its parts."""


class Early:
    """One file on its way to its object. `reach` and `arrive` are its receiver's, one caller at a time; none of them raises."""

    def __init__(self, store: Callable[[Iterator[memoryview]], None], staged: Path, part: int) -> None:
        """`store` makes the object of pieces of `part` bytes, or leaves nothing where they end in an exception."""
        self._store, self._staged, self._part = store, staged, part
        self._sent = 0
        self._ends: SimpleQueue[int] = SimpleQueue()
        self._thread = Thread(target=self._run, name="early", daemon=True)
        self._thread.start()

    def reach(self, size: int) -> None:
        """So many bytes lie in staging now."""
        while size - self._sent >= self._part:
            self._sent += self._part
            self._ends.put(self._sent)

    def arrive(self, size: int) -> None:
        """Makes the object, of all `size` bytes that there are, unless something went wrong. Blocks."""
        self.reach(size)
        self._ends.put(size)
        self._ends.put(size)
        self._thread.join()

    def give_up(self) -> None:
        """No object is made; without effect on one that was. Does not wait."""
        self._ends.put(_GIVEN_UP)

    def _run(self) -> None:
        try:
            self._store(self._pieces())
        except _GivenUp:
            log.debug("a file is not wanted any more")
        except Exception as error:
            log.info("a file was not sent while it came in: %s", error)
        finally:
            _AT_ONCE.release()

    def _pieces(self) -> Iterator[memoryview]:
        start, memory = 0, _Memory(self._part)
        with self._staged.open("rb", buffering=0) as file:
            while (end := self._ends.get()) > start:
                piece = memory.lend(end - start)
                if file.readinto(piece) != len(piece):  # the rest would be another part's
                    raise EOFError("the staged file ends early")
                yield piece
                del piece
                start = end
        if end == _GIVEN_UP:
            raise _GivenUp


class _Memory:
    """Buffers that are used again once nobody looks at them any more: to get new ones costs many times what filling them does.
    They go back to the system at once, unlike what `bytes` are made of."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._all: list[mmap] = []

    def lend(self, count: int) -> memoryview:
        memory = next(filter(_is_back, self._all), None)
        if memory is None:
            memory = mmap(-1, self._size)
            self._all += [memory] if len(self._all) < _KEPT else []
        return memoryview(memory)[:count]


def _is_back(memory: mmap) -> bool:
    """A map that somebody sees does not let its size be set, not even to what it is."""
    try:
        memory.resize(len(memory))
    except (BufferError, SystemError, AttributeError):  # the latter two where no map does
        return False
    return True


def follow(store: Callable[[Iterator[memoryview]], None], staged: Path, part: int) -> Early | None:
    """None where as many as may are on their way already."""
    return Early(store, staged, part) if _AT_ONCE.acquire(blocking=False) else None
