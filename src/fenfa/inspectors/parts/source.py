"""A file, or a stretch of one, that readers look into at any place: every read is bounded and none runs past the end."""

import io
import struct
from typing import Any, BinaryIO

from fenfa.errors import BadPackage


class Source:
    """`size` bytes of an open file from `start` on. Offsets count from `start`."""

    def __init__(self, file: BinaryIO, start: int = 0, size: int | None = None) -> None:
        self._file = file
        whole = file.seek(0, io.SEEK_END)
        self._start = min(max(start, 0), whole)
        left = whole - self._start
        self.size = left if size is None else min(max(size, 0), left)

    @classmethod
    def of(cls, data: bytes) -> "Source":
        return cls(io.BytesIO(data))

    def upto(self, offset: int, count: int) -> bytes:
        """At most `count` bytes; fewer, or none, where the source ends."""
        if not 0 <= offset < self.size or count <= 0:
            return b""
        self._file.seek(self._start + offset)
        return self._file.read(min(count, self.size - offset))

    def at(self, offset: int, count: int) -> bytes:
        """Exactly `count` bytes, or BadPackage."""
        data = self.upto(offset, count)
        if len(data) != count:
            raise BadPackage("the file is cut short, or points beyond its own end")
        return data

    def unpack(self, layout: struct.Struct, offset: int) -> tuple[Any, ...]:
        return layout.unpack(self.at(offset, layout.size))

    def part(self, offset: int, size: int | None = None) -> "Source":
        """A stretch of this source; one that would run past the end is as long as there is something."""
        offset = min(max(offset, 0), self.size)
        left = self.size - offset
        return Source(self._file, self._start + offset, left if size is None else min(max(size, 0), left))
