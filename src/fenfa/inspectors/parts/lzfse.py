"""LZFSE, Apple's compression of disk images and assets. Source: github.com/lzfse/lzfse (BSD-3), lzfse_internal.h.

A stream is a row of blocks: raw, LZVN, or LZ77 whose literals and matches are coded by finite state entropy (tANS). Entropy
streams are read from their ends backwards.
"""

import struct
from typing import NamedTuple

from fenfa.errors import BadPackage
from fenfa.inspectors.parts import lzvn

_BAD = "packed data (LZFSE) is damaged"
_RAW, _V1, _V2, _LZVN, _END = b"bvx-", b"bvx1", b"bvx2", b"bvxn", b"bvx$"
_SYMBOLS = (20, 20, 64, 256)  # of literal counts, match lengths, distances, literals
_STATES = (64, 64, 256, 1024)
_MAX_LITERALS, _MAX_MATCHES = 40_000, 10_000
_MIN_BLOCK, _MIN_MATCH = 1 << 14, 3  # bytes that a block, and a match, stand for; only the last block is shorter
_L_BITS = (0,) * 16 + (2, 3, 5, 8)
_M_BITS = (0,) * 16 + (3, 5, 8, 11)
_D_BITS = tuple(number // 4 for number in range(64))
_FREQUENCY_BITS = (2, 3, 2, 5, 2, 3, 2, 8, 2, 3, 2, 5, 2, 3, 2, 14) * 2
_FREQUENCIES = (0, 2, 1, 4, 0, 3, 1, -1, 0, 2, 1, 5, 0, 3, 1, -1, 0, 2, 1, 6, 0, 3, 1, -1, 0, 2, 1, 7, 0, 3, 1, -1)

Entry = tuple[int, int, int]  # bits to read, state to add them to, and the symbol


class Header(NamedTuple):
    """One entropy-coded block's header; sizes in bytes, `*_bits` as in the reference: 0 to -7."""

    raw_size: int
    literals: int
    literal_size: int
    literal_bits: int
    literal_states: tuple[int, ...]
    matches: int
    match_size: int
    match_bits: int
    match_states: tuple[int, ...]
    frequencies: list[list[int]]
    size: int


def decode(data: bytes, limit: int) -> bytes:
    """At most `limit` bytes of what the stream holds; BadPackage where it is damaged."""
    out = bytearray()
    place = 0
    try:
        for _ in range(limit // _MIN_BLOCK + 16):
            if len(out) >= limit or data[place : place + 4] == _END:
                return bytes(out[:limit])
            place = _block(data, place, out, limit)
    except (IndexError, struct.error):
        pass
    raise BadPackage(_BAD)


def _block(data: bytes, place: int, out: bytearray, limit: int) -> int:
    """Unpacks one block and gives the place after it."""
    kind = data[place : place + 4]
    if kind == _RAW:
        size = struct.unpack_from("<I", data, place + 4)[0]
        if place + 8 + size > len(data):
            raise BadPackage(_BAD)
        out += data[place + 8 : place + 8 + size]
        return int(place + 8 + size)
    if kind == _LZVN:
        raw_size, size = struct.unpack_from("<II", data, place + 4)
        out += lzvn.decode(data[place + 12 : place + 12 + size], min(raw_size, limit - len(out)))
        return int(place + 12 + size)
    if kind not in (_V1, _V2):
        raise BadPackage(_BAD)
    header = _header_v2(data, place) if kind == _V2 else _header_v1(data, place)
    start = place + header.size
    middle, end = start + header.literal_size, start + header.literal_size + header.match_size
    if end > len(data) or not _is_plausible(header):
        raise BadPackage(_BAD)
    literals = _literals(data[start:middle], header)
    _matches(data[middle:end], header, literals, out, limit)
    return end


def _is_plausible(header: Header) -> bool:
    """Whether the block does no more work than its output is worth."""
    fits = header.literals <= _MAX_LITERALS and header.matches <= _MAX_MATCHES
    return fits and max(header.literals, header.matches * _MIN_MATCH) <= header.raw_size + 64


def _header_v1(data: bytes, place: int) -> Header:
    raw_size, _, literals, matches, literal_size, match_size, bits = struct.unpack_from("<6Ii", data, place + 4)
    states = struct.unpack_from("<4H", data, place + 32)
    match_bits, *match_states = struct.unpack_from("<i3H", data, place + 40)
    values = list(struct.unpack_from("<360H", data, place + 50))
    size = 50 + 720 + 2  # padded to a multiple of four
    tables = _split(values)
    return Header(
        raw_size,
        literals,
        literal_size,
        bits,
        states,
        matches,
        match_size,
        match_bits,
        tuple(match_states),
        tables,
        size,
    )


def _header_v2(data: bytes, place: int) -> Header:
    raw_size, one, two, three = struct.unpack_from("<I3Q", data, place + 4)
    size = three & 0xFFFFFFFF
    if not 32 <= size <= 32 + 720 + 8:
        raise BadPackage(_BAD)
    return Header(
        raw_size,
        literals=one & 0xFFFFF,
        literal_size=one >> 20 & 0xFFFFF,
        literal_bits=(one >> 60 & 7) - 7,
        literal_states=tuple(two >> shift & 0x3FF for shift in (0, 10, 20, 30)),
        matches=one >> 40 & 0xFFFFF,
        match_size=two >> 40 & 0xFFFFF,
        match_bits=(two >> 60 & 7) - 7,
        match_states=tuple(three >> shift & 0x3FF for shift in (32, 42, 52)),
        frequencies=_split(_frequencies(data[place + 32 : place + size])),
        size=size,
    )


def _frequencies(packed: bytes) -> list[int]:
    """The 360 frequencies, each coded in 2 to 14 bits; all zero when there are none."""
    bits, left = int.from_bytes(packed, "little"), 8 * len(packed)
    found: list[int] = []
    while left and len(found) < sum(_SYMBOLS):
        width = _FREQUENCY_BITS[bits & 31]
        value = _FREQUENCIES[bits & 31]
        if width == 8:
            value = 8 + (bits >> 4 & 0xF)
        elif width == 14:
            value = 24 + (bits >> 4 & 0x3FF)
        found.append(value)
        bits >>= width
        left -= width
    if left < 0 or (packed and len(found) != sum(_SYMBOLS)):
        raise BadPackage(_BAD)
    return found or [0] * sum(_SYMBOLS)


def _split(values: list[int]) -> list[list[int]]:
    """The four tables' frequencies; none may claim more states than it has."""
    tables, place = [], 0
    for symbols, states in zip(_SYMBOLS, _STATES, strict=True):
        table = values[place : place + symbols]
        if sum(table) > states:
            raise BadPackage(_BAD)
        tables.append(table)
        place += symbols
    return tables


def _table(frequencies: list[int], states: int) -> list[Entry]:
    """The decoder's next steps by state."""
    table: list[Entry] = []
    for symbol, count in enumerate(frequencies):
        if not count:
            continue
        shift = states.bit_length() - count.bit_length()
        first = ((2 * states) >> shift) - count
        table += [(shift, ((count + number) << shift) - states, symbol) for number in range(min(first, count))]
        table += [(shift - 1, (number - first) << (shift - 1), symbol) for number in range(first, count)]
    return table


def _literals(data: bytes, header: Header) -> bytes:
    """The block's literals: four interleaved streams of symbols."""
    table = _table(header.frequencies[3], _STATES[3])
    one, two, three, four = header.literal_states
    place = 8 * len(data) + header.literal_bits
    data = bytes(8) + data
    out = bytearray()
    for _ in range(0, header.literals, 4):
        if place < 0:
            raise BadPackage(_BAD)
        # 64 bits before the place hold the next four steps of at most ten bits each
        window = int.from_bytes(data[place >> 3 : (place >> 3) + 9], "little") >> (place & 7)
        left = 64
        bits, base, first = table[one]
        left -= bits
        one = base + (window >> left & (1 << bits) - 1)
        bits, base, second = table[two]
        left -= bits
        two = base + (window >> left & (1 << bits) - 1)
        bits, base, third = table[three]
        left -= bits
        three = base + (window >> left & (1 << bits) - 1)
        bits, base, fourth = table[four]
        left -= bits
        four = base + (window >> left & (1 << bits) - 1)
        out += bytes((first, second, third, fourth))
        place -= 64 - left
    return bytes(out)


def _matches(data: bytes, header: Header, literals: bytes, out: bytearray, limit: int) -> None:
    """Writes the block: literals and matches in turn."""
    tables = [_table(header.frequencies[number], _STATES[number]) for number in range(3)]
    l_table, m_table, d_table = tables
    l_base, m_base, d_base = _bases(_L_BITS), _bases(_M_BITS), _bases(_D_BITS)
    l_state, m_state, d_state = header.match_states
    place = 8 * len(data) + header.match_bits
    data = bytes(8) + data
    distance = used = 0
    for _ in range(header.matches):
        if place < 0 or len(out) >= limit:
            break
        window = int.from_bytes(data[place >> 3 : (place >> 3) + 9], "little") >> (place & 7)
        left = 64
        bits, base, symbol = l_table[l_state]
        extra = _L_BITS[symbol]
        left -= extra + bits
        count = l_base[symbol] + (window >> left & (1 << extra) - 1)
        l_state = base + (window >> left + extra & (1 << bits) - 1)
        bits, base, symbol = m_table[m_state]
        extra = _M_BITS[symbol]
        left -= extra + bits
        length = m_base[symbol] + (window >> left & (1 << extra) - 1)
        m_state = base + (window >> left + extra & (1 << bits) - 1)
        place -= 64 - left
        window = int.from_bytes(data[place >> 3 : (place >> 3) + 9], "little") >> (place & 7) if place >= 0 else 0
        left = 64
        bits, base, symbol = d_table[d_state]
        extra = _D_BITS[symbol]
        left -= extra + bits
        distance = d_base[symbol] + (window >> left & (1 << extra) - 1) or distance
        d_state = base + (window >> left + extra & (1 << bits) - 1)
        place -= 64 - left
        out += literals[used : used + count]
        used += count
        if length:
            lzvn.copy_match(out, distance, length)
    if place < 0 or used > len(literals):
        raise BadPackage(_BAD)


def _bases(widths: tuple[int, ...]) -> list[int]:
    """The smallest value of each symbol, when symbol n has widths[n] bits of its own."""
    bases, total = [], 0
    for width in widths:
        bases.append(total)
        total += 1 << width
    return bases
