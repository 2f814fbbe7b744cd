"""The chunk structure that Android's binary XML and resource tables share, with its string pool.

Source: frameworks/base/libs/androidfw/include/androidfw/ResourceTypes.h.
"""

import struct
from collections.abc import Iterator
from typing import NamedTuple

from fenfa.errors import BadPackage

STRING_POOL, TABLE, XML, PACKAGE, TYPE = 0x0001, 0x0002, 0x0003, 0x0200, 0x0201
XML_START, XML_END, XML_RESOURCE_MAP = 0x0102, 0x0103, 0x0180
NO_ENTRY = 0xFFFFFFFF
_MAX_CHUNKS = 500_000
_MAX_DECODED = 32 << 20  # letters
_UTF8_FLAG = 0x100


class Chunk(NamedTuple):
    """One chunk's place: `start` to `end`, its body from `body` on."""

    kind: int
    start: int
    body: int
    end: int


class TypedValue(NamedTuple):
    """A `Res_value`: its type and 32 bits; a string (`kind` 3) is an index into the pool beside it."""

    kind: int
    data: int


REFERENCE, ATTRIBUTE, STRING, FLOAT, DYNAMIC_REFERENCE = 0x01, 0x02, 0x03, 0x04, 0x07
DIMENSION, FRACTION = 0x05, 0x06
INT_DECIMAL, INT_HEX, BOOLEAN = 0x10, 0x11, 0x12
COLOR_ARGB8, COLOR_RGB8, COLOR_ARGB4, COLOR_RGB4 = 0x1C, 0x1D, 0x1E, 0x1F


def read_chunk(data: bytes, place: int, limit: int) -> Chunk:
    """The chunk that begins here; one that does not fit, or would not end after its header, is refused."""
    if place + 8 > limit:
        raise BadPackage("the binary data is cut short")
    kind, header, size = struct.unpack_from("<HHI", data, place)
    if header < 8 or size < header or place + size > limit:
        raise BadPackage("a part of the binary data has a size that cannot be")
    return Chunk(kind, place, place + header, place + size)


def chunks_in(data: bytes, start: int, end: int) -> Iterator[Chunk]:
    """The chunks that follow each other between two places; a rest too short for a header is padding."""
    for _ in range(_MAX_CHUNKS):
        if start + 8 > end:
            return
        chunk = read_chunk(data, start, end)
        yield chunk
        start = chunk.end
    raise BadPackage("the binary data has too many parts")


class StringPool:
    """Strings by index, decoded one at a time: a table may hold 100,000 of which a reader wants three."""

    def __init__(self, data: bytes, chunk: Chunk) -> None:
        if chunk.kind != STRING_POOL or chunk.body - chunk.start < 28:
            raise BadPackage("the binary data has no string pool")
        count, _, flags, strings, _ = struct.unpack_from("<5I", data, chunk.start + 8)
        if chunk.body + 4 * count > chunk.end:
            raise BadPackage("the string pool holds fewer strings than it says")
        self._data, self._chunk = data, chunk
        self._count: int = count
        self._is_utf8 = bool(flags & _UTF8_FLAG)
        self._strings = chunk.start + strings
        self._decoded: dict[int, str] = {}
        self._budget = _MAX_DECODED

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: int) -> str:
        """The string of this index, empty for one that is not there; BadPackage for one that lies outside."""
        if not 0 <= index < self._count:
            return ""
        if index not in self._decoded:
            self._decoded[index] = self._decode(index)
            self._budget -= len(self._decoded[index])  # strings may overlap, so that their sum knows no bounds
            if self._budget < 0:
                raise BadPackage("the string pool holds more text than a package may")
        return self._decoded[index]

    def _decode(self, index: int) -> str:
        place = self._strings + int(struct.unpack_from("<I", self._data, self._chunk.body + 4 * index)[0])
        try:
            return self._utf8(place) if self._is_utf8 else self._utf16(place)
        except (IndexError, struct.error):
            raise BadPackage("a string lies outside its pool") from None

    def _utf8(self, place: int) -> str:
        if place >= self._chunk.end:
            raise IndexError
        _, place = self._short_length(place)
        length, place = self._short_length(place)
        return _decode_utf8(self._data[place : min(place + length, self._chunk.end)])

    def _short_length(self, place: int) -> tuple[int, int]:
        first = self._data[place]
        if not first & 0x80:
            return first, place + 1
        return (first & 0x7F) << 8 | self._data[place + 1], place + 2

    def _utf16(self, place: int) -> str:
        if place >= self._chunk.end:
            raise IndexError
        length, place = int(struct.unpack_from("<H", self._data, place)[0]), place + 2
        if length & 0x8000:
            length, place = (length & 0x7FFF) << 16 | int(struct.unpack_from("<H", self._data, place)[0]), place + 2
        return self._data[place : min(place + 2 * length, self._chunk.end)].decode("utf-16-le", "replace")


def _decode_utf8(raw: bytes) -> str:
    """UTF-8, also where a tool wrote letters beyond the first plane as two surrogates."""
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        pass
    try:
        return raw.decode("utf-8", "surrogatepass").encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    except UnicodeDecodeError:
        return raw.decode("utf-8", "replace")
