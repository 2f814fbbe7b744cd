"""Icons without a raster: drawn from the drawables' own words, and the words of hostile ones refused."""

import io
import time
from collections.abc import Mapping
from pathlib import Path

import pytest
from PIL import Image

from fenfa.inspectors import apk
from fenfa.inspectors.base import PackageInfo
from tests.support import axml, images
from tests.support.axml import Color, Dp, Node, Ref, Theme
from tests.support.packages import zip_bytes

RED, GREEN, BLUE, WHITE, CLEAR = (
    (255, 0, 0, 255),
    (0, 255, 0, 255),
    (0, 0, 255, 255),
    (255, 255, 255, 255),
    (0, 0, 0, 0),
)
Drawables = Mapping[str, Node | bytes]


def shown(tmp_path: Path, drawables: Drawables) -> PackageInfo:
    """What an app says whose icon is the first of these drawables; the others are 0x7F010001 and so on."""
    files = {f"r/{name}": node if isinstance(node, bytes) else axml.document(node) for name, node in drawables.items()}
    entries: list[tuple[str, axml.Variants]] = [(name, {"": f"r/{name}"}) for name in drawables]
    colors: list[tuple[str, axml.Variants]] = [("red", {"": Color(0xFFFF0000)}), ("also", {"": Ref(0x7F020000)})]
    root = Node("manifest", {"package": "a.b"}, [Node("application", {"icon": Ref(0x7F010000)})])
    table = axml.table("a.b", {"drawable": entries, "color": colors})
    path = tmp_path / "icon.apk"
    path.write_bytes(zip_bytes({"AndroidManifest.xml": axml.document(root), "resources.arsc": table, **files}))
    return apk.inspect(path)


def picture(tmp_path: Path, drawables: Drawables | Node) -> Image.Image:
    info = shown(tmp_path, {"icon": drawables} if isinstance(drawables, Node) else drawables)
    assert info.warnings == []
    assert info.icon_png is not None
    return Image.open(io.BytesIO(info.icon_png)).convert("RGBA")


def vector(*children: Node, **attributes: axml.Value) -> Node:
    size: dict[str, axml.Value] = {"width": Dp(24), "height": Dp(24), "viewportWidth": 8.0, "viewportHeight": 8.0}
    return Node("vector", {**size, **attributes}, children)


def path(data: str, **attributes: axml.Value) -> Node:
    return Node("path", {"pathData": data, **({"fillColor": Color(0xFFFF0000)} | attributes)})


def at(image: Image.Image, x: float, y: float) -> tuple[int, ...]:
    """The pixel at this place of a viewport of 8 by 8."""
    pixel = image.getpixel((int(x / 8 * image.width), int(y / 8 * image.height)))
    assert isinstance(pixel, tuple)
    return tuple(int(value) for value in pixel)


@pytest.mark.parametrize(
    "data",
    [
        "M0,0 L4,0 L4,8 L0,8 Z",
        "m0 0h4v8h-4z",
        "M0,0 4,0 4,8 0,8",
        "M-0-0L4,0 4,8 0,8z",
        "M0 0C1,0 3,0 4,0S4,7 4,8Q2 8 0 8T0 0",
        "M0,0h4v4h-4zM0,4h4v4h-4z",
        "M4.0.0V8H0V0z",
        "M0,0H4V8H0Z nonsense",
    ],
)
def test_paths_fill_their_inside(tmp_path: Path, data: str) -> None:
    image = picture(tmp_path, vector(path(data)))
    assert image.size == (256, 256)
    assert [at(image, 2, 2), at(image, 2, 6), at(image, 6, 2), at(image, 6, 6)] == [RED, RED, CLEAR, CLEAR]


@pytest.mark.parametrize(
    "data", ["M1,4a3,3 0 1,0 6,0a3,3 0 1,0 -6,0", "M1 4A3 3 0 11 7 4A3 3 0 11 1 4", "M1,4a3,3 0 106,0a3,3 0 10-6,0z"]
)
def test_arcs_make_circles(tmp_path: Path, data: str) -> None:
    image = picture(tmp_path, vector(path(data)))
    assert [at(image, x, y) for x, y in ((4, 4), (1.3, 4), (4, 6.7), (6, 6))] == [RED] * 4
    assert [at(image, x, y) for x, y in ((1.3, 1.3), (0.5, 4), (6.7, 6.7))] == [CLEAR] * 3


