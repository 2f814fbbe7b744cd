"""Attribute values of drawables as numbers and colours, and the element trees of drawable files."""

import struct
from typing import NamedTuple

from fenfa.errors import BadPackage
from fenfa.inspectors.parts import arsc, chunks
from fenfa.inspectors.parts.android_files import AppFiles
from fenfa.inspectors.parts.axml import Attribute, Element

_MAX_FILE = 2 << 20
_MAX_DEPTH = 48
_MAX_ELEMENTS = 20_000
_MAX_CANDIDATES = 50
_RADIX = (1 / (1 << 8), 1 / (1 << 15), 1 / (1 << 23), 1 / (1 << 31))
_TO_DP = (1.0, 1.0, 1.0, 160 / 72, 160.0, 160 / 25.4)  # px, dp, sp, pt, in, mm
_SUFFIXES = {"px": 0, "dp": 1, "dip": 1, "sp": 2, "pt": 3, "in": 4, "mm": 5}
# the platform's own colours that icons refer to, by resource ID
_PLATFORM_COLORS = {
    0x01060000: 0xFFAAAAAA,  # darker_gray
    0x0106000B: 0xFFFFFFFF,  # white
    0x0106000C: 0xFF000000,  # black
    0x0106000D: 0x00000000,  # transparent
    0x01060012: 0xFF33B5E5,  # holo_blue_light
    0x01060013: 0xFF0099CC,  # holo_blue_dark
    0x01060014: 0xFF99CC00,  # holo_green_light
    0x01060015: 0xFF669900,  # holo_green_dark
    0x01060016: 0xFFFF4444,  # holo_red_light
    0x01060017: 0xFFCC0000,  # holo_red_dark
    0x01060018: 0xFFFFBB33,  # holo_orange_light
    0x01060019: 0xFFFF8800,  # holo_orange_dark
    0x0106001A: 0xFFAA66CC,  # holo_purple
    0x0106001B: 0xFF00DDFF,  # holo_blue_bright
}


class Node(NamedTuple):
    """An element with its children."""

    tag: str
    attributes: dict[str, Attribute]
    children: list["Node"]


class Choice(NamedTuple):
    """A value for one configuration: a file's name, or a value that stands for itself."""

    file: str
    value: Attribute
    config: arsc.Config


def read_tree(files: AppFiles, name: str) -> Node:
    """A drawable file's element tree."""
    open_nodes: list[Node] = []
    root: Node | None = None
    for count, element in enumerate(files.elements(files.read(name, _MAX_FILE))):
        if element.depth >= _MAX_DEPTH or count >= _MAX_ELEMENTS:
            raise BadPackage("the drawing is too complex")
        node = _node(element)
        del open_nodes[element.depth :]
        if open_nodes:
            open_nodes[-1].children.append(node)
        elif root is None:
            root = node
        open_nodes.append(node)
    if root is None:
        raise BadPackage("the drawing is empty")
    return root


def choices(files: AppFiles, attribute: Attribute | None) -> list[Choice]:
    """What a reference may stand for, the value for a device of no particular kind first."""
    if attribute is None or not arsc.is_reference(attribute.value):
        text = attribute.text if attribute and attribute.value.kind == chunks.STRING else ""
        return [Choice(text, attribute, arsc.Config())] if attribute else []
    if attribute.value.data in _PLATFORM_COLORS:
        value = chunks.TypedValue(chunks.COLOR_ARGB8, _PLATFORM_COLORS[attribute.value.data])
        return [Choice("", Attribute(value, ""), arsc.Config())]
    answers = files.table.resolve_all(attribute.value.data) if files.table else []
    ordered = sorted(answers, key=lambda one: (not one.config.is_default, bool(one.config.locale), -one.config.sdk))
    return [Choice(one.text, Attribute(one.value, one.text), one.config) for one in ordered[:_MAX_CANDIDATES]]


def number(files: AppFiles, attribute: Attribute | None, default: float = 0.0) -> float:
    """A number; lengths are in dp, and shares of something are fractions of it."""
    for choice in choices(files, attribute)[:1]:
        found = _number(choice.value)
        return default if found is None else found
    return default


def is_fraction(files: AppFiles, attribute: Attribute | None) -> bool:
    return any(choice.value.value.kind == chunks.FRACTION for choice in choices(files, attribute)[:1])


def color_of(attribute: Attribute) -> int | None:
    """The colour, 0xAARRGGBB, that a value is."""
    kind, data = attribute.value
    if chunks.COLOR_ARGB8 <= kind <= chunks.COLOR_RGB4 or kind in (chunks.INT_HEX, chunks.INT_DECIMAL):
        return data
    text = attribute.text
    if kind != chunks.STRING or not text.startswith("#"):
        return None
    digits = text[1:] if len(text) > 5 else "".join(2 * digit for digit in text[1:])
    try:
        return int(digits.rjust(8, "f"), 16) if len(digits) in (6, 8) else None
    except ValueError:
        return None


def _node(element: Element) -> Node:
    return Node(element.tag, element.attributes, [])


def _number(attribute: Attribute) -> float | None:
    kind, data = attribute.value
    if kind == chunks.FLOAT:
        return _finite(struct.unpack("<f", struct.pack("<I", data))[0])
    if kind in (chunks.INT_DECIMAL, chunks.INT_HEX):
        return float(data - (1 << 32) if data >> 31 else data)
    if kind == chunks.BOOLEAN:
        return float(data != 0)
    if kind in (chunks.DIMENSION, chunks.FRACTION):
        mantissa = data & 0xFFFFFF00
        length = (mantissa - (1 << 32) if data >> 31 else mantissa) * _RADIX[data >> 4 & 3]
        return length if kind == chunks.FRACTION else length * _TO_DP[min(data & 0xF, 5)]
    return _spelled(attribute.text) if kind == chunks.STRING else None


def _spelled(text: str) -> float | None:
    digits = text.strip().rstrip("abcdefghijklmnopqrstuvwxyz")
    unit = _SUFFIXES.get(text.strip()[len(digits) :], 1)
    try:
        return _finite(float(digits) * _TO_DP[unit]) if len(digits) < 40 else None
    except ValueError:
        return None


def _finite(value: float) -> float:
    return value if abs(value) < 1e9 else 0.0
