import base64
import zlib
from pathlib import Path

import pytest

from fenfa.errors import BadPackage
from fenfa.inspectors import pkg
from fenfa.inspectors.base import PackageInfo
from fenfa.vocabulary import Platform
from tests.support import apple, disks

DISTRIBUTION = b"""<?xml version="1.0"?>
<installer-gui-script minSpecVersion="2">
  <title>Example</title>
  <options hostArchitectures="x86_64,arm64"/>
  <volume-check><allowed-os-versions><os-version min="12.3"/></allowed-os-versions></volume-check>
  <product id="com.example.product" version="4.5"/>
  <pkg-ref id="com.example.part" version="1">part.pkg</pkg-ref>
</installer-gui-script>"""
PART = b"""<pkg-info identifier="com.example.part" version="9" install-location="/Applications">
<bundle path="./Example.app" id="com.example.app" CFBundleShortVersionString="4.5"/><bundle id="com.example.app"/>
</pkg-info>"""


def read(tmp_path: Path, data: bytes) -> PackageInfo:
    path = tmp_path / "a.pkg"
    path.write_bytes(data)
    return pkg.inspect(path)


def test_a_product_tells_its_main_facts(tmp_path: Path) -> None:
    info = read(tmp_path, disks.xar({"Distribution": DISTRIBUTION, "part.pkg/PackageInfo": PART}))
    assert (info.format, info.platform, info.identifier) == ("pkg", Platform.MACOS, "com.example.product")
    assert (info.name, info.version, info.min_os, info.arch) == ("Example", "4.5", "12.3", ["x86_64", "arm64"])
    assert info.facts["components"] == [
        {
            "identifier": "com.example.part",
            "version": "9",
            "install_location": "/Applications",
            "bundles": [{"identifier": "com.example.app", "path": "./Example.app", "version": "4.5"}],
        }
    ]
    assert info.signing is None


def test_a_component_stands_for_itself(tmp_path: Path) -> None:
    info = read(tmp_path, disks.xar({"PackageInfo": PART, "Payload": b"x"}))
    assert (info.identifier, info.version, info.name) == ("com.example.part", "9", "")


def test_a_product_without_a_name_of_its_own_takes_its_components(tmp_path: Path) -> None:
    script = b'<installer-gui-script><pkg-ref id="com.example.part" version="1.2"/></installer-gui-script>'
    assert read(tmp_path, disks.xar({"Distribution": script})).identifier == "com.example.part"
    info = read(tmp_path, disks.xar({"Distribution": script, "a.pkg/PackageInfo": PART}))
    assert (info.identifier, info.version) == ("com.example.part", "9")


def test_a_title_may_be_translated(tmp_path: Path) -> None:
    script = DISTRIBUTION.replace(b"<title>Example", b"<title>THE_TITLE")
    strings = '"THE_TITLE" = "Example 4";'.encode("utf-16")
    files = {"Distribution": script, "Resources/en.lproj/Localizable.strings": strings}
    assert read(tmp_path, disks.xar(files)).name == "Example 4"


def test_tells_who_signed_and_notices_a_ticket(tmp_path: Path) -> None:
    names = ("Developer ID Installer: Example Ltd (TEAM123456)", "Developer ID Certification Authority")
    listed = "".join(
        f"<X509Certificate>{base64.b64encode(apple.certificate(one)).decode()}</X509Certificate>" for one in names
    )
    signature = f'<signature style="RSA"><KeyInfo><X509Data>{listed}</X509Data></KeyInfo></signature>'
    signing = read(tmp_path, disks.xar({"PackageInfo": PART}, signature, b"t8lr".ljust(16, b"\0"))).signing
    assert signing is not None
    assert (signing["signer"], signing["team_id"], signing["has_ticket"]) == (names[0], "TEAM123456", True)
    assert [one["name"] for one in signing["certificates"]] == list(names)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "not a Mac installer"),
        (b"xar!" + bytes(100), "not as long|not well-formed"),
        (disks.xar({"Payload": b""}), "neither"),
        (disks.xar({"PackageInfo": b"<pkg-info/>"}), "no installer's identifier"),
        (disks.xar({"PackageInfo": b"<pkg-info"}), "well-formed"),
        (disks.xar({"PackageInfo": b'<!DOCTYPE a [<!ENTITY b "c">]><pkg-info identifier="a"/>'}), "document type"),
        (disks.xar({"PackageInfo": PART})[:-60], "cut short"),
        (disks.xar({"PackageInfo": b" " * (5 << 20)}), "larger than"),
    ],
)
def test_what_is_no_installer_is_refused(tmp_path: Path, data: bytes, reason: str) -> None:
    with pytest.raises(BadPackage, match=reason):
        read(tmp_path, data)


def test_a_table_of_contents_that_lies_about_its_size_is_refused(tmp_path: Path) -> None:
    data = bytearray(disks.xar({"PackageInfo": PART}))
    bomb = zlib.compress(bytes(50 << 20))
    data[8:16] = len(bomb).to_bytes(8, "big")
    with pytest.raises(BadPackage, match="not as long"):
        read(tmp_path, bytes(data[:28]) + bomb)
