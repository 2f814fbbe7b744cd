"""The resource tree of a Windows program: type, then name, then language. Source: Microsoft's "PE Format", .rsrc section."""

import struct
from collections.abc import Iterator
from typing import NamedTuple

from fenfa.errors import BadPackage
from fenfa.inspectors.parts import pe
from fenfa.inspectors.parts.source import Source

ICON, RAW, ICON_GROUP, VERSION, MANIFEST = 3, 10, 14, 16, 24
_DIRECTORY = struct.Struct("<12xHH")
_ENTRY = struct.Struct("<II")
_DATA = struct.Struct("<II8x")
_HIGH = 0x80000000
_MAX_ENTRIES = 4096  # of one directory
_MAX_VISITS = 20_000


class Resource(NamedTuple):
    """One resource: its name or number, its language, where its bytes lie (an RVA) and how many they are."""

    name: str | int
    language: int
    address: int
    size: int


class Resources:
    """`find(kind)` lists the resources of a type, in the order of the file; `read` gives the bytes of one.

    Without `readable` there are none, as in a program whose tree is broken.
    """

    def __init__(self, program: pe.Program, *, readable: bool = True) -> None:
        self._program = program
        address, size = program.directory(pe.RESOURCES) if readable else (0, 0)
        self._tree = program.source.part(program.offset(address)) if address and size else Source.of(b"")
        self._visits = 0
        self.kinds = dict(self._entries(0)) if self._tree.size else {}

    def find(self, kind: str | int) -> list[Resource]:
        if not self.kinds.get(kind, 0) & _HIGH:
            return []
        return list(self._leaves(self.kinds[kind] & ~_HIGH))

    def read(self, resource: Resource, limit: int) -> bytes:
        if resource.size > limit:
            raise BadPackage(f"a resource of the Windows program is larger than {limit:,} bytes")
        return self._program.source.at(self._program.offset(resource.address), resource.size)

    def _leaves(self, place: int) -> Iterator[Resource]:
        for name, below in self._entries(place):
            if not below & _HIGH:
                continue
            for language, leaf in self._entries(below & ~_HIGH):
                if not leaf & _HIGH:
                    address, size = self._tree.unpack(_DATA, leaf)
                    yield Resource(name, language if isinstance(language, int) else 0, address, size)

    def _entries(self, place: int) -> Iterator[tuple[str | int, int]]:
        """Name or number, and where it leads, of each entry of one directory."""
        named, numbered = self._tree.unpack(_DIRECTORY, place)
        if named + numbered > _MAX_ENTRIES:
            raise BadPackage("the Windows program has too many resources")
        for number in range(named + numbered):
            self._visits += 1
            if self._visits > _MAX_VISITS:
                raise BadPackage("the Windows program has too many resources")
            name, below = self._tree.unpack(_ENTRY, place + _DIRECTORY.size + number * _ENTRY.size)
            yield self._name(name), below

    def _name(self, name: int) -> str | int:
        if not name & _HIGH:
            return name
        length = int.from_bytes(self._tree.at(name & ~_HIGH, 2), "little")
        return self._tree.at((name & ~_HIGH) + 2, 2 * min(length, 256)).decode("utf-16-le", "replace")
