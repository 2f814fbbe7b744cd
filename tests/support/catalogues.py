"""Apple's pictures: compiled asset catalogues (Assets.car) and .icns files."""

import struct
import zlib
from collections.abc import Mapping
from typing import NamedTuple

TOKENS = (7, 12, 15, 17, 1, 2)  # appearance, scale, idiom, identifier, element, part
ICON, FLATTENED, IMAGE = 220, 208, 181


class Picture(NamedTuple):
    """A rendition: its asset's identifier, its size and how its pixels are kept (`payload` after the attributes)."""

    width: int
    height: int
    payload: bytes
    pixel_format: bytes = b"ARGB"
    identifier: int = 1
    part: int = ICON
    appearance: int = 0
    attributes: bytes = b""


def car(pictures: list[Picture], names: Mapping[str, int] | None = None) -> bytes:
    """A catalogue of these pictures; `names` are the assets' names and identifiers."""
    attributes = dict(names or {"AppIcon": 1})
    facets = [(name.encode(), struct.pack("<3H2H", 0, 0, 1, 17, number)) for name, number in attributes.items()]
    renditions = [(_key(one), _csi(one)) for one in pictures]
    key_format = struct.pack(f"<4sII{len(TOKENS)}I", b"tmfk", 0, len(TOKENS), *TOKENS)
    return bom({"KEYFORMAT": key_format}, {"FACETKEYS": facets, "RENDITIONS": renditions})


def bom(named: Mapping[str, bytes], trees: Mapping[str, list[tuple[bytes, bytes]]]) -> bytes:
    """A BOM store with these blocks and trees, each tree of a single leaf."""
    blocks: list[bytes] = [b""]
    numbers: dict[str, int] = {}

    def add(block: bytes) -> int:
        blocks.append(block)
        return len(blocks) - 1

    for name, block in named.items():
        numbers[name] = add(block)
    for name, pairs in trees.items():
        places = b"".join(struct.pack(">II", add(value), add(key)) for key, value in pairs)
        leaf = add(struct.pack(">HHII", 1, len(pairs), 0, 0) + places)
        numbers[name] = add(struct.pack(">4sIIIIB", b"tree", 1, leaf, 4096, len(pairs), 0))
    body, index = b"", b""
    for block in blocks:
        index += struct.pack(">II", 32 + len(body), len(block))
        body += block
    table = struct.pack(">I", len(blocks)) + index
    variables = struct.pack(">I", len(numbers))
    for name, number in numbers.items():
        variables += struct.pack(">IB", number, len(name)) + name.encode()
    place = 32 + len(body)
    header = struct.pack(">8s6I", b"BOMStore", 1, len(blocks), place, len(table), place + len(table), len(variables))
    return header + body + table + variables


def _key(one: Picture) -> bytes:
    return struct.pack("<6H", one.appearance, 2, 0, one.identifier, 85, one.part)


def _csi(one: Picture) -> bytes:
    head = struct.pack("<4s5I4sI", b"ISTC", 1, 0, one.width, one.height, 200, one.pixel_format[::-1], 1)
    head += struct.pack("<IHH128s", 0, 12, 0, b"icon.png")
    return head + struct.pack("<4I", len(one.attributes), 1, 0, len(one.payload)) + one.attributes + one.payload


def pixels(method: int, data: bytes, flags: int = 0) -> bytes:
    """A picture's payload in one piece."""
    return struct.pack("<4sIII", b"MLEC", flags, method, len(data)) + data


def pieces(method: int, parts: list[tuple[int, bytes]]) -> bytes:
    """A picture's payload in pieces of so many rows."""
    head = struct.pack("<4sIII", b"MLEC", 1, method, len(parts))
    return head + b"".join(struct.pack("<4sIIII", b"KCBC", 0, 0, rows, len(data)) + data for rows, data in parts)


def link(box: tuple[int, int, int, int], part: int) -> bytes:
    """The attribute of a picture that lies in the atlas of this part: left, bottom, width and height."""
    body = struct.pack("<4sI4IHI", b"KLNI", 0, *box, 12, 8) + struct.pack("<4H", 2, part, 0, 0)
    return struct.pack("<II", 0x3F2, len(body)) + body


def whole_file(data: bytes) -> bytes:
    return struct.pack("<4sII", b"DWAR", 0, len(data)) + data


def lzfse_raw(data: bytes) -> bytes:
    """An LZFSE stream of one block that is not packed."""
    return b"bvx-" + struct.pack("<I", len(data)) + data + b"bvx$"


def deepmap2(width: int, height: int, method: int, body: bytes, channels: int = 4) -> bytes:
    picture = struct.pack("<4sBBBBHH", b"dmp2", method, 0, 0, channels, width, height) + body
    return struct.pack("<IIQ", 1, 0, len(picture)) + picture


def palette(colours: list[bytes], words: list[int]) -> bytes:
    """A quantised picture: colours as ARGB, rows as little-endian words of indices."""
    head = struct.pack("<IIH", 0xCAFEF00D, 0, len(colours))
    return head + b"".join(colours) + struct.pack(f"<{len(words)}H", *words)


def zipped(data: bytes) -> bytes:
    return zlib.compress(data)


def icns(pictures: Mapping[bytes, bytes]) -> bytes:
    body = b"".join(struct.pack(">4sI", kind, 8 + len(data)) + data for kind, data in pictures.items())
    return struct.pack(">4sI", b"icns", 8 + len(body)) + body
