"""PNGs made by hand: plain ones, and the CgBI form that Xcode writes."""

import struct
import zlib

Pixel = tuple[int, int, int, int]
_SIGNATURE = b"\x89PNG\r\n\x1a\n"


def png(width: int, height: int, rgba: Pixel = (30, 120, 210, 255), extra: bytes = b"") -> bytes:
    """A plain RGBA PNG of one colour; `extra` chunks stand before the pixels."""
    rows = (b"\0" + bytes(rgba) * width) * height
    return _SIGNATURE + _header(width, height) + extra + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def crushed_png(width: int, height: int, rgba: Pixel = (30, 120, 210, 255)) -> bytes:
    """The same picture as Apple's pngcrush writes it: CgBI chunk, raw deflate, BGRA, premultiplied alpha."""
    red, green, blue, alpha = rgba
    stored = bytes(value * alpha // 255 for value in (blue, green, red)) + bytes([alpha])
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    rows = packer.compress((b"\0" + stored * width) * height) + packer.flush()
    head = _SIGNATURE + chunk(b"CgBI", b"\x50\0\x20\x06") + _header(width, height)
    return head + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def _header(width: int, height: int) -> bytes:
    return chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0))
