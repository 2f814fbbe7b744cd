"""Apple's code signatures: who signed, as what, with which entitlements. Nothing is verified.

Source: <kern/cs_blobs.h> of Apple's xnu; RFC 5652 for the CMS blob inside.
"""

import struct
from collections.abc import Iterator
from hashlib import sha1, sha256, sha384
from typing import Any

from fenfa.errors import BadPackage
from fenfa.inspectors.parts import der, plists
from fenfa.inspectors.parts.damage import refusing
from fenfa.inspectors.parts.provisioning import read_certificate

MAX_BYTES = 16 << 20
_SUPER, _DIRECTORY = 0xFADE0CC0, 0xFADE0C02  # magic numbers
_ENTITLEMENTS, _CMS, _TICKET = 5, 0x10000, 0x10002  # slots
_MAX_BLOBS = 64
_AD_HOC, _HARDENED, _LINKER = 0x2, 0x10000, 0x20000
_HASHES = {1: sha1, 2: sha256, 3: sha256, 4: sha384}
_MAX_CERTIFICATES = 16
_MAX_TEXT, _MAX_ITEMS, _MAX_DEPTH = 500, 500, 4  # of entitlements


@refusing("the code signature")
def read_signature(data: bytes) -> tuple[dict[str, Any], dict[str, Any]]:
    """`signing` and the entitlements of a code signature; both empty for bytes that are none."""
    blobs = list(_blobs(data))
    directories = [body for _, magic, body in blobs if magic == _DIRECTORY and len(body) >= 44]
    if not directories:
        return {}, {}
    best = max(directories, key=lambda body: body[37])  # of several the one with the strongest hash counts
    chain = next((_certificates(body[8:]) for slot, _, body in blobs if slot == _CMS), [])
    signing = _directory(best) | {
        "signer": chain[0]["name"] if chain else "",
        "certificates": chain,
        "has_ticket": any(slot == _TICKET for slot, _, _ in blobs),
    }
    return signing, next((_entitlements(body) for slot, _, body in blobs if slot == _ENTITLEMENTS), {})


def cms_certificates(data: bytes) -> list[bytes]:
    """The certificates of CMS signed data, the signer's own first. Source: RFC 5652, 5.1."""
    parts = der.signed_data(data).children
    found = [one.encoded for bag in parts if bag.tag == 0xA0 for one in bag.children if one.tag == der.SEQUENCE]
    signers = parts[-1].children if parts and parts[-1].tag == der.SET else []
    own = [_serial_name(signer.child(1, der.SEQUENCE)) for signer in signers if len(signer.children) > 1]
    return sorted(found[:_MAX_CERTIFICATES], key=lambda one: not own or _issued(one) != own[0])


def _blobs(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Slot, magic and bytes of each blob in the signature."""
    if len(data) < 12:
        return
    magic, _, count = struct.unpack_from(">III", data)
    if magic != _SUPER or count > _MAX_BLOBS or 12 + 8 * count > len(data):
        return
    for number in range(count):
        slot, offset = struct.unpack_from(">II", data, 12 + 8 * number)
        if offset + 8 <= len(data):
            kind, size = struct.unpack_from(">II", data, offset)
            yield slot, kind, data[offset : offset + size]


def _directory(body: bytes) -> dict[str, Any]:
    """What the CodeDirectory says."""
    version, flags, _, name_at = struct.unpack_from(">IIII", body, 8)
    team_at = struct.unpack_from(">I", body, 48)[0] if version >= 0x20200 and len(body) >= 52 else 0
    make_hash = _HASHES.get(body[37])
    return {
        "identifier": _string(body, name_at),
        "team_id": _string(body, team_at) if team_at else "",
        "ad_hoc": bool(flags & _AD_HOC),
        "hardened_runtime": bool(flags & _HARDENED),
        "linker_signed": bool(flags & _LINKER),
        "cdhash": make_hash(body).hexdigest()[:40] if make_hash else "",
    }


def _entitlements(body: bytes) -> dict[str, Any]:
    try:
        values = plists.load(body[8:], "the entitlements")
    except BadPackage:
        return {}
    return {key[:_MAX_TEXT]: _bounded(value, 0) for key, value in list(values.items())[:_MAX_ITEMS]}


def _bounded(value: Any, depth: int) -> Any:
    """The value within what an answer may hold: sandbox exceptions can be whole programs."""
    if depth > _MAX_DEPTH:
        return None
    if isinstance(value, dict):
        return {key[:_MAX_TEXT]: _bounded(one, depth + 1) for key, one in list(value.items())[:_MAX_ITEMS]}
    if isinstance(value, list):
        return [_bounded(one, depth + 1) for one in value[:_MAX_ITEMS]]
    return value[:_MAX_TEXT] if isinstance(value, str | bytes) else value


def _certificates(data: bytes) -> list[dict[str, Any]]:
    try:
        return [read_certificate(one) for one in cms_certificates(data)]
    except (BadPackage, IndexError, ValueError):
        return []  # an ad-hoc signature has an empty blob here


def _serial_name(issuer_and_serial: der.Value) -> tuple[bytes, bytes]:
    parts = issuer_and_serial.children
    return (parts[0].encoded, parts[1].content) if len(parts) > 1 else (b"", b"")


def _issued(certificate: bytes) -> tuple[bytes, bytes]:
    """Issuer and serial number of a certificate, as a signer names them."""
    fields = der.parse(certificate).child(0, der.SEQUENCE).children
    fields = fields[1:] if fields and fields[0].tag == 0xA0 else fields
    return (fields[2].encoded, fields[0].content) if len(fields) > 2 else (b"", b"")


def _string(body: bytes, place: int) -> str:
    return body[place : place + 512].split(b"\0", 1)[0].decode("utf-8", "replace")
