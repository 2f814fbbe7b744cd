"""A zip reader for files from strangers: it reads the directory and single members, each within a limit.

Not `zipfile`: that one builds its whole directory before anyone can refuse, believes the sizes that a file states, cuts names
at NUL, and opens no APK that uses the oddities which Android takes (`lenient`). Source: APPNOTE.TXT 6.3, and Android's
libziparchive for the lenient rules.
"""

import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, NamedTuple, Self

from fenfa.errors import BadPackage

MIB = 1 << 20
MAX_ENTRIES = 100_000
MAX_DIRECTORY = 32 * MIB
MAX_RATIO = 100
RATIO_FROM = 64 * MIB  # below this size a high ratio harms nobody

_EOCD = struct.Struct("<4s4H2LH")
_EOCD64 = struct.Struct("<4sQ2H2L4Q")
_LOCATOR64 = struct.Struct("<4sLQL")
_CENTRAL = struct.Struct("<4s6H3L5H2L")
_LOCAL = struct.Struct("<4s5H3L2H")
_STORED, _DEFLATED = 0, 8
_ENCRYPTED, _UTF8 = 0x1, 0x800
_DIRECTORY_SIGNATURE = b"PK\5\5"  # may follow the entries
_SYMLINK = 0o120000
_PIECE = 256 * 1024


class Member(NamedTuple):
    """One entry of the directory. Sizes are what the file claims, in bytes."""

    name: str
    raw_name: bytes
    flags: int
    method: int
    crc: int
    packed: int
    size: int
    mode: int
    offset: int


