"""The wire format of protocol buffers, without schemas: fields by number, each within its bounds.

Source: protobuf.dev "Encoding".
"""

from collections.abc import Iterator

from fenfa.errors import BadPackage

Value = int | memoryview
VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
_MAX_FIELDS = 400_000
_MAX_VARINT = 10


def fields(data: memoryview) -> Iterator[tuple[int, Value]]:
    """The fields of a message in order: numbers for the fixed and variable wire types, bytes for the rest."""
    place = count = 0
    while place < len(data):
        key, place = _varint(data, place)
        kind = key & 7
        if kind == VARINT:
            value, place = _varint(data, place)
            yield key >> 3, value
        else:
            size, place = _varint(data, place) if kind == BYTES else (_fixed_size(kind), place)
            if size > len(data) - place:
                raise BadPackage("a field of the protobuf data is longer than what holds it")
            part = data[place : place + size]
            place += size
            yield key >> 3, part if kind == BYTES else int.from_bytes(part, "little")
        count += 1
        if count > _MAX_FIELDS:
            raise BadPackage("the protobuf data has too many fields")


def message(data: memoryview) -> dict[int, Value]:
    """The fields by number; of one that stands more than once, the last."""
    return dict(fields(data))


def part(values: dict[int, Value], number: int) -> memoryview:
    """An embedded message; an empty one where there is none."""
    value = values.get(number)
    return value if isinstance(value, memoryview) else memoryview(b"")


def text(values: dict[int, Value], number: int) -> str:
    return bytes(part(values, number)).decode("utf-8", "replace")


def number(values: dict[int, Value], field: int) -> int:
    value = values.get(field, 0)
    return value if isinstance(value, int) else 0


def _fixed_size(kind: int) -> int:
    if kind not in (FIXED64, FIXED32):
        raise BadPackage("the protobuf data has a field of a type that is not known")
    return 8 if kind == FIXED64 else 4


def _varint(data: memoryview, place: int) -> tuple[int, int]:
    value = 0
    for index in range(_MAX_VARINT):
        if place + index >= len(data):
            raise BadPackage("the protobuf data is cut short")
        byte = data[place + index]
        value |= (byte & 0x7F) << 7 * index
        if byte < 0x80:
            return value & 0xFFFFFFFFFFFFFFFF, place + index + 1
    raise BadPackage("the protobuf data has a number without end")
