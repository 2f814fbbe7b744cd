"""LZVN, Apple's fast byte-oriented compression. Source: lzvn_decode_base.c of github.com/lzfse/lzfse (BSD-3)."""

from fenfa.errors import BadPackage

_BAD = "packed data (LZVN) is damaged"


def decode(data: bytes, limit: int) -> bytes:
    """At most `limit` bytes of what the data holds; BadPackage where it is damaged."""
    out = bytearray()
    try:
        _run(data, out, limit)
    except IndexError:
        raise BadPackage(_BAD) from None
    return bytes(out[:limit])


def copy_match(out: bytearray, distance: int, length: int) -> None:
    """Repeats `length` bytes from `distance` back; the two may overlap."""
    start = len(out) - distance
    if not 0 < distance <= len(out):
        raise BadPackage(_BAD)
    if distance >= length:
        out += out[start : start + length]
    else:
        piece = out[start:]
        out += (piece * (length // distance + 1))[:length]


def _run(data: bytes, out: bytearray, limit: int) -> None:
    place = distance = 0
    while len(out) < limit:
        opcode = data[place]
        if opcode == 0x06:  # end of stream
            return
        if opcode in (0x0E, 0x16):  # nothing
            place += 1
            continue
        literals, match, new_distance, size = _instruction(data, place, opcode)
        place += size
        if place + literals > len(data):
            raise BadPackage(_BAD)
        out += data[place : place + literals]
        place += literals
        distance = new_distance or distance
        if match:
            copy_match(out, distance, match)


def _instruction(data: bytes, place: int, opcode: int) -> tuple[int, int, int, int]:
    """Counts of literal and matched bytes, the distance (0: as before) and the instruction's own size."""
    if opcode >= 0xF0:
        return (0, data[place + 1] + 16, 0, 2) if opcode == 0xF0 else (0, opcode & 15, 0, 1)
    if opcode >= 0xE0:
        return (data[place + 1] + 16, 0, 0, 2) if opcode == 0xE0 else (opcode & 15, 0, 0, 1)
    if 0xA0 <= opcode < 0xC0:
        low, high = data[place + 1], data[place + 2]
        return opcode >> 3 & 3, ((opcode & 7) << 2 | low & 3) + 3, low >> 2 | high << 6, 3
    literals, match, kind = opcode >> 6, (opcode >> 3 & 7) + 3, opcode & 7
    if 0x70 <= opcode < 0x80 or 0xD0 <= opcode < 0xE0 or (kind == 6 and opcode < 0x40):
        raise BadPackage(_BAD)
    if kind == 6:
        return literals, match, 0, 1
    if kind == 7:
        return literals, match, data[place + 1] | data[place + 2] << 8, 3
    return literals, match, kind << 8 | data[place + 1], 2
