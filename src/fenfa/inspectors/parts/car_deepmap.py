"""Deepmap2, the lossless compression of pictures in asset catalogues since iOS 14.

A wrapper of 16 bytes, then a `dmp2` picture (or a grid of them): raw, packed, with a palette, or as the differences to a
prediction from neighbours, in planes. Source: github.com/blacktop/ipsw, pkg/car/deepmap2 (MIT), after skytoup/car-parser.
"""

import struct
from itertools import accumulate
from typing import NamedTuple

from fenfa.errors import BadPackage
from fenfa.inspectors.parts import lzfse, lzvn

_WRAPPER = 16
_HEADER = struct.Struct("<4sBBBBHH")
_RAW, _PREDICTED, _PACKED, _PALETTE = 1, 2, 3, 4
_CHANNELS = {"ARGB": 4, "GA8 ": 2}
_MAX_PREDICTED = 1 << 18  # pixels: predicting is slow in Python, a quarter of a second here
_BAD = "its Deepmap2 data is damaged"


class Header(NamedTuple):
    """`channels` is 1 to 4: grey, grey and alpha, colour, colour and alpha. `is_halved`: colour differences are."""

    method: int
    is_halved: bool
    channels: int
    width: int
    height: int


def decode(data: bytes, width: int, rows: int, pixel_format: str) -> bytes:
    """Premultiplied RGBA rows."""
    body = data[_WRAPPER:]
    if body[:4] == b"KCBC":
        raise BadPackage("it is a grid of Deepmap2 tiles, which is not supported")
    if len(body) < _HEADER.size or body[:4] != b"dmp2":
        raise BadPackage(_BAD)
    _, method, scale, _, stored, own_width, own_height = _HEADER.unpack_from(body)
    channels = _CHANNELS.get(pixel_format, stored)
    if stored not in (1, 2, 3, 4) or own_width != width:
        raise BadPackage("it is a Deepmap2 picture of a kind that is not supported")
    header = Header(method, bool(scale), channels, width, own_height)
    try:
        return _decode(header, body[_HEADER.size :], rows)
    except (IndexError, struct.error):
        raise BadPackage(_BAD) from None


def _decode(header: Header, body: bytes, rows: int) -> bytes:
    if header.method == _PALETTE:
        return _paletted(body, header.width * rows)
    if header.method == _RAW:
        return _rgba(body[: header.width * header.channels * rows], header.channels)
    if header.method == _PACKED:
        size = header.width * header.channels * rows
        return _rgba(_joined(body, size), header.channels)
    if header.method != _PREDICTED:
        raise BadPackage(_BAD)
    if header.width * rows > _MAX_PREDICTED:
        raise BadPackage("it is a Deepmap2 picture of more pixels than are drawn")
    found = bytearray()
    for chunk in _chunks(body):
        left = rows - len(found) // (4 * header.width)
        if left <= 0:
            break
        found += _predicted(header, chunk, left)
    return bytes(found)


def _chunks(body: bytes) -> list[bytes]:
    """Streams, each after its length in four bytes; a single one may stand alone."""
    chunks, place = [], 0
    while place + 4 <= len(body):
        size = struct.unpack_from("<I", body, place)[0]
        if not 0 < size <= len(body) - place - 4:
            return [body]
        chunks.append(body[place + 4 : place + 4 + size])
        place += 4 + size
    return chunks if place == len(body) else [body]


def unpack(chunk: bytes, limit: int) -> bytes:
    """LZFSE or LZVN, whichever it is."""
    return lzfse.decode(chunk, limit) if chunk[:3] == b"bvx" else lzvn.decode(chunk, limit)


def _joined(body: bytes, limit: int) -> bytes:
    found = bytearray()
    for chunk in _chunks(body):
        found += unpack(chunk, limit - len(found))
    return bytes(found)


def _rgba(pixels: bytes, channels: int) -> bytes:
    """Grey or BGR pixels, with alpha or without, as RGBA."""
    count = len(pixels) // channels
    blue, green, red = (pixels[min(one, channels - 1 if channels > 2 else 0) :: channels] for one in (0, 1, 2))
    alpha = pixels[channels - 1 :: channels] if channels in (2, 4) else b"\xff" * count
    return _weave(red[:count], green[:count], blue[:count], alpha[:count])


def _weave(*planes: bytes) -> bytes:
    woven = bytearray(len(planes) * len(planes[0]))
    for number, plane in enumerate(planes):
        woven[number :: len(planes)] = plane
    return bytes(woven)


