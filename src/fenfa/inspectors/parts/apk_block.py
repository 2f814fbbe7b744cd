"""The APK Signing Block: where it lies, its pairs, and the signers of the schemes v2, v3 and v3.1 as the file has them.

Source: source.android.com "APK signature scheme v2", "v3" and "v3.1".
"""

import struct
from collections.abc import Iterator
from typing import NamedTuple

from fenfa.errors import BadPackage
from fenfa.inspectors.parts.zipsafe import Archive

_MAX_BLOCK = 64 << 20
_MAX_PAIRS = 1000
MAX_SIGNERS = 10  # Android's own limit
_MAX_ITEMS = 100
_MAGIC = b"APK Sig Block 42"
SCHEMES = {0x7109871A: "v2", 0xF05368C0: "v3", 0x1B93AD61: "v3.1"}
_END = struct.Struct("<4s4H2LH")


class Block(NamedTuple):
    """Where the block and the zip's last two parts lie, and the pairs; `fault` says why Android would not see a block."""

    start: int
    directory: int
    end: int
    pairs: list[tuple[int, bytes]]
    fault: str


class Signer(NamedTuple):
    """One signer. `digests` and `signatures` go by algorithm ID; SDK levels are 0 and 2^31-1 where v2 has none."""

    signed_data: bytes
    signatures: list[tuple[int, bytes]]
    public_key: bytes
    digests: list[tuple[int, bytes]]
    certificates: list[bytes]
    attributes: list[tuple[int, bytes]]
    min_sdk: int
    max_sdk: int
    faults: list[str]


def read_block(archive: Archive) -> Block | None:
    """The block that ends where the zip's directory begins, broken ones included; None when there is none."""
    directory = archive.directory_offset
    footer = archive.raw(directory - 24, 24)
    if directory < 24 or len(footer) < 24 or footer[8:] != _MAGIC:
        return None
    size = int.from_bytes(footer[:8], "little")
    if not 24 <= size <= min(_MAX_BLOCK, directory - 8):
        return None
    start = directory - size - 8
    head = archive.raw(start, size - 16)
    end, fault = _zip_end(archive)
    if int.from_bytes(head[:8], "little") != size:
        fault = "the APK Signing Block states two sizes that differ"
    return Block(start, directory, end, list(_pairs(head[8:])), fault)


def read_signers(scheme: str, value: bytes) -> list[Signer]:
    """The signers of one pair, whole. Raises BadPackage where the lengths in it cannot be."""
    return [_read_signer(scheme, signer) for signer in _items(Cursor(value).prefixed(), MAX_SIGNERS)]


def stored_certificates(scheme: str, value: bytes) -> list[bytes]:
    """The certificates in a pair, as far as it is whole."""
    found: list[bytes] = []
    try:
        for signer in _items(Cursor(value).prefixed(), MAX_SIGNERS):
            data = Cursor(Cursor(signer).prefixed())
            data.prefixed()
            found += _items(data.prefixed(), _MAX_ITEMS)
    except BadPackage:
        return found
    return found


class Cursor:
    """Reads length-prefixed fields one after the other; what is cut short raises BadPackage."""

    def __init__(self, data: bytes) -> None:
        self._data, self._place = data, 0

    @property
    def left(self) -> int:
        return len(self._data) - self._place

    def take(self, count: int) -> bytes:
        if count > self.left:
            raise BadPackage("a part of the signature is cut short")
        self._place += count
        return self._data[self._place - count : self._place]

    def number(self) -> int:
        return int.from_bytes(self.take(4), "little")

    def prefixed(self) -> bytes:
        return self.take(self.number())


def _zip_end(archive: Archive) -> tuple[int, str]:
    """Where the zip's last record begins, and what Android would find wrong with it."""
    start = max(archive.size - _END.size - 0xFFFF, 0)
    tail = archive.raw(start, archive.size - start)
    place = tail.rfind(b"PK\5\6")
    while place >= 0:
        if place + _END.size <= len(tail):
            *_, length, offset, comment = _END.unpack_from(tail, place)
            if place + _END.size + comment == len(tail):
                follows = offset == archive.directory_offset and offset + length == start + place
                return start + place, "" if follows else "the zip's directory does not lie right before its end"
        place = tail.rfind(b"PK\5\6", 0, place)
    return archive.size, "the zip's end does not lie at the end of the file"


def _pairs(block: bytes) -> Iterator[tuple[int, bytes]]:
    place = 0
    for _ in range(_MAX_PAIRS):
        if place + 12 > len(block):
            return
        size, identifier = struct.unpack_from("<QI", block, place)
        if size < 4 or place + 8 + size > len(block):
            return
        yield identifier, block[place + 12 : place + 8 + size]
        place += 8 + size


def _read_signer(scheme: str, data: bytes) -> Signer:
    outer = Cursor(data)
    signed_data = outer.prefixed()
    outer_range = (0, 0x7FFFFFFF) if scheme == "v2" else (outer.number(), outer.number())
    signatures = [_tagged(item) for item in _items(outer.prefixed(), _MAX_ITEMS)]
    public_key = outer.prefixed()
    inner = Cursor(signed_data)
    digests = [_tagged(item) for item in _items(inner.prefixed(), _MAX_ITEMS)]
    certificates = _items(inner.prefixed(), _MAX_ITEMS)
    inner_range = outer_range if scheme == "v2" else (inner.number(), inner.number())
    attributes = [_attribute(item) for item in _items(inner.prefixed(), _MAX_ITEMS)] if inner.left else []
    faults = [] if inner_range == outer_range else ["its SDK levels differ from those that it signed"]
    return Signer(signed_data, signatures, public_key, digests, certificates, attributes, *outer_range, faults)


def _items(data: bytes, limit: int) -> list[bytes]:
    """Length-prefixed items up to the end of the data."""
    cursor, items = Cursor(data), list[bytes]()
    while cursor.left:
        if len(items) >= limit:
            raise BadPackage("a part of the signature has too many items")
        items.append(cursor.prefixed())
    return items


def _tagged(data: bytes) -> tuple[int, bytes]:
    cursor = Cursor(data)
    return cursor.number(), cursor.prefixed()


def _attribute(data: bytes) -> tuple[int, bytes]:
    cursor = Cursor(data)
    return cursor.number(), cursor.take(cursor.left)
