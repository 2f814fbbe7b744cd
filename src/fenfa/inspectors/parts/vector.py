"""Android's vector drawables, drawn. Source: developer.android.com `VectorDrawable`."""

from typing import TYPE_CHECKING, NamedTuple

from fenfa.inspectors.parts import android_values, drawing, vector_path, vector_stroke
from fenfa.inspectors.parts.android_files import AppFiles
from fenfa.inspectors.parts.android_values import Node
from fenfa.inspectors.parts.drawing import Budget, Matrix, Polygon
from fenfa.inspectors.parts.paints import Paints
from fenfa.inspectors.parts.vector_paint import Paint, paint_mask
from fenfa.inspectors.parts.vector_path import Subpath
from fenfa.inspectors.parts.vector_stroke import Pen

if TYPE_CHECKING:
    from PIL.Image import Image


class _State(NamedTuple):
    """What holds within a group."""

    matrix: Matrix
    clip: "Image | None"


class VectorArtist:
    """Draws one vector into a picture."""

    def __init__(self, files: AppFiles, paints: Paints, budget: Budget, image: "Image") -> None:
        self._files, self._paints, self._budget, self._image = files, paints, budget, image

    def draw(self, vector: Node) -> None:
        """Draws the vector over the whole picture."""
        width = self._number(vector, "viewportWidth") or self._number(vector, "width", 24)
        height = self._number(vector, "viewportHeight") or self._number(vector, "height", 24)
        if width <= 0 or height <= 0:
            return
        matrix = Matrix(self._image.width / width, 0, 0, self._image.height / height)
        self._draw_children(vector, _State(matrix, None), self._number(vector, "alpha", 1))

    def _draw_children(self, node: Node, state: _State, alpha: float) -> None:
        for child in node.children:
            self._budget.spend(10)
            if child.tag == "group":
                self._draw_children(child, state._replace(matrix=self._group_matrix(child).then(state.matrix)), alpha)
            elif child.tag == "clip-path":
                state = state._replace(clip=self._clip(child, state))
            elif child.tag == "path":
                self._draw_path(child, state, alpha)

    def _draw_path(self, node: Node, state: _State, alpha: float) -> None:
        subpaths = self._subpaths(node)
        lines = [vector_path.flatten(one, state.matrix, self._budget) for one in subpaths]
        lines = self._trimmed(node, subpaths, lines)
        fill = self._paints.paint(node.attributes.get("fillColor"))
        if fill is not None:
            even_odd = self._number(node, "fillType") == 1 or self._text(node, "fillType") == "evenOdd"
            self._lay(lines, fill, state, alpha * self._number(node, "fillAlpha", 1), even_odd=even_odd)
        width = self._number(node, "strokeWidth") * state.matrix.scale
        stroke = self._paints.paint(node.attributes.get("strokeColor"))
        if stroke is not None and width > 0:
            pen = self._pen(node, width)
            closed = [one.closed for one in subpaths] if len(subpaths) == len(lines) else [False] * len(lines)
            parts = [
                vector_stroke.outline(line, end, pen, self._budget) for line, end in zip(lines, closed, strict=True)
            ]
            polygons = [polygon for part in parts for polygon in part]
            self._lay(polygons, stroke, state, alpha * self._number(node, "strokeAlpha", 1), even_odd=False)

    def _lay(self, polygons: list[Polygon], paint: Paint, state: _State, alpha: float, *, even_odd: bool) -> None:
        mask = drawing.fill(polygons, self._image.size, even_odd=even_odd, budget=self._budget)
        if mask is not None and alpha > 0:
            paint_mask(self._image, mask, state.clip, paint, alpha, state.matrix, self._budget)

    def _clip(self, node: Node, state: _State) -> "Image":
        """What is left visible: the path, within what was visible already."""
        from PIL import Image, ImageChops

        self._budget.spend(self._image.width * self._image.height // 8)
        lines = [vector_path.flatten(one, state.matrix, self._budget) for one in self._subpaths(node)]
        visible = Image.new("L", self._image.size, 0)
        mask = drawing.fill(lines, self._image.size, even_odd=self._number(node, "fillType") == 1, budget=self._budget)
        if mask is not None:
            visible.paste(Image.frombytes("L", (mask.width, mask.height), mask.data), (mask.left, mask.top))
        return visible if state.clip is None else ImageChops.multiply(visible, state.clip)

    def _group_matrix(self, node: Node) -> Matrix:
        x, y = self._number(node, "pivotX"), self._number(node, "pivotY")
        scale = Matrix(self._number(node, "scaleX", 1), 0, 0, self._number(node, "scaleY", 1))
        back = Matrix(e=x + self._number(node, "translateX"), f=y + self._number(node, "translateY"))
        turned = scale.then(drawing.rotation(self._number(node, "rotation")))
        return Matrix(e=-x, f=-y).then(turned).then(back)

    def _trimmed(self, node: Node, subpaths: list[Subpath], lines: list[Polygon]) -> list[Polygon]:
        names = ("trimPathStart", "trimPathEnd", "trimPathOffset")
        start, end, offset = (self._number(node, name, default) for name, default in zip(names, (0, 1, 0), strict=True))
        if start <= 0 and end >= 1:
            return lines
        closed = [[*line, line[0]] if one.closed else line for one, line in zip(subpaths, lines, strict=True)]
        return vector_stroke.trimmed(closed, start, end, offset)

    def _pen(self, node: Node, width: float) -> Pen:
        cap, join = int(self._number(node, "strokeLineCap")), int(self._number(node, "strokeLineJoin"))
        return Pen(width, cap, join, self._number(node, "strokeMiterLimit", 4))

    def _subpaths(self, node: Node) -> list[Subpath]:
        return vector_path.parse(self._text(node, "pathData"), self._budget)

    def _text(self, node: Node, name: str) -> str:
        found = android_values.choices(self._files, node.attributes.get(name))
        return found[0].value.text if found else ""

    def _number(self, node: Node, name: str, default: float = 0.0) -> float:
        return android_values.number(self._files, node.attributes.get(name), default)