def test_holes_follow_the_fill_rule(tmp_path: Path) -> None:
    same_way = "M0,0h8v8h-8zM2,2h4v4h-4z"
    assert at(picture(tmp_path, vector(path(same_way))), 4, 4) == RED
    assert at(picture(tmp_path, vector(path(same_way, fillType=1))), 4, 4) == CLEAR
    assert at(picture(tmp_path, vector(path("M0,0h8v8h-8zM2,2v4h4v-4z"))), 4, 4) == CLEAR


def test_edges_are_soft(tmp_path: Path) -> None:
    alphas = {at(picture(tmp_path, vector(path("M0,0H8L0,8Z"))), 4 + step / 32, 4)[3] for step in range(-2, 3)}
    assert len(alphas) > 2


def test_groups_move_turn_and_scale(tmp_path: Path) -> None:
    square = path("M0,0h2v2h-2z")
    turned = Node("group", {"rotation": 90.0, "pivotX": 4.0, "pivotY": 4.0, "translateY": 1.0}, [square])
    assert at(picture(tmp_path, vector(turned)), 7, 2) == RED
    scaled = Node("group", {"scaleX": 2.0, "scaleY": 4.0}, [Node("group", {"translateX": 2.0}, [square])])
    image = picture(tmp_path, vector(scaled))
    assert [at(image, 2, 4), at(image, 6, 7.5)] == [CLEAR, RED]


def test_strokes_have_width_caps_and_joins(tmp_path: Path) -> None:
    line: dict[str, axml.Value] = {"fillColor": Color(0), "strokeColor": Color(0xFF0000FF), "strokeWidth": 2.0}
    butt = picture(tmp_path, vector(path("M2,4H6", **line)))
    assert [at(butt, 4, 4.9), at(butt, 4, 5.2), at(butt, 1.5, 4)] == [BLUE, CLEAR, CLEAR]
    assert at(picture(tmp_path, vector(path("M2,4H6", strokeLineCap=1, **line))), 1.2, 4) == BLUE
    assert at(picture(tmp_path, vector(path("M2,4H6", strokeLineCap=2, **line))), 1.1, 4.9) == BLUE
    corner = "M2,6V2H6"
    assert at(picture(tmp_path, vector(path(corner, **line))), 1.1, 1.1) == BLUE
    assert at(picture(tmp_path, vector(path(corner, strokeLineJoin=2, **line))), 1.1, 1.1) == CLEAR


def test_a_trimmed_path_is_a_part_of_it(tmp_path: Path) -> None:
    line: dict[str, axml.Value] = {
        "fillColor": Color(0),
        "strokeColor": Color(0xFF0000FF),
        "strokeWidth": 2.0,
        "trimPathEnd": 0.5,
    }
    image = picture(tmp_path, vector(path("M0,4H8", **line)))
    assert [at(image, 2, 4), at(image, 6, 4)] == [BLUE, CLEAR]


def test_clips_hide_what_follows(tmp_path: Path) -> None:
    clip = Node("clip-path", {"pathData": "M0,0h4v8h-4z"})
    image = picture(tmp_path, vector(Node("group", {}, [clip, path("M0,0h8v4h-8z")]), path("M6,6h2v2h-2z")))
    assert [at(image, 2, 2), at(image, 6, 2), at(image, 7, 7)] == [RED, CLEAR, RED]


def test_transparency_and_tint(tmp_path: Path) -> None:
    faint = picture(tmp_path, vector(path("M0,0h8v8h-8z", fillAlpha=0.5), alpha=0.5))
    assert at(faint, 4, 4)[3] == pytest.approx(64, abs=1)
    assert at(picture(tmp_path, vector(path("M0,0h8v8h-8z"), tint=Color(0xFF00FF00))), 4, 4) == GREEN


@pytest.mark.parametrize("color", [Ref(0x7F020000), Ref(0x7F020001), "#f00", "#ffff0000", "#ff0000"])
def test_colours_are_found(tmp_path: Path, color: axml.Value) -> None:
    assert at(picture(tmp_path, vector(path("M0,0h8v8h-8z", fillColor=color))), 4, 4) == RED


def test_a_colour_of_the_platform_or_the_theme(tmp_path: Path) -> None:
    assert at(picture(tmp_path, vector(path("M0,0h8v8h-8z", fillColor=Ref(0x0106000B)))), 4, 4) == WHITE
    assert at(picture(tmp_path, vector(path("M0,0h8v8h-8z", fillColor=Theme(0x01010433)))), 4, 4)[3] == 255


