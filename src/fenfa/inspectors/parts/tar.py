"""tar archives read from front to back, nothing written anywhere. Source: POSIX pax, GNU tar's "Basic Tar Format".

Not `tarfile`: that one believes what a header says of its own length, and is slow to import.
"""

from collections.abc import Iterator
from typing import NamedTuple

from fenfa.errors import BadPackage
from fenfa.inspectors.parts.unpack import Stream

_BLOCK = 512
_MAX_ENTRIES = 200_000
_MAX_HEADER = 1 << 20
_MAX_NAME = 4096
_LONG_NAME, _LONG_LINK, _PAX, _PAX_ALL = b"L", b"K", b"x", b"g"
_FILES = (b"0", b"\0", b"7")


class Entry(NamedTuple):
    """`kind` is `file`, `link` (symbolic) or `other`."""

    name: str
    size: int
    kind: str
    link: str
    mode: int


class Tar:
    """Iterating gives entries; `read` gives the bytes of the one that was given last."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._left = 0
        self._padding = 0

    def __iter__(self) -> Iterator[Entry]:
        extra: dict[str, str] = {}
        for _ in range(_MAX_ENTRIES):
            self._stream.skip(self._left + self._padding)
            self._left = self._padding = 0
            header = self._stream.read(_BLOCK)
            if len(header) < _BLOCK or not header.strip(b"\0"):
                return
            kind, size = self._begin(header)
            if kind in (_LONG_NAME, _LONG_LINK, _PAX):
                extra |= self._extension(kind, size)
                continue
            if kind == _PAX_ALL:
                continue
            yield self._entry(header, kind, extra)
            extra = {}
        raise BadPackage("the archive has too many entries")

    def read(self, limit: int) -> bytes:
        """The bytes of the current entry, at most `limit`."""
        data = self._stream.read(min(self._left, limit))
        self._left -= len(data)
        return data

    def _begin(self, header: bytes) -> tuple[bytes, int]:
        if _number(header[148:156]) != sum(header[:148]) + sum(header[156:]) + 8 * 32:
            raise BadPackage("the archive is not a tar, or is damaged")
        size = _number(header[124:136])
        self._expect(size)
        return header[156:157], size

    def _expect(self, size: int) -> None:
        self._left, self._padding = size, -size % _BLOCK

    def _extension(self, kind: bytes, size: int) -> dict[str, str]:
        if size > _MAX_HEADER:
            raise BadPackage("the archive has a name that is too long")
        data = self.read(size)
        if kind == _PAX:
            return _pax(data)
        return {"path" if kind == _LONG_NAME else "linkpath": data.rstrip(b"\0").decode("utf-8", "replace")}

    def _entry(self, header: bytes, kind: bytes, extra: dict[str, str]) -> Entry:
        name, prefix = _text(header[:100]), _text(header[345:500]) if header[257:263] == b"ustar\0" else ""
        if extra.get("size", "").isdigit():
            self._expect(int(extra["size"]))
        if kind not in _FILES and kind != b"S":
            self._expect(0)
        return Entry(
            name=extra.get("path", f"{prefix}/{name}" if prefix else name)[:_MAX_NAME],
            size=self._left,
            kind="file" if kind in _FILES else "link" if kind == b"2" else "other",
            link=extra.get("linkpath", _text(header[157:257]))[:_MAX_NAME],
            mode=_number(header[100:108]),
        )


def _pax(data: bytes) -> dict[str, str]:
    """The records of a pax header: length, blank, key, equals sign, value, newline."""
    found: dict[str, str] = {}
    while data:
        digits, _, _ = data[:20].partition(b" ")
        length = int(digits) if digits.isdigit() else 0
        if not len(digits) < length <= len(data):
            raise BadPackage("the archive has a header that cannot be read")
        key, _, value = data[len(digits) + 1 : length].partition(b"=")
        found[key.decode("utf-8", "replace")] = value.rstrip(b"\n").decode("utf-8", "replace")
        data = data[length:]
    return found


def _number(field: bytes) -> int:
    """Octal digits, or GNU's binary form for what they cannot hold."""
    if field[:1] == b"\x80":
        return int.from_bytes(field[1:], "big")
    digits = field.strip(b" \0")
    try:
        return int(digits, 8) if digits else 0
    except ValueError:
        raise BadPackage("the archive is not a tar, or is damaged") from None


def _text(field: bytes) -> str:
    return field.partition(b"\0")[0].decode("utf-8", "replace")
