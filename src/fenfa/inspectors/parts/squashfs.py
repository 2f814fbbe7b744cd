"""squashfs 4, the file system inside most AppImages. lzo, which AppImage tools do not use, is not supported.

Source: Linux's Documentation/filesystems/squashfs.rst and squashfs_fs.h.
"""

import struct
from functools import cached_property
from typing import NamedTuple

from fenfa.errors import BadPackage
from fenfa.inspectors.parts import lz4, unpack
from fenfa.inspectors.parts.source import Source
from fenfa.inspectors.parts.tree import Tree

MAGIC = b"hsqs"
_SUPER = struct.Struct("<4sIIIIHHHHHHQQQQQQQQ")
_CODECS = {1: "zlib", 2: "lzma", 3: "lzo", 4: "xz", 5: "lz4", 6: "zstd"}
_BLOCK = 8192
_MAX_BLOCK = 1 << 20
_MAX_DIRECTORY = 4 << 20
_MAX_BLOCKS = 4096  # of metadata, unpacked while one image is read
_PACKED_NOT, _DATA_PACKED_NOT = 0x8000, 1 << 24
_NO_FRAGMENT = 0xFFFFFFFF
_DIRECTORIES, _FILES, _LINKS = (1, 8), (2, 9), (3, 10)


class Inode(NamedTuple):
    """`kind` as squashfs numbers it; `place` is where a file's blocks or a directory's list begin."""

    kind: int
    size: int
    place: int
    offset: int
    fragment: int
    blocks: tuple[int, ...]
    target: str

    @property
    def is_folder(self) -> bool:
        return self.kind in _DIRECTORIES

    @property
    def is_file(self) -> bool:
        return self.kind in _FILES


