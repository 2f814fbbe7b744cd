"""OpenPGP signatures: who made one and when, as far as the packet says; nothing is verified. Source: RFC 4880, RFC 9580."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import NamedTuple

_SIGNATURE = 2
_CREATED, _ISSUER, _FINGERPRINT = 2, 16, 33
_KEYS = {1: "RSA", 2: "RSA", 3: "RSA", 17: "DSA", 19: "ECDSA", 22: "EdDSA", 27: "Ed25519", 28: "Ed448"}
_HASHES = {1: "MD5", 2: "SHA1", 8: "SHA256", 9: "SHA384", 10: "SHA512", 11: "SHA224", 12: "SHA3-256", 14: "SHA3-512"}
_MAX_PACKETS = 100
_DAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
_MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]


class Signature(NamedTuple):
    """Algorithms by name, the maker's key ID in hexadecimal digits, seconds since 1970."""

    key: str
    digest: str
    key_id: str
    created: int

    def __str__(self) -> str:
        """As `rpm` prints it: `RSA/SHA256, Thu Apr  6 13:02:33 2017, Key ID 4344591e1964c5fc`."""
        time = datetime.fromtimestamp(self.created, UTC)
        day = f"{_DAYS[time.weekday()]} {_MONTHS[time.month - 1]} {time.day:2} {time:%H:%M:%S} {time.year}"
        return f"{self.key}/{self.digest}, {day}, Key ID {self.key_id}"


def read_signatures(data: bytes) -> list[Signature]:
    """The signatures in a row of packets. What is broken reads as far as it is whole."""
    try:
        return [_signature(body) for kind, body in _packets(data) if kind == _SIGNATURE and body]
    except (IndexError, ValueError, OverflowError):
        return []


def _packets(data: bytes) -> Iterator[tuple[int, bytes]]:
    place = 0
    for _ in range(_MAX_PACKETS):
        if place >= len(data) or not data[place] & 0x80:
            return
        tag, place = data[place], place + 1
        if tag & 0x40:
            size, place = _size(data, place)
            kind = tag & 0x3F
        else:
            width = 1 << (tag & 3) if tag & 3 < 3 else 0
            size = int.from_bytes(data[place : place + width], "big") if width else len(data) - place
            kind, place = tag >> 2 & 0xF, place + width
        yield kind, data[place : place + size]
        place += size


def _size(data: bytes, place: int) -> tuple[int, int]:
    """A length of new packets and of subpackets, and where it ends."""
    first = data[place]
    if first < 192:
        return first, place + 1
    if first < 255:
        return ((first - 192) << 8) + data[place + 1] + 192, place + 2
    return int.from_bytes(data[place + 1 : place + 5], "big"), place + 5


def _signature(body: bytes) -> Signature:
    version = body[0]
    if version == 3:
        key, digest = _names(body[15], body[16])
        return Signature(key, digest, body[7:15].hex(), int.from_bytes(body[3:7], "big"))
    if version not in (4, 5, 6):
        raise ValueError("unknown version")
    width = 4 if version == 6 else 2
    hashed = int.from_bytes(body[4 : 4 + width], "big")
    start = 4 + width + hashed
    unhashed = int.from_bytes(body[start : start + width], "big")
    parts = dict(_subpackets(body[4 + width : start])) | {
        kind: value
        for kind, value in _subpackets(body[start + width : start + width + unhashed])
        if kind in (_ISSUER, _FINGERPRINT)
    }
    return Signature(*_names(body[2], body[3]), _key_id(parts), int.from_bytes(parts.get(_CREATED, b"")[:4], "big"))


def _subpackets(data: bytes) -> Iterator[tuple[int, bytes]]:
    place = 0
    for _ in range(_MAX_PACKETS):
        if place >= len(data):
            return
        size, place = _size(data, place)
        yield data[place] & 0x7F, data[place + 1 : place + size]
        place += size


def _key_id(parts: dict[int, bytes]) -> str:
    """The issuer's key ID: given, or the part of the fingerprint that it is."""
    if _ISSUER in parts:
        return parts[_ISSUER][:8].hex()
    fingerprint = parts.get(_FINGERPRINT, b"")
    return (fingerprint[-8:] if fingerprint[:1] == b"\x04" else fingerprint[1:9]).hex()


def _names(key: int, digest: int) -> tuple[str, str]:
    return _KEYS.get(key, f"key type {key}"), _HASHES.get(digest, f"hash {digest}")
