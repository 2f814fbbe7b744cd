"""JAR manifests and signature files: sections of `Name: value` lines. Source: JAR specification."""

import base64
import binascii
import hashlib
import re
from typing import NamedTuple

from fenfa.errors import BadPackage

_LINE = re.compile(rb"([^\r\n]*)(\r\n|\n|\r|\Z)")
_MAX_LINES = 450_000
_STRONGEST = ("SHA-512", "SHA-384", "SHA-256", "SHA1")
_JCA = {"SHA": "sha1", "SHA1": "sha1", "SHA-1": "sha1", "SHA-256": "sha256", "SHA-384": "sha384", "SHA-512": "sha512"}
_ANY_STRONGEST_SDK = (
    18  # before this level Android knew SHA-1, and took the first digest that `Digest-Algorithms` names
)


class Section(NamedTuple):
    """One section: its attributes by lower-case name, and its bytes with the empty line that ends it."""

    attributes: dict[str, str]
    raw: bytes

    @property
    def name(self) -> str:
        return self.attributes.get("name", "")


def read_sections(data: bytes) -> list[Section]:
    """All sections; the first is the main one."""
    sections: list[Section] = []
    lines: list[list[bytes]] = []  # each in the pieces that it was broken into
    start = place = 0
    for _ in range(_MAX_LINES):
        match = _LINE.match(data, place)
        assert match is not None  # the pattern matches anything
        line, place = match[1], match.end()
        if line.startswith(b" ") and lines:
            lines[-1].append(line[1:])
        elif line:
            lines.append([line])
        if (not line or place >= len(data)) and lines:
            sections.append(Section(_parsed(lines), data[start:place]))
            lines = []
        if place >= len(data):
            return sections
        start = start if line else place
    raise BadPackage("it has too many lines")


def digests_of(section: Section, suffix: str, min_sdk: int) -> list[tuple[str, bytes]]:
    """The digests, (hash, bytes), that some Android from this SDK level on would compare."""
    chosen: dict[str, bytes] = {}
    if min_sdk < _ANY_STRONGEST_SDK:
        listed = section.attributes.get("digest-algorithms", "SHA SHA1").split()
        old = next(
            (name for name in listed if _JCA.get(name.upper()) == "sha1" and _stated(section, name, suffix)), None
        )
        if old is None:
            return []
        chosen["sha1"] = _decoded(_stated(section, old, suffix))
    for name in _STRONGEST:
        text = _stated(section, name, suffix) or (_stated(section, "SHA-1", suffix) if name == "SHA1" else "")
        if text:
            chosen.setdefault(_JCA[name], _decoded(text))
            break
    return list(chosen.items())


def matches(section: Section, suffix: str, min_sdk: int, data: bytes) -> bool | None:
    """Whether every digest that counts is the one of this data; None when there is no digest."""
    digests = digests_of(section, suffix, min_sdk)
    return all(hashlib.new(kind, data).digest() == digest for kind, digest in digests) if digests else None


def _stated(section: Section, name: str, suffix: str) -> str:
    return section.attributes.get((name + suffix).lower(), "")


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=False)
    except (binascii.Error, ValueError):
        return b""


def _parsed(lines: list[list[bytes]]) -> dict[str, str]:
    attributes: dict[str, str] = {}
    for pieces in lines:
        name, _, value = b"".join(pieces).partition(b": ")
        attributes.setdefault(name.decode("utf-8", "replace").lower(), value.decode("utf-8", "replace"))
    return attributes
