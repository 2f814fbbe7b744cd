"""RPM headers: a table of tags over a store of values. Source: rpm.org "RPM V4 Package format"."""

import struct

from fenfa.errors import BadPackage
from fenfa.inspectors.parts.source import Source

LEAD_SIZE = 96
_LEAD_MAGIC, _HEADER_MAGIC = b"\xed\xab\xee\xdb", b"\x8e\xad\xe8\x01"
_INTRO = struct.Struct(">4s4xII")
_INDEX = struct.Struct(">IIII")
_MAX_TAGS = 0xFFFF  # rpm's own limit
_MAX_STORE = 64 << 20
_MAX_ITEMS = 200_000
_NUMBERS = {2: "B", 3: "H", 4: "I", 5: "Q"}
_STRING, _BINARY, _STRINGS, _LOCALIZED = 6, 7, 8, 9
_WIDTHS = {0: 0, 1: 1, 2: 1, 3: 2, 4: 4, 5: 8, _STRING: 1, _BINARY: 1, _STRINGS: 1, _LOCALIZED: 1}


def read_lead(source: Source) -> bool:
    """Whether the package is one of sources. Raises BadPackage when this is no RPM."""
    lead = source.upto(0, LEAD_SIZE)
    if lead[:4] != _LEAD_MAGIC or len(lead) < LEAD_SIZE:
        raise BadPackage("this is not an RPM: it does not begin as one")
    return lead[6:8] == b"\0\1"


class Header:
    """One header; `end` is the first byte behind it. Values are looked up by the number of their tag."""

    def __init__(self, source: Source, offset: int) -> None:
        magic, count, size = source.unpack(_INTRO, offset)
        if magic != _HEADER_MAGIC:
            raise BadPackage("the RPM has no header where one must be")
        if count > _MAX_TAGS or size > _MAX_STORE:
            raise BadPackage("the RPM's header claims to be larger than any header may be")
        index = source.at(offset + _INTRO.size, count * _INDEX.size)
        start = offset + _INTRO.size + len(index)
        self._store = source.at(start, size)
        self.end = start + size
        self._tags = {tag: (kind, place, items) for tag, kind, place, items in _INDEX.iter_unpack(index)}
        if not all(self._fits(*entry) for entry in self._tags.values()):
            raise BadPackage("the RPM's header names values that it cannot hold")

    def _fits(self, kind: int, place: int, items: int) -> bool:
        """Whether the store can hold so many values from there on; every text takes a byte at least."""
        return kind in _WIDTHS and place + items * _WIDTHS[kind] <= len(self._store)

    def __contains__(self, tag: int) -> bool:
        return tag in self._tags

    def text(self, tag: int) -> str:
        """A text, or the first of several: of translated ones that is English."""
        return next(iter(self.texts(tag, 1)), "").strip()

    def texts(self, tag: int, limit: int = _MAX_ITEMS) -> list[str]:
        kind, place, items = self._tags.get(tag, (0, 0, 0))
        if kind not in (_STRING, _STRINGS, _LOCALIZED):
            return []
        found: list[str] = []
        for _ in range(min(1 if kind == _STRING else items, limit)):
            end = self._store.find(b"\0", place)
            if end < 0:
                raise BadPackage("a text in the RPM's header has no end")
            found.append(self._store[place:end].decode("utf-8", "replace"))
            place = end + 1
        return found

    def numbers(self, tag: int) -> list[int]:
        kind, place, items = self._tags.get(tag, (0, 0, 0))
        if kind not in _NUMBERS:
            return []
        width = struct.calcsize(_NUMBERS[kind])
        items = min(items, _MAX_ITEMS, max(len(self._store) - place, 0) // width)
        return list(struct.unpack_from(f">{items}{_NUMBERS[kind]}", self._store, place)) if items else []

    def number(self, tag: int) -> int | None:
        return next(iter(self.numbers(tag)), None)

    def data(self, tag: int) -> bytes:
        kind, place, items = self._tags.get(tag, (0, 0, 0))
        return self._store[place : place + items] if kind == _BINARY else b""