def _paletted(body: bytes, count: int) -> bytes:
    colours, kind = struct.unpack_from("<HH", body)
    if not 0 < colours <= 256 or kind not in (3, 4):
        raise BadPackage(_BAD)
    palette = body[4 : 4 + 4 * colours].ljust(1024, b"\0")
    has_alpha = kind == 3
    data = _joined(body[4 + 4 * colours :], count * (1 + has_alpha))
    if len(data) != count * (1 + has_alpha):
        raise BadPackage(_BAD)
    indices = data[count:] if has_alpha else data
    blue, green, red, alpha = (indices.translate(palette[channel::4]) for channel in range(4))
    return _weave(red, green, blue, data[:count] if has_alpha else alpha)


def _predicted(header: Header, chunk: bytes, rows: int) -> bytes:
    """One stream of planes: alpha, the rows' predictors, high and low bytes of the differences."""
    width, parts, has_alpha = header.width, 1 if header.channels < 3 else 3, header.channels in (2, 4)
    row_bytes = 1 + width * (2 * parts + has_alpha)
    data = unpack(chunk, row_bytes * max(header.height, rows) + 15)
    held = min(len(data) // row_bytes, max(header.height, rows))
    count = width * held
    start = count if has_alpha else 0
    predictors, planes = data[start : start + held], data[start + held :]
    high, low = planes[: count * parts], planes[count * parts : 2 * count * parts]
    above = [[0] * width for _ in range(parts)]
    found = bytearray()
    for row in range(min(held, rows)):
        line = slice(row * width * parts, (row + 1) * width * parts)
        signed = [_signed(one | two << 8) for one, two in zip(low[line], high[line], strict=True)]
        above = _row(predictors[row], [signed[part::parts] for part in range(parts)], above)
        alpha = data[row * width : (row + 1) * width] if has_alpha else b"\xff" * width
        found += _colours(above, header.is_halved, alpha)
    return bytes(found)


def _signed(value: int) -> int:
    return -(value >> 1) if value & 1 else value >> 1


def _row(predictor: int, values: list[list[int]], above: list[list[int]]) -> list[list[int]]:
    """A row of channels from its differences and the row above."""
    if predictor == 0:
        return values
    if predictor == 1:
        return _nearest(values, above)
    if predictor == 2:
        return [list(accumulate(one)) for one in values]
    if predictor == 3:
        return [[a + b for a, b in zip(one, up, strict=True)] for one, up in zip(values, above, strict=True)]
    if predictor == 4:
        return [_mean(one, up) for one, up in zip(values, above, strict=True)]
    raise BadPackage(_BAD)


def _nearest(values: list[list[int]], above: list[list[int]]) -> list[list[int]]:
    """Each pixel from the left or from above, whichever the first channel's gradients point to; the channels agree."""
    row: list[list[int]] = []
    lead: list[bool] = []
    for value, up in zip(values, above, strict=True):
        left = value[0] + up[0]
        line = [left]
        for x in range(1, len(value)):
            corner = up[x - 1]
            is_left = abs(up[x] - corner) <= abs(left - corner) if not row else lead[x - 1]
            if not row:
                lead.append(is_left)
            left = value[x] + (left if is_left else up[x])
            line.append(left)
        row.append(line)
    return row


def _mean(values: list[int], above: list[int]) -> list[int]:
    left = values[0] + above[0]
    line = [left]
    for value, up in zip(values[1:], above[1:], strict=True):
        left = value + int((left + up + 1) / 2)
        line.append(left)
    return line


def _colours(channels: list[list[int]], is_halved: bool, alpha: bytes) -> bytes:
    """RGBA of a grey row, or of one of luma and two colour differences (YCoCg with blue and red exchanged)."""
    if len(channels) == 1:
        grey = bytes([one & 255 for one in channels[0]])
        return _weave(grey, grey, grey, alpha)
    red, green, blue = bytearray(), bytearray(), bytearray()
    scale = 2 if is_halved else 1
    for luma, orange, leaf in zip(*channels, strict=True):
        co, cg = orange * scale, leaf * scale
        base = luma - int(cg / 2)
        red.append(_clamp(base - int(co / 2)))
        green.append(_clamp(base + cg))
        blue.append(_clamp(base + co - int(co / 2)))
    return _weave(bytes(red), bytes(green), bytes(blue), alpha)


def _clamp(value: int) -> int:
    return 0 if value < 0 else 255 if value > 255 else value
