"""Android's path data (the letters of SVG's): parsed into lines and cubic curves, then flattened to polygons.

Source: SVG 1.1, "Paths" and its implementation notes on arcs; Android's PathParser for what it takes beyond that.
"""

import math
import re
from typing import NamedTuple

from fenfa.errors import BadPackage
from fenfa.inspectors.parts.drawing import Budget, Matrix, Point, Polygon

_MAX_LENGTH = 400_000
_COMMAND = re.compile(r"([MmLlHhVvCcSsQqTtAaZz])([^MmLlHhVvCcSsQqTtAaZz]*)")
_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d{1,3})?")
_ARC = re.compile(
    r"[\s,]*" + r"[\s,]*".join((rf"({_NUMBER.pattern})",) * 3 + ("([01])",) * 2 + (rf"({_NUMBER.pattern})",) * 2)
)
_COUNTS = {"M": 2, "L": 2, "H": 1, "V": 1, "C": 6, "S": 4, "Q": 4, "T": 2}
_PIXELS_A_STEP = 2.5
_MAX_STEPS = 64


class Subpath(NamedTuple):
    """A start and curves that follow each other, each with two control points and an end. Lines have none."""

    start: Point
    curves: list[tuple[Point, ...]]
    closed: bool


def parse(text: str, budget: Budget) -> list[Subpath]:
    """The subpaths, in the path's own coordinates. What cannot be read ends the path, as browsers do it."""
    if len(text) > _MAX_LENGTH:
        raise BadPackage("the drawing is too complex")
    pen = _Pen()
    for letter, rest in _COMMAND.findall(text):
        numbers = _arcs(rest) if letter in "Aa" else [float(one) for one in _NUMBER.findall(rest)]
        budget.spend(4 + len(numbers) * (6 if letter in "Aa" else 1))
        pen.run(letter, numbers)
    pen.finish(closed=False)
    return pen.subpaths


def flatten(subpath: Subpath, matrix: Matrix, budget: Budget) -> Polygon:
    """The subpath as a line of points, after this transformation."""
    points = [matrix.apply(subpath.start)]
    for curve in subpath.curves:
        ends = [matrix.apply(point) for point in curve]
        if len(ends) == 1:
            points.append(ends[0])
            continue
        length = sum(math.dist(one, two) for one, two in zip([points[-1], *ends], ends, strict=False))
        steps = min(max(int(length / _PIXELS_A_STEP), 4), _MAX_STEPS)
        budget.spend(2 * steps)
        points += _cubic(points[-1], ends, steps)
    return points


def _cubic(start: Point, ends: list[Point], steps: int) -> Polygon:
    (x0, y0), ((x1, y1), (x2, y2), (x3, y3)) = start, ends
    points = []
    for step in range(1, steps + 1):
        t = step / steps
        s = 1 - t
        k0, k1, k2, k3 = s * s * s, 3 * s * s * t, 3 * s * t * t, t * t * t
        points.append((k0 * x0 + k1 * x1 + k2 * x2 + k3 * x3, k0 * y0 + k1 * y1 + k2 * y2 + k3 * y3))
    return points


def _arcs(text: str) -> list[float]:
    """The numbers of arc commands; their two flags may stand without anything between."""
    return [float(number) for arc in _ARC.findall(text) for number in arc]


