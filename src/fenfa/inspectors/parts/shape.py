"""Android's `shape` drawables: rectangles, rounded or not, and ovals, filled with a colour or a gradient, with a border.

Source: developer.android.com `GradientDrawable`.
"""

import math
from typing import TYPE_CHECKING

from fenfa.inspectors.parts import android_values, drawing, vector_stroke
from fenfa.inspectors.parts.android_files import AppFiles
from fenfa.inspectors.parts.android_values import Node
from fenfa.inspectors.parts.drawing import Budget, Matrix, Polygon
from fenfa.inspectors.parts.paints import Paints
from fenfa.inspectors.parts.vector_paint import LINEAR, Gradient, Paint, paint_mask
from fenfa.inspectors.parts.vector_stroke import Pen

if TYPE_CHECKING:
    from PIL.Image import Image

_OVAL, _LINE, _RING = 1, 2, 3
_CORNERS = ("topLeftRadius", "topRightRadius", "bottomRightRadius", "bottomLeftRadius")
_QUARTER = 12  # points of a rounded corner
_SHARE = 0.5


def draw(
    files: AppFiles, paints: Paints, budget: Budget, dp: float, node: Node, size: tuple[int, int]
) -> "Image | None":
    """The shape at this size; `dp` is how many pixels one dp has."""
    from PIL import Image

    image = Image.new("RGBA", size)
    parts = {child.tag: child for child in node.children}
    kind = int(android_values.number(files, node.attributes.get("shape")))
    border = parts.get("stroke", Node("stroke", {}, []))
    width = android_values.number(files, border.attributes.get("width")) * dp
    outline = _outline(files, kind, parts.get("corners"), dp, size, width / 2)
    fill = _fill(files, paints, parts, size, dp)
    if fill is not None and kind not in (_LINE, _RING):
        _lay(image, [outline], fill, budget)
    color = paints.color(border.attributes.get("color"))
    if color is not None and width > 0 and kind != _RING:
        line = [(0.0, size[1] / 2), (float(size[0]), size[1] / 2)] if kind == _LINE else outline
        _lay(image, vector_stroke.outline(line, kind != _LINE, Pen(width), budget), color, budget)
    return image


def _lay(image: "Image", polygons: list[Polygon], paint: Paint, budget: Budget) -> None:
    mask = drawing.fill(polygons, image.size, even_odd=False, budget=budget)
    if mask is not None:
        paint_mask(image, mask, None, paint, 1.0, Matrix(), budget)


def _outline(
    files: AppFiles, kind: int, corners: Node | None, dp: float, size: tuple[int, int], inset: float
) -> Polygon:
    """The shape's edge, inside by half its border's width."""
    inset = min(inset, min(size) / 2)
    width, height = size[0] - 2 * inset, size[1] - 2 * inset
    if kind == _OVAL:
        radii = [(width / 2, height / 2)] * 4
    else:
        limit = min(width, height) / 2
        attributes = corners.attributes if corners else {}
        whole = android_values.number(files, attributes.get("radius"))
        lengths = [android_values.number(files, attributes.get(name), whole) * dp for name in _CORNERS]
        radii = [(min(max(one, 0), limit),) * 2 for one in lengths]
    centers = (
        (inset + radii[0][0], inset + radii[0][1]),
        (inset + width - radii[1][0], inset + radii[1][1]),
        (inset + width - radii[2][0], inset + height - radii[2][1]),
        (inset + radii[3][0], inset + height - radii[3][1]),
    )
    outline: Polygon = []
    for index, ((x, y), (rx, ry)) in enumerate(zip(centers, radii, strict=True)):
        count = _QUARTER if rx > 0 and ry > 0 else 0
        for step in range(count + 1):
            angle = math.pi + (index + (step / count if count else 0)) * math.pi / 2
            outline.append((x + rx * math.cos(angle), y + ry * math.sin(angle)))
    return outline


def _fill(files: AppFiles, paints: Paints, parts: dict[str, Node], size: tuple[int, int], dp: float) -> Paint | None:
    if "gradient" not in parts:
        return paints.color(parts["solid"].attributes.get("color")) if "solid" in parts else None
    node = parts["gradient"]
    stops = paints.stops(node)
    if not stops:
        return None
    kind = int(android_values.number(files, node.attributes.get("type")))
    shares = [android_values.number(files, node.attributes.get(name), _SHARE) for name in ("centerX", "centerY")]
    center = (size[0] * shares[0], size[1] * shares[1])
    if kind != LINEAR:
        is_share = android_values.is_fraction(files, node.attributes.get("gradientRadius"))
        radius = android_values.number(files, node.attributes.get("gradientRadius")) * (min(size) if is_share else dp)
        return Gradient(kind, center, center, radius, stops)
    angle = math.radians(android_values.number(files, node.attributes.get("angle")))
    reach = abs(math.cos(angle)) * size[0] / 2 + abs(math.sin(angle)) * size[1] / 2
    dx, dy = math.cos(angle) * reach, -math.sin(angle) * reach
    middle = (size[0] / 2, size[1] / 2)
    return Gradient(LINEAR, (middle[0] - dx, middle[1] - dy), (middle[0] + dx, middle[1] + dy), 0, stops)
