"""Files held open while Granian opens them for itself.

RSGI takes a path and opens it later, on a thread of its own, and never tells when. So the file is opened here first and
Granian gets `/proc/self/fd/N`, which leads to the same file even after an unlink. A descriptor that was closed too early and
taken by another file would send that other file to a stranger. Hence two precautions: a handle lives at least `HOLD`
seconds after its last use, and its number comes from a high range that ordinary files do not reach and that is used in turn.
"""

import asyncio
import fcntl
import os
import resource
import sys
from pathlib import Path

HOLD = 5.0
PIECES = 128
"""Small pieces kept in memory at once; with rsgi.SMALL, at most 8 MiB."""
_OPENED = "/proc/self/fd/"


class Handles:
    """Two generations: every `HOLD` seconds the old one is closed and the young one grows old. Files are known by path,
    which is safe because a stored file never changes: a thousand downloads of one release share one handle."""

    def __init__(self, hold: float = HOLD) -> None:
        self._hold = hold
        self._young: dict[str, int] = {}
        self._old: dict[str, int] = {}
        self._pieces: dict[tuple[str, int, int], bytes] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        self._next = self._limit // 2

    def open(self, path: Path) -> str:
        """Open `path` and return a path that leads to the same file for at least `hold` seconds. Raises OSError."""
        key = str(path)
        if key not in self._young:
            held = self._old.pop(key, None)
            self._keep(key, self._raise(os.open(key, os.O_RDONLY | os.O_CLOEXEC)) if held is None else held)
        return self._path(key, self._young[key])

    def adopt(self, descriptor: int) -> str:
        """Like `open`, for a file that has no name; takes over `descriptor`."""
        high = self._raise(descriptor)
        key = f"nameless {high}"
        self._keep(key, high)
        return self._path(key, high)

    def cached(self, path: str, start: int, end: int) -> bytes | None:
        """The bytes of an opened path if the kernel has all of them in memory: a small file is then cheaper sent by hand
        than opened a second time. Never waits for a disk. The same piece is read once a generation, since a read gives
        up the interpreter and getting it back costs more than the rest of the answer."""
        if (path, start, end) in self._pieces:
            return self._pieces[path, start, end]
        if not path.startswith(_OPENED) or not hasattr(os, "RWF_NOWAIT"):
            return None
        buffer = bytearray(end - start)
        try:
            found = os.preadv(int(path[len(_OPENED) :]), [buffer], start, os.RWF_NOWAIT)
        except OSError:
            return None
        if found != len(buffer):
            return None
        if len(self._pieces) < PIECES:
            self._pieces[path, start, end] = bytes(buffer)
        return bytes(buffer)

    def close(self) -> None:
        if self._timer:
            self._timer.cancel()
        self._timer = None
        self._age()
        self._age()

    def __len__(self) -> int:
        return len(self._young) + len(self._old)

    def _keep(self, key: str, descriptor: int) -> None:
        self._young[key] = descriptor
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._hold, self._turn)

    def _turn(self) -> None:
        self._age()
        self._timer = asyncio.get_running_loop().call_later(self._hold, self._turn) if self._old else None

    def _age(self) -> None:
        for descriptor in self._old.values():
            os.close(descriptor)
        self._old, self._young, self._pieces = self._young, {}, {}

    def _raise(self, descriptor: int) -> int:
        if self._next >= self._limit - 64:
            self._next = self._limit // 2
        try:
            high = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, self._next)
        finally:
            os.close(descriptor)
        self._next = high + 1
        return high

    @staticmethod
    def _path(key: str, descriptor: int) -> str:
        # /dev/fd of macOS shares one offset between all readers, so there the name itself has to do
        return f"{_OPENED}{descriptor}" if sys.platform == "linux" else key
