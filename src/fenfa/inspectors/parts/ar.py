"""ar archives, the outer form of DEB. Source: ar(5) and deb(5)."""

from typing import NamedTuple

from fenfa.errors import BadPackage
from fenfa.inspectors.parts.source import Source

_MAGIC = b"!<arch>\n"
_HEADER = 60
_MAX_MEMBERS = 100


class Member(NamedTuple):
    name: str
    offset: int
    size: int


def read_members(source: Source) -> list[Member]:
    """The archive's members in the order of the file. The last one may be cut short, and is then listed as it stands."""
    if source.upto(0, len(_MAGIC)) != _MAGIC:
        raise BadPackage("this is not a DEB: it does not begin as an ar archive")
    found: list[Member] = []
    place = len(_MAGIC)
    while place < source.size and len(header := source.upto(place, _HEADER)) == _HEADER:
        digits = header[48:58].strip()
        if header[58:] != b"`\n" or not digits.isdigit():
            raise BadPackage("the DEB's list of members is damaged")
        if len(found) >= _MAX_MEMBERS:
            raise BadPackage("the DEB has too many members")
        size = int(digits)
        name = header[:16].decode("utf-8", "replace").rstrip().rstrip("/")
        found.append(Member(name, place + _HEADER, size))
        place += _HEADER + size + (size & 1)
    return found
