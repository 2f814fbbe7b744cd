"""HFS Plus, the file system of disk images until 2017: folders, files, and files that it packs itself.

Source: Apple's Technical Note TN1150, "HFS Plus Volume Format". All numbers are big-endian.
"""

import struct
from collections.abc import Iterator
from itertools import pairwise

from fenfa.errors import BadPackage
from fenfa.inspectors.parts import decmpfs
from fenfa.inspectors.parts.source import Source
from fenfa.inspectors.parts.volume import Entry, Extent, Readable, Stream

_FORK = struct.Struct(">QII16I")
_EXTENTS, _CATALOG, _ATTRIBUTES = 192, 272, 352  # the special files' forks in the volume header
_FOLDER, _FILE = 1, 2
_DATA_FORK, _RESOURCE_FORK = 88, 168  # in a file's record
_PACKED = 0x20  # UF_COMPRESSED
_LINK = 0xA000
_INLINE = 0x10
_MAX_READ = 16 << 20  # bytes of a tree
_MAX_DEPTH = 16


class Hfs:
    """An HFS+ or HFSX volume that begins at `start` of the disk."""

    root = 2

    def __init__(self, disk: Readable, start: int) -> None:
        header = disk.at(start + 1024, 512)
        if header[:2] not in (b"H+", b"HX"):
            raise BadPackage("the volume is not HFS+")
        self._disk = disk
        self._start = start
        self._block = struct.unpack_from(">I", header, 40)[0]
        if not 512 <= self._block <= 1 << 20:
            raise BadPackage("the HFS+ volume is damaged")
        self._overflow: Tree | None = None
        self._overflow = self._tree(header, _EXTENTS)
        self._catalog = self._tree(header, _CATALOG)
        self._attributes = self._tree(header, _ATTRIBUTES)

    def children(self, folder: int) -> Iterator[Entry]:
        for key, body in self._catalog.find(folder, 0) if self._catalog else ():
            entry = self._entry(key, body)
            if entry is not None:
                yield entry

    def _entry(self, key: bytes, body: bytes) -> Entry | None:
        """A catalogue record as an entry; threads, links and what is cut short are none."""
        kind = struct.unpack_from(">H", body)[0] if len(body) >= 12 else 0
        length = struct.unpack_from(">H", key, 4)[0]
        name = key[6 : 6 + 2 * length].decode("utf-16-be", "replace").replace("/", ":")
        number = struct.unpack_from(">I", body, 8)[0] if kind in (_FOLDER, _FILE) else 0
        if kind == _FOLDER:
            return Entry(name, number, True)
        if kind != _FILE or len(body) < 248 or struct.unpack_from(">H", body, 42)[0] & 0xF000 == _LINK:
            return None
        return Entry(name, number, False, lambda: self._open(number, body))

    def _open(self, number: int, body: bytes) -> Readable:
        data = self._fork(body, _DATA_FORK, number, 0)
        if not body[41] & _PACKED:
            return data
        header = self._attribute(number, "com.apple.decmpfs")
        return Source.of(decmpfs.unpack(header, self._fork(body, _RESOURCE_FORK, number, 0xFF))) if header else data

    def _attribute(self, number: int, name: str) -> bytes:
        """An extended attribute that is kept inside its record; empty when there is none."""
        for key, body in self._attributes.find(number, 2) if self._attributes else ():
            length = struct.unpack_from(">H", key, 10)[0]
            if key[12 : 12 + 2 * length].decode("utf-16-be", "replace") == name and len(body) >= 16:
                kind, size = struct.unpack_from(">I8xI", body)
                return body[16 : 16 + size] if kind == _INLINE else b""
        return b""

    def _tree(self, header: bytes, place: int) -> "Tree | None":
        number = {_EXTENTS: 3, _CATALOG: 4, _ATTRIBUTES: 8}[place]
        fork = self._fork(header, place, number, 0)
        return Tree(fork) if fork.size else None

    def _fork(self, data: bytes, place: int, number: int, kind: int) -> Stream:
        """A file's bytes: eight extents stand in its record, more in the overflow file."""
        size, _, blocks, *numbers = _FORK.unpack_from(data, place)
        pairs = list(zip(numbers[::2], numbers[1::2], strict=True))
        if sum(count for _, count in pairs) < blocks and self._overflow is not None:
            for key, body in self._overflow.find(number, 2):
                if key[0] == kind and len(body) >= 64:
                    more = struct.unpack_from(">16I", body)
                    pairs += zip(more[::2], more[1::2], strict=True)
        extents, at = [], 0
        for first, count in pairs:
            if count:
                extents.append(Extent(at, count * self._block, self._start + first * self._block))
                at += count * self._block
        return Stream(self._disk, size, extents)


class Tree:
    """A B-tree file. Keys are given without their length."""

    def __init__(self, file: Stream) -> None:
        header = file.at(14, 106)
        self._root = int.from_bytes(header[2:6], "big")
        self._size = int.from_bytes(header[18:20], "big")
        if self._size < 512 or self._size & (self._size - 1):
            raise BadPackage("the HFS+ volume is damaged")
        self._file = file
        self._left = _MAX_READ

    def find(self, number: int, place: int) -> Iterator[tuple[bytes, bytes]]:
        """Keys and bodies of all records whose key holds this file or folder number at this place."""
        node = self._first_leaf(number, place)
        while node:
            following, _, records = self._node(node)
            for key, body in records:
                own = _number(key, place)
                if own == number:
                    yield key, body
                elif own > number:
                    return
            node = following

    def _first_leaf(self, number: int, place: int) -> int:
        node = self._root
        for _ in range(_MAX_DEPTH):
            _, kind, records = self._node(node) if node else (0, 0xFF, [])
            if kind == 0xFF:  # a leaf
                return node
            below = [body for key, body in records if _number(key, place) < number] or [body for _, body in records[:1]]
            if not below or len(below[-1]) < 4:
                break
            node = int.from_bytes(below[-1][:4], "big")
        raise BadPackage("the HFS+ volume is damaged: a tree has no leaves")

    def _node(self, number: int) -> tuple[int, int, list[tuple[bytes, bytes]]]:
        """The next node's number, the kind, and the records."""
        self._left -= self._size
        if self._left < 0:
            raise BadPackage("the disk image's folders have too many parts")
        node = self._file.at(number * self._size, self._size)
        following, _, kind, _, count = struct.unpack_from(">IIBBH", node)
        count = min(count, (self._size - 14) // 2 - 1)
        offsets = struct.unpack_from(f">{count + 1}H", node, self._size - 2 * (count + 1))[::-1]
        return following, kind, [_record(node[a:b]) for a, b in pairwise(offsets) if a < b]


def _record(data: bytes) -> tuple[bytes, bytes]:
    size = int.from_bytes(data[:2], "big")
    return data[2 : 2 + size].ljust(12, b"\0"), data[2 + size + (size & 1) :]


def _number(key: bytes, place: int) -> int:
    return int.from_bytes(key[place : place + 4], "big")
