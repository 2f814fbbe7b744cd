"""What a colour attribute of a drawable stands for: a colour, a list of colours by state, or a gradient."""

from fenfa.errors import BadPackage
from fenfa.inspectors.parts import android_values, chunks
from fenfa.inspectors.parts.android_files import AppFiles
from fenfa.inspectors.parts.android_values import Node
from fenfa.inspectors.parts.axml import Attribute
from fenfa.inspectors.parts.vector_paint import LINEAR, Gradient, Paint

_MAX_DEPTH = 16
_MAX_STOPS = 100
_GRAY = 0xFF808080  # for a colour that only a theme knows


class Paints:
    """Resolves the paints of one app's drawables."""

    def __init__(self, files: AppFiles) -> None:
        self._files = files

    def paint(self, attribute: Attribute | None, depth: int = 0) -> Paint | None:
        """The paint of an attribute, None for one that is absent or fully transparent."""
        if attribute is None:
            return None
        found = android_values.choices(self._files, attribute)
        if not found or attribute.value.kind == chunks.ATTRIBUTE:
            return _GRAY if attribute.value.data else None
        choice = found[0]
        color = android_values.color_of(choice.value)
        if color is None and choice.file in self._files:
            return self._from_file(choice.file, depth)
        return color if color is None or color >> 24 else None

    def color(self, attribute: Attribute | None) -> int | None:
        """The same where only one colour will do; of a gradient, the first."""
        paint = self.paint(attribute)
        return paint.stops[0][1] if isinstance(paint, Gradient) else paint

    def gradient(self, node: Node) -> Gradient | None:
        """The gradient that a `gradient` element describes, in the drawable's own coordinates."""
        numbers = {
            name: android_values.number(self._files, node.attributes.get(name))
            for name in ("type", "startX", "startY", "endX", "endY", "centerX", "centerY", "gradientRadius", "tileMode")
        }
        stops = self.stops(node)
        if not stops:
            return None
        kind = int(numbers["type"])
        linear = kind == LINEAR
        start = (numbers["startX"], numbers["startY"]) if linear else (numbers["centerX"], numbers["centerY"])
        end = (numbers["endX"], numbers["endY"])
        return Gradient(kind, start, end, numbers["gradientRadius"], stops, int(numbers["tileMode"]))

    def stops(self, node: Node) -> list[tuple[float, int]]:
        """Colours along a gradient: its items, or else its start, centre and end."""
        items = [child for child in node.children if child.tag == "item"][:_MAX_STOPS]
        if items:
            listed = [
                (android_values.number(self._files, item.attributes.get("offset")), self._stop(item, "color"))
                for item in items
            ]
            return sorted(listed, key=lambda stop: stop[0])
        names = [name for name in ("startColor", "centerColor", "endColor") if name in node.attributes]
        if not names:
            return []
        return [(index / max(len(names) - 1, 1), self._stop(node, name)) for index, name in enumerate(names)]

    def _stop(self, node: Node, name: str) -> int:
        return self.color(node.attributes.get(name)) or 0

    def _from_file(self, name: str, depth: int) -> Paint | None:
        if depth > _MAX_DEPTH:
            raise BadPackage("the drawing refers to itself")
        root = android_values.read_tree(self._files, name)
        if root.tag == "gradient":
            return self.gradient(root)
        plain = [child for child in root.children if not any(key.startswith("state_") for key in child.attributes)]
        chosen = (plain or root.children)[-1:]
        return self.paint(chosen[0].attributes.get("color"), depth + 1) if chosen else None
