import io
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from fenfa.errors import BadPackage
from fenfa.inspectors import ipa
from fenfa.inspectors.base import PackageInfo
from tests.support import apple, catalogues, images
from tests.support.packages import make_ipa, zip_bytes

APP = "Payload/Example.app/"


def read(tmp_path: Path, **options: Any) -> PackageInfo:
    return ipa.inspect(make_ipa(tmp_path / "a.ipa", **options))


@pytest.mark.parametrize("binary", [True, False])
def test_tells_the_main_facts(tmp_path: Path, binary: bool) -> None:
    info = read(
        tmp_path, identifier="com.example.x-y", name="名前", version="2.1", build="77", min_os="16.4", binary=binary
    )
    assert (info.identifier, info.name, info.version) == ("com.example.x-y", "名前", "2.1")
    assert (info.build, info.min_os) == ("77", "16.4")
    assert info.facts["device_family"] == [1, 2]
    assert (info.facts["platform_name"], info.facts["executable"]) == ("iphoneos", "Example")
    assert info.provisioning_profile is not None
    assert info.provisioning_profile["bundle_id"] == "com.example.x-y"


def test_nested_apps_and_extensions_are_not_the_app(tmp_path: Path) -> None:
    other = apple.plist({"CFBundleIdentifier": "com.example.other"})
    nested = ("PlugIns/A.appex", "Watch/AWatch.app", "AppClips/AClip.app", "Watch/W.app/PlugIns/B.appex")
    files = {f"{APP}{folder}/Info.plist": other for folder in nested}
    info = read(tmp_path, files=files)
    assert (info.identifier, info.warnings) == ("com.example.app", [])


def test_of_two_apps_the_first_by_name_is_read_with_a_warning(tmp_path: Path) -> None:
    files = {"Payload/Another.app/Info.plist": apple.plist({"CFBundleIdentifier": "com.example.another"})}
    info = read(tmp_path, files=files)
    assert info.identifier == "com.example.another"
    assert "2 apps" in info.warnings[0]


def test_numbers_and_blanks_in_versions_are_forgiven(tmp_path: Path) -> None:
    info = read(
        tmp_path, plist={"CFBundleVersion": 42, "MinimumOSVersion": 9.3, "CFBundleShortVersionString": " 2.0\n"}
    )
    assert (info.build, info.min_os, info.version) == ("42", "9.3", "2.0")


@pytest.mark.parametrize(
    "table",
    [
        b'/* name */\n"CFBundleDisplayName" = "Gr\xc3\xb6\xc3\x9fe \\"x\\"";\n',
        '"CFBundleDisplayName" = "Größe \\"x\\"";'.encode("utf-16"),
        '\ufeffCFBundleName = "Größe \\"x\\"";'.encode(),
        apple.plist({"CFBundleName": 'Größe "x"'}),
        apple.plist({"CFBundleDisplayName": 'Größe "x"'}, binary=False),
    ],
)
def test_a_missing_name_comes_from_the_development_region(tmp_path: Path, table: bytes) -> None:
    nameless = {"CFBundleDisplayName": None, "CFBundleName": None, "CFBundleDevelopmentRegion": "de"}
    info = read(tmp_path, plist=nameless, files={f"{APP}de.lproj/InfoPlist.strings": table})
    assert info.name == 'Größe "x"'
    assert info.facts["localized_names"] == {"de": 'Größe "x"'}


def test_a_loctable_holds_all_locales(tmp_path: Path) -> None:
    table = apple.plist({"ja": {"CFBundleDisplayName": "例"}, "LocProvenance": 1})
    assert read(tmp_path, files={f"{APP}InfoPlist.loctable": table}).facts["localized_names"] == {"ja": "例"}


def test_the_largest_declared_icon_wins(tmp_path: Path) -> None:
    files = {
        f"{APP}AppIcon60x60@3x.png": images.crushed_png(180, 180),
        f"{APP}AppIcon83.5x83.5@2x~ipad.png": images.png(167, 167),
        f"{APP}Huge.png": images.png(900, 900),
        f"{APP}Other/AppIcon60x60@9x.png": images.png(540, 540),
    }
    assert _size(read(tmp_path, files=files)) == (180, 180)


def test_a_broken_icon_gives_way_to_the_next(tmp_path: Path) -> None:
    info = read(tmp_path, files={f"{APP}AppIcon60x60@3x.png": images.png(180, 180)[:60]})
    assert _size(info) == (120, 120)
    assert "passed over" in info.warnings[0]


def test_an_icon_comes_from_the_catalogue_where_there_is_no_file(tmp_path: Path) -> None:
    payload = catalogues.pixels(0, b"\xff" * 4 * 180 * 180)
    files = {f"{APP}Assets.car": catalogues.car([catalogues.Picture(180, 180, payload)])}
    named = {"CFBundleIcons": {"CFBundlePrimaryIcon": {"CFBundleIconName": "AppIcon"}}}
    assert _size(read(tmp_path, icon=False, plist=named, files=files)) == (180, 180)
    on_tv = {"CFBundleIcons": {"CFBundlePrimaryIcon": "App Icon"}}
    layers = [catalogues.Picture(180, 90, catalogues.pixels(0, bytes(4 * 180 * 90)), part=catalogues.FLATTENED)]
    files = {f"{APP}Assets.car": catalogues.car(layers, {"App Icon": 1})}
    assert _size(read(tmp_path, icon=False, plist=on_tv, files=files)) == (180, 90)
    info = read(tmp_path, icon=False, files={f"{APP}Assets.car": b"BOMStore"})
    assert info.icon_png is None
    assert "Assets.car cannot be read" in info.warnings[0]


