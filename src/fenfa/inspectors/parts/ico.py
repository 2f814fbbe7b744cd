"""Windows icons: the pictures of an .ico file or of an icon group, the best of them as a PNG.

Source: Microsoft's "The format of icon resources" and BITMAPINFOHEADER. Own code, since Pillow costs more time to import
than all the rest of reading a program.
"""

import struct
import zlib
from collections.abc import Callable, Iterable
from typing import NamedTuple

from fenfa.errors import BadPackage
from fenfa.inspectors.parts import png

MAX_PICTURES = 256
_FILE_ENTRY = struct.Struct("<BBBxHHII")
_GROUP_ENTRY = struct.Struct("<BBBxHHIH")
_BITMAP = struct.Struct("<IiiHHIIiiII")
_MAX_SIDE = 1024
_OPAQUE = 0xFF


class Picture(NamedTuple):
    """One picture of an icon as its directory describes it; `where` is a number of a resource or an offset in the file."""

    width: int
    height: int
    bits: int
    size: int
    where: int


def read_group(data: bytes) -> list[Picture]:
    """The pictures of a group resource; `where` is the number of the icon resource that holds each."""
    return _directory(data, _GROUP_ENTRY)


def best_of_file(data: bytes) -> bytes:
    """The best picture of an .ico file as PNG."""
    pictures = _directory(data, _FILE_ENTRY)
    return best_of(pictures, lambda picture: data[picture.where : picture.where + picture.size])


def best_of(pictures: Iterable[Picture], read: Callable[[Picture], bytes]) -> bytes:
    """The largest picture that can be read, and of those the one with the most colours, as PNG."""
    refusal = BadPackage("the icon holds no picture")
    for picture in sorted(pictures, key=lambda one: (one.width * one.height, one.bits), reverse=True):
        try:
            return decode(read(picture))
        except BadPackage as error:
            refusal = error
    raise refusal


def decode(data: bytes) -> bytes:
    """One picture, a PNG or a bitmap without its file header, as a clean PNG."""
    return png.icon(data) if data.startswith(b"\x89PNG") else _bitmap(data)


def _directory(data: bytes, entry: struct.Struct) -> list[Picture]:
    if len(data) < 6 or data[:4] != b"\0\0\1\0":
        raise BadPackage("this is not a Windows icon")
    count = min(int.from_bytes(data[4:6], "little"), MAX_PICTURES, (len(data) - 6) // entry.size)
    found = []
    for number in range(count):
        width, height, colors, _, bits, size, where = entry.unpack_from(data, 6 + number * entry.size)
        bits = bits or (max(colors - 1, 1).bit_length() if colors else 8)
        found.append(Picture(width or 256, height or 256, bits, size, where))
    return found


def _bitmap(data: bytes) -> bytes:
    """A device-independent bitmap whose lower half of rows is the mask of what is transparent."""
    if len(data) < _BITMAP.size:
        raise BadPackage("a picture of the icon is cut short")
    header, width, height, _, bits, packing, _, _, _, used, _ = _BITMAP.unpack_from(data)
    height = abs(height) // 2
    if header < _BITMAP.size or packing or not (0 < width <= _MAX_SIDE and 0 < height <= _MAX_SIDE):
        raise BadPackage("a picture of the icon is of a kind that is not supported")
    if bits not in (1, 4, 8, 24, 32):
        raise BadPackage(f"a picture of the icon has {bits} bits a pixel, which is not supported")
    colors = 0 if bits > 8 else min(used or 1 << bits, 256)
    start = header + 4 * colors
    stride, mask_stride = (width * bits + 31) // 32 * 4, (width + 31) // 32 * 4
    if len(data) < start + stride * height:
        raise BadPackage("a picture of the icon is cut short")
    palette = data[header:start]
    rows = [data[start + row * stride : start + (row + 1) * stride] for row in reversed(range(height))]
    masks = [data[start + stride * height + row * mask_stride :][:mask_stride] for row in reversed(range(height))]
    return _encode(width, height, [_row(row, width, bits, palette) for row in rows], masks)


def _row(raw: bytes, width: int, bits: int, palette: bytes) -> bytearray:
    """One row as RGBA; alpha is nought where the bitmap has none to say."""
    row = bytearray(4 * width)
    if bits == 32:
        row[0::4], row[1::4], row[2::4], row[3::4] = (raw[place : 4 * width : 4] for place in (2, 1, 0, 3))
    elif bits == 24:
        row[0::4], row[1::4], row[2::4] = (raw[place : 3 * width : 3] for place in (2, 1, 0))
    else:
        indices = _indices(raw, width, bits)
        row[0::4], row[1::4], row[2::4] = (
            indices.translate(palette[place::4].ljust(256, b"\0")) for place in (2, 1, 0)
        )
    return row


def _indices(raw: bytes, width: int, bits: int) -> bytes:
    """One byte a pixel."""
    if bits == 8:
        return raw[:width]
    if bits == 4:
        return bytes.fromhex("".join(f"0{digit}" for digit in raw.hex()))[:width]
    return _bits(raw, width)


def _bits(raw: bytes, width: int) -> bytes:
    """One byte, 0 or 1, for each bit."""
    text = f"{int.from_bytes(raw, 'big'):0{8 * len(raw)}b}" if raw else ""
    return bytes(map(int, text[:width])).ljust(width, b"\0")


def _encode(width: int, height: int, rows: list[bytearray], masks: list[bytes]) -> bytes:
    if not any(any(row[3::4]) for row in rows):  # no alpha anywhere: the mask decides
        for row, mask in zip(rows, masks, strict=True):
            row[3::4] = _bits(mask, width).translate(bytes([_OPAQUE, 0]).ljust(256, b"\0"))
    pixels = zlib.compress(b"".join(b"\0" + row for row in rows), 6)
    header = struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)
    parts = [(b"IHDR", header), (b"IDAT", pixels), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, body) for kind, body in parts)


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
