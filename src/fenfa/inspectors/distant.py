"""A package that lies elsewhere, such as in a bucket: its reader asks for the stretches that it needs, and no others are fetched.

A reader sees a path like any other (`DistantPath`). What it reads from it goes as offset and count over a socket to the server,
which fetches that much (`Feeder`); so the child needs no address, no key and no line of its own.
"""

import io
import os
import socket
import struct
import time
from collections import OrderedDict
from pathlib import PosixPath
from typing import Any, Self

from fenfa.errors import BadPackage, StoreUnreachable
from fenfa.inspectors.base import Distant

BLOCK = 1 << 16
MOST = 1 << 22
"""Bytes of one fetch."""
_KEPT = 256  # blocks that a child remembers
_SPARE = 64 << 20
_ASK = struct.Struct(">QL")


class Feeder:
    """The server's end: gives the child what it asks for. `spent` is how many seconds that took, `fetched` how many bytes."""

    def __init__(self, file: Distant, patience: float) -> None:
        self._file = file
        self._ours, self.theirs = socket.socketpair()
        self._ours.settimeout(patience)
        self._asked = b""
        self.fetched = 0
        self.spent = 0.0

    def fileno(self) -> int:
        return self._ours.fileno()

    def feed(self) -> bool:
        """Takes what has come, and answers it if that was a whole question; False: the child has hung up."""
        try:
            piece = self._ours.recv(_ASK.size - len(self._asked))
            self._asked += piece
            if len(self._asked) == _ASK.size:
                start, count = _ASK.unpack(self._asked)
                self._asked = b""
                self._ours.sendall(self._fetch(start, count))
        except TimeoutError:
            raise BadPackage("the file took too long to read") from None
        except ConnectionError:
            return False
        return bool(piece)

    def close(self) -> None:
        self._ours.close()
        self.theirs.close()

    def _fetch(self, start: int, count: int) -> bytes:
        self.fetched += count
        too_often = self.fetched > 2 * self._file.size + _SPARE  # a reader that is led in a circle ends here
        if count > MOST or start + count > self._file.size or too_often:
            raise BadPackage("the file makes its reader ask for more than there is")
        began = time.monotonic()
        data = self._file.read(start, count)
        self.spent += time.monotonic() - began
        if len(data) != count:
            raise StoreUnreachable("the object store gave less than it has; try again in a moment")
        return data


class DistantPath(PosixPath):
    """What a reader opens in the place of a file."""

    _channel: "_Channel"

    @classmethod
    def of(cls, descriptor: int, size: int) -> Self:
        """The file that the server feeds over this socket."""
        path = cls("package")
        path._channel = _Channel(descriptor, size)
        return path

    def open(self, *_args: Any, **_options: Any) -> Any:
        """For reading bytes, as often as one likes."""
        return io.BufferedReader(_Raw(self._channel))


class _Channel:
    """The child's end, with the blocks that it fetched last."""

    def __init__(self, descriptor: int, size: int) -> None:
        self.size = size
        self._socket = socket.socket(fileno=descriptor)
        self._blocks: OrderedDict[int, bytes] = OrderedDict()
        self._next, self._ahead = -1, 1

    def read(self, start: int, count: int) -> bytes:
        """At most `count` bytes and no more than to the end of a block; none beyond the end."""
        number, offset = divmod(start, BLOCK)
        if start >= self.size or count <= 0:
            return b""
        if number not in self._blocks:
            self._fetch(number, -(-(offset + count) // BLOCK))
        self._blocks.move_to_end(number)
        return self._blocks[number][offset : offset + count]

    def _fetch(self, number: int, wanted: int) -> None:
        """The blocks that are wanted; where one reads on and on, twice as many each time."""
        most = MOST // BLOCK
        self._ahead = min(2 * self._ahead, most) if number == self._next else 1
        many = min(max(wanted, self._ahead), most)
        self._next = number + many
        data = self._ask(number * BLOCK, min(many * BLOCK, self.size - number * BLOCK))
        for place in range(0, len(data), BLOCK):
            self._blocks[number + place // BLOCK] = data[place : place + BLOCK]
        while len(self._blocks) > _KEPT:
            self._blocks.popitem(last=False)

    def _ask(self, start: int, count: int) -> bytes:
        self._socket.sendall(_ASK.pack(start, count))
        data = bytearray()
        while len(data) < count:
            piece = self._socket.recv(count - len(data))
            if not piece:
                raise ConnectionError("the server hung up")
            data += piece
        return bytes(data)


class _Raw(io.RawIOBase):
    def __init__(self, channel: _Channel) -> None:
        self._channel, self._place = channel, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._place, os.SEEK_END: self._channel.size}[whence]
        if base + offset < 0:
            raise ValueError("negative seek position")
        self._place = base + offset
        return self._place

    def readinto(self, buffer: Any) -> int:
        data = self._channel.read(self._place, len(buffer))
        buffer[: len(data)] = data
        self._place += len(data)
        return len(data)
