"""Icons: whatever raster a package holds becomes a plain PNG of at most 1024 px a side, or nothing.

A small plain PNG keeps its pixels and loses every chunk that a picture does not need, with the standard library alone. All
else goes through Pillow, which is imported only then. Apple's CgBI form (raw deflate, BGRA, premultiplied alpha) is undone.
Source: the PNG specification (third edition); for CgBI, iphonedev.wiki "CgBI file format".
"""

import struct
import zlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from fenfa.errors import BadPackage

if TYPE_CHECKING:
    from PIL.Image import Image

MAX_BYTES = 16 << 20
MAX_PIXELS = 16_000_000
MAX_SIDE = 1024
MAX_PNG = 2 << 20  # the largest PNG we give away, bytes
_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
_DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}


class Header(NamedTuple):
    """IHDR, and whether Apple's CgBI chunk stands before it."""

    width: int
    height: int
    depth: int
    color: int
    interlaced: bool
    crushed: bool

    @property
    def row_bytes(self) -> int:
        """One unpacked row with its filter byte."""
        return (self.width * self.depth * _CHANNELS[self.color] + 7) // 8 + 1


def icon(data: bytes) -> bytes:
    """A clean PNG of this picture. Raises BadPackage for one that is broken, too large or not a raster."""
    if not data.startswith(_SIGNATURE):
        return encode(open_picture(data, ("WEBP", "JPEG", "GIF", "BMP")))
    header = read_header(data)
    if header.crushed:
        return encode(_uncrush(data, header))
    clean = _clean(data, header)
    fits = max(header.width, header.height) <= MAX_SIDE and len(clean) <= MAX_PNG
    return clean if fits else encode(open_picture(clean, ("PNG",)))


def read_header(data: bytes) -> Header:
    """The header of a PNG, CgBI or not; raises BadPackage for more than 16 million pixels."""
    kinds = iter(_chunks(data))
    kind, body = next(kinds, (b"", b""))
    crushed = kind == b"CgBI"
    if crushed:
        kind, body = next(kinds, (b"", b""))
    if kind != b"IHDR" or len(body) != 13:
        raise BadPackage("the icon is not a PNG")
    width, height, depth, color, _, _, interlace = struct.unpack(">IIBBBBB", body)
    if not 0 < width * height <= MAX_PIXELS:
        raise BadPackage("the icon has no pixels, or too many")
    if depth not in _DEPTHS.get(color, ()) or interlace > 1:
        raise BadPackage("the icon is of a kind that PNG does not know")
    return Header(width, height, depth, color, interlace == 1, crushed)


def encode(image: "Image") -> bytes:
    """A Pillow image as PNG within our limits, smaller if it must be."""
    import io

    image = image if image.mode in ("RGB", "RGBA") else image.convert("RGBA")
    side = MAX_SIDE
    while True:
        if max(image.size) > side:
            image.thumbnail((side, side))
        buffer = io.BytesIO()
        image.save(buffer, "PNG")
        if buffer.tell() <= MAX_PNG:
            return buffer.getvalue()
        side = min(side, max(image.size)) // 2


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    place = len(_SIGNATURE)
    while place + 12 <= len(data):
        length = int.from_bytes(data[place : place + 4], "big")
        if place + 12 + length > len(data):
            raise BadPackage("the icon is cut short")
        kind = data[place + 4 : place + 8]
        yield kind, data[place + 8 : place + 8 + length]
        if kind == b"IEND":
            return
        place += 12 + length


def _clean(data: bytes, header: Header) -> bytes:
    """The same picture with nothing but header, palette, transparency and pixels, all of them whole."""
    kept = {kind: body for kind, body in _chunks(data) if kind in (b"PLTE", b"tRNS")}
    if len(kept.get(b"PLTE", b"")) > 768 or (header.color == 3) > (b"PLTE" in kept):
        raise BadPackage("the icon has no palette, or too large a one")
    pixels = _pixels(data)
    if not header.interlaced:
        pixels = zlib.compress(_inflate(pixels, header, zlib.MAX_WBITS), 6)
    ihdr = struct.pack(">IIBBBBB", *header[:4], 0, 0, header.interlaced)
    parts = [(b"IHDR", ihdr), *sorted(kept.items()), (b"IDAT", pixels), (b"IEND", b"")]
    return _SIGNATURE + b"".join(_chunk(kind, body) for kind, body in parts)


def _pixels(data: bytes) -> bytes:
    return b"".join(body for kind, body in _chunks(data) if kind == b"IDAT")


def _inflate(pixels: bytes, header: Header, window: int) -> bytes:
    """The filtered rows: exactly as many bytes as the header promises."""
    wanted = header.row_bytes * header.height
    try:
        rows = zlib.decompressobj(window).decompress(pixels, wanted)
    except zlib.error:
        raise BadPackage("the icon's pixels cannot be unpacked") from None
    if len(rows) != wanted:
        raise BadPackage("the icon has fewer pixels than it says")
    return rows


def _uncrush(data: bytes, header: Header) -> "Image":
    """Undoes CgBI: as an ordinary PNG first, then the channels back in order and the alpha divided out."""
    from PIL import Image

    if (header.depth, header.interlaced) != (8, False):
        raise BadPackage("the icon is of a CgBI kind that is not supported")
    rows = _inflate(_pixels(data), header, -zlib.MAX_WBITS)
    ihdr = struct.pack(">IIBBBBB", *header[:4], 0, 0, 0)
    parts = [(b"IHDR", ihdr), (b"IDAT", zlib.compress(rows, 1)), (b"IEND", b"")]
    image = open_picture(_SIGNATURE + b"".join(_chunk(kind, body) for kind, body in parts), ("PNG",))
    if header.color == 2:
        blue, green, red = image.split()
        return Image.merge("RGB", (red, green, blue))
    if header.color != 6:
        return image
    blue, green, red, alpha = image.split()
    return Image.merge("RGBa", (red, green, blue, alpha)).convert("RGBA")


def open_picture(data: bytes, formats: tuple[str, ...]) -> "Image":
    """A picture decoded by Pillow, once its size is known to be bearable."""
    import io

    from PIL import Image

    try:
        image = Image.open(io.BytesIO(data), formats=formats)
        if image.width * image.height > MAX_PIXELS:
            raise BadPackage("the icon has too many pixels")
        image.load()
    except BadPackage:
        raise
    except Exception as error:  # Pillow raises whatever its decoders run into
        raise BadPackage("the icon is not a picture that can be read") from error
    return image


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
