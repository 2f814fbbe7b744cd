import io
import struct
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from fenfa.errors import BadPackage
from fenfa.inspectors import exe, macapp
from fenfa.inspectors.base import PackageInfo
from fenfa.inspectors.parts import ico
from fenfa.vocabulary import Platform
from tests.support import images, pe
from tests.support.packages import zip_bytes

STRINGS = {"CompanyName": "Größe AG", "ProductName": "Beispiel 例", "ProductVersion": "1.2-β", "FileVersion": "1.2.3.4"}


def read(tmp_path: Path, data: bytes) -> PackageInfo:
    path = tmp_path / "a.exe"
    path.write_bytes(data)
    return exe.inspect(path)


def signing(info: PackageInfo) -> dict[str, Any]:
    assert info.signing is not None
    return info.signing


def pixels(icon: bytes | None) -> Image.Image:
    assert icon is not None
    return Image.open(io.BytesIO(icon)).convert("RGBA")


@pytest.mark.parametrize(("machine", "arch"), [(pe.X86, "x86"), (pe.X64, "x64"), (pe.ARM64, "arm64"), (0x5032, "")])
def test_tells_the_main_facts(tmp_path: Path, machine: int, arch: str) -> None:
    info = read(tmp_path, pe.program(machine=machine, strings=STRINGS, icon=images.png(64, 64)))
    assert (info.format, info.platform, info.identifier) == ("exe", Platform.WINDOWS, "")
    assert (info.name, info.version, info.build) == ("Beispiel 例", "1.2-β", "1.2.3.4")
    assert (info.facts["company"], info.facts["fixed_file_version"]) == ("Größe AG", "1.2.3.4")
    assert info.arch == ([arch] if arch else [])
    assert pixels(info.icon_png).size == (64, 64)
    assert (info.signing, info.warnings) == (None, [])


def test_a_program_may_say_nothing(tmp_path: Path) -> None:
    info = read(tmp_path, pe.program())
    assert (info.name, info.version, info.icon_png) == ("", "", None)


def test_the_fixed_version_stands_in_for_texts(tmp_path: Path) -> None:
    info = read(tmp_path, pe.program(strings={"FileDescription": "Setup"}))
    assert (info.name, info.version, info.build) == ("Setup", "1.2.3.4", "1.2.3.4")


def test_a_signature_names_its_signer(tmp_path: Path) -> None:
    found = signing(read(tmp_path, pe.program(strings=STRINGS, signer="Beispiel, Inc.")))
    assert found["subject"] == 'CN="Beispiel, Inc.", C=DE'
    assert (found["issuer"], found["not_after"]) == (found["subject"], "2034-01-01T00:00:00Z")
    assert (found["digest_algorithm"], found["digest_matches"], found["signature_matches"]) == ("sha256", True, True)


def test_a_changed_byte_breaks_the_digest(tmp_path: Path) -> None:
    data = bytearray(pe.program(strings=STRINGS, signer="A"))
    data[0x3F0] ^= 1
    found = signing(read(tmp_path, bytes(data)))
    assert (found["digest_matches"], found["signature_matches"]) == (False, True)


def test_a_changed_signature_does_not_hold(tmp_path: Path) -> None:
    data = bytearray(pe.program(signer="A"))
    data[-40] ^= 1
    found = signing(read(tmp_path, bytes(data)))
    assert (found["digest_matches"], found["signature_matches"]) == (True, False)


def test_a_broken_signature_costs_itself_alone(tmp_path: Path) -> None:
    data = bytearray(pe.program(strings=STRINGS, signer="A"))
    size = len(pe.program(strings=STRINGS))
    data[size + 8 : size + 40] = bytes(32)
    info = read(tmp_path, bytes(data))
    assert (info.name, info.signing, info.facts["signed"]) == ("Beispiel 例", None, False)
    assert "the signature cannot be read" in info.warnings[0]


