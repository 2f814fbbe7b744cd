"""A volume of a disk: folders and files, whatever its file system; and its apps' files for `Bundle`.

The file systems (`hfs`, `apfs`) list folders and give files as `Stream`s; everything is read from the disk when it is needed.
"""

import struct
from collections.abc import Callable, Iterator
from itertools import islice
from typing import NamedTuple, Protocol

from fenfa.errors import BadPackage

_MAX_FOLDERS = 400
_MAX_IN_FOLDER = 20_000
_MAX_FILES = 50_000
_MAX_DEPTH = 3  # folders above an app
_GPT_ENTRY = struct.Struct("<16s16sQQ")
_MAX_PARTITIONS = 128


class Readable(Protocol):
    """A disk, or a stretch of bytes on it."""

    size: int

    def at(self, offset: int, count: int) -> bytes: ...

    def upto(self, offset: int, count: int) -> bytes: ...


class Extent(NamedTuple):
    """`size` bytes of a file from `start` on, at `place` of the disk; `place` None stands for zeros."""

    start: int
    size: int
    place: int | None


class Stream:
    """A file on a disk, to be read like a `Source`."""

    def __init__(self, disk: Readable, size: int, extents: list[Extent]) -> None:
        self._disk = disk
        self._extents = extents
        self.size = min(size, max((extent.start + extent.size for extent in extents), default=0))

    def at(self, offset: int, count: int) -> bytes:
        """Exactly `count` bytes, or BadPackage."""
        data = self.upto(offset, count)
        if len(data) != count:
            raise BadPackage("a file on the disk image is cut short")
        return data

    def upto(self, offset: int, count: int) -> bytes:
        end = min(offset + count, self.size)
        found = bytearray()
        for start, size, place in self._extents:
            if start <= offset < min(start + size, end):
                wanted = min(end, start + size) - offset
                found += bytes(wanted) if place is None else self._disk.at(place + offset - start, wanted)
                offset += wanted
        return bytes(found)


class Entry(NamedTuple):
    """A file or folder; `open` gives a file's bytes."""

    name: str
    number: int
    is_folder: bool
    open: Callable[[], Readable] | None = None


class Volume(Protocol):
    """A file system: `root` is the number of its top folder."""

    root: int

    def children(self, folder: int) -> Iterator[Entry]: ...


class VolumeFiles:
    """The files of a volume that tell what it holds: those of its apps, and installers beside them. See `bundle.Files`."""

    is_seekable = True

    def __init__(self, volume: Volume) -> None:
        self._volume = volume
        self._folders = 0
        self.names: dict[str, Entry] = {}
        for path, entry in self._walk():
            if len(self.names) >= _MAX_FILES:
                break
            self.names[path] = entry

    def open(self, name: str) -> Readable:
        entry = self.names.get(name)
        if entry is None or entry.open is None:
            raise BadPackage(f"{name[-80:]!r} is missing")
        return entry.open()

    def read(self, name: str, limit: int) -> bytes:
        stream = self.open(name)
        if stream.size > limit:
            raise BadPackage(f"{name[-80:]!r} is larger than {limit:,} bytes")
        return stream.upto(0, stream.size)

    def head(self, name: str, count: int) -> bytes:
        return self.open(name).upto(0, count)

    def ranges(self, name: str, wanted: list[tuple[int, int]]) -> list[bytes]:
        stream = self.open(name)
        return [stream.upto(offset, count) for offset, count in wanted]

    def _walk(self) -> Iterator[tuple[str, Entry]]:
        """Breadth first to the apps and installers, then into the apps as far as a bundle is described."""
        level = [("", self._volume.root)]
        for _ in range(_MAX_DEPTH + 1):
            below: list[tuple[str, int]] = []
            for path, number in level:
                for entry in self._children(number):
                    own = f"{path}{entry.name}"
                    if not entry.is_folder:
                        yield own, entry
                    elif entry.name.endswith(".app"):
                        yield from self._app(own + "/", entry.number)
                    elif not entry.name.startswith(".") and len(below) < _MAX_FOLDERS:
                        below.append((own + "/", entry.number))
            level = below

    def _app(self, path: str, number: int) -> Iterator[tuple[str, Entry]]:
        contents = next((one for one in self._children(number) if one.name == "Contents" and one.is_folder), None)
        for entry in self._children(contents.number) if contents else []:
            if entry.is_folder and entry.name in ("MacOS", "Resources"):
                for one in self._children(entry.number):
                    if not one.is_folder:
                        yield f"{path}Contents/{entry.name}/{one.name}", one
            elif not entry.is_folder:
                yield f"{path}Contents/{entry.name}", entry

    def _children(self, number: int) -> list[Entry]:
        self._folders += 1
        return list(islice(self._volume.children(number), _MAX_IN_FOLDER)) if self._folders <= _MAX_FOLDERS else []


def partitions(disk: Readable) -> list[int]:
    """Where volumes may begin, in bytes: at the disk's own start, and at each partition of a GUID or Apple map."""
    return [0, *_guid_partitions(disk), *_apple_partitions(disk)]


def _guid_partitions(disk: Readable) -> list[int]:
    header = disk.upto(512, 92)
    if len(header) < 92 or header[:8] != b"EFI PART":
        return []
    start, count, size = struct.unpack_from("<QII", header, 72)
    if size < 48:
        return []
    table = disk.upto(start * 512, min(count, _MAX_PARTITIONS) * min(size, 4096))
    entries = [_GPT_ENTRY.unpack_from(table, place) for place in range(0, len(table) - 47, size)]
    return [first * 512 for kind, _, first, _ in entries if kind != bytes(16)]


def _apple_partitions(disk: Readable) -> list[int]:
    found: list[int] = []
    for number in range(1, _MAX_PARTITIONS):
        entry = disk.upto(512 * number, 512)
        if entry[:2] != b"PM":
            break
        found.append(512 * struct.unpack_from(">I", entry, 8)[0])
    return found
