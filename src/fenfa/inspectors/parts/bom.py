"""BOM stores, the containers of Assets.car: numbered blocks, some of them named, some of them trees.

Source: the notes in github.com/hogliux/bomutils; all numbers are big-endian.
"""

import struct
from collections.abc import Iterator

from fenfa.errors import BadPackage

_HEADER = struct.Struct(">8s6I")
_TREE = struct.Struct(">4sIIIIB")
_NODE = struct.Struct(">HHII")
MIB = 1 << 20
_MAX_NAMES = 256
_MAX_PAIRS = 100_000  # in a tree
_MAX_DEPTH = 16
_BAD = "the asset catalogue is damaged"


class Store:
    """`names` maps the named blocks to their numbers."""

    def __init__(self, data: bytes) -> None:
        if len(data) < _HEADER.size or data[:8] != b"BOMStore":
            raise BadPackage("the asset catalogue is not a BOM store")
        self._data = data
        _, _, _, self._index, _, names, _ = _HEADER.unpack_from(data)
        self._left = 2 * len(data) + MIB
        self.names = dict(self._names(names))

    def block(self, number: int) -> bytes:
        """A block's bytes; a number or address beyond the store is BadPackage."""
        place = self._index + 4 + 8 * number
        if place + 8 > len(self._data):
            raise BadPackage(_BAD)
        start, size = struct.unpack_from(">II", self._data, place)
        if start + size > len(self._data):
            raise BadPackage(_BAD)
        self._left -= size
        if self._left < 0:
            raise BadPackage("the asset catalogue's blocks overlap")
        return self._data[start : start + size]

    def named(self, name: str) -> bytes:
        return self.block(self.names[name]) if name in self.names else b""

    def tree(self, name: str) -> Iterator[tuple[bytes, bytes]]:
        """The keys and values of a named tree, in order; nothing when there is none."""
        root = self.named(name)
        if len(root) < _TREE.size or root[:4] != b"tree":
            return
        number, seen, left = self._first_leaf(_TREE.unpack_from(root)[2]), set[int](), _MAX_PAIRS
        while number and number not in seen:
            seen.add(number)
            node = self.block(number)
            for value, key in self._pairs(node):
                left -= 1
                if left < 0:
                    raise BadPackage("the asset catalogue has too many parts")
                yield self.block(key), self.block(value)
            number = _NODE.unpack_from(node)[2]

    def _names(self, place: int) -> Iterator[tuple[str, int]]:
        data = self._data
        if place + 4 > len(data):
            raise BadPackage(_BAD)
        count = min(struct.unpack_from(">I", data, place)[0], _MAX_NAMES)
        place += 4
        for _ in range(count):
            if place + 5 > len(data):
                raise BadPackage(_BAD)
            number, length = struct.unpack_from(">IB", data, place)
            yield data[place + 5 : place + 5 + length].decode("latin-1"), number
            place += 5 + length

    def _first_leaf(self, number: int) -> int:
        for _ in range(_MAX_DEPTH):
            node = self.block(number)
            if len(node) < _NODE.size + 4:
                break
            if _NODE.unpack_from(node)[0]:
                return number
            number = struct.unpack_from(">I", node, _NODE.size)[0]
        raise BadPackage(_BAD)

    def _pairs(self, node: bytes) -> list[tuple[int, int]]:
        if len(node) < _NODE.size:
            raise BadPackage(_BAD)
        count = _NODE.unpack_from(node)[1]
        if _NODE.size + 8 * count > len(node):
            raise BadPackage(_BAD)
        return [struct.unpack_from(">II", node, _NODE.size + 8 * number) for number in range(count)]
