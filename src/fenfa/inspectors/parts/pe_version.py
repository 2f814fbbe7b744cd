"""The version resource of a Windows program. Source: Microsoft's "VS_VERSIONINFO" and its children.

Every block is: length, length of its value, type, name in UTF-16, value, children; values and children begin on four bytes.
Compilers count the value of a text now in letters, now in bytes, so the block's own length and the NUL decide.
"""

import struct
from collections.abc import Iterator
from typing import NamedTuple

from fenfa.errors import BadPackage

_HEADER = struct.Struct("<HHH")
_FIXED = struct.Struct("<I4x4I")
_SIGNATURE = 0xFEEF04BD
_MAX_BLOCKS = 2000
_MAX_NAME = 256


class Version(NamedTuple):
    """The texts of the version resource by their name; the numbers of its fixed part, empty when there is none."""

    strings: dict[str, str]
    file_version: str
    product_version: str


class _Block(NamedTuple):
    name: str
    value: int
    value_size: int
    end: int


def read_version(data: bytes) -> Version:
    """Raises BadPackage when the resource does not begin as one."""
    root = _block(data, 0, len(data))
    if root is None or root.name != "VS_VERSION_INFO":
        raise BadPackage("the version resource is not built as it should be")
    tables: dict[str, dict[str, str]] = {}
    wanted = ""
    for child in _children(data, root):
        if child.name == "StringFileInfo":
            tables |= {table.name.lower(): _strings(data, table) for table in _children(data, child)}
        elif child.name == "VarFileInfo":
            wanted = _translation(data, child)
    return Version(_choose(tables, wanted), *_fixed(data, root))


def _choose(tables: dict[str, dict[str, str]], wanted: str) -> dict[str, str]:
    """The table of the language that the program names first, else of English, else the first with anything in it."""
    filled = {name: table for name, table in tables.items() if any(table.values())}
    english = (name for name in filled if name.startswith("0409"))
    return filled.get(wanted) or filled.get(next(english, "")) or next(iter(filled.values()), {})


def _strings(data: bytes, table: _Block) -> dict[str, str]:
    return {child.name: _text(data[child.value : child.end]) for child in _children(data, table)}


def _translation(data: bytes, block: _Block) -> str:
    for child in _children(data, block):
        if child.name == "Translation" and child.value + 4 <= child.end:
            language, code_page = struct.unpack_from("<HH", data, child.value)
            return f"{language:04x}{code_page:04x}"
    return ""


def _fixed(data: bytes, root: _Block) -> tuple[str, str]:
    if root.value_size < _FIXED.size or root.value + _FIXED.size > len(data):
        return "", ""
    signature, *parts = _FIXED.unpack_from(data, root.value)
    if signature != _SIGNATURE:
        return "", ""
    file_high, file_low, product_high, product_low = (f"{part >> 16}.{part & 0xFFFF}" for part in parts)
    return f"{file_high}.{file_low}", f"{product_high}.{product_low}"


def _children(data: bytes, parent: _Block) -> Iterator[_Block]:
    place = _aligned(parent.value + parent.value_size)
    for _ in range(_MAX_BLOCKS):
        block = _block(data, place, parent.end)
        if block is None:
            return
        yield block
        place = _aligned(block.end)


def _block(data: bytes, place: int, limit: int) -> _Block | None:
    """The block at this place; None where none can be."""
    if place + _HEADER.size > limit:
        return None
    length, value_size, _ = _HEADER.unpack_from(data, place)
    name, after = _name(data, place + _HEADER.size, limit)
    if length < _HEADER.size + 2:
        return None
    end = min(place + length, limit)
    return _Block(name, min(_aligned(after), end), value_size, end)


def _name(data: bytes, place: int, limit: int) -> tuple[str, int]:
    end = place
    while end + 1 < min(limit, place + 2 * _MAX_NAME) and data[end : end + 2] != b"\0\0":
        end += 2
    return data[place:end].decode("utf-16-le", "replace"), end + 2


def _text(raw: bytes) -> str:
    return raw[: len(raw) & ~1].decode("utf-16-le", "replace").partition("\0")[0].strip()


def _aligned(place: int) -> int:
    return (place + 3) & ~3