class Image(Tree[Inode]):
    """The files of a squashfs image."""

    def __init__(self, source: Source) -> None:
        self._source = source
        magic, _, _, self._block, fragments, codec, log, _, _, major, _, self._top, *tables = source.unpack(_SUPER, 0)
        if magic != MAGIC or major != 4 or not 4096 <= self._block <= _MAX_BLOCK or self._block != 1 << min(log, 20):
            raise BadPackage("the file system in the AppImage has a header that is not known")
        _, _, _, self._inodes, self._directories, self._fragment_table, _ = tables
        self._fragments = fragments
        self.codec = _CODECS.get(codec, str(codec))
        self._cache: dict[int, tuple[bytes, int]] = {}

    @cached_property
    def root(self) -> Inode:
        return self._inode(self._top)

    def node(self, child: Inode | int) -> Inode:
        return child if isinstance(child, Inode) else self._inode(child)

    def children(self, folder: Inode) -> dict[str, Inode | int]:
        """The names in a directory, and where each one's inode is."""
        if folder.size > _MAX_DIRECTORY:
            raise BadPackage("a folder in the AppImage has too many entries")
        data = self._metadata(self._directories + folder.place, folder.offset, max(folder.size - 3, 0))
        found: dict[str, Inode | int] = {}
        place = 0
        while place + 12 <= len(data):
            count, start, _ = struct.unpack_from("<III", data, place)
            place += 12
            for _ in range(min(count, 256) + 1):
                if place + 8 > len(data):
                    break
                offset, _, _, size = struct.unpack_from("<HhHH", data, place)
                name = data[place + 8 : place + 9 + size].decode("utf-8", "replace")
                found[name] = start << 16 | offset
                place += 9 + size
        return found

    def _inode(self, reference: int) -> Inode:
        block, offset = self._inodes + (reference >> 16), reference & 0xFFFF
        kind = int.from_bytes(self._metadata(block, offset, 2), "little")
        if kind in _LINKS:
            (size,) = struct.unpack("<20xI", self._metadata(block, offset, 24))
            target = self._metadata(block, offset + 24, min(size, 4096)).decode("utf-8", "replace")
            return Inode(kind, size, 0, 0, 0, (), target)
        if kind == 1:
            start, _, size, inner, _ = struct.unpack("<16xIIHHI", self._metadata(block, offset, 32))
            return Inode(kind, size, start, inner, 0, (), "")
        if kind == 8:
            _, size, start, _, _, inner = struct.unpack("<16xIIIIHH", self._metadata(block, offset, 36))
            return Inode(kind, size, start, inner, 0, (), "")
        return self._file_inode(kind, block, offset)

    def _file_inode(self, kind: int, block: int, offset: int) -> Inode:
        if kind == 2:
            start, fragment, inner, size = struct.unpack("<16xIIII", self._metadata(block, offset, 32))
            after = offset + 32
        elif kind == 9:
            start, size, fragment, inner = struct.unpack("<16xQQ12xII4x", self._metadata(block, offset, 56))[:4]
            after = offset + 56
        else:
            return Inode(kind, 0, 0, 0, 0, (), "")  # devices, pipes and sockets
        count = size // self._block + (size % self._block > 0 and fragment == _NO_FRAGMENT)
        if count > _MAX_DIRECTORY // 4:
            return Inode(kind, size, start, inner, fragment, (), "")  # too large for anything that is read here
        blocks = struct.unpack(f"<{count}I", self._metadata(block, after, 4 * count))
        return Inode(kind, size, start, inner, fragment, blocks, "")

    def content(self, file: Inode) -> bytes:
        pieces, place, left = [], file.place, file.size
        for size in file.blocks:
            wanted = min(self._block, left)
            pieces.append(self._data(place, size, wanted))
            place += size & ~_DATA_PACKED_NOT
            left -= wanted
        if left and file.fragment != _NO_FRAGMENT:
            pieces.append(self._fragment(file.fragment)[file.offset : file.offset + left])
        data = b"".join(pieces)
        if len(data) != file.size:
            raise BadPackage("a file in the AppImage is cut short")
        return data

    def _fragment(self, number: int) -> bytes:
        if number >= self._fragments:
            raise BadPackage("a file in the AppImage points beyond its end")
        (block,) = struct.unpack("<Q", self._source.at(self._fragment_table + number // 512 * 8, 8))
        start, size = struct.unpack("<QI4x", self._metadata(block, number % 512 * 16, 16))
        return self._data(start, size, self._block)

    def _data(self, place: int, size: int, wanted: int) -> bytes:
        if size == 0:
            return bytes(wanted)
        packed = self._source.at(place, min(size & ~_DATA_PACKED_NOT, _MAX_BLOCK))
        return packed if size & _DATA_PACKED_NOT else self._unpack(packed, self._block)

    def _metadata(self, block: int, offset: int, count: int) -> bytes:
        """`count` bytes from `offset` on in the unpacked blocks that begin at `block`."""
        found = bytearray()
        while len(found) < offset + count:
            data, block = self._metadata_block(block)
            if not data:
                break
            if offset >= len(data) and not found:
                offset -= len(data)
                continue
            found += data
        if len(found) < offset + count:
            raise BadPackage("the file system in the AppImage points beyond its end")
        return bytes(found[offset : offset + count])

    def _metadata_block(self, place: int) -> tuple[bytes, int]:
        """An unpacked block, and where the next one begins."""
        if place not in self._cache:
            if len(self._cache) >= _MAX_BLOCKS:
                raise BadPackage("the file system in the AppImage has too many parts")
            header = int.from_bytes(self._source.at(place, 2), "little")
            size = header & ~_PACKED_NOT
            if not 0 < size <= _BLOCK:
                raise BadPackage("the file system in the AppImage is damaged")
            data = self._source.at(place + 2, size)
            self._cache[place] = (data if header & _PACKED_NOT else self._unpack(data, _BLOCK), place + 2 + size)
        return self._cache[place]

    def _unpack(self, data: bytes, limit: int) -> bytes:
        return lz4.unpack(data, limit) if self.codec == "lz4" else unpack.block(self.codec, data, limit)
