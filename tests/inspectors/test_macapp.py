from pathlib import Path
from typing import Any

import pytest

from fenfa.errors import BadPackage
from fenfa.inspectors import macapp
from fenfa.inspectors.base import PackageInfo
from fenfa.vocabulary import Platform
from tests.support import apple, catalogues, images
from tests.support.packages import zip_bytes

APP = "Example.app/Contents/"


def members(**plist: Any) -> dict[str, bytes]:
    values = {
        "CFBundleIdentifier": "com.example.mac",
        "CFBundleName": "Example",
        "CFBundleShortVersionString": "2.0",
        "CFBundleVersion": "200",
        "LSMinimumSystemVersion": "12.0",
        "CFBundleExecutable": "Example",
        "CFBundleIconFile": "Icon",
    }
    values = {key: value for key, value in {**values, **plist}.items() if value is not None}
    return {
        APP + "Info.plist": apple.plist(values),
        APP + "MacOS/Example": apple.signed_mach_o(apple.code_signature("com.example.mac")),
        APP + "Resources/Icon.icns": catalogues.icns({b"ic07": images.png(128, 128)}),
    }


def read(tmp_path: Path, files: dict[str, bytes]) -> PackageInfo:
    path = tmp_path / "a.zip"
    path.write_bytes(zip_bytes(files))
    return macapp.inspect(path)


def test_tells_the_main_facts(tmp_path: Path) -> None:
    info = read(tmp_path, members())
    assert (info.format, info.platform, info.identifier) == ("macapp", Platform.MACOS, "com.example.mac")
    assert (info.name, info.version, info.build, info.min_os) == ("Example", "2.0", "200", "12.0")
    assert (info.arch, info.warnings, info.facts["app"]) == (["arm64"], [], "Example.app")
    assert info.icon_png is not None
    assert info.signing is not None
    assert (info.signing["signer"], info.signing["has_ticket"]) == (
        "Apple Distribution: Example Ltd (TEAM123456)",
        False,
    )


def test_a_stapled_ticket_is_noticed(tmp_path: Path) -> None:
    signing = read(tmp_path, members() | {APP + "CodeResources": b"s8ch"}).signing
    assert signing is not None
    assert signing["has_ticket"] is True


def test_apps_inside_the_app_do_not_count(tmp_path: Path) -> None:
    other = apple.plist({"CFBundleIdentifier": "com.example.other"})
    inner = ("Library/LoginItems/A.app", "Frameworks/F.framework/Versions/A/Resources/A.app")
    files = {f"{APP}{path}/Contents/Info.plist": other for path in inner}
    info = read(tmp_path, members() | files | {"__MACOSX/A.app/Contents/Info.plist": b"x"})
    assert (info.identifier, info.warnings) == ("com.example.mac", [])


def test_the_app_may_lie_in_a_folder_and_not_be_alone(tmp_path: Path) -> None:
    files = {f"folder/{name}": data for name, data in members().items()}
    files["folder/deeper/A.app/Contents/Info.plist"] = apple.plist({"CFBundleIdentifier": "com.example.other"})
    info = read(tmp_path, files)
    assert info.identifier == "com.example.mac"
    assert "2 apps" in info.warnings[0]


def test_the_name_falls_back_to_a_translation_and_to_the_folder(tmp_path: Path) -> None:
    nameless = members(CFBundleName=None)
    assert read(tmp_path, nameless).name == "Example"
    table = {APP + "Resources/en.lproj/InfoPlist.strings": '"CFBundleName" = "Translated";'.encode("utf-16")}
    assert read(tmp_path, nameless | table).name == "Translated"


def test_the_icon_may_come_from_the_catalogue(tmp_path: Path) -> None:
    files = members(CFBundleIconName="AppIcon")
    del files[APP + "Resources/Icon.icns"]
    payload = catalogues.pixels(0, b"\xff" * 4 * 128 * 128)
    files[APP + "Resources/Assets.car"] = catalogues.car([catalogues.Picture(128, 128, payload)])
    assert read(tmp_path, files).icon_png is not None


def test_a_broken_icon_or_signature_costs_itself_alone(tmp_path: Path) -> None:
    files = members() | {APP + "Resources/Icon.icns": b"icns", APP + "MacOS/Example": apple.signed_mach_o(b"\xfa\xde")}
    info = read(tmp_path, files)
    assert (info.icon_png, info.signing, info.identifier) == (None, None, "com.example.mac")
    assert "passed over" in info.warnings[0]


def test_a_zip_without_an_app_is_a_plain_file(tmp_path: Path) -> None:
    info = read(tmp_path, {"readme.txt": b"hello", "A.app": b"not a folder"})
    assert (info.format, info.platform) == ("zip", None)


@pytest.mark.parametrize("plist", [b"", b"<plist", apple.plist({"CFBundleName": "x"})])
def test_an_app_without_a_readable_plist_is_refused(tmp_path: Path, plist: bytes) -> None:
    with pytest.raises(BadPackage):
        read(tmp_path, {APP + "Info.plist": plist})
