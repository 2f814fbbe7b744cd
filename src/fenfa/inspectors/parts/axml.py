"""Android's binary XML, as a run of start tags. Source: ResourceTypes.h (`ResXMLTree_*`)."""

import struct
from collections.abc import Iterator
from typing import NamedTuple

from fenfa.errors import BadPackage
from fenfa.inspectors.parts import chunks
from fenfa.inspectors.parts.android_names import NAMES
from fenfa.inspectors.parts.chunks import NO_ENTRY, Chunk, StringPool, TypedValue

_MAX_ELEMENTS = 100_000
_MIN_ATTRIBUTE = 20
_ATTRIBUTE = struct.Struct("<IIIHBBI")


class Attribute(NamedTuple):
    """An attribute's typed value, and its text where the file holds one."""

    value: TypedValue
    text: str


class Element(NamedTuple):
    """A start tag at its depth (the root is 0), with attributes by name."""

    depth: int
    tag: str
    attributes: dict[str, Attribute]


def elements(data: bytes) -> Iterator[Element]:
    """Every start tag of a binary XML document, in order."""
    document = chunks.read_chunk(data, 0, len(data))
    parts = chunks.chunks_in(data, document.body, document.end)
    pool = StringPool(data, next(parts, Chunk(0, 0, 0, 0)))
    resource_ids: tuple[int, ...] = ()
    depth = count = 0
    for part in parts:
        if part.kind == chunks.XML_RESOURCE_MAP:
            resource_ids = struct.unpack_from(f"<{(part.end - part.body) // 4}I", data, part.body)
        elif part.kind == chunks.XML_END:
            depth = max(depth - 1, 0)
        elif part.kind == chunks.XML_START:
            count += 1
            if count > _MAX_ELEMENTS:
                raise BadPackage("the binary XML has too many elements")
            yield _element(data, part, depth, pool, resource_ids)
            depth += 1


def _element(data: bytes, part: Chunk, depth: int, pool: StringPool, resource_ids: tuple[int, ...]) -> Element:
    if part.body + 20 > part.end:
        raise BadPackage("an element of the binary XML is cut short")
    _, tag, start, size, count = struct.unpack_from("<IIHHH", data, part.body)
    first = part.body + start
    if count and (size < _MIN_ATTRIBUTE or first + size * count > part.end):
        raise BadPackage("an element of the binary XML has more attributes than it holds")
    attributes = {}
    for place in range(first, first + size * count, size or _MIN_ATTRIBUTE):
        _, name, raw, _, _, kind, value = _ATTRIBUTE.unpack_from(data, place)
        # known by resource ID: obfuscators blank or change the names, and Android never reads those
        known = NAMES.get(resource_ids[name]) if name < len(resource_ids) else None
        text = pool[raw] if raw != NO_ENTRY else pool[value] if kind == chunks.STRING else ""
        attributes[known or pool[name]] = Attribute(TypedValue(kind, value), text)
    return Element(depth, pool[tag], attributes)
