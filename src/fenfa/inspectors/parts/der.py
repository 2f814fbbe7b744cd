"""A reader of DER and BER, as far as signed data and certificates go. Source: ITU-T X.690.

Own code, since importing asn1crypto costs more time than all the rest of reading a package.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from hashlib import sha256

from fenfa.errors import BadPackage

INTEGER, BIT_STRING, OCTET_STRING, OBJECT, UTC_TIME, GENERALIZED_TIME = 0x02, 0x03, 0x04, 0x06, 0x17, 0x18
SEQUENCE, SET = 0x30, 0x31
_CONSTRUCTED = 0x20
_END = 0x00
_COMMON_NAME, _ORGANIZATION = bytes.fromhex("550403"), bytes.fromhex("55040a")
_MAX_DEPTH = 32
_MAX_CHILDREN = 20_000


@dataclass(frozen=True)
class Value:
    """One tag with its content; `end` is the first byte after it in `source`."""

    source: bytes
    tag: int
    head: int
    start: int
    stop: int
    end: int

    @property
    def content(self) -> bytes:
        return self.source[self.start : self.stop]

    @property
    def encoded(self) -> bytes:
        """The whole value with its tag, as it stands in the file."""
        return self.source[self.head : self.end]

    @cached_property
    def children(self) -> list["Value"]:
        found = []
        for child in _values(self.source, self.start, self.stop):
            found.append(child)
            if len(found) > _MAX_CHILDREN:
                raise BadPackage("the signed data has too many parts")
        return found

    def child(self, index: int, tag: int) -> "Value":
        if index >= len(self.children) or self.children[index].tag != tag:
            raise BadPackage("the signed data is not built as it should be")
        return self.children[index]

    def joined(self) -> bytes:
        """An octet string's bytes, also where BER split it into pieces."""
        if not self.tag & _CONSTRUCTED:
            return self.content
        return b"".join(piece.joined() for piece in self.children)


def parse(data: bytes) -> Value:
    """The first value in these bytes."""
    return _value(data, 0, len(data), 0)


def signed_content(data: bytes) -> bytes:
    """What a CMS `SignedData` envelope holds, unverified."""
    content = signed_data(data).child(2, SEQUENCE).child(1, 0xA0)
    return content.children[0].joined() if content.children else b""


def signed_data(data: bytes) -> Value:
    """The SignedData inside a CMS ContentInfo. Source: RFC 5652."""
    return parse(data).child(1, 0xA0).child(0, SEQUENCE)


@dataclass(frozen=True)
class Certificate:
    """What we tell of an X.509 certificate; `name` is its subject's common name, else its organisation."""

    name: str
    sha256: str
    not_before: datetime | None
    not_after: datetime | None


def certificate(data: bytes) -> Certificate:
    """Reads a certificate's subject and validity, unverified. Source: RFC 5280."""
    body = parse(data).child(0, SEQUENCE)
    fields = body.children[1:] if body.children[:1] and body.children[0].tag == 0xA0 else body.children
    if len(fields) < 5 or len(fields[3].children) < 2:
        raise BadPackage("a certificate is not built as it should be")
    before, after = (_time(field) for field in fields[3].children[:2])
    return Certificate(_subject(fields[4]), sha256(data).hexdigest(), before, after)


def _subject(subject: Value) -> str:
    names = {}
    for attribute in (attribute for part in subject.children for attribute in part.children):
        if len(attribute.children) == 2:
            names[attribute.children[0].content] = _string(attribute.children[1])
    return names.get(_COMMON_NAME) or names.get(_ORGANIZATION) or ""


def _string(value: Value) -> str:
    encoding = {0x1E: "utf-16-be", 0x1C: "utf-32-be", 0x14: "latin-1"}.get(value.tag, "utf-8")
    return value.content.decode(encoding, "replace")


def _time(value: Value) -> datetime | None:
    digits = value.content.decode("ascii", "replace").rstrip("Z")
    if value.tag == UTC_TIME:  # two digits of the year: 50 to 99 are the last century's
        digits = ("20" if digits[:2] < "50" else "19") + digits
    try:
        return datetime.strptime(digits[:14], "%Y%m%d%H%M%S").replace(tzinfo=UTC)
    except ValueError:
        return None


def _values(source: bytes, start: int, stop: int) -> Iterator[Value]:
    while start < stop:
        value = _value(source, start, stop, 0)
        if value.tag == _END:
            return
        yield value
        start = value.end


def _value(source: bytes, head: int, limit: int, depth: int) -> Value:
    if head + 2 > limit or depth > _MAX_DEPTH:
        raise BadPackage("the signed data is cut short or nested too deeply")
    tag, length, start = source[head], source[head + 1], head + 2
    if tag & 0x1F == 0x1F:
        raise BadPackage("the signed data has a tag that is not supported")
    if length == 0x80:
        return _indefinite(source, tag, head, limit, depth)
    if length > 0x80:
        width = length & 0x7F
        length, start = int.from_bytes(source[start : start + width], "big"), start + width
    if start + length > limit:
        raise BadPackage("the signed data is cut short")
    return Value(source, tag, head, start, start + length, start + length)


def _indefinite(source: bytes, tag: int, head: int, limit: int, depth: int) -> Value:
    """A value that ends at an end-of-contents mark instead of stating its length."""
    place = head + 2
    while True:
        inner = _value(source, place, limit, depth + 1)
        if inner.tag == _END:
            return Value(source, tag, head, head + 2, place, inner.end)
        place = inner.end
