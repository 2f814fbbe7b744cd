"""XML as app bundles hold it: `aapt.pb.XmlNode`, read as the same start tags that binary XML gives.

Source: aapt2's Resources.proto.
"""

from collections.abc import Iterator

from fenfa.errors import BadPackage
from fenfa.inspectors.parts import chunks, protobuf
from fenfa.inspectors.parts.android_names import NAMES
from fenfa.inspectors.parts.axml import Attribute, Element
from fenfa.inspectors.parts.chunks import TypedValue

_MAX_DEPTH = 100
_MAX_ELEMENTS = 100_000  # with their attributes
# Primitive: field number → the type that a compiled resource would have
_PRIMITIVES = {
    3: chunks.FLOAT,
    6: chunks.INT_DECIMAL,
    7: chunks.INT_HEX,
    8: chunks.BOOLEAN,
    9: chunks.COLOR_ARGB8,
    10: chunks.COLOR_RGB8,
    11: chunks.COLOR_ARGB4,
    12: chunks.COLOR_RGB4,
    13: chunks.DIMENSION,
    14: chunks.FRACTION,
}


def elements(data: bytes) -> Iterator[Element]:
    """Every start tag of the document, in order."""
    waiting = [(memoryview(data), 0)]
    count = 0
    while waiting:
        node, depth = waiting.pop()
        element = protobuf.part(protobuf.message(node), 1)
        if not element:
            continue  # text
        count += 1
        if depth > _MAX_DEPTH:
            raise BadPackage("the protobuf XML is nested too deeply")
        tag, attributes, children = "", {}, []
        for number, value in protobuf.fields(element):
            if number == 3 and isinstance(value, memoryview):
                tag = bytes(value).decode("utf-8", "replace")
            elif number == 4 and isinstance(value, memoryview):
                count += 1
                name, attribute = _attribute(value)
                attributes[name] = attribute
            elif number == 5 and isinstance(value, memoryview):
                children.append((value, depth + 1))
        if count > _MAX_ELEMENTS:
            raise BadPackage("the protobuf XML has too many elements")
        yield Element(depth, tag, attributes)
        waiting += reversed(children)


def item(data: memoryview) -> tuple[TypedValue, str]:
    """An `aapt.pb.Item` as a typed value, and its text where it is a string or a file."""
    values = protobuf.message(data)
    if 1 in values:
        return TypedValue(chunks.REFERENCE, protobuf.number(protobuf.message(protobuf.part(values, 1)), 2)), ""
    if 7 in values:
        return _primitive(protobuf.message(protobuf.part(values, 7))), ""
    for kind in (2, 3, 4, 5):  # String, RawString, StyledString, FileReference: their first field is the text
        if kind in values:
            return TypedValue(chunks.STRING, 0), protobuf.text(protobuf.message(protobuf.part(values, kind)), 1)
    return TypedValue(0, 0), ""


def _attribute(data: memoryview) -> tuple[str, Attribute]:
    values = protobuf.message(data)
    name = NAMES.get(protobuf.number(values, 5)) or protobuf.text(values, 2)
    raw = protobuf.text(values, 3)
    if 6 not in values:
        return name, Attribute(TypedValue(chunks.STRING, 0), raw)
    value, text = item(protobuf.part(values, 6))
    return name, Attribute(value, text or raw)


def _primitive(values: dict[int, protobuf.Value]) -> TypedValue:
    for number, kind in _PRIMITIVES.items():
        if number in values:
            return TypedValue(kind, protobuf.number(values, number) & 0xFFFFFFFF)
    return TypedValue(0, 0)
