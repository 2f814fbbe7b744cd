"""Digests over the contents of an APK, as the signature schemes from v2 on define them.

Three parts are digested: what lies before the APK Signing Block, the zip's directory, and the zip's end with the directory's
offset set to where the block begins. Source: source.android.com "APK signature scheme v2" (integrity-protected contents); for
the hash tree, apksig's documentation of `VERITY_CHUNKED_SHA256`.
"""

import hashlib
from collections.abc import Iterator

from fenfa.errors import BadPackage
from fenfa.inspectors.parts.apk_block import Block
from fenfa.inspectors.parts.apk_keys import VERITY
from fenfa.inspectors.parts.zipsafe import Archive

_CHUNK = 1 << 20
_PAGE = 4096
_DIGEST = 32
_SALT = bytes(8)
_DIRECTORY_OFFSET = 16


def contents_digest(archive: Archive, block: Block, kind: str) -> bytes:
    """The digest of this kind: `sha256`, `sha512` or `verity`."""
    end = bytearray(archive.raw(block.end, archive.size - block.end))
    end[_DIRECTORY_OFFSET : _DIRECTORY_OFFSET + 4] = block.start.to_bytes(4, "little")
    if kind == VERITY:
        return _verity(archive, block, bytes(end))
    digests = [digest for piece in _pieces(archive, block, bytes(end)) for digest in (_of_chunk(piece, kind),)]
    top = hashlib.new(kind, b"\x5a" + len(digests).to_bytes(4, "little"))
    top.update(b"".join(digests))
    return top.digest()


def digested_bytes(archive: Archive, block: Block) -> int:
    """How many bytes one digest reads."""
    return archive.size - (block.directory - block.start)


def _pieces(archive: Archive, block: Block, end: bytes) -> Iterator[bytes]:
    """The three parts, each in pieces of at most a chunk."""
    for start, stop in ((0, block.start), (block.directory, block.end)):
        for place in range(start, stop, _CHUNK):
            yield archive.raw(place, min(_CHUNK, stop - place))
    yield end


def _of_chunk(piece: bytes, kind: str) -> bytes:
    digest = hashlib.new(kind, b"\xa5" + len(piece).to_bytes(4, "little"))
    digest.update(piece)
    return digest.digest()


def _verity(archive: Archive, block: Block, end: bytes) -> bytes:
    """The root of a hash tree of 4,096-byte pages, and the length of what it covers."""
    if block.start % _PAGE:
        raise BadPackage("the APK Signing Block does not begin at a page, which its hash tree needs")
    total, rest, level = 0, b"", bytearray()
    for piece in _pieces(archive, block, end):
        total += len(piece)
        rest += piece
        whole = len(rest) - len(rest) % _PAGE
        level += _hashed_pages(rest[:whole])
        rest = rest[whole:]
    level += _hashed_pages(rest)
    while len(level) > _PAGE:
        level = bytearray(_hashed_pages(bytes(level)))
    return _hashed_pages(bytes(level)) + total.to_bytes(8, "little")


def _hashed_pages(data: bytes) -> bytes:
    pages = (data[place : place + _PAGE].ljust(_PAGE, b"\0") for place in range(0, len(data), _PAGE))
    return b"".join(hashlib.sha256(_SALT + page).digest() for page in pages)
