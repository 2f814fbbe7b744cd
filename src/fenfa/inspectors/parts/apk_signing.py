"""An APK's signing certificates, as they lie in the file: nothing is verified here.

Source: source.android.com "APK signing"; for v1, the JAR specification.
"""

import re
import struct
from collections.abc import Iterator
from hashlib import sha256
from typing import Any

from fenfa.errors import BadPackage
from fenfa.inspectors.parts import der
from fenfa.inspectors.parts.zipsafe import Archive

_MAX_BLOCK = 64 << 20
_MAX_PAIRS = 1000
_MAX_SIGNERS = 10  # Android's own limit
_MAX_CERTIFICATES = 100
_MAX_SIGNATURE_FILE = 1 << 20
_MAGIC = b"APK Sig Block 42"
_SCHEMES = {0x7109871A: "v2", 0xF05368C0: "v3", 0x1B93AD61: "v3.1"}
_SIGNATURE_FILE = re.compile(r"META-INF/[^/]+\.(RSA|DSA|EC)", re.IGNORECASE)


def read_signing(archive: Archive) -> dict[str, Any] | None:
    """`{"schemes": ["v1", …], "certificates": [{"sha256", "name", "not_before", "not_after", "schemes"}, …]}`.

    A certificate stands once, with the schemes that carry it. None for an unsigned package.
    """
    stored = _v1_certificates(archive) | _block_certificates(archive)
    if not stored:
        return None
    carriers: dict[bytes, list[str]] = {}
    for scheme, certificates in stored.items():
        for certificate in dict.fromkeys(certificates):
            carriers.setdefault(certificate, []).append(scheme)
    listed = [_described(data) | {"schemes": schemes} for data, schemes in carriers.items()]
    return {"schemes": sorted(stored), "certificates": listed[:_MAX_CERTIFICATES]}


def _described(data: bytes) -> dict[str, Any]:
    try:
        found = der.certificate(data)
    except (BadPackage, IndexError, ValueError):
        found = der.Certificate("", sha256(data).hexdigest(), None, None)
    dates = {"not_before": found.not_before, "not_after": found.not_after}
    shown = {key: date.strftime("%Y-%m-%dT%H:%M:%SZ") if date else None for key, date in dates.items()}
    return {"sha256": found.sha256, "name": found.name, **shown}


def _v1_certificates(archive: Archive) -> dict[str, list[bytes]]:
    """The certificates of the JAR signers. A signature file that cannot be read has none."""
    files = [name for name in archive.members if _SIGNATURE_FILE.fullmatch(name)][:_MAX_SIGNERS]
    found: list[bytes] = []
    for name in files:
        try:
            signed = der.signed_data(archive.read(name, _MAX_SIGNATURE_FILE))
            bags = [part for part in signed.children if part.tag == 0xA0]
            found += [one.encoded for bag in bags for one in bag.children if one.tag == der.SEQUENCE]
        except (BadPackage, IndexError):
            continue
    return {"v1": found} if files else {}


def _block_certificates(archive: Archive) -> dict[str, list[bytes]]:
    """Certificates by scheme from the APK Signing Block. A block that is broken reads as far as it is whole."""
    found: dict[str, list[bytes]] = {}
    for identifier, value in _pairs(_signing_block(archive)):
        scheme = _SCHEMES.get(identifier)
        if scheme:
            listed = found.setdefault(scheme, [])
            listed += [one for signer in _signers(value) for one in _signer_certificates(signer)]
    return found


def _signing_block(archive: Archive) -> bytes:
    """The pairs of the block that ends where the zip's directory begins; empty when there is none."""
    footer = archive.raw(archive.directory_offset - 24, 24)
    if len(footer) < 24 or footer[8:] != _MAGIC:
        return b""
    size = int.from_bytes(footer[:8], "little")
    if not 24 <= size <= min(_MAX_BLOCK, archive.directory_offset):
        return b""
    return archive.raw(archive.directory_offset - size, size - 24)


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


def _signers(value: bytes) -> list[bytes]:
    outer = _sequence(value, 1)
    return _sequence(outer[0], _MAX_SIGNERS) if outer else []


def _signer_certificates(signer: bytes) -> list[bytes]:
    """The certificates in a signer's signed data: its own first, then its chain."""
    signed_data = _sequence(signer, 1)
    fields = _sequence(signed_data[0], 2) if signed_data else []
    return _sequence(fields[1], _MAX_CERTIFICATES) if len(fields) == 2 else []


def _sequence(data: bytes, limit: int) -> list[bytes]:
    """Length-prefixed items, as far as they are whole."""
    items: list[bytes] = []
    place = 0
    while place + 4 <= len(data) and len(items) < limit:
        size = int.from_bytes(data[place : place + 4], "little")
        if place + 4 + size > len(data):
            break
        items.append(data[place + 4 : place + 4 + size])
        place += 4 + size
    return items