class _Pen:
    """Carries out path commands."""

    def __init__(self) -> None:
        self.subpaths: list[Subpath] = []
        self._start = self._at = self._control = (0.0, 0.0)
        self._curves: list[tuple[Point, ...]] = []
        self._last = ""

    def run(self, letter: str, numbers: list[float]) -> None:
        kind, relative = letter.upper(), letter.islower()
        if kind == "Z":
            self.finish(closed=True)
            self._at = self._start
            self._last = kind
            return
        count = _COUNTS.get(kind, 7)
        for place in range(0, len(numbers) - count + 1, count):
            self._step(kind, relative, numbers[place : place + count])
            self._last = kind
            kind = "L" if kind == "M" else kind

    def finish(self, *, closed: bool) -> None:
        if self._curves or (closed and self._last == "M"):
            self.subpaths.append(Subpath(self._start, self._curves, closed))
        self._curves = []

    def _step(self, kind: str, relative: bool, numbers: list[float]) -> None:
        x, y = self._at if relative else (0.0, 0.0)
        if kind == "M":
            self.finish(closed=False)
            self._start = self._at = (x + numbers[0], y + numbers[1])
        elif kind == "H":
            self._line((x + numbers[0], self._at[1]))
        elif kind == "V":
            self._line((self._at[0], y + numbers[0]))
        elif kind == "A":
            self._arc(numbers, (x + numbers[5], y + numbers[6]))
        else:
            self._curve(kind, [(x + numbers[i], y + numbers[i + 1]) for i in range(0, len(numbers), 2)])

    def _curve(self, kind: str, points: list[Point]) -> None:
        if kind == "L":
            self._line(points[0])
        elif kind == "C":
            self._cubic(*points)
        elif kind == "S":
            self._cubic(self._reflected("CS"), *points)
        else:
            control = points[0] if kind == "Q" else self._reflected("QT")
            self._quadratic(control, points[-1])

    def _line(self, end: Point) -> None:
        self._curves.append((end,))
        self._at = end

    def _cubic(self, first: Point, second: Point, end: Point) -> None:
        self._curves.append((first, second, end))
        self._control, self._at = second, end

    def _quadratic(self, control: Point, end: Point) -> None:
        (x0, y0), (x1, y1), (x2, y2) = self._at, control, end
        first = (x0 + 2 / 3 * (x1 - x0), y0 + 2 / 3 * (y1 - y0))
        self._cubic(first, (x2 + 2 / 3 * (x1 - x2), y2 + 2 / 3 * (y1 - y2)), end)
        self._control = control

    def _reflected(self, after: str) -> Point:
        """The last control point mirrored at the pen, for commands that go on smoothly."""
        if not self._last or self._last not in after:
            return self._at
        return 2 * self._at[0] - self._control[0], 2 * self._at[1] - self._control[1]

    def _arc(self, numbers: list[float], end: Point) -> None:
        rx, ry, turn, large, sweep = abs(numbers[0]), abs(numbers[1]), *numbers[2:5]
        if not (1e-9 < rx < 1e9 and 1e-9 < ry < 1e9) or end == self._at:
            self._line(end)
            return
        for curve in _arc_curves(self._at, end, rx, ry, math.radians(turn), large != sweep, sweep != 0):
            self._cubic(*curve)


def _arc_curves(
    start: Point, end: Point, rx: float, ry: float, turn: float, left: bool, sweep: bool
) -> list[tuple[Point, Point, Point]]:
    """An elliptical arc as cubic curves of at most a quarter each."""
    cosine, sine = math.cos(turn), math.sin(turn)
    dx, dy = (start[0] - end[0]) / 2, (start[1] - end[1]) / 2
    x, y = (cosine * dx + sine * dy) / rx, (cosine * dy - sine * dx) / ry  # on a unit circle from here on
    length = x * x + y * y
    if length > 1:  # the radii are too small to reach
        rx, ry, x, y, length = (
            rx * math.sqrt(length),
            ry * math.sqrt(length),
            x / math.sqrt(length),
            y / math.sqrt(length),
            1,
        )
    reach = math.sqrt(max(1 / length - 1, 0)) * (1 if left else -1) if length else 0
    cx, cy = reach * y, -reach * x
    first = math.atan2(y - cy, x - cx)
    angle = math.atan2(-y - cy, -x - cx) - first
    angle += math.tau if sweep and angle < 0 else -math.tau if not sweep and angle > 0 else 0
    count = max(math.ceil(abs(angle) / (math.pi / 2) - 1e-9), 1)
    step = angle / count
    handle = 4 / 3 * math.tan(step / 4)
    middle = ((start[0] + end[0]) / 2, (start[1] + end[1]) / 2)
    ellipse = Matrix(cosine * rx, sine * rx, -sine * ry, cosine * ry, *middle)
    curves = []
    for index in range(count):
        one, two = first + index * step, first + (index + 1) * step
        from_point, to_point = (cx + math.cos(one), cy + math.sin(one)), (cx + math.cos(two), cy + math.sin(two))
        controls = (
            (from_point[0] - handle * math.sin(one), from_point[1] + handle * math.cos(one)),
            (to_point[0] + handle * math.sin(two), to_point[1] - handle * math.cos(two)),
        )
        curves.append((ellipse.apply(controls[0]), ellipse.apply(controls[1]), ellipse.apply(to_point)))
    return [*curves[:-1], (*curves[-1][:2], end)]
