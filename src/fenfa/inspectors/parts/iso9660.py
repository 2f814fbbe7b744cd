"""ISO 9660 with Rock Ridge names and zisofs, the file system of the first AppImages. Source: ECMA-119, SUSP and RRIP."""

import itertools
import struct
import zlib
from typing import NamedTuple

from fenfa.errors import BadPackage
from fenfa.inspectors.parts.source import Source
from fenfa.inspectors.parts.tree import Tree

SECTOR = 2048
_FIRST = 16 * SECTOR
_MAX_FOLDER = 4 << 20
_MAX_UNPACKED = 16 << 20
_ZISOFS = b"\x37\xe4\x53\x96\xc9\xdb\xd6\x07"
_FOLDER = 0x2


class Record(NamedTuple):
    """One entry of a folder; `target` is where a symbolic link leads, `packed` that zisofs packed the file."""

    name: str
    sector: int
    size: int
    is_folder: bool
    target: str
    packed: bool

    @property
    def is_file(self) -> bool:
        return not self.is_folder


class Image(Tree[Record]):
    """The files of an ISO 9660 image."""

    codec = "zisofs"

    def __init__(self, source: Source) -> None:
        self._source = source
        head = source.upto(_FIRST, SECTOR)
        if head[:6] != b"\x01CD001" or len(head) < SECTOR:
            raise BadPackage("the AppImage has no file system that can be read")
        self._root = _record(head[156:190])
        self.application_use = head[883:1395]

    @property
    def root(self) -> Record:
        return self._root

    def node(self, child: Record | int) -> Record:
        assert isinstance(child, Record)
        return child

    def content(self, file: Record) -> bytes:
        data = self._source.at(file.sector * SECTOR, file.size)
        return _inflate(data) if file.packed and data.startswith(_ZISOFS) else data

    def children(self, folder: Record) -> dict[str, Record | int]:
        data = self._source.at(folder.sector * SECTOR, min(folder.size, _MAX_FOLDER))
        found: dict[str, Record | int] = {}
        place = 0
        while place < len(data):
            length = data[place]
            if not length:  # records do not cross sectors
                place = (place // SECTOR + 1) * SECTOR
                continue
            if length < 34 or place + length > len(data):
                raise BadPackage("a folder in the AppImage is damaged")
            record = _record(data[place : place + length])
            if record.name not in ("\0", "\1"):
                found[record.name] = record
            place += length
        return found


def _record(data: bytes) -> Record:
    sector, size, flags, length = struct.unpack("<2xI4xI11xB6xB", data[:33])
    name = data[33 : 33 + length].decode("utf-8", "replace")
    plain = name.partition(";")[0].rstrip(".").lower() if len(name) > 1 else name
    long_name, target, packed = _rock_ridge(data[33 + length + (length + 1) % 2 :])
    return Record(long_name or plain, sector, size, bool(flags & _FOLDER), target, packed)


def _rock_ridge(data: bytes) -> tuple[str, str, bool]:
    """The long name, the target of a link, and whether the file is packed."""
    name, target, packed, place = b"", [], False, 0
    while place + 4 <= len(data):
        kind, length = data[place : place + 2], data[place + 2]
        if length < 4:
            break
        body = data[place + 4 : place + length]
        if kind == b"NM" and body[:1] in (b"\0", b"\1"):
            name += body[1:]
        elif kind == b"SL":
            target += _components(body[1:])
        elif kind == b"ZF":
            packed = body[:2] == b"pz"
        place += length
    return name.decode("utf-8", "replace"), "/".join(target), packed


def _components(data: bytes) -> list[str]:
    found, place = [], 0
    while place + 2 <= len(data):
        flags, length = data[place], data[place + 1]
        text = data[place + 2 : place + 2 + length].decode("utf-8", "replace")
        found.append({2: ".", 4: "..", 8: ""}.get(flags & 0xE, text))
        place += 2 + length
    return found


def _inflate(data: bytes) -> bytes:
    """A file that zisofs packed: a header, a table of blocks, and each block on its own."""
    size, header, log = struct.unpack_from("<8xIBB", data)
    if size > _MAX_UNPACKED or not 15 <= log <= 17:
        raise BadPackage("a file in the AppImage is too large")
    count = (size + (1 << log) - 1) >> log
    try:
        places = struct.unpack_from(f"<{count + 1}I", data, header * 4)
        blocks = [data[start:end] for start, end in itertools.pairwise(places)]
        pieces = [zlib.decompressobj().decompress(one, 1 << log) if one else bytes(1 << log) for one in blocks]
    except (struct.error, zlib.error):
        raise BadPackage("a file in the AppImage is damaged") from None
    return b"".join(pieces)[:size]
