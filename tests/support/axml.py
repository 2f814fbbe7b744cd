"""A writer of Android's binary XML and resource tables, enough for tests."""

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from fenfa.inspectors.parts.android_names import NAMES

ANDROID = "http://schemas.android.com/apk/res/android"
ATTRIBUTES = {name: identifier for identifier, name in NAMES.items()}
_NONE = 0xFFFFFFFF


@dataclass(frozen=True)
class Ref:
    """A resource reference as an attribute's or an entry's value."""

    identifier: int


@dataclass(frozen=True)
class Color:
    """A colour, 0xAARRGGBB."""

    argb: int


@dataclass(frozen=True)
class Dp:
    """A length, in whole density-independent pixels."""

    count: int


@dataclass(frozen=True)
class Theme:
    """A reference to an attribute of the theme."""

    identifier: int


Value = str | int | float | bool | Ref | Color | Dp | Theme
Variants = Mapping[str | int, Value]
"""An entry's values by configuration: "" the default, "de" or "zh-CN" a locale, 480 a density."""


@dataclass(frozen=True)
class Node:
    """An element; attributes that Android knows get its namespace and their resource ID."""

    tag: str
    attributes: Mapping[str, Value] = field(default_factory=dict)
    children: Sequence["Node"] = ()


def document(root: Node) -> bytes:
    """The binary XML of this element tree."""
    strings = list(ATTRIBUTES)  # attribute names come first, as the resource map is by string index
    body = _element(root, strings)
    namespace = struct.pack("<4I", 1, _NONE, _index(strings, "android"), _index(strings, ANDROID))
    inner = _chunk(0x100, namespace[:8], namespace[8:]) + body + _chunk(0x101, namespace[:8], namespace[8:])
    resource_map = _chunk(0x180, b"", struct.pack(f"<{len(ATTRIBUTES)}I", *ATTRIBUTES.values()))
    return _chunk(3, b"", string_pool(strings) + resource_map + inner)


def table(package: str, types: Mapping[str, Sequence[tuple[str, Variants]]]) -> bytes:
    """A resource table; types are numbered from 1 and entries from 0, so the first string is 0x7F010000."""
    values: list[str] = []
    keys: list[str] = []
    body = b"".join(_type(number, list(entries), values, keys) for number, entries in enumerate(types.values(), 1))
    type_pool, key_pool = string_pool(list(types)), string_pool(keys)
    offsets = struct.pack("<5I", 288, len(types), 288 + len(type_pool), len(keys), 0)
    header = struct.pack("<I", 0x7F) + package.encode("utf-16-le").ljust(256, b"\0") + offsets
    return _chunk(2, struct.pack("<I", 1), string_pool(values) + _chunk(0x200, header, type_pool + key_pool + body))


def string_pool(strings: Sequence[str]) -> bytes:
    """A UTF-8 string pool."""
    offsets, data = [], b""
    for text in strings:
        offsets.append(len(data))
        raw = text.encode()
        data += _length(len(text.encode("utf-16-le")) // 2) + _length(len(raw)) + raw + b"\0"
    data += bytes(-len(data) % 4)
    header = struct.pack("<5I", len(strings), 0, 0x100, 28 + 4 * len(strings), 0)
    return _chunk(1, header, struct.pack(f"<{len(strings)}I", *offsets) + data)


def _element(node: Node, strings: list[str]) -> bytes:
    tag = _index(strings, node.tag)
    attributes = b"".join(_attribute(name, value, strings) for name, value in node.attributes.items())
    line = struct.pack("<II", 1, _NONE)
    start = struct.pack("<IIHHHHHH", _NONE, tag, 20, 20, len(node.attributes), 0, 0, 0) + attributes
    inner = b"".join(_element(child, strings) for child in node.children)
    return _chunk(0x102, line, start) + inner + _chunk(0x103, line, struct.pack("<II", _NONE, tag))


def _attribute(name: str, value: Value, strings: list[str]) -> bytes:
    namespace = _index(strings, ANDROID) if name in ATTRIBUTES else _NONE
    raw = _index(strings, value) if isinstance(value, str) else _NONE
    return struct.pack("<III", namespace, _index(strings, name), raw) + _value(value, strings)


def _type(number: int, entries: list[tuple[str, Variants]], values: list[str], keys: list[str]) -> bytes:
    first = len(keys)
    keys += [name for name, _ in entries]
    configs = list(dict.fromkeys(config for _, variants in entries for config in variants))
    spec = struct.pack("<BBHI", number, 0, 0, len(entries)) + bytes(4 * len(entries))
    chunks = [_chunk(0x202, spec[:8], spec[8:])]
    for config in configs:
        offsets, data = b"", b""
        for position, (_, variants) in enumerate(entries):
            if config not in variants:
                offsets += struct.pack("<I", _NONE)
                continue
            offsets += struct.pack("<I", len(data))
            data += struct.pack("<HHI", 8, 0, first + position) + _value(variants[config], values)
        head = struct.pack("<BBHII", number, 0, 0, len(entries), 48 + len(offsets)) + _config(config)
        chunks.append(_chunk(0x201, head, offsets + data))
    return b"".join(chunks)


def _config(config: str | int) -> bytes:
    density = config if isinstance(config, int) else 0
    language, _, country = (config if isinstance(config, str) else "").partition("-")
    locale = language.encode().ljust(2, b"\0") + country.encode().ljust(2, b"\0")
    return struct.pack("<I4x4s2xH12x", 28, locale, density)


def _value(value: Value, strings: list[str]) -> bytes:
    if isinstance(value, Ref):
        kind, data = 0x01, value.identifier
    elif isinstance(value, Theme):
        kind, data = 0x02, value.identifier
    elif isinstance(value, Color):
        kind, data = 0x1C, value.argb
    elif isinstance(value, Dp):
        kind, data = 0x05, (value.count & 0xFFFFFF) << 8 | 1
    elif isinstance(value, float):
        kind, data = 0x04, struct.unpack("<I", struct.pack("<f", value))[0]
    elif isinstance(value, bool):
        kind, data = 0x12, _NONE if value else 0
    elif isinstance(value, int):
        kind, data = 0x10, value
    else:
        kind, data = 0x03, _index(strings, value)
    return struct.pack("<HBBI", 8, 0, kind, data & _NONE)


def _chunk(kind: int, header: bytes, body: bytes) -> bytes:
    return struct.pack("<HHI", kind, 8 + len(header), 8 + len(header) + len(body)) + header + body


def _length(length: int) -> bytes:
    return bytes([length]) if length < 0x80 else bytes([0x80 | length >> 8, length & 0xFF])


def _index(strings: list[str], text: str) -> int:
    if text not in strings:
        strings.append(text)
    return strings.index(text)
