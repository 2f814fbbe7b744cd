"""Property lists, XML and binary, from strangers.

`plistlib` reads them once we know that it will not drown: a binary list may not claim more objects or bytes than it has, an
XML one may declare no entities, and the result may hold 100,000 values (counted once a path to them) at most, 64 deep.
"""

import plistlib
import struct
from typing import Any

from fenfa.errors import BadPackage

MAX_NODES = 100_000
MAX_DEPTH = 64
_TRAILER = struct.Struct(">6x2B3Q")
_SIZED = {0x4: 1, 0x5: 1, 0x6: 2}  # data, ASCII and UTF-16 strings: bytes an element
_CONTAINERS = {0xA: 1, 0xC: 1, 0xD: 2}  # arrays, sets and dicts: references an element


def load(data: bytes, what: str) -> dict[str, Any]:
    """The dict at the root of a property list. `what` names the file in the message of BadPackage."""
    try:
        if data.startswith(b"bplist00"):
            _check_binary(data)
        elif b"<!ENTITY" in data:
            raise BadPackage(f"{what} declares XML entities, which no property list needs")
        root = plistlib.loads(data)
    except BadPackage:
        raise
    except Exception as error:  # plistlib raises whatever its parsing runs into
        raise BadPackage(f"{what} is not a readable property list") from error
    _check_tree(root, what)
    if not isinstance(root, dict):
        raise BadPackage(f"{what} is not a dictionary")
    return root


def text(values: dict[str, Any], *keys: str) -> str:
    """The first of these keys that holds a text or a number, as text without the blanks around it."""
    for key in keys:
        value = values.get(key)
        if isinstance(value, str) and value.strip():
            return value.strip()
        if isinstance(value, int | float) and not isinstance(value, bool):
            return str(value)
    return ""


def table(values: dict[str, Any], key: str) -> dict[str, Any]:
    """The dict under this key, or an empty one."""
    value = values.get(key)
    return value if isinstance(value, dict) else {}


def sequence(values: dict[str, Any], key: str) -> list[Any]:
    """The list under this key; a single value counts as a list of one."""
    value = values.get(key, [])
    return value if isinstance(value, list) else [value]


def _check_binary(data: bytes) -> None:
    """Refuses object counts, sizes and overlaps that would make a reader do more work than the file is long."""
    offset_size, reference_size, count, _, table_offset = _TRAILER.unpack(data[-32:])
    if count > MAX_NODES or table_offset + count * offset_size > len(data) - 32 or not offset_size:
        raise BadPackage("the binary property list claims more than it holds")
    used = 0
    for place in range(table_offset, table_offset + count * offset_size, offset_size):
        used += _object_size(data, int.from_bytes(data[place : place + offset_size], "big"), reference_size)
        if used > len(data):
            raise BadPackage("the binary property list's values overlap")


def _object_size(data: bytes, place: int, reference_size: int) -> int:
    kind, count = data[place] >> 4, data[place] & 0xF
    if kind in (0x1, 0x2):
        return 1 + (1 << count)
    if kind not in _SIZED and kind not in _CONTAINERS:
        return 1
    if count == 0xF:
        width = 1 << (data[place + 1] & 0xF)
        count = int.from_bytes(data[place + 2 : place + 2 + width], "big")
    return 1 + count * (_SIZED.get(kind) or _CONTAINERS[kind] * reference_size)


def _check_tree(root: Any, what: str) -> None:
    left = MAX_NODES
    waiting = [(root, 1)]
    while waiting:
        value, depth = waiting.pop()
        left -= 1
        if left < 0 or depth > MAX_DEPTH:
            raise BadPackage(f"{what} has too many values, or is nested too deeply")
        if isinstance(value, dict):
            waiting += [(one, depth + 1) for one in value.values()]
        elif isinstance(value, list):
            waiting += [(one, depth + 1) for one in value]
