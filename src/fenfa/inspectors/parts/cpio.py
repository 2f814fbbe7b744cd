"""cpio archives in the new ASCII form, the payload of RPM. Source: cpio(5)."""

from collections.abc import Iterator
from typing import NamedTuple

from fenfa.errors import BadPackage
from fenfa.inspectors.parts.unpack import Stream

_HEADER = 110
_MAGICS = (b"070701", b"070702")
_TRAILER = "TRAILER!!!"
_MAX_ENTRIES = 200_000
_MAX_NAME = 4096
_FILE = 0o100000


class Entry(NamedTuple):
    name: str
    size: int
    is_file: bool


class Cpio:
    """Iterating gives entries; `read` gives the bytes of the one that was given last."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._left = 0
        self._padding = 0

    def __iter__(self) -> Iterator[Entry]:
        for _ in range(_MAX_ENTRIES):
            self._stream.skip(self._left + self._padding)
            header = self._stream.read(_HEADER)
            if header[:6] not in _MAGICS or len(header) < _HEADER:
                raise BadPackage("the payload is not a cpio archive of the usual kind, or is cut short")
            mode, size, name_size = (_number(header, place) for place in (1, 6, 11))
            if not 0 < name_size <= _MAX_NAME:
                raise BadPackage("the payload has a name that is too long")
            name = self._stream.read(name_size + -(_HEADER + name_size) % 4)[: name_size - 1].decode("utf-8", "replace")
            if name == _TRAILER:
                return
            self._left, self._padding = size, -size % 4
            yield Entry(name, size, mode & 0o170000 == _FILE)
        raise BadPackage("the payload has too many files")

    def read(self, limit: int) -> bytes:
        """The bytes of the current entry, at most `limit`."""
        data = self._stream.read(min(self._left, limit))
        self._left -= len(data)
        return data


def _number(header: bytes, field: int) -> int:
    try:
        return int(header[6 + 8 * field : 14 + 8 * field], 16)
    except ValueError:
        raise BadPackage("the payload is damaged") from None
