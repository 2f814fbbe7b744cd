import hashlib
from collections.abc import Mapping
from pathlib import Path
from xml.sax.saxutils import quoteattr

import pytest

from fenfa.errors import BadPackage
from fenfa.inspectors import msix
from fenfa.inspectors.base import PackageInfo
from fenfa.vocabulary import Platform
from tests.support import authenticode, images
from tests.support.packages import zip_bytes

BUNDLE = "AppxMetadata/AppxBundleManifest.xml"


def manifest(
    *,
    name: str = "Example.App",
    display: str = "Beispiel 例",
    arch: str = "x64",
    publisher: str = "CN=A",
    extra: str = "",
) -> bytes:
    architecture = f" ProcessorArchitecture={quoteattr(arch)}" if arch else ""
    return f"""<?xml version="1.0" encoding="utf-8"?>
<Package xmlns="http://schemas.microsoft.com/appx/manifest/foundation/windows10" xmlns:uap="urn:uap">
  <Identity Name={quoteattr(name)} Publisher={quoteattr(publisher)} Version="1.2.3.4"{architecture}/>
  <Properties><DisplayName>{display}</DisplayName><PublisherDisplayName>Größe AG</PublisherDisplayName>
    <Logo>Assets\\Store Logo.png</Logo></Properties>
  <Dependencies><TargetDeviceFamily Name="Windows.Universal" MinVersion="10.0.1.0" MaxVersionTested="10.0.9.0"/>
    <TargetDeviceFamily Name="Windows.Desktop" MinVersion="10.0.17763.0" MaxVersionTested="10.0.22000.0"/></Dependencies>
  <Applications><Application Id="App" Executable="bin\\Example Tool.exe"/></Applications>{extra}
</Package>""".encode()


def read(tmp_path: Path, members: Mapping[str, bytes]) -> PackageInfo:
    path = tmp_path / "a.msix"
    path.write_bytes(zip_bytes(members))
    return msix.inspect(path)


def test_tells_the_main_facts(tmp_path: Path) -> None:
    info = read(tmp_path, {"AppxManifest.xml": manifest()})
    assert (info.format, info.platform, info.identifier) == ("msix", Platform.WINDOWS, "Example.App")
    assert (info.name, info.version, info.min_os, info.arch) == ("Beispiel 例", "1.2.3.4", "10.0.17763.0", ["x64"])
    assert (info.facts["publisher"], info.facts["publisher_name"]) == ("CN=A", "Größe AG")
    assert (info.icon_png, info.signing, info.warnings) == (None, None, [])


def test_the_logo_of_the_largest_scale_wins(tmp_path: Path) -> None:
    logos = {
        "Assets/Store%20Logo.png": images.png(50, 50),
        "Assets/Store%20Logo.scale-400.png": images.png(200, 200),
        "Assets/Store%20Logo.scale-100_contrast-black.png": images.png(51, 51),
    }
    info = read(tmp_path, {"AppxManifest.xml": manifest()} | logos)
    assert info.icon_png is not None
    assert int.from_bytes(info.icon_png[16:20], "big") == 200


@pytest.mark.parametrize(
    ("name", "shown"),
    [("Example.App", "App"), ("20477fca-282d-49fb-b03e-371dca074f0f", "Example Tool")],
)
def test_a_name_is_never_a_reference(tmp_path: Path, name: str, shown: str) -> None:
    info = read(tmp_path, {"AppxManifest.xml": manifest(name=name, display="ms-resource:AppName")})
    assert (info.name, info.facts["label_ref"]) == (shown, "ms-resource:AppName")


def test_no_architecture_is_neutral(tmp_path: Path) -> None:
    info = read(tmp_path, {"AppxManifest.xml": manifest(arch="")})
    assert (info.arch, info.facts["machine"]) == (["neutral"], ["neutral(absent)"])


def test_a_bundle_takes_name_and_icon_from_its_app(tmp_path: Path) -> None:
    app = zip_bytes({"AppxManifest.xml": manifest(), "Assets/Store%20Logo.png": images.png(50, 50)})
    info = read(tmp_path, {BUNDLE: bundle("My App_x64.msix", "x86.msix"), "My%20App_x64.msix": app})
    assert (info.identifier, info.version, info.arch) == ("Example.App", "2024.1.2.3", ["x64", "x86"])
    assert (info.name, info.min_os, info.facts["bundle"]) == ("Beispiel 例", "10.0.17763.0", True)
    assert info.icon_png is not None


def test_a_bundle_may_hold_nothing(tmp_path: Path) -> None:
    assert read(tmp_path, {BUNDLE: bundle("a.msix", "b.msix")}).name == "Example.App"


@pytest.mark.parametrize(("changed", "matches"), [(False, True), (True, False)])
def test_a_signature_names_its_signer(tmp_path: Path, changed: bool, matches: bool) -> None:
    block_map, types = b"<BlockMap/>", b"<Types/>"
    digests = b"APPXAXBM" + hashlib.sha256(block_map).digest() + b"AXCT" + hashlib.sha256(types).digest()
    members = {
        "AppxManifest.xml": manifest(publisher="C=DE, CN=Somebody"),
        "AppxBlockMap.xml": block_map + (b" " if changed else b""),
        "[Content_Types].xml": types,
        "AppxSignature.p7x": b"PKCX" + authenticode.signature(digests, "Somebody"),
    }
    info = read(tmp_path, members)
    assert info.signing is not None
    assert (info.signing["name"], info.signing["digest_matches"]) == ("Somebody", matches)
    assert info.warnings == []


def test_another_publisher_is_warned_of(tmp_path: Path) -> None:
    signature = b"PKCX" + authenticode.signature(b"APPX", "Somebody else")
    info = read(tmp_path, {"AppxManifest.xml": manifest(), "AppxSignature.p7x": signature})
    assert "not the one who signed" in info.warnings[0]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"<Package", "not well-formed"),
        (b"<!DOCTYPE p><Package/>", "declares a document type"),
        (b"<!DOCTYPE p [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><Package>&x;</Package>", "declares a document type"),
        (b"<a>" * 100 + b"</a>" * 100, "nests them too deeply"),
        (b"<html/>", "does not begin with Package"),
        (b"<?xml version='1.0' encoding='rot13'?><Package/>", "not well-formed"),
        (manifest(name="a b"), "package name"),
        (manifest().replace(b"1.2.3.4", b"1.0"), "version"),
    ],
)
def test_a_manifest_that_cannot_be_used_is_refused(tmp_path: Path, text: bytes, reason: str) -> None:
    with pytest.raises(BadPackage, match=reason):
        read(tmp_path, {"AppxManifest.xml": text})


def test_what_is_no_package_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadPackage, match="not an MSIX"):
        read(tmp_path, {"x.txt": b""})


def bundle(*names: str) -> bytes:
    packages = "".join(
        f'<Package Type="application" Version="1.2.3.4" Architecture="{arch}" FileName="{name}"/>'
        for name, arch in zip(names, ("x64", "x86"), strict=True)
    )
    return f"""<Bundle xmlns="http://schemas.microsoft.com/appx/2013/bundle"><Identity Name="Example.App"
      Publisher="CN=A" Version="2024.1.2.3"/><Packages>{packages}</Packages></Bundle>""".encode()
