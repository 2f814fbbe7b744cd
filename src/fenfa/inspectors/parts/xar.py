"""XAR archives, the containers of Mac installers: a table of contents in packed XML, then a heap of files.

Source: the xar wiki of github.com/mackyle/xar, "xarformat".
"""

import base64
import binascii
import bz2
import struct
import zlib
from collections.abc import Iterator
from typing import NamedTuple

from fenfa.errors import BadPackage
from fenfa.inspectors.parts import xmlsafe
from fenfa.inspectors.parts.volume import Readable

_HEADER = struct.Struct(">4sHHQQI")
_MAX_TABLE = 8 << 20
_MAX_PATH = 1024
_TICKET_TRAILER = b"t8lr"  # the notarisation ticket that `stapler` appends ends in this record
_TRAILER_SIZE = 16


class Member(NamedTuple):
    """A file in the heap: where, how long as stored and unpacked, and how it is packed (a MIME type)."""

    offset: int
    packed: int
    size: int
    encoding: str


class Archive:
    """`members` by path; `certificates` are those of the table's signature, the signer's own first."""

    def __init__(self, file: Readable) -> None:
        head = file.upto(0, _HEADER.size)
        if len(head) < _HEADER.size or head[:4] != b"xar!":
            raise BadPackage("the file is not a Mac installer (xar archive)")
        _, header_size, _, packed, size, _ = _HEADER.unpack(head)
        if packed > _MAX_TABLE or size > _MAX_TABLE:
            raise BadPackage("the installer's table of contents is too large")
        table = _inflate(file.at(header_size, packed), size)
        toc = xmlsafe.parse(table, "the installer's table of contents").find("toc")
        self._file = file
        self._heap = header_size + packed
        self.members = dict(_members(toc, ""))
        self.certificates = list(_certificates(toc))
        self.has_ticket = file.upto(file.size - _TRAILER_SIZE, 4) == _TICKET_TRAILER

    def __contains__(self, name: str) -> bool:
        return name in self.members

    def read(self, name: str, limit: int) -> bytes:
        member = self.members[name]
        if member.size > limit or member.packed > limit:
            raise BadPackage(f"{name[-80:]!r} in the installer is larger than {limit:,} bytes")
        data = self._file.at(self._heap + member.offset, member.packed)
        if member.encoding in ("", "application/octet-stream"):
            return data
        if member.encoding in ("application/x-gzip", "application/zlib"):
            return _inflate(data, member.size)
        if member.encoding == "application/x-bzip2":
            return _bunzip2(data, member.size)
        raise BadPackage(f"{name[-80:]!r} in the installer is packed in a way that is not supported")


def _members(parent: xmlsafe.Element, path: str) -> Iterator[tuple[str, Member]]:
    """Files below this element, at the depth that the XML reader allows."""
    for file in parent.children:
        own = f"{path}{file.find('name').text}"[:_MAX_PATH]
        if file.name != "file":
            continue
        yield from _members(file, own + "/")
        data = file.find("data")
        if data.children:
            offset, packed, size = (_number(data.find(one).text) for one in ("offset", "length", "size"))
            yield own, Member(offset, packed, size, data.find("encoding").get("style"))


def _certificates(toc: xmlsafe.Element) -> Iterator[bytes]:
    """The CMS style of signature repeats the certificates of the older one."""
    for style in ("signature", "x-signature"):
        found = [one.text for one in toc.find(style).all("X509Certificate")]
        if found:
            for text in found[:16]:
                try:
                    yield base64.b64decode("".join(text.split()), validate=True)
                except binascii.Error:
                    continue
            return


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 20 else 0


def _inflate(data: bytes, size: int) -> bytes:
    """Exactly as many bytes as promised."""
    try:
        unpacked = zlib.decompressobj(zlib.MAX_WBITS | 32).decompress(data, size + 1) if size else b""
    except zlib.error:
        raise BadPackage("the installer is damaged: a part of it cannot be unpacked") from None
    if len(unpacked) != size:
        raise BadPackage("the installer is damaged: a part of it is not as long as it says")
    return unpacked


def _bunzip2(data: bytes, size: int) -> bytes:
    try:
        return bz2.BZ2Decompressor().decompress(data, size)
    except (OSError, EOFError, ValueError):
        raise BadPackage("the installer is damaged: a part of it cannot be unpacked") from None
