"""APFS, the file system of disk images since 2017: folders, files, and files that it packs itself.

Encrypted volumes are not read. Source: Apple's "Apple File System Reference" (2020). All numbers are little-endian.
"""

import struct
from collections.abc import Iterator
from typing import NamedTuple

from fenfa.errors import BadPackage
from fenfa.inspectors.parts import decmpfs
from fenfa.inspectors.parts.source import Source
from fenfa.inspectors.parts.volume import Entry, Extent, Readable, Stream

_INODE, _XATTR, _EXTENT, _RECORD = 3, 4, 8, 9  # kinds of a file system's keys
_ROOT_NODE, _FIXED = 1, 4  # flags of a node
_HASHED = 0x1 | 0x8  # features of a volume whose names are hashed
_UNENCRYPTED = 1
_PACKED = 0x20  # UF_COMPRESSED
_FOLDER, _FILE = 4, 8  # types in a directory record
_STREAM_FIELD = 8
_MAX_READ = 24 << 20  # bytes of all nodes
_MIN_PAIR = 24  # bytes that a key, a value and their entry take at least
_MAX_DEPTH = 16
_MAX_EXTENTS = 20_000
_BAD = "the APFS volume is damaged"

Pair = tuple[bytes, bytes]


class Container:
    """An APFS container that begins at `start` of the disk."""

    def __init__(self, disk: Readable, start: int) -> None:
        header = disk.at(start, 4096)
        if header[32:36] != b"NXSB":
            raise BadPackage("the volume is not APFS")
        self.disk = disk
        self.start = start
        self.block_size = struct.unpack_from("<I", header, 36)[0]
        if not 4096 <= self.block_size <= 65536:
            raise BadPackage(_BAD)
        self._left = _MAX_READ
        self._newest = self._checkpoint(header)

    def block(self, number: int) -> bytes:
        self._left -= self.block_size
        if self._left < 0:
            raise BadPackage("the disk image's folders have too many parts")
        return self.disk.at(self.start + number * self.block_size, self.block_size)

    def volumes(self) -> Iterator["Apfs"]:
        """The volumes that are not encrypted."""
        objects = ObjectMap(self, struct.unpack_from("<Q", self._newest, 160)[0])
        for number in struct.unpack_from("<100Q", self._newest, 184):
            header = self.block(objects.address(number)) if number else b""
            if header[32:36] == b"APSB" and struct.unpack_from("<Q", header, 264)[0] & _UNENCRYPTED:
                yield Apfs(self, header)

    def _checkpoint(self, header: bytes) -> bytes:
        """The newest of the container's superblocks: the first block may be an old one."""
        count, base = struct.unpack_from("<I", header, 104)[0], struct.unpack_from("<Q", header, 112)[0]
        best = header
        if not count & 0x80000000:
            for number in range(base, base + min(count, 256)):
                block = self.disk.upto(self.start + number * self.block_size, self.block_size)
                if block[32:36] == b"NXSB" and len(block) >= 1024 and _revision(block) > _revision(best):
                    best = block
        return best


class Node(NamedTuple):
    """`level` 0 is a leaf; keys and values in order."""

    level: int
    pairs: list[Pair]


class ObjectMap:
    """Where virtual objects lie now."""

    def __init__(self, container: Container, place: int) -> None:
        self._container = container
        self._root = struct.unpack_from("<Q", container.block(place), 48)[0]
        self._nodes: dict[int, Node] = {}

    def address(self, number: int) -> int:
        """The block of an object's newest version."""
        place = self._root
        for _ in range(_MAX_DEPTH):
            node = self._node(place)
            below = [value for key, value in node.pairs if int.from_bytes(key[:8], "little") <= number]
            if not below:
                break
            if node.level == 0:
                return int(struct.unpack_from("<Q", below[-1].ljust(16, b"\0"), 8)[0])
            place = int.from_bytes(below[-1][:8], "little")
        raise BadPackage(_BAD)

    def _node(self, place: int) -> Node:
        if place not in self._nodes:
            self._nodes[place] = _read_node(self._container.block(place), 16)
        return self._nodes[place]


