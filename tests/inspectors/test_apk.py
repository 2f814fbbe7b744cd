import io
import time
import zipfile
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from fenfa.errors import BadPackage
from fenfa.inspectors import apk, signature
from fenfa.inspectors.base import PackageInfo
from fenfa.inspectors.parts import chunks
from tests.support import apk_signer, axml, images
from tests.support.axml import Node, Ref
from tests.support.packages import make_apk, zip_bytes


def read(tmp_path: Path, **options: Any) -> PackageInfo:
    return apk.inspect(make_apk(tmp_path / "a.apk", **options))


def build(tmp_path: Path, root: Node, table: bytes = b"", files: dict[str, bytes] | None = None) -> PackageInfo:
    members = {"AndroidManifest.xml": axml.document(root)} | ({"resources.arsc": table} if table else {})
    path = tmp_path / "built.apk"
    path.write_bytes(zip_bytes(members | (files or {})))
    return apk.inspect(path)


def app(application: dict[str, axml.Value], **attributes: axml.Value) -> Node:
    return Node("manifest", {"package": "a.b", **attributes}, [Node("application", application)])


def test_tells_the_main_facts(tmp_path: Path) -> None:
    info = read(
        tmp_path,
        identifier="org.example.a_b",
        name="Beispiel",
        version="3.1.4-β",
        build=77,
        min_sdk=28,
        target_sdk="35",
        names={"de": "Beispiel", "zh-TW": "範例"},
        abis=("x86_64", "arm64-v8a"),
        permissions=("android.permission.CAMERA", "android.permission.CAMERA"),
    )
    assert (info.identifier, info.name, info.version, info.build) == ("org.example.a_b", "Beispiel", "3.1.4-β", "77")
    assert (info.min_os, info.facts["target_sdk"], info.arch) == ("28", "35", ["arm64-v8a", "x86_64"])
    assert info.facts["permissions"] == ["android.permission.CAMERA"]
    assert info.facts["localized_names"] == {"zh-TW": "範例"}
    assert (info.signing, info.warnings) == (None, [])


def test_a_preview_names_its_sdk(tmp_path: Path) -> None:
    info = read(tmp_path, min_sdk="VanillaIceCream", target_sdk="VanillaIceCream")
    assert (info.min_os, info.facts["target_sdk"]) == ("VanillaIceCream", "VanillaIceCream")


def test_the_largest_icon_wins(tmp_path: Path) -> None:
    assert _size(read(tmp_path)) == (192, 192)


def test_no_icon_is_none(tmp_path: Path) -> None:
    assert read(tmp_path, icon=False).icon_png is None


def test_an_icon_may_have_any_name_and_format(tmp_path: Path) -> None:
    webp = io.BytesIO()
    Image.new("RGB", (40, 40), "red").save(webp, "WEBP", lossless=True)
    table = axml.table("a.b", {"mipmap": [("i", {160: "r/x", 640: "r/y", 0xFFFE: "r/z.xml"})]})
    files = {"r/x": images.png(48, 48), "r/y": webp.getvalue(), "r/z.xml": b"\3\0\x08\0"}
    assert _size(build(tmp_path, app({"icon": Ref(0x7F010000)}), table, files)) == (40, 40)


def test_references_are_followed(tmp_path: Path) -> None:
    strings: list[tuple[str, axml.Variants]] = [
        ("a", {"": Ref(0x7F010001)}),
        ("b", {"de": "falsch", "": Ref(0x7F010002)}),
        ("c", {"": "richtig"}),
        ("version", {"": "1.2"}),
    ]
    table = axml.table("a.b", {"string": strings, "bool": [("yes", {"": True})], "integer": [("code", {"": 9})]})
    root = app(
        {"label": Ref(0x7F010000), "debuggable": Ref(0x7F020000)},
        versionName=Ref(0x7F010003),
        versionCode=Ref(0x7F030000),
    )
    info = build(tmp_path, root, table)
    assert (info.name, info.version, info.build) == ("richtig", "1.2", "9")
    assert info.facts["debuggable"] is True
    assert info.facts["localized_names"] == {"de": "falsch"}


