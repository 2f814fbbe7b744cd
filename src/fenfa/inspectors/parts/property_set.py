"""The summary information of an MSI, a property set. Source: Microsoft's [MS-OLEPS]."""

import struct

from fenfa.errors import BadPackage
from fenfa.inspectors.parts.code_pages import encoding_of

TITLE, SUBJECT, AUTHOR, TEMPLATE, REVISION, APPLICATION, WORDS = 2, 3, 4, 7, 9, 18, 15
_CODE_PAGE = 1
_SHORT, _LONG, _TEXT = 2, 3, 30
_MAX_PROPERTIES = 200
_MAX_TEXT = 4096


def read_summary(data: bytes) -> dict[int, str | int]:
    """The texts and numbers of the first property set by their number. Raises BadPackage when it is not built as one."""
    try:
        return _read(data)
    except struct.error:
        raise BadPackage("the summary information of the MSI is cut short") from None


def _read(data: bytes) -> dict[int, str | int]:
    if data[:2] != b"\xfe\xff":
        raise BadPackage("the summary information of the MSI is not built as it should be")
    (base,) = struct.unpack_from("<I", data, 44)
    (count,) = struct.unpack_from("<I", data, base + 4)
    places = dict(
        struct.unpack_from("<II", data, base + 8 + 8 * number) for number in range(min(count, _MAX_PROPERTIES))
    )
    page = _value(data, base + places[_CODE_PAGE], "ascii") if _CODE_PAGE in places else 0
    encoding = encoding_of(int(page or 0) & 0xFFFF)
    values = {number: _value(data, base + place, encoding) for number, place in places.items()}
    return {number: value for number, value in values.items() if value is not None}


def _value(data: bytes, place: int, encoding: str) -> str | int | None:
    (kind,) = struct.unpack_from("<I", data, place)
    if kind == _SHORT:
        return int(struct.unpack_from("<h", data, place + 4)[0])
    if kind == _LONG:
        return int(struct.unpack_from("<i", data, place + 4)[0])
    if kind != _TEXT:
        return None
    (length,) = struct.unpack_from("<I", data, place + 4)
    raw = data[place + 8 : place + 8 + min(length, _MAX_TEXT)]
    return raw.partition(b"\0")[0].decode(encoding, "replace").strip()
