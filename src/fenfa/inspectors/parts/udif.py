"""Apple's disk images (UDIF, .dmg): a disk whose stretches are packed one by one, and unpacked here only where read.

Source: the `koly` and `mish` structures as described by Jonathan Levin, "Demystifying the DMG File Format"; dmgwiz (MIT).
"""

import struct
from bisect import bisect_right
from collections.abc import Iterator
from typing import NamedTuple

from fenfa.errors import BadPackage
from fenfa.inspectors.parts import plists, udif_codecs
from fenfa.inspectors.parts.source import Source

SECTOR = 512
MIB = 1 << 20
_TRAILER = 512
_MAX_PLIST = 32 * MIB
_MAX_RUNS = 500_000
_MAX_RUN = 32 * MIB  # of one unpacked stretch; Apple's tools make them 256 KiB to 8 MiB
_MAX_KEPT = 48 * MIB
_SLACK = 1 << 16  # by which packing may make a stretch longer
_AHEAD = 1 << 17
_BUDGET = 96 * MIB  # of all that is unpacked for one image; slow codecs weigh more
_MISH = struct.Struct(">4sIQQQ")
_RUN = struct.Struct(">IIQQQQ")
_RUNS_AT = 200
_ZERO, _RAW, _IGNORED, _COMMENT, _END = 0, 1, 2, 0x7FFFFFFE, 0xFFFFFFFF


class Run(NamedTuple):
    """A stretch of the disk: `start` and `size` in bytes of it, `place` and `packed` in bytes of the file."""

    start: int
    size: int
    kind: int
    place: int
    packed: int


class Disk:
    """The disk inside an image, to be read like a `Source`. What no run holds reads as zeros."""

    def __init__(self, file: Source, runs: list[Run], data_start: int) -> None:
        self._file = file
        self._data_start = data_start
        self._runs = sorted(runs)
        self._starts = [run.start for run in self._runs]
        self._cache: dict[Run, bytes] = {}
        self._left = _BUDGET
        self.size = max((run.start + run.size for run in runs), default=0)

    def at(self, offset: int, count: int) -> bytes:
        """Exactly `count` bytes, or BadPackage."""
        data = self.upto(offset, count)
        if len(data) != count:
            raise BadPackage("the disk image is cut short, or points beyond its own end")
        return data

    def upto(self, offset: int, count: int) -> bytes:
        """At most `count` bytes; fewer, or none, where the disk ends."""
        end = min(offset + count, self.size)
        pieces = []
        while 0 <= offset < end:
            piece = self._piece(offset, end - offset)
            pieces.append(piece)
            offset += len(piece)
        return b"".join(pieces)

    def _piece(self, offset: int, count: int) -> bytes:
        """At least one byte from one run, or from the gap before the next."""
        index = bisect_right(self._starts, offset) - 1
        run = self._runs[index] if index >= 0 else None
        if run is None or offset >= run.start + run.size:
            following = self._starts[index + 1] if index + 1 < len(self._starts) else self.size
            return bytes(min(count, max(following - offset, 1), MIB))
        inside = offset - run.start
        count = min(count, run.size - inside)
        if run.kind in (_ZERO, _IGNORED):
            return bytes(min(count, MIB))
        if run.kind == _RAW:
            return self._file.at(self._data_start + run.place + inside, count)
        return self._unpacked(run, inside + count)[inside : inside + count]

    def _unpacked(self, run: Run, wanted: int) -> bytes:
        """The run's first `wanted` bytes at least: all of it, or where that takes long a part, and all the second time."""
        known = self._cache.pop(run, b"")
        if len(known) >= wanted:
            self._cache[run] = known  # now the newest
            return known
        if run.size > _MAX_RUN or run.packed > run.size + _SLACK:
            raise BadPackage("the disk image has a stretch that is larger than we unpack")
        size = min(run.size, wanted + _AHEAD) if run.kind in udif_codecs.SLOW and not known else run.size
        self._left -= size * udif_codecs.WEIGHTS.get(run.kind, 1)
        if self._left < 0:
            raise BadPackage("the disk image needs more unpacking than we do to find its app")
        packed = self._file.at(self._data_start + run.place, run.packed)
        data = udif_codecs.unpack(run.kind, packed, size).ljust(size, b"\0")
        while self._cache and sum(map(len, self._cache.values())) + len(data) > _MAX_KEPT:
            self._cache.pop(next(iter(self._cache)))
        self._cache[run] = data
        return data


class Image(NamedTuple):
    """`disk` is None for an encrypted image. `signature`: the bytes of the image's own code signature, mostly empty."""

    disk: Disk | Source | None
    signature: bytes


def open_image(file: Source) -> Image:
    """Opens a .dmg: UDIF, or a plain copy of a disk."""
    if file.upto(0, 8) == b"encrcdsa" or file.upto(file.size - 8, 8) == b"cdsaencr":
        return Image(None, b"")
    trailer = file.upto(file.size - _TRAILER, _TRAILER)
    if trailer[:4] != b"koly":
        return Image(file, b"")
    data_start = struct.unpack_from(">Q", trailer, 24)[0]
    place, size = struct.unpack_from(">QQ", trailer, 216)
    if not 0 < size <= _MAX_PLIST:
        raise BadPackage("the disk image has no table of its stretches, or too long a one")
    values = plists.load(file.at(place, size), "the disk image's table")
    place, size = struct.unpack_from(">QQ", trailer, 296)
    signature = file.upto(place, size) if 0 < size <= MIB else b""
    tables = plists.sequence(plists.table(values, "resource-fork"), "blkx")
    blocks = [table.get("Data") for table in tables if isinstance(table, dict)]
    runs = [run for block in blocks if isinstance(block, bytes) for run in _runs(block)]
    if not runs:
        raise BadPackage("the disk image holds nothing")
    if len(runs) > _MAX_RUNS:
        raise BadPackage("the disk image has too many stretches")
    return Image(Disk(file, runs, data_start), signature)


def _runs(block: bytes) -> Iterator[Run]:
    """One partition's runs."""
    if len(block) < _RUNS_AT + 4 or block[:4] != b"mish":
        raise BadPackage("the disk image's table is damaged")
    _, _, first, _, data_offset = _MISH.unpack_from(block)
    count = struct.unpack_from(">I", block, _RUNS_AT)[0]
    if count > _MAX_RUNS or _RUNS_AT + 4 + count * _RUN.size > len(block):
        raise BadPackage("the disk image's table claims more than it holds")
    for number in range(count):
        kind, _, sector, sectors, place, packed = _RUN.unpack_from(block, _RUNS_AT + 4 + number * _RUN.size)
        if kind not in (_COMMENT, _END) and sectors:
            yield Run((first + sector) * SECTOR, sectors * SECTOR, kind, data_offset + place, packed)