@pytest.mark.parametrize(
    ("options", "kind"),
    [
        ({"overlay": b"\0\0\0\0\xef\xbe\xad\xdeNullsoftInst" + bytes(64)}, "nsis"),
        ({"resources": {10: {11111: b"rDlPtS"}}}, "inno"),
        ({"resources": {"DATA": {131: b"PK"}}}, "squirrel"),
        ({"section": b".wixburn"}, "burn"),
        ({"overlay": b"7z\xbc\xaf\x27\x1c" + bytes(20)}, "7z-sfx"),
        ({"resources": {24: {1: b"<assembly>Nullsoft.NSIS.exehead</assembly>"}}}, "nsis"),
        ({}, ""),
    ],
)
def test_names_the_tool_that_made_an_installer(tmp_path: Path, options: dict[str, Any], kind: str) -> None:
    assert read(tmp_path, pe.program(strings=STRINGS, **options)).facts["installer"] == kind


def test_a_library_is_no_program(tmp_path: Path) -> None:
    assert read(tmp_path, pe.program(flags=0x2022)).warnings == ["this is a library (DLL), not a program"]


def test_icons_of_every_depth_become_png() -> None:
    red, blue = b"\0\0\xff", b"\xff\0\0"
    palette = red + b"\0" + blue + b"\0"
    pictures = {
        32: pe.bitmap(2, 1, 32, red + b"\x80" + blue + b"\xff"),
        24: pe.bitmap(2, 1, 24, red + blue + b"\0\0", mask=b"\x40\0\0\0"),
        8: pe.bitmap(2, 1, 8, b"\0\1\0\0", palette.ljust(1024, b"\0"), b"\x40\0\0\0"),
        4: pe.bitmap(2, 1, 4, b"\x01\0\0\0", palette.ljust(64, b"\0"), b"\x40\0\0\0"),
        1: pe.bitmap(2, 1, 1, b"\x40\0\0\0", palette, b"\x40\0\0\0"),
    }
    for bits, data in pictures.items():
        image = pixels(ico.decode(data))
        left, right = image.getpixel((0, 0)), image.getpixel((1, 0))
        assert left == (255, 0, 0, 0x80 if bits == 32 else 255)
        assert right == (0, 0, 255, 255 if bits == 32 else 0)


def test_a_broken_icon_costs_itself_alone(tmp_path: Path) -> None:
    info = read(tmp_path, pe.program(strings=STRINGS, icon=b"\x89PNG broken"))
    assert (info.name, info.icon_png) == ("Beispiel 例", None)
    assert "the icon cannot be read" in info.warnings[0]


def test_the_main_program_of_a_zip_is_read(tmp_path: Path) -> None:
    main, helper = pe.program(strings=STRINGS), pe.program(strings={"ProductName": "Updater"}, overlay=bytes(99_999))
    path = tmp_path / "a.zip"
    path.write_bytes(
        zip_bytes({"App/app.exe": main, "App/update.exe": helper, "App/sub/big.exe": helper, "x.txt": b"x"})
    )
    info = macapp.inspect(path)
    assert (info.platform, info.name, info.facts["program"]) == (Platform.WINDOWS, "Beispiel 例", "App/app.exe")


def test_a_zip_without_a_program_is_a_plain_file(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    path.write_bytes(zip_bytes({"a.exe": b"no program", "b.txt": b"x"}))
    assert (macapp.inspect(path).format, macapp.inspect(path).platform) == ("zip", None)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "does not begin with MZ"),
        (b"MZ" + bytes(20), "cut short"),
        (b"MZ".ljust(512, b"\0"), "no PE header"),
        (b"MZ".ljust(60, b"\0") + struct.pack("<I", 64) + b"PE\0\0" + bytes(400), "header that is not known"),
    ],
)
def test_what_is_no_program_is_refused(tmp_path: Path, data: bytes, reason: str) -> None:
    with pytest.raises(BadPackage, match=reason):
        read(tmp_path, data)
