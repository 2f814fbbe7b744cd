"""Colours and gradients of drawables, and how they come onto a picture. Pillow is imported only when something is drawn.

Source: developer.android.com `GradientColor`, `GradientDrawable`.
"""

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from fenfa.inspectors.parts.drawing import Budget, Mask, Matrix

if TYPE_CHECKING:
    from PIL.Image import Image

LINEAR, RADIAL, SWEEP = 0, 1, 2
CLAMP, REPEAT, MIRROR = 0, 1, 2


class Gradient(NamedTuple):
    """Stops are (offset, colour). Coordinates: `start` to `end` for a linear one, else `start` is the centre."""

    kind: int
    start: tuple[float, float]
    end: tuple[float, float]
    radius: float
    stops: list[tuple[float, int]]
    tile: int = CLAMP


Paint = int | Gradient


def paint_mask(
    image: "Image", mask: Mask, clip: "Image | None", paint: Paint, alpha: float, matrix: Matrix, budget: Budget
) -> None:
    """Lays a paint over the picture where the mask, and the clip if there is one, let it through."""
    from PIL import Image, ImageChops

    box = (mask.left, mask.top, mask.left + mask.width, mask.top + mask.height)
    shape = Image.frombytes("L", (mask.width, mask.height), mask.data)
    if clip is not None:
        shape = ImageChops.multiply(shape, clip.crop(box))
    source = _source(paint, mask, matrix, budget)
    factor = min(max(alpha, 0.0), 1.0)
    opacity = ImageChops.multiply(
        shape, source.getchannel("A").point([int(value * factor + 0.5) for value in range(256)])
    )
    source.putalpha(opacity)
    image.alpha_composite(source, box[:2])


def solid(size: tuple[int, int], color: int) -> "Image":
    from PIL import Image

    return Image.new("RGBA", size, channels(color))


def tinted(image: "Image", color: int) -> "Image":
    """The picture's shape in one colour (Android's default tint mode, SRC_IN)."""
    from PIL import Image

    red, green, blue, alpha = channels(color)
    flat = Image.new("RGBA", image.size, (red, green, blue, 0))
    flat.putalpha(image.getchannel("A").point([value * alpha // 255 for value in range(256)]))
    return flat


def channels(color: int) -> tuple[int, int, int, int]:
    return color >> 16 & 0xFF, color >> 8 & 0xFF, color & 0xFF, color >> 24 & 0xFF


def _source(paint: Paint, mask: Mask, matrix: Matrix, budget: Budget) -> "Image":
    """The paint itself over the mask's rectangle."""
    from PIL import Image

    size = (mask.width, mask.height)
    inverse = matrix.inverse()
    if isinstance(paint, int) or inverse is None or not paint.stops:
        return solid(size, paint if isinstance(paint, int) else paint.stops[-1][1] if paint.stops else 0)
    budget.spend(mask.width * mask.height)
    place = _places(paint)
    positions = bytearray()
    for y in range(mask.top, mask.top + mask.height):
        u, v = inverse.apply((mask.left + 0.5, y + 0.5))
        row = [place(u + inverse.a * x, v + inverse.b * x) for x in range(mask.width)]
        positions += bytes([_tiled(t, paint.tile) for t in row])
    index = Image.frombytes("L", size, bytes(positions))
    table = [channels(_color_at(paint.stops, value / 255)) for value in range(256)]
    return Image.merge("RGBA", [index.point([color[channel] for color in table]) for channel in range(4)])


def _places(gradient: Gradient) -> Callable[[float, float], float]:
    """How far along the gradient a point lies, 0 to 1 within it."""
    (x0, y0), (x1, y1) = gradient.start, gradient.end
    dx, dy = x1 - x0, y1 - y0
    if gradient.kind == RADIAL:
        radius = gradient.radius if gradient.radius > 1e-6 else 1e-6
        return lambda x, y: math.hypot(x - x0, y - y0) / radius
    if gradient.kind == SWEEP:
        return lambda x, y: math.atan2(y - y0, x - x0) / math.tau % 1
    length = dx * dx + dy * dy
    return lambda x, y: ((x - x0) * dx + (y - y0) * dy) / length if length > 1e-9 else 1.0


def _tiled(t: float, tile: int) -> int:
    if tile == REPEAT:
        t %= 1
    elif tile == MIRROR:
        t = 1 - abs(t % 2 - 1)
    return int(min(max(t, 0.0), 1.0) * 255 + 0.5)


def _color_at(stops: list[tuple[float, int]], t: float) -> int:
    before, color = stops[0]
    for offset, following in stops:
        if t <= offset:
            share = (t - before) / (offset - before) if offset > before else 1.0
            return _mixed(color, following, min(max(share, 0.0), 1.0))
        before, color = offset, following
    return color


def _mixed(one: int, two: int, share: float) -> int:
    mixed = 0
    for shift in (24, 16, 8, 0):
        low, high = one >> shift & 0xFF, two >> shift & 0xFF
        mixed |= int(low + (high - low) * share + 0.5) << shift
    return mixed
