import lzma
from collections.abc import Mapping
from pathlib import Path

import pytest

from fenfa.errors import BadPackage
from fenfa.inspectors import appimage
from fenfa.inspectors.base import PackageInfo
from fenfa.inspectors.parts import lz4
from fenfa.vocabulary import Platform
from tests.support import images, linux

FILES: dict[str, bytes | str] = {
    "org.example.App.desktop": "usr/share/applications/org.example.App.desktop",
    ".DirIcon": "example.png",
    "example.png": images.png(64, 64),
    "usr/share/applications/org.example.App.desktop": (linux.DESKTOP + "X-AppImage-Version=2.1\n").encode(),
    "usr/share/icons/hicolor/256x256/apps/example.png": images.png(256, 256),
}


def read(tmp_path: Path, data: bytes) -> PackageInfo:
    path = tmp_path / "a.AppImage"
    path.write_bytes(data)
    return appimage.inspect(path)


def stored_lz4(data: bytes) -> bytes:
    """A block of nothing but literals."""
    if len(data) < 15:
        return bytes([len(data) << 4]) + data
    more = len(data) - 15
    return b"\xf0" + b"\xff" * (more // 255) + bytes([more % 255]) + data


@pytest.mark.parametrize("codec", [1, 2, 4, 5])
def test_tells_the_main_facts(tmp_path: Path, codec: int) -> None:
    packers = {2: lambda data: lzma.compress(data, lzma.FORMAT_ALONE), 4: lzma.compress, 5: stored_lz4}
    image = linux.squashfs(FILES, codec=codec, **({"pack": packers[codec]} if codec in packers else {}))
    note = {".upd_info": b"zsync|https://example.com/a.zsync\0".ljust(512, b"\0"), ".sha256_sig": bytes(64)}
    info = read(tmp_path, linux.elf(183, sections=note) + image)
    assert (info.format, info.platform, info.identifier) == ("appimage", Platform.LINUX, "org.example.App")
    assert (info.name, info.version, info.arch) == ("Beispiel", "2.1", ["aarch64"])
    assert (info.facts["localized_names"], info.facts["magic_type"]) == ({"de": "Beispiel!"}, 2)
    assert info.facts["update_information"] == "zsync|https://example.com/a.zsync"
    assert (info.facts["signed"], info.warnings) == (False, [])
    assert int.from_bytes((info.icon_png or b"")[16:20], "big") == 256


def test_a_file_of_many_blocks_is_whole(tmp_path: Path) -> None:
    picture = images.png(1024, 1024, extra=images.chunk(b"teXt", bytes(300_000)))
    info = read(tmp_path, linux.elf() + linux.squashfs({"a.desktop": linux.DESKTOP.encode(), "example.png": picture}))
    assert int.from_bytes((info.icon_png or b"")[16:20], "big") == 1024


def test_a_signature_is_noticed(tmp_path: Path) -> None:
    image = linux.squashfs({"a.desktop": linux.DESKTOP.encode()})
    info = read(tmp_path, linux.elf(sections={".sha256_sig": b"-----BEGIN PGP"}) + image)
    assert (info.facts["signed"], info.signing) == (True, {"schemes": ["openpgp"]})


def test_padding_before_the_image_is_passed_over(tmp_path: Path) -> None:
    image = linux.squashfs({"a.desktop": linux.DESKTOP.encode()})
    assert read(tmp_path, linux.elf() + bytes(4096) + image).identifier == "a"


@pytest.mark.parametrize(
    "links",
    [
        {"a.desktop": "/etc/passwd"},
        {"a.desktop": "../../../etc/passwd"},
        {"a.desktop": "b.desktop", "b.desktop": "a.desktop"},
        {"a.desktop": "a.desktop/x"},
        {},
    ],
)
def test_links_do_not_lead_out(tmp_path: Path, links: Mapping[str, str]) -> None:
    with pytest.raises(BadPackage, match="no desktop file"):
        read(tmp_path, linux.elf() + linux.squashfs({**links, "x": b"x"}))


def test_an_unknown_compression_is_named(tmp_path: Path) -> None:
    info = read(tmp_path, linux.elf() + linux.squashfs({"a.desktop": linux.DESKTOP.encode()}, codec=3))
    assert (info.identifier, info.arch) == ("", ["x86_64"])
    assert "lzo, which is not supported" in info.warnings[0]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "does not begin as a Linux program"),
        (linux.elf(), "no squashfs image follows"),
        (linux.elf()[:50], "cut short"),
        (linux.elf() + b"hsqs" + bytes(200), "header that is not known"),
        (linux.elf() + linux.squashfs(FILES)[:300], "cut short|points beyond"),
        (linux.elf(mark=b"AI\1"), "no file system"),
    ],
)
def test_what_is_no_appimage_is_refused(tmp_path: Path, data: bytes, reason: str) -> None:
    with pytest.raises(BadPackage, match=reason):
        read(tmp_path, data)


def test_lz4_repeats_what_it_has() -> None:
    assert lz4.unpack(b"\x12a\x01\x00\x10b", 100) == b"aaaaaaab"
    assert lz4.unpack(b"\x3fabc\x03\x00\x05", 100) == b"abc" + b"abc" * 8
    for broken in (b"\x12a\x05\x00", b"\x12a\0\0", b"\xf0\xff", b"\x20a"):
        with pytest.raises(BadPackage):
            lz4.unpack(broken, 100)
    with pytest.raises(BadPackage, match="larger"):
        lz4.unpack(b"\x1fa\x01\x00\xff\xff\xff\x00", 100)
