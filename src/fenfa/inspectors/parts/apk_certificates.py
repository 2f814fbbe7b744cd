"""The X.509 certificates of APK signers: what we tell of them, and their public key. Source: RFC 5280, RFC 4514."""

from datetime import datetime
from hashlib import sha256
from typing import Any, NamedTuple

from fenfa.errors import BadPackage
from fenfa.inspectors.parts import der
from fenfa.inspectors.parts.apk_keys import object_id

_ATTRIBUTES = {
    "2.5.4.3": "CN",
    "2.5.4.5": "SERIALNUMBER",
    "2.5.4.6": "C",
    "2.5.4.7": "L",
    "2.5.4.8": "ST",
    "2.5.4.9": "STREET",
    "2.5.4.10": "O",
    "2.5.4.11": "OU",
    "0.9.2342.19200300.100.1.1": "UID",
    "0.9.2342.19200300.100.1.25": "DC",
    "1.2.840.113549.1.9.1": "EMAILADDRESS",
}
_ENCODINGS = {0x1E: "utf-16-be", 0x1C: "utf-32-be", 0x14: "latin-1"}
_MAX_NAME = 1000


class Parts(NamedTuple):
    """A certificate taken apart: serial number and issuer name it, `public_key` is its SubjectPublicKeyInfo."""

    serial: bytes
    issuer: list[tuple[str, str]]
    subject: der.Value
    validity: der.Value
    public_key: bytes


def take_apart(data: bytes) -> Parts:
    body = der.parse(data).child(0, der.SEQUENCE)
    fields = body.children[1:] if body.children[:1] and body.children[0].tag == 0xA0 else body.children
    if len(fields) < 6:
        raise BadPackage("a certificate is not built as it should be")
    return Parts(fields[0].content, comparable_name(fields[2]), fields[4], fields[3], fields[5].encoded)


def described(data: bytes) -> dict[str, Any]:
    """`{"sha256", "name", "subject", "not_before", "not_after"}`; only the first of them for one that cannot be read."""
    shown: dict[str, Any] = {"sha256": sha256(data).hexdigest()}
    try:
        parts, brief = take_apart(data), der.certificate(data)
        dates = {"not_before": brief.not_before, "not_after": brief.not_after}
        shown |= {"name": brief.name[:_MAX_NAME], "subject": distinguished_name(parts.subject)[:_MAX_NAME]}
        return shown | {key: _spoken(date) for key, date in dates.items()}
    except (BadPackage, IndexError, ValueError):
        return shown | {"name": "", "subject": "", "not_before": None, "not_after": None}


def comparable_name(name: der.Value) -> list[tuple[str, str]]:
    """A name that equals another one whatever their string types, case and spaces are."""
    pairs = [pair.children for part in name.children for pair in part.children]
    if any(len(pair) != 2 for pair in pairs):
        raise BadPackage("a certificate's name is not built as it should be")
    return [(object_id(kind), " ".join(_text(value).casefold().split())) for kind, value in pairs]


def distinguished_name(name: der.Value) -> str:
    """A name as apksigner writes it: `CN=Android Debug, O=Android, C=US`, against the order of the file."""
    return ", ".join(" + ".join(map(_pair, part.children)) for part in reversed(name.children))


def _pair(pair: der.Value) -> str:
    if len(pair.children) != 2:
        raise BadPackage("a certificate's name is not built as it should be")
    kind, value = pair.children
    label = object_id(kind)
    text = _text(value)
    quoted = any(letter in text for letter in ',+"\\<>;=') or text != text.strip()
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f"{_ATTRIBUTES.get(label, label)}=" + (f'"{escaped}"' if quoted else text)


def _text(value: der.Value) -> str:
    return value.content.decode(_ENCODINGS.get(value.tag, "utf-8"), "replace")


def _spoken(date: datetime | None) -> str | None:
    return date.strftime("%Y-%m-%dT%H:%M:%SZ") if date else None