def test_the_code_signature_tells_the_signer_and_what_is_granted(tmp_path: Path) -> None:
    granted = {"aps-environment": "production"}
    info = read(tmp_path, files={f"{APP}Example": apple.signed_mach_o(apple.code_signature(entitlements=granted))})
    assert info.facts["entitlements"] == granted
    assert info.signing is not None
    assert info.signing["signer"] == "Apple Distribution: Example Ltd (TEAM123456)"


def test_a_signature_far_inside_a_packed_executable_is_left_alone(tmp_path: Path) -> None:
    """To reach it, all that stands before it would have to be unpacked."""
    program = bytearray(apple.signed_mach_o(apple.code_signature()))
    program[40:44] = (200 << 20).to_bytes(4, "little")
    info = read(tmp_path, files={f"{APP}Example": bytes(program)})
    assert (info.signing, info.facts["slices"][0]["signed"], info.warnings) == (None, True, [])


def test_an_executable_that_cannot_be_read_costs_itself_alone(tmp_path: Path) -> None:
    path = make_ipa(tmp_path / "a.ipa", files={f"{APP}Example": bytes(1000)})
    path.write_bytes(path.read_bytes().replace(b"Example.app/Example", b"Example.app/Exemple", 1))
    info = ipa.inspect(path)
    assert (info.identifier, info.arch) == ("com.example.app", [])
    assert "executable cannot be read" in info.warnings[0]


@pytest.mark.parametrize(
    ("plist", "system"),
    [
        ({}, "iOS"),
        ({"CFBundleSupportedPlatforms": ["AppleTVOS"], "DTPlatformName": "appletvos"}, "tvOS"),
        ({"CFBundleSupportedPlatforms": ["WatchOS"], "DTPlatformName": "watchos"}, "watchOS"),
        ({"CFBundleSupportedPlatforms": ["XROS"], "DTPlatformName": "xros"}, "visionOS"),
        ({"CFBundleSupportedPlatforms": None, "DTPlatformName": None}, ""),
    ],
)
def test_tells_the_systems_apart(tmp_path: Path, plist: dict[str, Any], system: str) -> None:
    assert read(tmp_path, plist=plist).facts["os"] == system


def test_describes_what_is_nested(tmp_path: Path) -> None:
    values = {
        "CFBundleIdentifier": "com.example.app.share",
        "CFBundleExecutable": "Share",
        "CFBundlePackageType": "XPC!",
        "NSExtension": {"NSExtensionPointIdentifier": "com.apple.share-services"},
    }
    folder = f"{APP}PlugIns/Share.appex/"
    files = {
        folder + "Info.plist": apple.plist(values),
        folder + "Share": apple.mach_o(),
        folder + "embedded.mobileprovision": apple.provisioning_profile("com.example.app.share"),
        f"{APP}PlugIns/Broken.appex/Info.plist": b"",
    }
    info = read(tmp_path, files=files)
    (nested,) = info.facts["nested"]
    assert (nested["path"], nested["identifier"]) == ("PlugIns/Share.appex", "com.example.app.share")
    assert (nested["extension_point"], nested["slices"]) == ("com.apple.share-services", [{"cpu": "ARM64", "sub": 0}])
    assert nested["profile"]["profile_type"] == "ad-hoc"
    assert "PlugIns/Broken.appex cannot be read" in info.warnings[0]


def test_no_icon_and_no_profile_are_nothing(tmp_path: Path) -> None:
    info = read(tmp_path, icon=False, profile=False)
    assert (info.icon_png, info.provisioning_profile, info.warnings) == (None, None, [])


def test_a_broken_profile_costs_the_profile_alone(tmp_path: Path) -> None:
    info = read(tmp_path, profile=False, files={f"{APP}embedded.mobileprovision": b"\x30\x80garbage"})
    assert info.provisioning_profile is None
    assert "provisioning profile" in info.warnings[0]


def test_a_simulator_build_is_marked(tmp_path: Path) -> None:
    info = read(tmp_path, plist={"DTPlatformName": "iphonesimulator"})
    assert "simulator" in info.warnings[0]


def test_an_executable_is_found_however_its_accents_are_composed(tmp_path: Path) -> None:
    files = {f"{APP}Cafe\u0301": apple.fat_mach_o(apple.mach_o(apple.ARM, 9), apple.mach_o())}
    assert read(tmp_path, plist={"CFBundleExecutable": "Caf\u00e9"}, files=files).arch == ["armv7", "arm64"]


@pytest.mark.parametrize("identifier", [None, {}, "", " ", "a/../b", "a b", "a\nb", "<x>", "x" * 256, "..."])
def test_an_identifier_that_cannot_be_used_is_refused(tmp_path: Path, identifier: Any) -> None:
    with pytest.raises(BadPackage, match="bundle identifier"):
        read(tmp_path, plist={"CFBundleIdentifier": identifier})


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ({}, "not an IPA"),
        ({"Demo.app/Info.plist": apple.plist({})}, "not an IPA"),
        ({"x/Payload/Demo.app/Info.plist": apple.plist({})}, "not an IPA"),
        ({"Payload/Demo.app/Demo": b""}, "no Info.plist"),
        ({"Payload/Demo.app/Info.plist": b""}, "not a readable"),
        ({"Payload/Demo.app/Info.plist": bytes(5 << 20)}, "larger than"),
    ],
)
def test_what_is_no_ipa_is_refused(tmp_path: Path, members: dict[str, bytes], reason: str) -> None:
    path = tmp_path / "a.ipa"
    path.write_bytes(zip_bytes(members))
    with pytest.raises(BadPackage, match=reason):
        ipa.inspect(path)


def _size(info: PackageInfo) -> tuple[int, int]:
    assert info.icon_png is not None
    return Image.open(io.BytesIO(info.icon_png)).size
