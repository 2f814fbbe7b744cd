"""LZ4 blocks, unpacked without a library: the blocks in question are small. Source: lz4_Block_format.md."""

from fenfa.errors import BadPackage


def unpack(data: bytes, limit: int) -> bytes:
    """The bytes of one block. Raises BadPackage for more than `limit` of them."""
    found, place = bytearray(), 0
    try:
        while place < len(data):
            token, place = data[place], place + 1
            count, place = _length(data, place, token >> 4)
            if place + count > len(data):
                raise BadPackage("a packed block is damaged")
            found += data[place : place + count]
            place += count
            if place >= len(data):
                break
            distance, place = data[place] | data[place + 1] << 8, place + 2
            count, place = _length(data, place, token & 0xF)
            _repeat(found, distance, min(count + 4, limit + 1))
            if len(found) > limit:
                raise BadPackage("a packed block is larger than it may be")
    except IndexError:
        raise BadPackage("a packed block is damaged") from None
    return bytes(found)


def _length(data: bytes, place: int, length: int) -> tuple[int, int]:
    if length == 15:
        while True:
            more, place = data[place], place + 1
            length += more
            if more != 255:
                break
    return length, place


def _repeat(found: bytearray, distance: int, count: int) -> None:
    if not 0 < distance <= len(found):
        raise BadPackage("a packed block is damaged")
    piece = found[-distance:]
    found += (piece * (count // distance + 1))[:count]
