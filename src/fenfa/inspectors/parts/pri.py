"""The texts of resources.pri, as far as an app's display name needs them.

A file is a row of sections: the schema maps names to numbers, the resource map gives each number its candidates, one for a
set of qualifiers (languages …), and data items hold the texts. Not read: embedded files, and texts in other packages' files.
Source: "Package Resource Index File Format" of chausner's PriTools, since Microsoft has published none.
"""

import struct
from typing import NamedTuple

from fenfa.errors import BadPackage

_MAX_SECTIONS = 1000
_MAX_NAMES = 50_000
_MAX_DEPTH = 16
_HEADER, _ENTRY = 32, 32
_ENCODINGS = {0: "utf-16-le", 3: "ascii", 4: "utf-8", 1: "utf-16-le", 5: "ascii", 6: "utf-8"}  # by type of value
_LANGUAGE = 0
_IS_SCOPE, _IS_ASCII = 0x10, 0x20


class _Name(NamedTuple):
    parent: int
    flags: int
    number: int
    text: str


class _Map(NamedTuple):
    """A resource map: where in the file its tables stand, and how long they are."""

    decisions: int
    types: list[int]
    groups_of_items: list[tuple[int, int]]
    groups: list[tuple[int, int]]
    items: list[tuple[int, int]]
    candidates: int
    embedded: int