@pytest.mark.parametrize("target", [0x7F010000, 0x7F0100FF, 0x7F990000, 0x01040000])
def test_a_label_that_leads_nowhere_is_empty(tmp_path: Path, target: int) -> None:
    table = axml.table("a.b", {"string": [("a", {"": Ref(target)})]})
    assert build(tmp_path, app({"label": Ref(0x7F010000)}), table).name == ""
    assert build(tmp_path, app({"label": Ref(0x7F010000)})).name == ""


def test_english_stands_in_for_a_missing_default(tmp_path: Path) -> None:
    table = axml.table("a.b", {"string": [("a", {"de": "deutsch", "en": "english", "fr": "français"})]})
    assert build(tmp_path, app({"label": Ref(0x7F010000)}), table).name == "english"


def test_a_major_version_code_makes_a_long_one(tmp_path: Path) -> None:
    info = build(tmp_path, app({}, versionCode=5, versionCodeMajor=1))
    assert (info.build, info.facts["long_version_code"]) == ("5", "4294967301")


def test_a_split_says_so(tmp_path: Path) -> None:
    assert build(tmp_path, app({}, split="config.en")).facts["split"] == "config.en"


def test_a_broken_table_costs_the_label_alone(tmp_path: Path) -> None:
    info = build(tmp_path, app({"label": Ref(0x7F010000)}), b"\2\0\x0c\0garbage")
    assert (info.identifier, info.name) == ("a.b", "")
    assert "resources cannot be read" in info.warnings[0]


@pytest.mark.parametrize("package", ["", "../../etc", "a b", "a/b", "a\nb"])
def test_a_package_name_that_cannot_be_used_is_refused(tmp_path: Path, package: str) -> None:
    with pytest.raises(BadPackage, match="package name"):
        read(tmp_path, identifier=package)


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ({}, "not an APK"),
        ({"AndroidManifest.xml": b""}, "cut short"),
        ({"AndroidManifest.xml": b"<manifest package='a'/>"}, "cannot be"),
        ({"AndroidManifest.xml": axml.document(Node("application"))}, "does not begin"),
    ],
)
def test_what_is_no_apk_is_refused(tmp_path: Path, members: dict[str, bytes], reason: str) -> None:
    path = tmp_path / "a.apk"
    path.write_bytes(zip_bytes(members))
    with pytest.raises(BadPackage, match=reason):
        apk.inspect(path)


def _size(info: PackageInfo) -> tuple[int, int]:
    assert info.icon_png is not None
    return Image.open(io.BytesIO(info.icon_png)).size


def test_the_flags_of_splits(tmp_path: Path) -> None:
    info = build(tmp_path, app({}, split="feature", isFeatureSplit=True, isSplitRequired=True, configForSplit="base"))
    told = [info.facts[key] for key in ("split", "feature_split", "split_required", "config_for_split")]
    assert told == ["feature", True, True, "base"]


def test_a_long_string_that_stands_everywhere_is_read_once(tmp_path: Path) -> None:
    long = "x" * 30_000
    children = [Node("activity", {"name": long, "label": long}) for _ in range(20_000)]
    started = time.process_time()
    assert (
        build(tmp_path, Node("manifest", {"package": "a.b"}, [Node("application", {}, children)])).identifier == "a.b"
    )
    assert time.process_time() - started < 4


def test_strings_that_overlap_are_bounded() -> None:
    pool = bytearray(axml.string_pool(["y" * 30_000, *[""] * 1999]))
    pool[28 : 28 + 8000] = pool[28:32] * 2000  # every one of them is the first
    strings = chunks.StringPool(bytes(pool), chunks.read_chunk(bytes(pool), 0, len(pool)))
    with pytest.raises(BadPackage, match="more text"):
        _ = [strings[index] for index in range(2000)]


def test_a_large_file_is_verified_on_demand(tmp_path: Path) -> None:
    path, signer = make_apk(tmp_path / "a.apk", target_sdk=29), apk_signer.make_signer("old")
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("big", bytes(65 << 20))
    path.write_bytes(apk_signer.sign_block(path.read_bytes(), signer))
    quick, whole = (module.inspect(path).signing for module in (apk, signature))
    assert quick is not None
    assert whole is not None
    assert (quick["verified"], whole["verified"], whole["signers"]) == (None, True, [signer.sha256])