@pytest.mark.parametrize(
    ("gradient", "places", "colors"),
    [
        ({"type": 0, "startX": 0.0, "endX": 8.0}, [(0.2, 4), (7.8, 4)], [RED, BLUE]),
        ({"type": 1, "centerX": 4.0, "centerY": 4.0, "gradientRadius": 4.0}, [(4, 4), (0.1, 4)], [RED, BLUE]),
        ({"type": 2, "centerX": 4.0, "centerY": 4.0}, [(7, 4.1), (7, 3.9)], [RED, BLUE]),
        ({"type": 0, "endX": 2.0, "tileMode": 1}, [(0.1, 4), (1.9, 4), (2.1, 4)], [RED, BLUE, RED]),
        ({"type": 0, "endX": 2.0, "tileMode": 2}, [(0.1, 4), (1.9, 4), (2.1, 4)], [RED, BLUE, BLUE]),
    ],
)
def test_gradients(
    tmp_path: Path, gradient: dict[str, axml.Value], places: list[tuple[float, float]], colors: list[tuple[int, ...]]
) -> None:
    stops = {"startColor": Color(0xFFFF0000), "endColor": Color(0xFF0000FF)}
    drawables = {
        "icon": vector(path("M0,0h8v8h-8z", fillColor=Ref(0x7F010001))),
        "gradient": Node("gradient", {**gradient, **stops}),
    }
    image = picture(tmp_path, drawables)
    for place, color in zip(places, colors, strict=True):
        assert at(image, *place) == pytest.approx(color, abs=28)


def test_a_gradient_may_list_its_stops(tmp_path: Path) -> None:
    items = [
        Node("item", {"offset": offset, "color": Color(color)})
        for offset, color in ((0.0, 0xFFFF0000), (0.5, 0xFF00FF00), (1.0, 0xFF0000FF))
    ]
    drawables = {
        "icon": vector(path("M0,0h8v8h-8z", fillColor=Ref(0x7F010001))),
        "gradient": Node("gradient", {"type": 0, "endX": 8.0}, items),
    }
    assert at(picture(tmp_path, drawables), 4, 4) == pytest.approx(GREEN, abs=4)


def test_an_adaptive_icon_shows_the_middle_of_its_layers(tmp_path: Path) -> None:
    layers = [Node("background", {"drawable": Ref(0x7F020000)}), Node("foreground", {"drawable": Ref(0x7F010001)})]
    foreground = Node(
        "vector",
        {"viewportWidth": 108.0, "viewportHeight": 108.0},
        [path("M54,54h36v36h-36z", fillColor=Color(0xFF0000FF))],
    )
    image = picture(tmp_path, {"icon": Node("adaptive-icon", {}, layers), "foreground": foreground})
    assert image.size == (256, 256)
    assert [at(image, 2, 2), at(image, 7.9, 7.9)] == [RED, BLUE]


def test_an_adaptive_icon_may_hold_rasters_and_insets(tmp_path: Path) -> None:
    inset = Node("inset", {"drawable": Ref(0x7F010001), "inset": Dp(36)})
    layers = [Node("background", {"drawable": Color(0xFFFFFFFF)}), Node("foreground", {}, [inset])]
    image = picture(tmp_path, {"icon": Node("adaptive-icon", {}, layers), "raster": images.png(108, 108, BLUE)})
    assert [at(image, 4, 4), at(image, 1, 1)] == [BLUE, WHITE]


def test_shapes(tmp_path: Path) -> None:
    solid, border = (
        Node("solid", {"color": Color(0xFFFF0000)}),
        Node("stroke", {"width": Dp(6), "color": Color(0xFF0000FF)}),
    )
    oval = picture(tmp_path, Node("shape", {"shape": 1}, [solid]))
    assert [at(oval, 4, 4), at(oval, 0.3, 0.3)] == [RED, CLEAR]
    framed = picture(tmp_path, Node("shape", {}, [solid, border, Node("corners", {"radius": Dp(12)})]))
    assert [at(framed, 4, 4), at(framed, 0.5, 4), at(framed, 0.1, 0.1)] == [RED, BLUE, CLEAR]
    gradient = Node("gradient", {"startColor": Color(0xFFFF0000), "endColor": Color(0xFF0000FF), "angle": 90})
    assert at(picture(tmp_path, Node("shape", {}, [gradient])), 4, 7.9) == pytest.approx(RED, abs=8)


def test_layers_selectors_and_wrappers(tmp_path: Path) -> None:
    half = Node("item", {"drawable": Ref(0x7F010001), "left": Dp(24)})
    layered = Node("layer-list", {}, [Node("item", {"drawable": Ref(0x7F020000)}), half])
    blue = Node("shape", {}, [Node("solid", {"color": Color(0xFF0000FF)})])
    image = picture(tmp_path, {"icon": layered, "blue": blue})
    assert [at(image, 2, 4), at(image, 6, 4)] == [RED, BLUE]
    pressed = Node("item", {"drawable": Ref(0x7F020000), "state_pressed": True})
    selector = Node("selector", {}, [pressed, Node("item", {"drawable": Ref(0x7F010001)})])
    assert at(picture(tmp_path, {"icon": selector, "blue": blue}), 4, 4) == BLUE
    for tag in ("animated-vector", "scale", "rotate", "inset"):
        assert at(picture(tmp_path, {"icon": Node(tag, {"drawable": Ref(0x7F010001)}), "blue": blue}), 4, 4) == BLUE


