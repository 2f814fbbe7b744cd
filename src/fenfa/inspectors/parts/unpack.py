"""Packed streams and blocks, unpacked within limits: gzip, xz, lzma, bzip2, zstd and none.

zstd needs the `zstandard` wheel. Without it, what is packed so is `NotSupported`, for a reader to tell its user why something is
missing.
"""

import bz2
import lzma
import zlib
from importlib import import_module
from typing import Any, Protocol

from fenfa.errors import BadPackage
from fenfa.inspectors.parts.source import Source

REACH = {  # how many unpacked bytes of a package's files are looked through: about a second of work
    "gzip": 256 << 20,
    "xz": 128 << 20,
    "lzma": 96 << 20,
    "bzip2": 32 << 20,
    "zstd": 512 << 20,
    "none": 4 << 30,
}
_PIECE = 1 << 18
_LZMA_MEMORY = 256 << 20
_ZSTD_WINDOW = 128 << 20
_MAX_STREAMS = 10_000
_MAGIC = {"gzip": b"\x1f\x8b", "bzip2": b"BZh", "xz": b"\xfd7zXZ\0", "zstd": b"\x28\xb5\x2f\xfd"}
_ERRORS = (zlib.error, lzma.LZMAError, OSError, EOFError, ValueError)


class NotSupported(BadPackage):
    """The data is packed in a way that this installation cannot undo."""


class OutOfReach(BadPackage):
    """What was looked for lies beyond the bytes that a reader unpacks."""


class _Unpacker(Protocol):
    """What Python's own unpackers for lzma and bzip2 have in common."""

    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    @property
    def needs_input(self) -> bool: ...
    def decompress(self, data: bytes, max_length: int = -1, /) -> bytes: ...


class Stream:
    """The unpacked bytes of a source, from front to back, `limit` of them at most: then `OutOfReach`."""

    def __init__(self, source: Source, codec: str, limit: int) -> None:
        self._source, self._codec = source, codec
        self._place = self._streams = 0
        self._left = limit
        self._zstd = _zstd_reader(_File(source)) if codec == "zstd" else None
        self._unpacker = None if codec in ("none", "zstd") else _unpacker(codec)
        self._ready = b""

    def read(self, count: int) -> bytes:
        """Exactly `count` bytes, or what is left before the end."""
        pieces = []
        while count > 0:
            piece = self._some(count)
            if not piece:
                break
            pieces.append(piece)
            count -= len(piece)
        return b"".join(pieces)

    def skip(self, count: int) -> None:
        """Passes over bytes; plain ones are not even read."""
        if self._codec == "none":
            self._place += count
            return
        while count > 0:
            piece = self._some(min(count, _PIECE))
            if not piece:
                raise BadPackage("the packed data is cut short")
            count -= len(piece)

    def _some(self, count: int) -> bytes:
        if self._zstd is not None:
            piece = _read_zstd(self._zstd, min(count, _PIECE))
        elif self._unpacker is None:
            piece = self._source.upto(self._place, count)
            self._place += len(piece)
        else:
            piece = self._unpack(min(count, _PIECE))
        self._left -= len(piece)
        if self._left < 0:
            raise OutOfReach("the packed data is larger than this reader looks through")
        return piece

    def _unpack(self, count: int) -> bytes:
        assert self._unpacker is not None
        while True:
            if self._unpacker.eof and not self._next_stream():
                return b""
            source = self._ready or (self._more() if self._unpacker.needs_input else b"")
            if not source and self._unpacker.needs_input:
                raise BadPackage("the packed data is cut short")
            self._ready = b""
            try:
                piece = self._unpacker.decompress(source, count)
            except _ERRORS:
                raise BadPackage("the packed data is damaged") from None
            if piece:
                return piece

    def _next_stream(self) -> bool:
        """Whether another stream follows the one that ended, as in files that were packed in pieces."""
        assert self._unpacker is not None
        self._ready = self._unpacker.unused_data or self._more()
        self._streams += 1
        if not self._ready.startswith(_MAGIC.get(self._codec, b"\0")) or self._streams > _MAX_STREAMS:
            return False
        self._unpacker = _unpacker(self._codec)
        return True

    def _more(self) -> bytes:
        data = self._source.upto(self._place, _PIECE)
        self._place += len(data)
        return data


def codec_of(head: bytes) -> str:
    """The codec that these first bytes belong to; `none` for anything unknown."""
    return next((codec for codec, magic in _MAGIC.items() if head.startswith(magic)), "none")


def block(codec: str, data: bytes, limit: int) -> bytes:
    """A block that was packed on its own, as in a file system image, at most `limit` bytes of it."""
    if codec == "zstd":
        return _read_zstd(_zstd_reader(data), limit)
    try:
        return _unpacker(codec).decompress(data, limit)
    except _ERRORS:
        raise BadPackage("a packed block is damaged") from None


def _unpacker(codec: str) -> _Unpacker:
    if codec in ("gzip", "zlib"):
        return _Inflater(31 if codec == "gzip" else zlib.MAX_WBITS)
    if codec in ("xz", "lzma"):
        return lzma.LZMADecompressor(lzma.FORMAT_AUTO, memlimit=_LZMA_MEMORY)
    if codec == "bzip2":
        return bz2.BZ2Decompressor()
    raise NotSupported(f"it is packed with {codec[:20]}, which is not supported")


class _Inflater:
    """zlib's unpacker with the manners of the others."""

    def __init__(self, window: int) -> None:
        self._inner = zlib.decompressobj(window)
        self._tail = b""

    @property
    def eof(self) -> bool:
        return self._inner.eof

    @property
    def unused_data(self) -> bytes:
        return self._inner.unused_data

    @property
    def needs_input(self) -> bool:
        return not self._tail

    def decompress(self, data: bytes, max_length: int = -1, /) -> bytes:
        piece = self._inner.decompress(self._tail + data, max(max_length, 0))
        self._tail = self._inner.unconsumed_tail
        return piece


def _zstd_reader(file: Any) -> Any:
    """A reader of what `file` holds; `file` may be bytes too."""
    try:
        zstandard = import_module("zstandard")
    except ImportError:
        raise NotSupported("it is packed with zstd: install the Python package `zstandard` to read it") from None
    return zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW).stream_reader(file, read_across_frames=True)


def _read_zstd(reader: Any, count: int) -> bytes:
    try:
        return bytes(reader.read(count))
    except import_module("zstandard").ZstdError:
        raise BadPackage("the packed data is damaged") from None


class _File:
    """A source that is read from front to back, as far as `zstandard` needs a file."""

    def __init__(self, source: Source) -> None:
        self._source, self._place = source, 0

    def read(self, count: int) -> bytes:
        data = self._source.upto(self._place, count)
        self._place += len(data)
        return data
