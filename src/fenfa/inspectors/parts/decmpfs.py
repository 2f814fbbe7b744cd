"""Files that macOS packs in the file system itself (`ditto --hfsCompression`), on HFS+ and APFS alike.

The attribute `com.apple.decmpfs` holds a header, and small files too; larger ones lie in the resource fork in pieces of
64 KiB. Source: <sys/decmpfs.h> of xnu; decmpfs.h of The Sleuth Kit for the resource fork.
"""

import struct
import zlib
from collections.abc import Callable
from itertools import pairwise

from fenfa.errors import BadPackage
from fenfa.inspectors.parts import lzfse, lzvn
from fenfa.inspectors.parts.damage import refusing
from fenfa.inspectors.parts.volume import Readable

MAX_BYTES = 64 << 20
_PIECE = 1 << 16
_HEADER = struct.Struct("<4sIQ")
_ZLIB, _LZVN, _RAW, _LZFSE = (3, 4), (7, 8), (9, 10), (11, 12)  # in the attribute, in the resource fork
_BAD = "a file on the disk image is damaged: it cannot be unpacked"


@refusing("a file on the disk image")
def unpack(header: bytes, resources: Readable) -> bytes:
    """The file's bytes. `header` is the attribute's value."""
    if len(header) < _HEADER.size or header[:4] not in (b"fpmc", b"cmpf"):
        raise BadPackage(_BAD)
    _, kind, size = _HEADER.unpack_from(header)
    if size > MAX_BYTES:
        raise BadPackage(f"a file on the disk image is packed and larger than {MAX_BYTES >> 20} MiB")
    body = header[_HEADER.size :]
    try:
        pieces = [body] if kind in (3, 7, 9, 11) else _pieces(kind, resources, size)
        unpack_one = _codec(kind)
        return b"".join(unpack_one(piece, size if len(pieces) == 1 else _PIECE) for piece in pieces)[:size]
    except zlib.error:
        raise BadPackage(_BAD) from None


def _codec(kind: int) -> Callable[[bytes, int], bytes]:
    if kind in _ZLIB:
        return lambda data, limit: data[1:] if data[0] & 0xF == 0xF else zlib.decompressobj().decompress(data, limit)
    if kind in _LZVN:
        return lambda data, limit: data[1:] if data[0] == 0x06 else lzvn.decode(data, limit)
    if kind in _LZFSE:
        return lambda data, limit: lzfse.decode(data, limit) if data[:3] == b"bvx" else data[1:]
    if kind in _RAW:
        return lambda data, limit: data[1 : 1 + limit]
    raise BadPackage(f"a file on the disk image is packed in a way that is not supported ({kind})")


def _pieces(kind: int, resources: Readable, size: int) -> list[bytes]:
    """The packed pieces in the resource fork."""
    count = -(-size // _PIECE)
    if kind == _ZLIB[1]:
        start = struct.unpack(">I", resources.at(0, 4))[0] + 4
        held = struct.unpack("<I", resources.at(start, 4))[0]
        table = resources.at(start + 4, 8 * min(held, count))
        places = list(struct.iter_unpack("<II", table))
        return [resources.at(start + offset, length) for offset, length in places]
    offsets = struct.unpack(f"<{count + 1}I", resources.at(0, 4 * (count + 1)))
    return [resources.at(a, b - a) for a, b in pairwise(offsets) if b > a]