class ResourceIndex:
    """`text("appName")` is a text, in English where there is a choice; empty when there is none of that name."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        try:
            self._sections = self._read_sections()
            self._items = self._read_items()
            self._map = self._read_map()
        except (struct.error, IndexError, StopIteration):
            raise BadPackage("it is cut short, or not built as it should be") from None

    def text(self, reference: str) -> str:
        """The text that `ms-resource:` refers to, with or without the name of the package and of the folder."""
        path = reference.partition("://")[2].partition("/")[2] if "://" in reference else reference
        if path.startswith("//"):
            path = path[2:].partition("/")[2]
        path = path.strip("/").lower()
        number = self._items.get(path, self._items.get("resources/" + path))
        try:
            return "" if number is None else self._value(number)
        except (struct.error, IndexError, StopIteration):
            return ""

    def _read_sections(self) -> list[tuple[bytes, int]]:
        """The kind of each section, and where its own data begin."""
        table, first, count = struct.unpack_from("<IIH", self._data, 16)
        if self._data[:7] != b"mrm_pri" or count > _MAX_SECTIONS:
            raise BadPackage("it does not begin as one")
        found = []
        for number in range(count):
            kind, offset = struct.unpack_from("<16s8xI", self._data, table + number * _ENTRY)
            found.append((kind.rstrip(b"\0 "), first + offset + _HEADER))
        return found

    def _section(self, *kinds: bytes) -> tuple[bytes, int]:
        return next(one for one in self._sections if one[0] in kinds)

    def _read_items(self) -> dict[str, int]:
        """The number of every resource by its full name in lower case."""
        kind, place = self._section(b"[mrm_hschemaex]", b"[mrm_hschema]")
        unique, name = struct.unpack_from("<HH", self._data, place + 2)
        wide = kind.endswith(b"ex]")
        is_new = wide and self._data[place + 8 : place + 24].startswith(b"[def_hnamesx]")
        place += (44 if wide else 28) + 2 * (unique + name) + 6
        count, scopes, items, letters = struct.unpack_from("<IIII", self._data, place)
        if count > _MAX_NAMES or scopes > _MAX_NAMES or items > _MAX_NAMES:
            raise BadPackage("it has too many names")
        place += 16 + (4 if wide else 0) + (4 if is_new else 0)
        texts = place + 12 * count + 8 * scopes + 2 * items
        names = [self._name(place + 12 * number, texts, texts + 2 * letters) for number in range(count)]
        return {_full_name(names, one): one.number for one in names if not one.flags & _IS_SCOPE}

    def _name(self, place: int, wide_texts: int, ascii_texts: int) -> _Name:
        parent, _, first, length, flags, offset, index = struct.unpack_from("<HHHBBHH", self._data, place)
        if not first:  # the root has no name
            return _Name(parent, flags, index, "")
        offset |= (flags & 0xF) << 16
        if flags & _IS_ASCII:
            start = ascii_texts + offset
            end = start + length if length else self._data.find(b"\0", start)
            return _Name(parent, flags, index, self._data[start:end].decode("ascii", "replace"))
        raw = self._data[wide_texts + 2 * offset : wide_texts + 2 * offset + 2 * (length or 1024)]
        return _Name(parent, flags, index, raw.decode("utf-16-le", "replace").partition("\0")[0])

    def _read_map(self) -> _Map:
        _, place = self._section(b"[mrm_res_map2_]", b"[mrm_res_map__]")
        head = struct.unpack_from("<8H4I", self._data, place)
        environment, _, _, schema, decisions, types, groups_of_items, groups, items, candidates, _, extension = head
        if items > _MAX_NAMES or candidates > 4 * _MAX_NAMES:
            raise BadPackage("it has too many resources")
        place += 32 + environment + schema
        kinds = [struct.unpack_from("<I", self._data, place + 8 * number + 4)[0] for number in range(types)]
        place += 8 * types
        tables = []
        for count in (groups_of_items, groups, items):
            tables.append([struct.unpack_from("<HH", self._data, place + 4 * number) for number in range(count)])
            place += 4 * count
        place += extension  # holds what needs more than 16 bits; the texts of a name come long before
        _, decision_place = self._sections[decisions]
        return _Map(decision_place, kinds, tables[0], tables[1], tables[2], place, place + 8 * candidates)

    def _value(self, number: int) -> str:
        decision, first = self._map.items[self._info(number)]
        return self._candidate(first + self._choose(decision))

    def _info(self, number: int) -> int:
        """Which entry of the item table describes this resource."""
        for first, group in self._map.groups_of_items:
            known = group < len(self._map.groups)
            count, start = self._map.groups[group] if known else (1, group - len(self._map.groups))
            if first <= number < first + count:
                return start + number - first
        raise IndexError

    def _choose(self, decision: int) -> int:
        """Which of a decision's sets of qualifiers is English; the first one when none is."""
        distinct, qualifiers, sets, decisions, indices, _ = struct.unpack_from("<6H", self._data, self._map.decisions)
        decision_table = self._map.decisions + 12
        set_table = decision_table + 4 * decisions
        qualifier_table = set_table + 4 * sets
        distinct_table = qualifier_table + 8 * qualifiers
        index = distinct_table + 10 * distinct
        values = index + 2 * indices
        for number, chosen in enumerate(self._listed(decision_table + 4 * decision, index)):
            for entry in self._listed(set_table + 4 * chosen, index):
                (which,) = struct.unpack_from("<H", self._data, qualifier_table + 8 * entry)
                kind, offset = struct.unpack_from("<2xH4xH", self._data, distinct_table + 10 * which)
                if kind == _LANGUAGE and self._data[values + 2 * offset :][:4].lower() == b"e\0n\0":
                    return number
        return 0

    def _listed(self, place: int, index: int) -> tuple[int, ...]:
        """The numbers in the index table that the entry at this place names by their first and their count."""
        first, count = struct.unpack_from("<HH", self._data, place)
        return struct.unpack_from(f"<{count}H", self._data, index + 2 * first)

    def _candidate(self, number: int) -> str:
        place = self._map.candidates + 8 * number
        if self._data[place] == 0:
            kind, length, offset = struct.unpack_from("<xBHI", self._data, place)
            start = self._map.embedded + offset
        else:
            kind, source, item, section = struct.unpack_from("<xBHHH", self._data, place)
            if source:
                return ""
            start, length = self._data_item(self._sections[section][1], item)
        encoding = _ENCODINGS.get(self._map.types[kind], "utf-8")
        return self._data[start : start + length].decode(encoding, "replace").partition("\0")[0].strip()

    def _data_item(self, place: int, number: int) -> tuple[int, int]:
        strings, blobs = struct.unpack_from("<HH", self._data, place + 4)
        start = place + 12 + 4 * strings + 8 * blobs
        if number >= strings:
            raise IndexError
        offset, length = struct.unpack_from("<HH", self._data, place + 12 + 4 * number)
        return start + offset, length


def _full_name(names: list[_Name], name: _Name) -> str:
    parts = [name.text]
    for _ in range(_MAX_DEPTH):
        if name.parent >= len(names) or names[name.parent] is name:
            break
        name = names[name.parent]
        parts.append(name.text)
    return "/".join(part for part in reversed(parts) if part).lower()
