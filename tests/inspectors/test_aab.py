import io
from pathlib import Path

import pytest
from PIL import Image

from fenfa.errors import BadPackage
from fenfa.inspectors import aab
from fenfa.inspectors.base import PackageInfo
from fenfa.inspectors.parts import protobuf
from tests.support import images, proto
from tests.support.axml import Color, Dp, Node, Ref, Value
from tests.support.packages import zip_bytes


def read(tmp_path: Path, manifest: Node, resources: bytes = b"", files: dict[str, bytes] | None = None) -> PackageInfo:
    path = tmp_path / "a.aab"
    path.write_bytes(proto.bundle(manifest, resources, files))
    return aab.inspect(path)


def app(application: dict[str, Value], **attributes: Value) -> Node:
    sdk = Node("uses-sdk", {"minSdkVersion": 24, "targetSdkVersion": 35})
    return Node("manifest", {"package": "a.b", **attributes}, [sdk, Node("application", application)])


def test_tells_the_main_facts(tmp_path: Path) -> None:
    strings: list[tuple[str, dict[str | int, Value]]] = [
        ("name", {"": "Paket", "fr": "Colis"}),
        ("v", {"": Ref(0x7F010002)}),
        ("w", {"": "2.0"}),
    ]
    manifest = app({"label": Ref(0x7F010000), "debuggable": True}, versionCode=7, versionName=Ref(0x7F010001))
    files = {"base/lib/x86_64/l.so": b"", "base/lib/arm64-v8a/l.so": b"", "more/manifest/AndroidManifest.xml": b"x"}
    info = read(tmp_path, manifest, proto.table({"string": strings}), files)
    assert (info.identifier, info.name, info.version, info.build) == ("a.b", "Paket", "2.0", "7")
    assert (info.format, info.min_os, info.facts["target_sdk"]) == ("aab", "24", "35")
    assert info.arch == ["arm64-v8a", "x86_64"]
    assert (info.facts["modules"], info.facts["bundletool"]) == (["base", "more"], "1.15.6")
    assert (info.facts["localized_names"], info.facts["debuggable"]) == ({"fr": "Colis"}, True)
    assert (info.signing, info.facts["jar_signed"]) == (None, False)


def test_the_largest_raster_is_the_icon(tmp_path: Path) -> None:
    icons: dict[str | int, Value] = {160: "res/m.png", 480: "res/x.png"}
    files = {"base/res/m.png": images.png(48, 48), "base/res/x.png": images.png(144, 144)}
    info = read(tmp_path, app({"icon": Ref(0x7F010000)}), proto.table({"mipmap": [("i", icons)]}), files)
    assert info.icon_png is not None
    assert Image.open(io.BytesIO(info.icon_png)).size == (144, 144)


def test_a_vector_icon_is_drawn(tmp_path: Path) -> None:
    path = Node("path", {"pathData": "M0,0h8v8h-8z", "fillColor": Color(0xFF00FF00)})
    vector = Node("vector", {"width": Dp(24), "height": Dp(12), "viewportWidth": 8.0, "viewportHeight": 8.0}, [path])
    table = proto.table({"drawable": [("i", {"": "res/i.xml"})]})
    info = read(tmp_path, app({"icon": Ref(0x7F010000)}), table, {"base/res/i.xml": proto.xml(vector)})
    assert info.icon_png is not None
    image = Image.open(io.BytesIO(info.icon_png)).convert("RGBA")
    assert (image.size, image.getpixel((128, 64))) == ((256, 128), (0, 255, 0, 255))


def test_a_broken_table_costs_the_label_alone(tmp_path: Path) -> None:
    info = read(tmp_path, app({"label": Ref(0x7F010000)}), b"\x12\xff")
    assert (info.identifier, info.name) == ("a.b", "")
    assert "resources cannot be read" in info.warnings[0]


@pytest.mark.parametrize("members", [{}, {"AndroidManifest.xml": b""}, {"feature/manifest/AndroidManifest.xml": b""}])
def test_what_is_no_bundle_is_refused(tmp_path: Path, members: dict[str, bytes]) -> None:
    path = tmp_path / "a.aab"
    path.write_bytes(zip_bytes(members))
    with pytest.raises(BadPackage, match="not an Android app bundle"):
        aab.inspect(path)


def test_elements_may_not_nest_without_end(tmp_path: Path) -> None:
    node = Node("end")
    for _ in range(150):
        node = Node("in", {}, [node])
    with pytest.raises(BadPackage, match="too deeply"):
        read(tmp_path, Node("manifest", {"package": "a.b"}, [node]))


@pytest.mark.parametrize(
    "data", [b"\x08", b"\x08" + b"\xff" * 20, b"\x0a\x05abc", b"\x0b", b"\x0d\0\0", b"\x0a" + b"\xff" * 9 + b"\x01"]
)
def test_broken_protobuf_is_refused(data: bytes) -> None:
    with pytest.raises(BadPackage):
        protobuf.message(memoryview(data))


def test_protobuf_knows_every_wire_type() -> None:
    data = b"\x08\x96\x01" + b"\x11" + bytes([1]) + bytes(7) + b"\x1a\x02hi" + b"\x25\xff\0\0\0"
    values = protobuf.message(memoryview(data))
    assert (values[1], values[2], bytes(protobuf.part(values, 3)), values[4]) == (150, 1, b"hi", 255)