class Archive:
    """An open zip. `members` maps names to members; of members that share a name the last one is kept, and not read."""

    def __init__(self, path: Path | BinaryIO, *, lenient: bool = False) -> None:
        self._file: BinaryIO = path.open("rb") if isinstance(path, Path) else path
        self._lenient = lenient
        try:
            self.size = self._file.seek(0, 2)
            self.directory_offset, directory, self._shift = _read_directory(self._file, self.size)
            self.members, self._repeated = _index(directory, whole=not lenient)
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def __contains__(self, name: str) -> bool:
        return name in self.members

    def read(self, name: str, limit: int) -> bytes:
        """A member's bytes, at most `limit` of them, checked against its size and checksum."""
        member = self._member(name)
        if member.size > limit:
            raise BadPackage(f"{_shown(name)} is larger than {limit:,} bytes")
        if member.size > RATIO_FROM and member.size > MAX_RATIO * member.packed:
            raise BadPackage(f"{_shown(name)} is packed more than {MAX_RATIO} times")
        data = b"".join(self._pieces(member, limit + 1))
        if len(data) != member.size:
            raise BadPackage(f"{_shown(name)} is not as long as the zip says")
        if not self._lenient and zlib.crc32(data) != member.crc:
            raise BadPackage(f"{_shown(name)} is damaged: its checksum is wrong")
        return data

    def head(self, name: str, count: int) -> bytes:
        """The first bytes of a member, unchecked."""
        return b"".join(self._pieces(self._member(name), count))[:count]

    def stream(self, name: str) -> Iterator[bytes]:
        """A member's bytes piece by piece, unchecked; no more than its stated size and one byte."""
        member = self._member(name)
        return self._pieces(member, member.size + 1)

    def stretch(self, name: str) -> tuple[int, int] | None:
        """Where a stored member lies in the file, (offset, size); None for one that is packed."""
        member = self._member(name)
        if member.method != _STORED or member.flags & _ENCRYPTED or member.packed != member.size:
            return None
        self._seek(member)
        return self._file.tell(), member.size

    def ranges(self, name: str, wanted: list[tuple[int, int]]) -> list[bytes]:
        """Pieces (offset, count) of a member in one pass over it, unchecked; one beyond its end is short."""
        found = [bytearray() for _ in wanted]
        end = max((offset + count for offset, count in wanted), default=0)
        at = 0
        for piece in self._pieces(self._member(name), end):
            for part, (offset, count) in zip(found, wanted, strict=True):
                if offset < at + len(piece) and offset + count > at:
                    part += piece[max(offset - at, 0) : offset + count - at]
            at += len(piece)
        return [bytes(part) for part in found]

    def raw(self, offset: int, count: int) -> bytes:
        """Raw bytes of the zip file itself, for what lies between its entries."""
        self._file.seek(max(offset, 0))
        return self._file.read(count)

    def _member(self, name: str) -> Member:
        member = self.members.get(name)
        if member is None:
            raise BadPackage(f"{_shown(name)} is missing")
        if name in self._repeated:
            raise BadPackage(f"the zip holds two entries named {_shown(name)}")
        if member.mode & 0o170000 == _SYMLINK:
            raise BadPackage(f"{_shown(name)} is a symbolic link")
        if member.flags & _ENCRYPTED and not self._lenient:
            raise BadPackage(f"{_shown(name)} is encrypted")
        return member

    def _pieces(self, member: Member, limit: int) -> Iterator[bytes]:
        """Unpacked pieces until the member or the limit ends. Android's tools take a method that they do not know as one
        of the two that they do."""
        self._seek(member)
        is_known = member.method in (_STORED, _DEFLATED)
        if not is_known and not self._lenient:
            raise BadPackage(f"{_shown(member.name)} is packed with method {member.method}, which is not supported")
        if member.method == _DEFLATED or (not is_known and member.packed != member.size):
            return self._inflate(member, limit)
        return iter([self._file.read(min(member.packed, limit))])

    def _inflate(self, member: Member, limit: int) -> Iterator[bytes]:
        unpacker = zlib.decompressobj(-zlib.MAX_WBITS)
        left = member.packed
        try:
            while limit > 0 and not unpacker.eof:
                source = unpacker.unconsumed_tail or self._file.read(min(left, _PIECE))
                left -= 0 if unpacker.unconsumed_tail else len(source)
                piece = unpacker.decompress(source, min(limit, 4 * _PIECE))
                if not source and not piece:
                    return
                limit -= len(piece)
                yield piece
        except zlib.error:
            raise BadPackage(f"{_shown(member.name)} cannot be unpacked") from None

    def _seek(self, member: Member) -> None:
        """Goes to a member's first byte. The local header must name the member that the directory promised."""
        self._file.seek(member.offset + self._shift)
        header = self._file.read(_LOCAL.size)
        if len(header) < _LOCAL.size or header[:4] != b"PK\3\4":
            raise BadPackage(f"{_shown(member.name)} does not lie where the zip says")
        name_length, extra_length = _LOCAL.unpack(header)[-2:]
        if self._file.read(name_length) != member.raw_name:
            raise BadPackage(f"{_shown(member.name)} has another name in its own header")
        self._file.seek(extra_length, 1)


def _read_directory(file: BinaryIO, size: int) -> tuple[int, bytes, int]:
    """The central directory's place in the file, its bytes, and how far all offsets are shifted by a prefix."""
    place, count, length, offset = _find_end(file, size)
    if count > MAX_ENTRIES:
        raise BadPackage(f"the zip has more than {MAX_ENTRIES:,} entries")
    if length > MAX_DIRECTORY:
        raise BadPackage(f"the zip's directory is larger than {MAX_DIRECTORY // MIB} MiB")
    for start in (offset, place - length):  # the second one: something stands before the zip
        if offset <= start <= size - length and (length == 0 or _bytes_at(file, start, 4) == b"PK\1\2"):
            return start, _bytes_at(file, start, length), start - offset
    raise BadPackage("the zip's directory is missing or damaged")


