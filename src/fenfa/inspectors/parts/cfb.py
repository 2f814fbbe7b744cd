"""Compound files (OLE2): a small file system in one file, the form of MSI. Source: Microsoft's [MS-CFB].

Every chain of sectors is followed only as far as the file is long, so loops end.
"""

import struct
import sys
from array import array
from collections.abc import Iterator
from dataclasses import dataclass

from fenfa.errors import BadPackage
from fenfa.inspectors.parts.source import Source

MAGIC = bytes.fromhex("d0cf11e0a1b11ae1")
_HEADER = struct.Struct("<8s16xHHHHH6xIIIIIIIIII")
_ENTRY = struct.Struct("<64sHBxIII16s20xIQ")
_END_FROM = 0xFFFFFFFA  # sector numbers from here on are marks
_NONE = 0xFFFFFFFF
_STORAGE, _STREAM, _ROOT = 1, 2, 5
_MINI_LIMIT = 4096
_MINI_SECTOR = 64
_IN_HEADER = 109  # FAT sectors that the header names itself
_MAX_FAT = 64 << 20
_MAX_RUN = 2048  # sectors read at once
_MAX_ENTRIES = 100_000


@dataclass(frozen=True)
class Entry:
    """A stream or a storage directly under its parent; `name` as it is stored, `raw_name` in UTF-16."""

    name: str
    raw_name: bytes
    kind: int
    start: int
    size: int
    child: int
    class_id: bytes

    @property
    def is_stream(self) -> bool:
        return self.kind == _STREAM


class CompoundFile:
    """`streams` are the root storage's own streams by name."""

    def __init__(self, source: Source) -> None:
        self._source = source
        if source.upto(0, 8) != MAGIC:
            raise BadPackage("this is not an MSI: it does not begin as a compound file")
        _, _, version, order, shift, mini_shift, _, fat_count, directory, *rest = source.unpack(_HEADER, 0)
        _, _, mini_fat, _, self._extra, self._extra_count = rest[:6]
        if (version, shift) not in ((3, 9), (4, 12)) or order != 0xFFFE or mini_shift != 6:
            raise BadPackage("the compound file has a header that is not known")
        self._sector = 1 << shift
        self._sectors = source.size // self._sector
        self._fat = self._read_fat(fat_count)
        self._directory = self._chain(directory, None)
        self.root = self._entry(0)
        if self.root is None or self.root.kind != _ROOT:
            raise BadPackage("the compound file has no root")
        self._mini_fat = _numbers(self._chain(mini_fat, None)) if mini_fat < _END_FROM else array("I")
        self._mini_stream: bytes | None = None
        self.streams = {entry.name: entry for entry in self.children(self.root) if entry.is_stream}

    def read(self, name: str, limit: int) -> bytes:
        entry = self.streams.get(name)
        if entry is None:
            raise BadPackage("the MSI lacks one of its tables")
        return self.content(entry, limit)

    def content(self, entry: Entry, limit: int) -> bytes:
        """The bytes of a stream, at most `limit` of them."""
        if entry.size > min(limit, self._source.size):
            raise BadPackage(f"a stream of the MSI is larger than {min(limit, self._source.size):,} bytes")
        if entry.size >= _MINI_LIMIT:
            return self._chain(entry.start, entry.size)
        return self._mini_chain(entry.start, entry.size)

    def pieces(self, entry: Entry) -> Iterator[bytes]:
        """The bytes of a stream of any length, piece by piece."""
        if entry.size < _MINI_LIMIT:
            yield self._mini_chain(entry.start, entry.size)
            return
        left = min(entry.size, self._source.size)
        for piece in self._pieces(entry.start, left):
            yield piece[:left]
            left -= len(piece)

    def children(self, parent: Entry) -> list[Entry]:
        """What lies in a storage, in the order of its tree."""
        found: list[Entry] = []
        seen: set[int] = set()
        waiting = [parent.child]
        while waiting:
            number = waiting.pop()
            if number == _NONE:
                continue
            if number in seen or len(seen) >= _MAX_ENTRIES:
                raise BadPackage("the directory of the compound file runs in a circle")
            seen.add(number)
            entry, left, right = self._node(number)
            found.append(entry)
            waiting += [right, left]
        return found

    def _entry(self, number: int) -> Entry | None:
        return self._node(number)[0] if self._directory else None

    def _node(self, number: int) -> tuple[Entry, int, int]:
        place = number * _ENTRY.size
        if place + _ENTRY.size > len(self._directory):
            raise BadPackage("the directory of the compound file points beyond its end")
        raw, length, kind, left, right, child, class_id, start, size = _ENTRY.unpack_from(self._directory, place)
        raw = raw[: max(min(length, 64) - 2, 0)]
        size = size & _NONE if self._sector == 512 else size  # version 3 leaves rubbish in the upper half
        return Entry(raw.decode("utf-16-le", "replace"), raw, kind, start, size, child, class_id), left, right

    def _read_fat(self, count: int) -> "array[int]":
        if count * self._sector > min(_MAX_FAT, self._source.size):
            raise BadPackage("the compound file claims more sectors than it has")
        places = list(struct.unpack(f"<{_IN_HEADER}I", self._source.at(76, 4 * _IN_HEADER)))
        extra, seen = self._extra, 0
        while extra < _END_FROM and len(places) < count:
            seen += 1
            if seen > self._sectors:
                raise BadPackage("the compound file's table of sectors runs in a circle")
            *more, extra = struct.unpack(f"<{self._sector // 4}I", self._at(extra))
            places += more
        return _numbers(b"".join(self._at(place) for place in places[:count] if place < _END_FROM))

    def _at(self, number: int) -> bytes:
        return self._source.at((number + 1) * self._sector, self._sector)

    def _chain(self, number: int, size: int | None) -> bytes:
        """The bytes of a chain of sectors; all of it when no size is given. The last sector may be cut short."""
        return _exactly(b"".join(self._pieces(number, size)), size)

    def _pieces(self, number: int, size: int | None) -> Iterator[bytes]:
        """A chain's bytes, sectors that lie side by side in one piece."""
        left = self._sectors + 1 if size is None else min(-(-size // self._sector), self._sectors + 1)
        while number < _END_FROM and left > 0:
            first, count = number, 0
            while number == first + count and count < min(left, _MAX_RUN):
                count += 1
                number = self._next(self._fat, number)
            left -= count
            yield self._source.upto((first + 1) * self._sector, count * self._sector)
        if left <= 0 and (size is None or size > self._sectors * self._sector):
            raise BadPackage("a chain of sectors in the compound file runs in a circle")

    def _mini_chain(self, number: int, size: int) -> bytes:
        if self._mini_stream is None:
            assert self.root is not None
            self._mini_stream = self._chain(self.root.start, min(self.root.size, self._source.size))
        pieces: list[bytes] = []
        while number < _END_FROM and len(pieces) < -(-size // _MINI_SECTOR):
            pieces.append(self._mini_stream[number * _MINI_SECTOR : (number + 1) * _MINI_SECTOR])
            number = self._next(self._mini_fat, number)
        return _exactly(b"".join(pieces), size)

    def _next(self, table: "array[int]", number: int) -> int:
        if number >= len(table):
            raise BadPackage("a chain of sectors in the compound file points beyond its end")
        return table[number]


def _exactly(data: bytes, size: int | None) -> bytes:
    if size is not None and len(data) < size:
        raise BadPackage("a stream of the MSI is cut short")
    return data if size is None else data[:size]


def _numbers(data: bytes) -> "array[int]":
    numbers = array("I")
    numbers.frombytes(data[: len(data) & ~3])
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers
