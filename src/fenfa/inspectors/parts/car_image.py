"""One rendition of an asset catalogue (a CSI block) as a plain PNG.

Drawn are 8-bit colour and grey pictures (`ARGB`, `GA8`) that are raw or packed with zlib, LZVN, LZFSE, as a palette or with
Deepmap2, and files kept whole (PNG, JPEG, WebP). Not drawn: PDF and SVG sources, HEIF and HEVC, 16-bit colours, RLE,
JPEG+LZFSE, the first Deepmap, grids of Deepmap2 tiles, ASTC and DXTC textures. Source: see `car`.
"""

import struct
import zlib
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from fenfa.errors import BadPackage
from fenfa.inspectors.parts import car_deepmap, lzfse, png

if TYPE_CHECKING:
    from PIL.Image import Image

_HEADER = struct.Struct("<4s5I4sI")
_BODY = 184  # the fixed part of the block; lists of attributes and the picture follow
_ROW_BYTES, _LINK = 0x3EF, 0x3F2  # attributes: the length of a row, the place in an atlas
_MAX_PIXELS = 1 << 20
_MAX_CHUNKS = 4096
_FILES = ("JPEG", "DATA", "PNG ", "WEBP")
_BYTES = {"ARGB": 4, "GA8 ": 2}  # of a pixel
_METHODS = {
    1: "RLE",
    5: "JPEG with LZFSE",
    6: "a blurred picture",
    7: "an ASTC texture",
    9: "HEVC",
    10: "the first Deepmap",
    12: "a DXTC texture",
}
_RAW, _ZIP, _LZVN, _LZFSE, _PALETTE, _DEEPMAP = 0, 2, 3, 4, 8, 11


class Header(NamedTuple):
    """`layout` tells pictures (10 to 12) from links, colours and data; `format` as `ARGB`."""

    width: int
    height: int
    format: str
    layout: int
    row_bytes: int
    payload: bytes


class Link(NamedTuple):
    """A box of an atlas in pixels, and the attributes of the atlas's own key."""

    left: int
    bottom: int
    width: int
    height: int
    key: dict[int, int]


def read_header(data: bytes) -> Header:
    if len(data) < _BODY:
        raise BadPackage("its rendition is cut short")
    _, _, _, width, height, _, pixel_format, _ = _HEADER.unpack_from(data)
    layout, size = struct.unpack_from("<H", data, 36)[0], struct.unpack_from("<I", data, 168)[0]
    attributes = data[_BODY : _BODY + size]
    name = pixel_format[::-1].decode("latin-1")
    row_bytes = int.from_bytes(_attribute(attributes, _ROW_BYTES)[:4], "little")
    return Header(width, height, name, layout, row_bytes, data[_BODY + size :])


def draw(data: bytes) -> bytes:
    """A clean PNG of the rendition. Raises BadPackage for a kind that we do not draw, naming it."""
    header = read_header(data)
    if header.format in _FILES and header.payload[:4] == b"DWAR":
        content = header.payload[12:]
        return png.icon(lzfse.decode(content, png.MAX_BYTES) if content[:3] == b"bvx" else content)
    return png.encode(_drawn(header))


def cut(data: bytes, link: Link) -> bytes:
    """A clean PNG of the part of this packed atlas that a link points to; boxes count from the lower left corner."""
    header = read_header(data)
    atlas = _drawn(header)
    left, top = link.left, header.height - link.bottom - link.height
    if not (0 <= left < left + link.width <= header.width and 0 <= top < top + link.height <= header.height):
        raise BadPackage("its place in a packed atlas is wrong")
    return png.encode(atlas.crop((left, top, left + link.width, top + link.height)))


def read_link(data: bytes) -> Link | None:
    """Where in which atlas a rendition without pixels of its own lies; None for one that has them."""
    size = struct.unpack_from("<I", data, 168)[0] if len(data) >= _BODY else 0
    body = _attribute(data[_BODY : _BODY + size], _LINK)
    if len(body) < 30 or body[:4] != b"KLNI":
        return None
    left, bottom, width, height = struct.unpack_from("<4I", body, 8)
    numbers = struct.unpack_from(f"<{(len(body) - 30) // 2}H", body, 30)
    return Link(
        left,
        bottom,
        width,
        height,
        {kind: value for kind, value in zip(numbers[::2], numbers[1::2], strict=False) if kind},
    )


def _drawn(header: Header) -> "Image":
    if header.format not in _BYTES:
        raise BadPackage(f"it is kept as {header.format.strip() or 'nothing'!r}, which is not supported")
    if not 0 < header.width * header.height <= _MAX_PIXELS:
        raise BadPackage("it has no pixels, or too many")
    if header.payload[:4] != b"MLEC":
        raise BadPackage("it has no pixels of its own")
    return _picture(header)


def _attribute(attributes: bytes, wanted: int) -> bytes:
    """The bytes of the attribute of this kind; empty when there is none."""
    place = 0
    while place + 8 <= len(attributes):
        kind, size = struct.unpack_from("<II", attributes, place)
        if kind == wanted:
            return attributes[place + 8 : place + 8 + size]
        place += 8 + size
    return b""


def _picture(header: Header) -> "Image":
    flags, method = struct.unpack_from("<II", header.payload, 4)
    if method in _METHODS:
        raise BadPackage(f"it is packed as {_METHODS[method]}, which is not supported")
    chunks = _chunks(header, flags)
    is_opaque = bool(flags & 2)
    if method == _DEEPMAP:
        rows = b"".join(car_deepmap.decode(chunk, header.width, count, header.format) for chunk, count in chunks)
        return _image(rows, header, "RGBA", 4 * header.width, is_opaque)
    if method == _PALETTE and header.format == "ARGB":
        rows = b"".join(_palette(chunk, header.width, count) for chunk, count in chunks)
        return _image(rows, header, "RGBA", 4 * header.width, is_opaque)
    stride = max(header.row_bytes, header.width * _BYTES[header.format])
    if stride > 8 * header.width + 4096:
        raise BadPackage("its rows are longer than their pixels")
    unpack = _unpacker(method)
    rows = b"".join(unpack(chunk, stride * count) for chunk, count in chunks)
    return _image(rows, header, "BGRA" if header.format == "ARGB" else "GA", stride, is_opaque)


def _chunks(header: Header, flags: int) -> list[tuple[bytes, int]]:
    """The packed pieces of the picture, each with its number of rows."""
    payload = header.payload
    if not flags & 1:
        return [(payload[16:], header.height)]
    chunks: list[tuple[bytes, int]] = []
    place, left = 16, header.height
    while left > 0 and place + 20 <= len(payload) and len(chunks) < _MAX_CHUNKS:
        if payload[place : place + 4] != b"KCBC":
            break
        rows, size = struct.unpack_from("<II", payload, place + 12)
        rows = min(rows or header.height, left)
        chunks.append((payload[place + 20 : place + 20 + size], rows))
        place, left = place + 20 + size, left - rows
    return chunks


def _unpacker(method: int) -> Callable[[bytes, int], bytes]:
    if method == _RAW:
        return lambda data, limit: data[:limit]
    if method == _ZIP:
        return _inflate
    if method == _LZFSE:
        return lzfse.decode
    if method == _LZVN:
        return car_deepmap.unpack
    raise BadPackage(f"it is packed in a way that is not supported ({method})")


def _inflate(data: bytes, limit: int) -> bytes:
    try:
        return zlib.decompressobj(zlib.MAX_WBITS | 32).decompress(data, limit)  # zlib or gzip
    except zlib.error:
        raise BadPackage("it cannot be unpacked") from None


def _palette(data: bytes, width: int, rows: int) -> bytes:
    """A quantised picture: colours as ARGB, and indices of 1, 2, 4, 8 or 16 bits in little-endian 16-bit words."""
    if data[:3] == b"bvx":
        data = lzfse.decode(data, 10 + 4096 * 4 + (2 * width + 2) * rows)
    if len(data) < 10 or data[:4] != b"\x0d\xf0\xfe\xca":
        raise BadPackage("its palette is damaged")
    count = struct.unpack_from("<H", data, 8)[0]
    bits = next((one for one in (1, 2, 4, 8, 16) if count <= 1 << one), 16)
    colours = [data[place + 1 : place + 4] + data[place : place + 1] for place in range(10, 10 + 4 * count, 4)]
    row_bytes, start, mask = (width * bits + 15) // 16 * 2, 10 + 4 * count, (1 << bits) - 1
    words = struct.unpack_from(f"<{row_bytes // 2 * rows}H", data.ljust(start + row_bytes * rows, b"\0"), start)
    found = []
    for row in range(rows):
        line = words[row * row_bytes // 2 : (row + 1) * row_bytes // 2]
        indices = [word >> shift & mask for word in line for shift in range(16 - bits, -1, -bits)][:width]
        if max(indices, default=0) >= count:
            raise BadPackage("its palette is damaged")
        found.append(b"".join([colours[index] for index in indices]))
    return b"".join(found)


def _image(rows: bytes, header: Header, order: str, stride: int, is_opaque: bool) -> "Image":
    """A Pillow image of these premultiplied pixels."""
    from PIL import Image

    size = (header.width, header.height)
    if len(rows) < stride * (header.height - 1) + len(order) * header.width:
        raise BadPackage("it has fewer pixels than it says")
    rows = rows[: stride * header.height].ljust(stride * header.height, b"\0")
    if order == "GA":
        grey, alpha = Image.frombytes("LA", size, rows, "raw", "LA", stride).split()
        channels = [grey, grey, grey, alpha]
    else:
        channels = list(Image.frombytes("RGBA", size, rows, "raw", order, stride).split())
    if is_opaque:
        return Image.merge("RGB", channels[:3])
    return Image.merge("RGBa", channels).convert("RGBA")
