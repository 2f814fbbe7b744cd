"""Plain geometry for drawing: matrices, work that is counted, and areas filled with soft edges.

An own scanline filler, since Pillow's polygons know neither holes nor soft edges. Each row of pixels is crossed four times; along
a row coverage is exact.
"""

import math
import sys
from array import array
from collections.abc import Sequence
from itertools import accumulate
from typing import NamedTuple

from fenfa.errors import BadPackage

Point = tuple[float, float]
Polygon = list[Point]
_LINES = 4  # a row of pixels is crossed as often
_FULL = 255 * 256 // _LINES  # what one line adds to a pixel that it covers; all of them make 255 in the high byte
_HIGH_BYTE = 1 if sys.byteorder == "little" else 0
_FAR = 1e6


class Budget:
    """Work that one picture may cost. Raises BadPackage when it is spent."""

    def __init__(self, work: int) -> None:
        self._left = work

    def spend(self, work: int) -> None:
        self._left -= work
        if self._left < 0:
            raise BadPackage("the drawing is too complex")


class Matrix(NamedTuple):
    """x' = a·x + c·y + e, y' = b·x + d·y + f."""

    a: float = 1
    b: float = 0
    c: float = 0
    d: float = 1
    e: float = 0
    f: float = 0

    def then(self, after: "Matrix") -> "Matrix":
        """This transformation first, then the other."""
        return Matrix(
            after.a * self.a + after.c * self.b,
            after.b * self.a + after.d * self.b,
            after.a * self.c + after.c * self.d,
            after.b * self.c + after.d * self.d,
            after.a * self.e + after.c * self.f + after.e,
            after.b * self.e + after.d * self.f + after.f,
        )

    def apply(self, point: Point) -> Point:
        """The point's image; coordinates beyond anything visible are cut off, so that no arithmetic overflows."""
        x, y = point
        return _bounded(self.a * x + self.c * y + self.e), _bounded(self.b * x + self.d * y + self.f)

    def inverse(self) -> "Matrix | None":
        determinant = self.a * self.d - self.b * self.c
        if not 1e-12 < abs(determinant) < 1e12:
            return None
        a, b, c, d = self.d / determinant, -self.b / determinant, -self.c / determinant, self.a / determinant
        return Matrix(a, b, c, d, -(a * self.e + c * self.f), -(b * self.e + d * self.f))

    @property
    def scale(self) -> float:
        return math.sqrt(abs(self.a * self.d - self.b * self.c))


def rotation(degrees: float) -> Matrix:
    angle = math.radians(degrees % 360)
    return Matrix(math.cos(angle), math.sin(angle), -math.sin(angle), math.cos(angle))


class Mask(NamedTuple):
    """How much of each pixel is covered, 0 to 255, in a rectangle of the picture."""

    left: int
    top: int
    width: int
    height: int
    data: bytes


def fill(polygons: Sequence[Polygon], size: tuple[int, int], *, even_odd: bool, budget: Budget) -> Mask | None:
    """What these polygons cover of a picture of this size; None for nothing."""
    xs = [x for polygon in polygons for x, _ in polygon]
    ys = [y for polygon in polygons for _, y in polygon]
    if not xs:
        return None
    left, right = max(math.floor(min(xs)), 0), min(math.ceil(max(xs)), size[0])
    top, bottom = max(math.floor(min(ys)), 0), min(math.ceil(max(ys)), size[1])
    if left >= right or top >= bottom:
        return None
    lines: list[list[tuple[float, int]]] = [[] for _ in range((bottom - top) * _LINES)]
    for polygon in polygons:
        for index, point in enumerate(polygon):
            _cross(polygon[index - 1], point, lines, left, top, budget)
    budget.spend((right - left) * (bottom - top) // 8)
    width = right - left
    rows = (_row(lines[place : place + _LINES], width, even_odd) for place in range(0, len(lines), _LINES))
    return Mask(left, top, width, bottom - top, b"".join(rows))


def _cross(start: Point, end: Point, lines: list[list[tuple[float, int]]], left: int, top: int, budget: Budget) -> None:
    """Notes where an edge crosses the scan lines, and which way it goes."""
    (x0, y0), (x1, y1) = start, end
    direction = 1
    if y0 > y1:
        x0, y0, x1, y1, direction = x1, y1, x0, y0, -1
    first = max(math.ceil((y0 - top) * _LINES - 0.5), 0)
    last = min(math.ceil((y1 - top) * _LINES - 0.5), len(lines))
    budget.spend(1 + max(last - first, 0))
    if first >= last:
        return
    slope = (x1 - x0) / (y1 - y0)
    x = x0 + (top + (first + 0.5) / _LINES - y0) * slope - left
    for line in range(first, last):
        lines[line].append((x, direction))
        x += slope / _LINES


def _row(lines: list[list[tuple[float, int]]], width: int, even_odd: bool) -> bytes:
    """A row's coverage. Spans are noted as differences from pixel to pixel and summed up at the end."""
    if not any(lines):
        return bytes(width)
    changes = [0] * (width + 2)
    end = width * _FULL
    for crossings in lines:
        crossings.sort()
        winding, start = 0, 0
        for x, direction in crossings:
            inside = winding & 1 if even_odd else winding
            winding += direction
            if not inside:
                start = min(max(int(x * _FULL), 0), end)
            elif not (winding & 1 if even_odd else winding):
                _add_span(changes, start, min(max(int(x * _FULL), 0), end))
    return array("H", accumulate(changes[:width])).tobytes()[_HIGH_BYTE::2]


def _add_span(changes: list[int], start: int, end: int) -> None:
    """Covers a stretch of a line; places are counted in parts of a pixel."""
    (first, before), (last, after) = divmod(start, _FULL), divmod(end, _FULL)
    changes[first] += _FULL - before
    changes[first + 1] += before
    changes[last] += after - _FULL
    changes[last + 1] -= after


def _bounded(number: float) -> float:
    return min(max(number, -_FAR), _FAR) if number == number else 0.0
