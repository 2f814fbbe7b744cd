"""Android's drawables as pictures: adaptive icons, vectors, bitmaps, shapes, and what nests them.

Source: developer.android.com "Drawable resources" and "Adaptive icons".
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from fenfa.errors import BadPackage
from fenfa.inspectors.parts import android_values, png, shape
from fenfa.inspectors.parts.android_files import AppFiles
from fenfa.inspectors.parts.android_values import Choice, Node
from fenfa.inspectors.parts.axml import Attribute
from fenfa.inspectors.parts.drawing import Budget
from fenfa.inspectors.parts.paints import Paints
from fenfa.inspectors.parts.vector import VectorArtist
from fenfa.inspectors.parts.vector_paint import solid, tinted

if TYPE_CHECKING:
    from PIL.Image import Image

SIDE = 256  # pixels of a finished icon
_ICON_DP = 48.0
_LAYER_DP, _VISIBLE_DP = 108.0, 72.0  # of an adaptive icon's layers, the middle is seen
_MAX_DEPTH = 16
_WORK = 1_000_000
_READING = 4000  # what reading a file counts
_MAX_SIDE = 1024
_MASK_ID = 0x0102002E
_RASTERS = ("PNG", "WEBP", "JPEG", "GIF", "BMP")
Size = tuple[int, int]


def render(files: AppFiles, name: str) -> "Image | None":
    """The picture that a drawable file shows as an icon. None for one that draws nothing we know; BadPackage for one that is
    broken, refers to itself or takes too much work."""
    root = android_values.read_tree(files, name)
    artist = _Artist(files, name)
    if root.tag in ("adaptive-icon", "maskable-icon"):
        image = artist.adaptive(root)
    else:
        image = artist.draw_node(root, artist.fitting_size(root))
    return image if image is not None and image.getbbox() is not None else None


class _Artist:
    """Draws drawables at the size that is asked for. One artist draws one icon: what it spends counts together."""

    def __init__(self, files: AppFiles, name: str) -> None:
        self._files, self._budget, self._paints = files, Budget(_WORK), Paints(files)
        self._open = [name]  # the files that are being drawn, to see that none contains itself
        self._dp = SIDE / _ICON_DP  # pixels of one dp
        self._ways: dict[str, Callable[[Node, Size], Image | None]] = {
            "adaptive-icon": lambda node, size: self.adaptive(node),
            "vector": self._vector,
            "bitmap": self._bitmap,
            "nine-patch": self._bitmap,
            "color": lambda node, size: self._color(node.attributes.get("color"), size),
            "shape": lambda node, size: shape.draw(self._files, self._paints, self._budget, self._dp, node, size),
            "inset": self._inset,
            "rotate": self._rotate,
            "scale": self._inner,
            "clip": self._inner,
            "animated-vector": self._inner,
            "layer-list": self._layers,
            "ripple": self._layers,
            "transition": self._layers,
            "selector": self._last,
            "animated-selector": self._last,
            "level-list": self._first,
            "animation-list": self._first,
            "animated-image": self._bitmap,
        }

    def adaptive(self, root: Node) -> "Image | None":
        """Background and foreground over each other, cut to the part that every launcher's mask leaves."""
        from PIL import Image

        layer = round(SIDE * _LAYER_DP / _VISIBLE_DP)
        self._dp = SIDE / _VISIBLE_DP
        canvas = Image.new("RGBA", (layer, layer))
        for name in ("background", "foreground"):
            for child in [child for child in root.children if child.tag == name][:1]:
                drawn = self._inner(child, (layer, layer))
                if drawn is not None:
                    canvas.alpha_composite(drawn)
        edge = (layer - SIDE) // 2
        return canvas.crop((edge, edge, edge + SIDE, edge + SIDE))

    def fitting_size(self, node: Node) -> Size:
        """The picture's size: its own proportions, its longer side that of an icon."""
        width, height = (self._number(node, name) for name in ("width", "height"))
        if min(width, height) <= 0 or max(width, height) > 16 * min(width, height):
            return SIDE, SIDE
        self._dp = SIDE / max(width, height)
        return max(round(width * self._dp), 1), max(round(height * self._dp), 1)

    def draw_node(self, node: Node, size: Size) -> "Image | None":
        """A drawable element of any kind at this size."""
        self._budget.spend(50 + size[0] * size[1] // 16)
        way = self._ways.get(node.tag)
        if way is None or not (0 < size[0] <= _MAX_SIDE and 0 < size[1] <= _MAX_SIDE):
            return None
        return way(node, size)

    def draw(self, attribute: Attribute | None, size: Size) -> "Image | None":
        """What a drawable attribute refers to: a colour, a picture or another drawable."""
        found = android_values.choices(self._files, attribute)
        if not found:
            return None
        color = android_values.color_of(found[0].value)
        if color is not None:
            return solid(size, color)
        choice = self._best(found)
        return self._draw_file(choice.file, size) if choice else None

    def _best(self, found: list[Choice]) -> Choice | None:
        """A drawable in XML where there is one, as it is sharp at every size; else the picture for the densest screen."""
        there = [choice for choice in found if choice.file in self._files]
        written = [choice for choice in there if self._is_xml(choice.file)]
        if written:
            return written[0]
        return max(there, key=lambda choice: (choice.config.is_default, choice.config.density), default=None)

    def _is_xml(self, name: str) -> bool:
        head = self._files.head(name, 12)
        return not (head.startswith((b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"BM")) or head[8:12] == b"WEBP")

    def _draw_file(self, name: str, size: Size) -> "Image | None":
        if name in self._open or len(self._open) >= _MAX_DEPTH:
            raise BadPackage("the drawing refers to itself, or is nested too deeply")
        self._open.append(name)
        if self._is_xml(name):
            self._budget.spend(_READING)
            drawn = self.draw_node(android_values.read_tree(self._files, name), size)
        else:
            drawn = self._raster(name, size)
        self._open.pop()
        return drawn

    def _raster(self, name: str, size: Size) -> "Image":
        self._budget.spend(_WORK // 20)
        image = png.open_picture(self._files.read(name, png.MAX_BYTES), _RASTERS).convert("RGBA")
        return image if image.size == size else image.resize(size)

    def _vector(self, node: Node, size: Size) -> "Image | None":
        from PIL import Image

        image = Image.new("RGBA", size)
        VectorArtist(self._files, self._paints, self._budget, image).draw(node)
        return self._tinted(node, image)

    def _bitmap(self, node: Node, size: Size) -> "Image | None":
        image = self.draw(node.attributes.get("src"), size)
        return self._tinted(node, image) if image is not None else None

    def _tinted(self, node: Node, image: "Image") -> "Image":
        color = self._paints.color(node.attributes.get("tint"))
        return image if color is None else tinted(image, color)

    def _color(self, attribute: Attribute | None, size: Size) -> "Image | None":
        color = self._paints.color(attribute)
        return None if color is None else solid(size, color)

    def _inner(self, node: Node, size: Size) -> "Image | None":
        """The drawable that an element wraps: the one that it refers to, else the one that it holds."""
        if "drawable" in node.attributes:
            return self.draw(node.attributes["drawable"], size)
        known = [child for child in node.children if child.tag in self._ways]
        return self.draw_node(known[0], size) if known else None

    def _inset(self, node: Node, size: Size) -> "Image | None":
        default = node.attributes.get("inset")
        edges = [
            self._length(node.attributes.get(name, default), size[index % 2])
            for index, name in enumerate(("insetLeft", "insetTop", "insetRight", "insetBottom"))
        ]
        return self._placed(node, size, edges)

    def _placed(self, node: Node, size: Size, edges: list[int]) -> "Image | None":
        """The inner drawable, smaller by these distances: left, top, right, bottom."""
        from PIL import Image

        left, top, right, bottom = edges
        drawn = self._inner_node(node, (size[0] - left - right, size[1] - top - bottom))
        if drawn is None:
            return None
        canvas = Image.new("RGBA", size)
        canvas.paste(drawn, (left, top))
        return canvas

    def _inner_node(self, node: Node, size: Size) -> "Image | None":
        return self._inner(node, size) if 0 < size[0] <= _MAX_SIDE and 0 < size[1] <= _MAX_SIDE else None

    def _rotate(self, node: Node, size: Size) -> "Image | None":
        image = self._inner(node, size)
        degrees = self._number(node, "fromDegrees")
        return image if image is None or not degrees else image.rotate(-degrees % 360)

    def _layers(self, node: Node, size: Size) -> "Image | None":
        from PIL import Image

        canvas = Image.new("RGBA", size)
        for item in node.children:
            identity = item.attributes.get("id")
            if item.tag != "item" or (identity is not None and identity.value.data == _MASK_ID):
                continue
            drawn = self._placed(item, size, self._edges(item, size))
            if drawn is not None:
                canvas.alpha_composite(drawn)
        return canvas

    def _edges(self, item: Node, size: Size) -> list[int]:
        """A layer's distances from the picture's edges; one with a size of its own stands in the middle."""
        names = ("left", "top", "right", "bottom")
        edges = [self._length(item.attributes.get(name), size[index % 2]) for index, name in enumerate(names)]
        for axis, name in enumerate(("width", "height")):
            wanted = self._length(item.attributes.get(name), size[axis])
            spare = size[axis] - edges[axis] - edges[axis + 2] - wanted
            if wanted > 0 and spare > 0:
                edges[axis] += spare // 2
                edges[axis + 2] += spare - spare // 2
        return edges

    def _last(self, node: Node, size: Size) -> "Image | None":
        """A selector's item for no particular state, which stands last."""
        items = [child for child in node.children if child.tag == "item"]
        plain = [item for item in items if not any(name.startswith("state_") for name in item.attributes)]
        return self._item((plain or items)[-1:], size)

    def _first(self, node: Node, size: Size) -> "Image | None":
        return self._item([child for child in node.children if child.tag == "item"][:1], size)

    def _item(self, items: list[Node], size: Size) -> "Image | None":
        return self._inner(items[0], size) if items else None

    def _length(self, attribute: Attribute | None, whole: int) -> int:
        """Pixels of a length in dp, or of a share of the whole."""
        value = android_values.number(self._files, attribute)
        is_share = android_values.is_fraction(self._files, attribute)
        return round(min(max(value * (whole if is_share else self._dp), -_MAX_SIDE), _MAX_SIDE))

    def _number(self, node: Node, name: str) -> float:
        return android_values.number(self._files, node.attributes.get(name))
