"""Lines with a width: what a stroke covers, as polygons that all turn the same way, so that their union is filled.

Source: SVG 1.1, "Stroke properties" (caps, joins, miter limit).
"""

import itertools
import math
from typing import NamedTuple

from fenfa.inspectors.parts.drawing import Budget, Point, Polygon

BUTT, ROUND, SQUARE = 0, 1, 2
MITER, ROUND_JOIN, BEVEL = 0, 1, 2
_NEAR = 1e-6


class Pen(NamedTuple):
    width: float
    cap: int = BUTT
    join: int = MITER
    miter_limit: float = 4


def outline(line: Polygon, closed: bool, pen: Pen, budget: Budget) -> list[Polygon]:
    """The polygons that a stroke along this line covers."""
    points = [point for index, point in enumerate(line) if not index or math.dist(point, line[index - 1]) > _NEAR]
    if closed and len(points) > 1 and math.dist(points[0], points[-1]) <= _NEAR:
        points.pop()
    half = pen.width / 2
    budget.spend(12 * len(points))
    if len(points) < 2:
        return [_disc(points[0], half)] if points and pen.cap == ROUND else []
    ring = [*points, points[0]] if closed else points
    parts = [_bar(start, end, half) for start, end in itertools.pairwise(ring)]
    corners = zip([points[-1], *points], points, [*points[1:], points[0]], strict=False)
    for index, (before, corner, after) in enumerate(corners):
        if closed or 0 < index < len(points) - 1:
            parts += _join(before, corner, after, half, pen)
    if not closed:
        parts += _cap(points[1], points[0], half, pen.cap) + _cap(points[-2], points[-1], half, pen.cap)
    return [_turned(part) for part in parts]


def trimmed(lines: list[Polygon], start: float, end: float, offset: float) -> list[Polygon]:
    """The stretch of these lines between two fractions of their whole length."""
    if start <= 0 and end >= 1:
        return lines
    first, last = (start + offset) % 1, (end + offset) % 1
    if end - start >= 1 or start >= end:
        return lines if end - start >= 1 else []
    whole = sum(math.dist(a, b) for line in lines for a, b in itertools.pairwise(line))
    ranges = [(first, last)] if first < last else [(first, 1.0), (0.0, last)]
    return [piece for low, high in ranges for piece in _between(lines, low * whole, high * whole)]


def _between(lines: list[Polygon], low: float, high: float) -> list[Polygon]:
    pieces, place = [], 0.0
    for line in lines:
        piece: Polygon = []
        for start, end in itertools.pairwise(line):
            length = math.dist(start, end)
            from_t, to_t = (
                max((low - place) / length, 0) if length else 0,
                min((high - place) / length, 1) if length else 0,
            )
            if from_t < to_t:
                piece = piece or [_along(start, end, from_t)]
                piece.append(_along(start, end, to_t))
            place += length
        pieces += [piece] if piece else []
    return pieces


def _along(start: Point, end: Point, t: float) -> Point:
    return start[0] + (end[0] - start[0]) * t, start[1] + (end[1] - start[1]) * t


def _bar(start: Point, end: Point, half: float) -> Polygon:
    nx, ny = _normal(start, end, half)
    (x0, y0), (x1, y1) = start, end
    return [(x0 + nx, y0 + ny), (x1 + nx, y1 + ny), (x1 - nx, y1 - ny), (x0 - nx, y0 - ny)]


def _join(before: Point, corner: Point, after: Point, half: float, pen: Pen) -> list[Polygon]:
    (ax, ay), (bx, by) = _normal(before, corner, half), _normal(corner, after, half)
    turn = ax * by - ay * bx
    if abs(turn) < _NEAR * half * half and ax * bx + ay * by > 0:
        return []  # it goes straight on
    if pen.join == ROUND_JOIN:
        return [_disc(corner, half)]
    if turn > 0:  # the gap is on the other side
        ax, ay, bx, by = -ax, -ay, -bx, -by
    x, y = corner
    gap = [corner, (x + ax, y + ay), (x + bx, y + by)]
    sx, sy = ax + bx, ay + by
    length = sx * sx + sy * sy
    if pen.join == MITER and length > _NEAR and 4 * half * half / length <= pen.miter_limit**2:
        gap.insert(2, (x + 2 * half * half * sx / length, y + 2 * half * half * sy / length))
    return [gap]


def _cap(before: Point, end: Point, half: float, cap: int) -> list[Polygon]:
    if cap == ROUND:
        return [_disc(end, half)]
    if cap != SQUARE:
        return []
    nx, ny = _normal(before, end, half)
    return [_bar(end, (end[0] + ny, end[1] - nx), half)]


def _disc(center: Point, radius: float) -> Polygon:
    count = min(max(int(radius * 3), 8), 48)
    turns = (math.tau * index / count for index in range(count))
    return [(center[0] + radius * math.cos(turn), center[1] + radius * math.sin(turn)) for turn in turns]


def _normal(start: Point, end: Point, length: float) -> Point:
    dx, dy = end[0] - start[0], end[1] - start[1]
    whole = math.hypot(dx, dy) or 1
    return -dy / whole * length, dx / whole * length


def _turned(polygon: Polygon) -> Polygon:
    """The polygon with its points in the positive direction."""
    area = sum(x0 * y1 - x1 * y0 for (x0, y0), (x1, y1) in zip(polygon, [*polygon[1:], polygon[0]], strict=True))
    return polygon if area >= 0 else polygon[::-1]
