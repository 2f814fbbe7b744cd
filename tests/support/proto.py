"""A writer of protocol buffers, and of the manifest and resources that app bundles hold in them."""

import struct
from collections.abc import Mapping, Sequence

from tests.support import axml
from tests.support.axml import Color, Dp, Node, Ref, Value
from tests.support.packages import zip_bytes

Field = tuple[int, int | bytes | str]


def message(*fields: Field) -> bytes:
    """A message of these fields, (number, value): numbers become varints, texts and bytes are prefixed with their length."""
    data = b""
    for number, value in fields:
        if isinstance(value, int):
            data += varint(number << 3) + varint(value)
        else:
            raw = value.encode() if isinstance(value, str) else bytes(value)
            data += varint(number << 3 | 2) + varint(len(raw)) + raw
    return data


def varint(value: int) -> bytes:
    data = b""
    while value > 0x7F:
        data += bytes([value & 0x7F | 0x80])
        value >>= 7
    return data + bytes([value])


def xml(node: Node) -> bytes:
    """An `XmlNode`."""
    attributes: list[Field] = [(4, _attribute(name, value)) for name, value in node.attributes.items()]
    children: list[Field] = [(5, xml(child)) for child in node.children]
    return message((1, message((3, node.tag), *attributes, *children)), (2, ""))


def table(types: Mapping[str, Sequence[tuple[str, axml.Variants]]]) -> bytes:
    """A `ResourceTable` of package 0x7F; types are numbered from 1, entries from 0."""
    kinds: list[Field] = [(3, _type(number, name, entries)) for number, (name, entries) in enumerate(types.items(), 1)]
    return message((2, message((1, message((1, 0x7F))), (2, "a.b"), *kinds)))


def bundle(manifest: Node, resources: bytes, files: Mapping[str, bytes] | None = None) -> bytes:
    """An app bundle with a base module."""
    members = {
        "BundleConfig.pb": message((1, message((2, "1.15.6")))),
        "base/manifest/AndroidManifest.xml": xml(manifest),
        "base/resources.pb": resources,
    }
    return zip_bytes(members | dict(files or {}))


def _type(number: int, name: str, entries: Sequence[tuple[str, axml.Variants]]) -> bytes:
    listed: list[Field] = [(3, _entry(index, key, variants)) for index, (key, variants) in enumerate(entries)]
    return message((1, message((1, number))), (2, name), *listed)


def _entry(index: int, name: str, variants: axml.Variants) -> bytes:
    values: list[Field] = []
    for config, value in variants.items():
        place = message((18, config)) if isinstance(config, int) else message((3, config)) if config else b""
        values.append((6, message((1, place), (2, message((4, _item(value)))))))
    return message((1, message((1, index)) if index else b""), (2, name), *values)


def _attribute(name: str, value: Value) -> bytes:
    known: list[Field] = [(1, axml.ANDROID), (5, axml.ATTRIBUTES[name])] if name in axml.ATTRIBUTES else []
    raw: list[Field] = [(3, value)] if isinstance(value, str) else [(6, _item(value))]
    return message(*known, (2, name), *raw)


def _item(value: Value) -> bytes:
    if isinstance(value, Ref):
        return message((1, message((2, value.identifier))))
    if isinstance(value, str):
        kind = 5 if value.startswith("res/") else 2
        return message((kind, message((1, value))))
    if isinstance(value, float):
        return message((7, varint(3 << 3 | 5) + struct.pack("<f", value)))
    if isinstance(value, bool):
        return message((7, message((8, int(value)))))
    if isinstance(value, Color):
        return message((7, message((9, value.argb))))
    if isinstance(value, Dp):
        return message((7, message((13, (value.count & 0xFFFFFF) << 8 | 1))))
    return message((7, message((6, value)))) if isinstance(value, int) else b""