class Apfs:
    """One volume."""

    root = 2

    def __init__(self, container: Container, header: bytes) -> None:
        self._container = container
        self._has_hashes = bool(struct.unpack_from("<Q", header, 56)[0] & _HASHED)
        objects, self._top = struct.unpack_from("<QQ", header, 128)
        self._objects = ObjectMap(container, objects)
        self._nodes: dict[int, Node] = {}

    def children(self, folder: int) -> Iterator[Entry]:
        for key, value in self._find(folder, _RECORD):
            entry = self._entry(key, value)
            if entry is not None:
                yield entry

    def _entry(self, key: bytes, value: bytes) -> Entry | None:
        if len(value) < 18 or len(key) < 12:
            return None
        number, kind = struct.unpack_from("<Q", value)[0], struct.unpack_from("<H", value, 16)[0] & 0xF
        name = key[12 if self._has_hashes else 10 :].split(b"\0", 1)[0].decode("utf-8", "replace")
        if kind == _FOLDER:
            return Entry(name, number, True)
        return Entry(name, number, False, lambda: self._open(number)) if kind == _FILE else None

    def _open(self, number: int) -> Readable:
        inode = next((value for _, value in self._find(number, _INODE)), b"")
        if len(inode) < 92:
            raise BadPackage(_BAD)
        own, flags = struct.unpack_from("<Q", inode, 8)[0], struct.unpack_from("<I", inode, 68)[0]
        if not flags & _PACKED:
            return self._stream(own, _stream_size(inode))
        attributes = {_name(key): value for key, value in self._find(number, _XATTR)}
        resources = self._attribute(attributes.get(b"com.apple.ResourceFork", b""))
        header = self._attribute(attributes.get(b"com.apple.decmpfs", b""))
        return Source.of(decmpfs.unpack(header.upto(0, 1 << 20), resources))

    def _attribute(self, value: bytes) -> Readable:
        """An extended attribute's bytes: inside its record, or in a stream of its own."""
        flags, size = struct.unpack_from("<HH", value.ljust(4, b"\0"))
        if not flags & 1:
            return Source.of(value[4 : 4 + size])
        number, length = struct.unpack_from("<QQ", value[4:].ljust(16, b"\0"))
        return self._stream(number, length)

    def _stream(self, number: int, size: int) -> Stream:
        extents: list[Extent] = []
        for key, value in self._find(number, _EXTENT):
            if len(key) >= 16 and len(value) >= 16 and len(extents) < _MAX_EXTENTS:
                length, block = struct.unpack_from("<QQ", value)
                place = self._container.start + block * self._container.block_size if block else None
                extents.append(Extent(struct.unpack_from("<Q", key, 8)[0], length & (1 << 56) - 1, place))
        return Stream(self._container.disk, size, extents)

    def _find(self, number: int, kind: int) -> Iterator[Pair]:
        """All records of this kind that belong to this object."""
        yield from self._search(self._top, (number, kind), 0)

    def _search(self, place: int, wanted: tuple[int, int], depth: int) -> Iterator[Pair]:
        if depth > _MAX_DEPTH:
            raise BadPackage(_BAD)
        node = self._node(place)
        keys = [_order(key) for key, _ in node.pairs]
        for number, (key, value) in enumerate(node.pairs):
            if keys[number] > wanted:
                return
            if node.level == 0:
                if keys[number] == wanted:
                    yield key, value
            elif number + 1 == len(keys) or keys[number + 1] >= wanted:
                yield from self._search(int.from_bytes(value[:8], "little"), wanted, depth + 1)

    def _node(self, number: int) -> Node:
        if number not in self._nodes:
            self._nodes[number] = _read_node(self._container.block(self._objects.address(number)), 0)
        return self._nodes[number]


def _read_node(block: bytes, fixed_value: int) -> Node:
    """A B-tree's node; `fixed_value` is the size of values in leaves whose table of contents does not state it."""
    flags, level, count, table_at, table_size = struct.unpack_from("<HHIHH", block, 32)
    table, keys_at = 56 + table_at, 56 + table_at + table_size
    end = len(block) - (40 if flags & _ROOT_NODE else 0)
    width = 4 if flags & _FIXED else 8
    if keys_at > end or count > table_size // width or count > len(block) // _MIN_PAIR:
        raise BadPackage(_BAD)
    pairs = []
    for place in range(table, table + count * width, width):
        if flags & _FIXED:
            key_at, value_at = struct.unpack_from("<HH", block, place)
            key_size, value_size = 16, fixed_value if level == 0 else 8
        else:
            key_at, key_size, value_at, value_size = struct.unpack_from("<4H", block, place)
        start = end - value_at
        key = block[keys_at + key_at : keys_at + key_at + key_size]
        pairs.append((key, block[start : start + value_size] if start >= 0 else b""))
    return Node(level, pairs)


def _order(key: bytes) -> tuple[int, int]:
    value = int.from_bytes(key[:8], "little")
    return value & (1 << 60) - 1, value >> 60


def _revision(block: bytes) -> int:
    return int.from_bytes(block[16:24], "little")


def _name(key: bytes) -> bytes:
    return key[10:].split(b"\0", 1)[0]


def _stream_size(inode: bytes) -> int:
    """The length of a file's data, one of the fields after the fixed part."""
    count = struct.unpack_from("<H", inode, 92)[0] if len(inode) >= 96 else 0
    place = 96 + 4 * count
    for number in range(count):
        if 96 + 4 * number + 4 > len(inode):
            break
        kind, _, size = struct.unpack_from("<BBH", inode, 96 + 4 * number)
        if kind == _STREAM_FIELD and place + 8 <= len(inode):
            return int(struct.unpack_from("<Q", inode, place)[0])
        place += (size + 7) & ~7
    return 0