def _find_end(file: BinaryIO, size: int) -> tuple[int, int, int, int]:
    """Where the directory must end at the latest, its entry count, length and offset."""
    start = max(size - _EOCD.size - 0xFFFF, 0)
    tail = _bytes_at(file, start, size - start)
    place = tail.rfind(b"PK\5\6")
    while place >= 0:
        if place + _EOCD.size <= len(tail):
            *_, count, length, offset, comment = _EOCD.unpack_from(tail, place)
            if place + _EOCD.size + comment <= len(tail):
                found = (start + place, count, length, offset)
                return _find_end64(file, found) if 0xFFFF in found[1:2] or 0xFFFFFFFF in found[2:] else found
        place = tail.rfind(b"PK\5\6", 0, place)
    raise BadPackage("the file is not a zip, or its end is missing")


def _find_end64(file: BinaryIO, found: tuple[int, int, int, int]) -> tuple[int, int, int, int]:
    """The same figures from the zip64 record, where there is one."""
    locator = _bytes_at(file, found[0] - _LOCATOR64.size, _LOCATOR64.size)
    if len(locator) < _LOCATOR64.size or locator[:4] != b"PK\6\7":
        return found
    for place in (_LOCATOR64.unpack(locator)[2], found[0] - _LOCATOR64.size - _EOCD64.size):
        record = _bytes_at(file, place, _EOCD64.size)
        if len(record) == _EOCD64.size and record[:4] == b"PK\6\6":
            count, length, offset = _EOCD64.unpack(record)[-3:]
            return place, count, length, offset
    raise BadPackage("the zip64 directory is missing")


def _index(directory: bytes, *, whole: bool) -> tuple[dict[str, Member], set[str]]:
    """Members by name, and the names that occur more than once. `whole`: the directory may hold nothing else."""
    members: dict[str, Member] = {}
    repeated: set[str] = set()
    for number, member in enumerate(_entries(directory, whole=whole)):
        if number >= MAX_ENTRIES:
            raise BadPackage(f"the zip has more than {MAX_ENTRIES:,} entries")
        if member.name in members:
            repeated.add(member.name)
        members[member.name] = member
    return members, repeated


def _entries(directory: bytes, *, whole: bool) -> Iterator[Member]:
    place = 0
    while directory[place : place + 4] == b"PK\1\2" and place + _CENTRAL.size <= len(directory):
        fields = _CENTRAL.unpack_from(directory, place)
        flags, method, crc, packed, size, name_length, extra_length, comment_length = fields[3:5] + fields[7:13]
        place += _CENTRAL.size
        raw = directory[place : place + name_length]
        place += name_length
        offset = fields[16]
        if 0xFFFFFFFF in (packed, size, offset):
            extra = directory[place : place + extra_length]
            size, packed, offset = _widen(extra, size, packed, offset)
        place += extra_length + comment_length
        yield Member(_decode(raw, flags), raw, flags, method, crc, packed, size, fields[15] >> 16, offset)
    if whole and place != len(directory) and directory[place : place + 4] != _DIRECTORY_SIGNATURE:
        raise BadPackage("the zip's directory is damaged")


def _widen(extra: bytes, *narrow: int) -> Iterator[int]:
    """The zip64 extra field's values stand for those that are all ones, in this order."""
    wide = b""
    while len(extra) >= 4:
        kind, length = struct.unpack_from("<HH", extra)
        if kind == 1:
            wide = extra[4 : 4 + length]
        extra = extra[4 + length :]
    for value in narrow:
        if value == 0xFFFFFFFF and len(wide) >= 8:
            value, wide = int.from_bytes(wide[:8], "little"), wide[8:]
        yield value


def _decode(raw: bytes, flags: int) -> str:
    """Names are UTF-8 when flagged, and mostly when not: Apple's tools forget the flag."""
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("utf-8", "replace") if flags & _UTF8 else raw.decode("cp437")


def _bytes_at(file: BinaryIO, offset: int, count: int) -> bytes:
    file.seek(max(offset, 0))
    return file.read(max(count, 0))


def _shown(name: str) -> str:
    """A member's name for a message: its end, printable."""
    return ascii(name[-80:])[1:-1] if not name.isprintable() or len(name) > 80 else name
