"""Apple's .icns: a row of pictures of one icon in several sizes; the largest one becomes a plain PNG.

PNG and JPEG 2000 pictures, ARGB and the older RGB with a mask of its own, packed by runs. Black-and-white and palette icons
of before 1997 are not read. Source: the "Apple Icon Image format" article of Wikipedia.
"""

import struct
from collections.abc import Iterator
from typing import TYPE_CHECKING

from fenfa.errors import BadPackage
from fenfa.inspectors.parts import png
from fenfa.inspectors.parts.damage import refusing

if TYPE_CHECKING:
    from PIL.Image import Image

MAX_BYTES = 32 << 20
_FILES = {  # pictures that are whole files: type → pixels a side
    b"icp4": 16,
    b"icp5": 32,
    b"icp6": 64,
    b"ic07": 128,
    b"ic08": 256,
    b"ic09": 512,
    b"ic10": 1024,
    b"ic11": 32,
    b"ic12": 64,
    b"ic13": 256,
    b"ic14": 512,
    b"icsB": 36,
    b"icsb": 18,
    b"sb24": 24,
    b"SB24": 48,
}
_ARGB = {b"ic04": 16, b"ic05": 32}
_RGB = {b"it32": (128, b"t8mk"), b"ih32": (48, b"h8mk"), b"il32": (32, b"l8mk"), b"is32": (16, b"s8mk")}
_MAX_PICTURES = 100
_SIDES = _FILES | _ARGB | {kind: side for kind, (side, _) in _RGB.items()}
_JPEG2000 = (b"\x00\x00\x00\x0cjP  ", b"\xff\x4f\xff\x51")


@refusing("the .icns")
def icon(data: bytes) -> bytes:
    """A clean PNG of the largest picture that can be read. Raises BadPackage when there is none."""
    found = dict(_pictures(data))
    for kind in sorted((kind for kind in found if kind in _SIDES), key=lambda kind: _SIDES[kind], reverse=True):
        try:
            return _draw(kind, found)
        except BadPackage:
            continue
    raise BadPackage("the .icns holds no picture that can be read")


def _pictures(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    if data[:4] != b"icns":
        raise BadPackage("the icon is not an .icns file")
    place = 8
    for _ in range(_MAX_PICTURES):
        if place + 8 > len(data):
            return
        kind, size = struct.unpack_from(">4sI", data, place)
        if size < 8:
            return
        yield kind, data[place + 8 : place + size]
        place += size


def _draw(kind: bytes, found: dict[bytes, bytes]) -> bytes:
    data = found[kind]
    if data.startswith(b"\x89PNG"):
        return png.icon(data)
    if data.startswith(_JPEG2000):
        return png.encode(png.open_picture(data, ("JPEG2000",)))
    if kind in _RGB:
        side, mask = _RGB[kind]
        return png.encode(_planes(data[4:] if data[:4] == bytes(4) else data, side, found.get(mask)))
    if data.startswith(b"ARGB"):
        return png.encode(_argb(data[4:], _SIDES[kind]))
    raise BadPackage("the picture is of a kind that is not supported")


def _planes(data: bytes, side: int, mask: bytes | None) -> "Image":
    from PIL import Image

    count = side * side
    if len(data) == 4 * count:  # not packed: pixels of four bytes, the first unused
        pixels = Image.frombytes("RGB", (side, side), data, "raw", "XRGB")
    else:
        channels = _unpack(data, 3 * count)
        pixels = Image.merge("RGB", [_plane(channels[n * count : (n + 1) * count], side) for n in range(3)])
    if mask is not None and len(mask) >= count:
        pixels.putalpha(_plane(mask[:count], side))
    return pixels


def _argb(data: bytes, side: int) -> "Image":
    from PIL import Image

    count = side * side
    channels = _unpack(data, 4 * count)
    alpha, *colours = (_plane(channels[n * count : (n + 1) * count], side) for n in range(4))
    return Image.merge("RGBA", (*colours, alpha))


def _plane(data: bytes, side: int) -> "Image":
    from PIL import Image

    return Image.frombytes("L", (side, side), data)


def _unpack(data: bytes, wanted: int) -> bytes:
    """Runs: a byte of 128 or more repeats the next one (byte - 125) times, a smaller one copies the next (byte + 1)."""
    out = bytearray()
    place = 0
    while len(out) < wanted and place + 1 < len(data):
        control = data[place]
        if control & 0x80:
            out += data[place + 1 : place + 2] * (control - 125)
            place += 2
        else:
            out += data[place + 1 : place + 2 + control]
            place += 2 + control
    if len(out) < wanted:
        raise BadPackage("the picture has fewer pixels than it says")
    return bytes(out[:wanted])