def test_the_round_icon_stands_in(tmp_path: Path) -> None:
    table = axml.table("a.b", {"drawable": [("x", {"": "r/x"})]})
    root = Node(
        "manifest", {"package": "a.b"}, [Node("application", {"icon": Ref(0x7F990000), "roundIcon": Ref(0x7F010000)})]
    )
    members = {
        "AndroidManifest.xml": axml.document(root),
        "resources.arsc": table,
        "r/x": axml.document(vector(path("M0,0h8v8z"))),
    }
    file = tmp_path / "round.apk"
    file.write_bytes(zip_bytes(members))
    assert apk.inspect(file).icon_png is not None


MANY = "M0,0" + "".join(f"L{index % 8},{(index * 5) % 8}" for index in range(6000)) + "z"
SELF = Node("layer-list", {}, [Node("item", {"drawable": Ref(0x7F010000)})])
NESTED = vector(path("M0,0h8v8z"))
for _ in range(40):
    NESTED = Node("inset", {}, [NESTED])
HOSTILE: dict[str, Drawables] = {
    "many lines": {"icon": vector(*[path(MANY, strokeColor=Color(0xFF000000), strokeWidth=3.0)] * 60)},
    "itself": {"icon": SELF},
    "each other": {
        "icon": Node("inset", {"drawable": Ref(0x7F010001)}),
        "b": Node("inset", {"drawable": Ref(0x7F010000)}),
    },
    "layers of layers": {
        f"layer{level}": Node("layer-list", {}, [Node("item", {"drawable": Ref(0x7F010000 + level + 1)})] * 20)
        for level in range(8)
    },
    "gradients": {
        "icon": vector(*[path("M0,0h8v8h-8z", fillColor=Ref(0x7F010001))] * 500),
        "gradient": Node("gradient", {"type": 2, "startColor": Color(0xFFFF0000), "endColor": Color(0xFF0000FF)}),
    },
    "clips": {"icon": vector(*[Node("clip-path", {"pathData": "M0,0h8v8h-8z"})] * 5000)},
    "arcs": {"icon": vector(*[path("M0,0" + "a9,9 0 1 1 8,8" * 2000)] * 60)},
    "a gradient of itself": {
        "icon": vector(path("M0,0h8v8h-8z", fillColor=Ref(0x7F010001))),
        "list": Node("selector", {}, [Node("item", {"color": Ref(0x7F010001)})]),
    },
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_drawables_cost_the_icon_alone(tmp_path: Path, name: str) -> None:
    started = time.process_time()
    info = shown(tmp_path, HOSTILE[name])
    assert (info.identifier, info.icon_png) == ("a.b", None)
    assert "passed over" in info.warnings[0]
    assert time.process_time() - started < 4  # the promise is 2 on a quiet machine


@pytest.mark.parametrize(
    "node",
    [
        vector(path("M1e38,1e38L-1e38,9e99L1e-99,0z"), viewportWidth=1e-30),
        vector(path("M0,0h8v8h-8z"), viewportWidth=float("nan")),
        vector(path("M0,0h8v8h-8z"), viewportWidth=-1.0),
        vector(
            Node("group", {"scaleX": float("inf"), "rotation": 1e30}, [path("M0,0a1e-30,5 0 1 1 9,9A1 1 0 0 0 1 1")])
        ),
        vector(path("A1e300,1 0 1 1 5 5 A0,0 0 0 0 1 1zzzz", strokeColor=Color(0xFFFFFFFF), strokeWidth=1e30)),
        vector(path("", strokeColor=Ref(0x7F990000)), path("zzz"), path("M"), path("L1")),
        Node("shape", {"shape": 99}, [Node("corners", {"radius": Dp(-5)}), Node("stroke", {"width": Dp(8_000_000)})]),
        Node("layer-list", {}, [Node("item", {"left": Dp(8_000_000)}), Node("nothing")]),
        NESTED,
        Node("adaptive-icon"),
        Node("unheard-of"),
    ],
)
def test_odd_drawables_do_no_harm(tmp_path: Path, node: Node) -> None:
    assert shown(tmp_path, {"icon": node}).identifier == "a.b"
