from pathlib import Path
from typing import Any

import pytest

from fenfa.errors import BadPackage
from fenfa.inspectors import msi
from fenfa.inspectors.base import PackageInfo
from fenfa.vocabulary import Platform
from tests.support import images, pe
from tests.support.msi import CODE, UPGRADE, compound_file, database


def read(tmp_path: Path, data: bytes) -> PackageInfo:
    path = tmp_path / "a.msi"
    path.write_bytes(data)
    return msi.inspect(path)


@pytest.mark.parametrize("options", [{}, {"wide": True}, {"code_page": 936}])
def test_tells_the_main_facts(tmp_path: Path, options: dict[str, Any]) -> None:
    info = read(tmp_path, database({"ProductName": "演示", "ProductVersion": "3.2.1"}, **options))
    assert (info.format, info.platform, info.identifier) == ("msi", Platform.WINDOWS, CODE)
    assert (info.name, info.version, info.arch) == ("演示", "3.2.1", ["x64"])
    assert (info.facts["upgrade_code"], info.facts["company"]) == (UPGRADE, "Example Corporation")
    assert (info.icon_png, info.signing, info.warnings) == (None, None, [])


@pytest.mark.parametrize(
    ("template", "arch"),
    [
        ("Intel;1033", ["x86"]),
        ("x64;0", ["x64"]),
        ("Arm64;1033,1031", ["arm64"]),
        (";1033", ["x86"]),
        ("Intel64", ["ia64"]),
    ],
)
def test_the_template_names_the_processor(tmp_path: Path, template: str, arch: list[str]) -> None:
    assert read(tmp_path, database(template=template)).arch == arch


def test_long_texts_are_read(tmp_path: Path) -> None:
    info = read(tmp_path, database({"Aaa": "x" * 70_000, "ProductName": "after it"}))
    assert info.name == "after it"


@pytest.mark.parametrize("kind", ["ico", "exe"])
def test_the_icon_is_a_file_or_lies_in_a_program(tmp_path: Path, kind: str) -> None:
    picture = images.png(96, 96)
    icon = pe.icon_file(picture) if kind == "ico" else pe.program(icon=picture)
    info = read(tmp_path, database(icon=icon))
    assert info.icon_png is not None
    assert info.icon_png[16:24] == b"\0\0\0\x60\0\0\0\x60"


def test_a_broken_icon_costs_itself_alone(tmp_path: Path) -> None:
    info = read(tmp_path, database(icon=b"no icon"))
    assert (info.name, info.icon_png) == ("Example", None)
    assert "the icon cannot be read" in info.warnings[0]


@pytest.mark.parametrize(
    ("properties", "reason"),
    [({"ProductCode": ""}, "no ProductCode"), ({"ProductCode": "../../x"}, "not a GUID")],
)
def test_the_product_code_must_be_one(tmp_path: Path, properties: dict[str, str], reason: str) -> None:
    with pytest.raises(BadPackage, match=reason):
        read(tmp_path, database(properties))


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "does not begin as a compound file"),
        (bytes.fromhex("d0cf11e0a1b11ae1") + bytes(600), "header that is not known"),
        (compound_file({"WordDocument": b"x"}), "one of the tables that every installer has is missing"),
        (database()[:2000], "cut short|points beyond"),
    ],
)
def test_what_is_no_installer_is_refused(tmp_path: Path, data: bytes, reason: str) -> None:
    with pytest.raises(BadPackage, match=reason):
        read(tmp_path, data)
