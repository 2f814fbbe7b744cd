"""The ways in which a disk image's stretches are packed."""

import bz2
import lzma
import zlib
from collections.abc import Callable

from fenfa.errors import BadPackage
from fenfa.inspectors.parts import lzfse
from fenfa.inspectors.parts.lzvn import copy_match

_ADC, _ZLIB, _BZIP2, _LZFSE, _LZMA = 0x80000004, 0x80000005, 0x80000006, 0x80000007, 0x80000008
WEIGHTS = {_ADC: 12, _LZFSE: 8, _BZIP2: 4, _LZMA: 2}  # time a byte, beside zlib's
SLOW = (_ADC, _LZFSE)  # read in our own code, and no further than needed


def unpack(kind: int, data: bytes, limit: int) -> bytes:
    """At most `limit` bytes. Raises BadPackage for damage and for a codec that we do not know."""
    codec = _CODECS.get(kind)
    if codec is None:
        raise BadPackage(f"the disk image is packed in a way that is not supported ({kind:#x})")
    try:
        return codec(data, limit)
    except (zlib.error, lzma.LZMAError, OSError, EOFError, IndexError, ValueError):
        raise BadPackage("the disk image is damaged: a stretch of it cannot be unpacked") from None


def _inflate(data: bytes, limit: int) -> bytes:
    return zlib.decompressobj().decompress(data, limit)


def _bunzip2(data: bytes, limit: int) -> bytes:
    return bz2.BZ2Decompressor().decompress(data, limit)


def _unxz(data: bytes, limit: int) -> bytes:
    return lzma.LZMADecompressor(memlimit=128 << 20).decompress(data, limit)


def _adc(data: bytes, limit: int) -> bytes:
    """Apple Data Compression. Source: dmgwiz (MIT)."""
    out = bytearray()
    place = 0
    while place < len(data) and len(out) < limit:
        control = data[place]
        if control & 0x80:
            count = (control & 0x7F) + 1
            out += data[place + 1 : place + 1 + count]
            place += 1 + count
        elif control & 0x40:
            copy_match(out, (data[place + 1] << 8 | data[place + 2]) + 1, (control & 0x3F) + 4)
            place += 3
        else:
            copy_match(out, ((control & 3) << 8 | data[place + 1]) + 1, (control >> 2 & 0xF) + 3)
            place += 2
    return bytes(out[:limit])


_CODECS: dict[int, Callable[[bytes, int], bytes]] = {
    _ADC: _adc,
    _ZLIB: _inflate,
    _BZIP2: _bunzip2,
    _LZFSE: lzfse.decode,
    _LZMA: _unxz,
}
