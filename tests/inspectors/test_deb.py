import tarfile
from pathlib import Path

import pytest

from fenfa.errors import BadPackage
from fenfa.inspectors import deb
from fenfa.inspectors.base import PackageInfo
from fenfa.vocabulary import Platform
from tests.support import images, linux

FILES: dict[str, bytes | str] = {
    "./usr/bin/example": bytes(100_000),
    "./usr/share/applications/example.desktop": linux.DESKTOP.encode(),
    "./usr/share/applications/other.desktop": b"[Desktop Entry]\nName=Other\nIcon=other\nNoDisplay=true\n",
    "./usr/share/icons/hicolor/48x48/apps/example.png": images.png(48, 48),
    "./usr/share/icons/hicolor/256x256/apps/example.png": images.png(256, 256),
    "./usr/share/icons/hicolor/512x512/apps/other.png": images.png(512, 512),
}


def read(tmp_path: Path, data: bytes) -> PackageInfo:
    path = tmp_path / "a.deb"
    path.write_bytes(data)
    return deb.inspect(path)


def side(info: PackageInfo) -> int:
    return int.from_bytes((info.icon_png or b"")[16:20], "big")


@pytest.mark.parametrize("packing", linux.PACKERS)
def test_tells_the_main_facts(tmp_path: Path, packing: str) -> None:
    info = read(tmp_path, linux.deb(FILES, packing=packing))
    assert (info.format, info.platform, info.identifier) == ("deb", Platform.LINUX, "example")
    assert (info.name, info.version, info.arch) == ("example", "1:2.0-1", ["amd64"])
    assert (info.facts["summary"], info.facts["fields"]["Maintainer"]) == ("an example", "Größe <a@example.com>")
    assert (info.facts["desktop_name"], side(info), info.warnings) == ("Beispiel", 256, [])


def test_the_list_of_files_spares_the_look_into_them(tmp_path: Path) -> None:
    sums = b"0" * 32 + b"  usr/bin/example\n"
    info = read(tmp_path, linux.deb(FILES, extra={"./md5sums": sums}))
    assert (info.facts["desktop_files"], info.icon_png) == ([], None)


def test_long_names_are_read(tmp_path: Path) -> None:
    name = "./usr/share/icons/hicolor/64x64/apps/" + "x" * 120 + ".png"
    desktop = linux.DESKTOP.replace("Icon=example", "Icon=" + "x" * 120).encode()
    files: dict[str, bytes | str] = {"./usr/share/applications/a.desktop": desktop, name: images.png(64, 64)}
    for form in (tarfile.GNU_FORMAT, tarfile.PAX_FORMAT):
        members = {
            "debian-binary": b"2.0\n",
            "control.tar": linux.tar({"./control": b"Package: a\nVersion: 1\nArchitecture: all\n"}, form=form),
            "data.tar": linux.tar(files, form=form),
        }
        assert side(read(tmp_path, linux.ar(members))) == 64


def test_broken_files_cost_themselves_alone(tmp_path: Path) -> None:
    members = {"debian-binary": b"2.0\n", "control.tar.gz": linux.PACKERS[".gz"](linux.tar({"./control": CONTROL}))}
    info = read(tmp_path, linux.ar(members | {"data.tar.xz": b"no xz"}))
    assert (info.identifier, info.icon_png) == ("a", None)
    assert "the files of the package cannot be read" in info.warnings[0]


CONTROL = b"Package: a\nVersion: 1\nArchitecture: all\n"


@pytest.mark.parametrize(
    ("control", "reason"),
    [({"Package": ""}, "no package name"), ({"Package": "../a"}, "not allowed"), ({"Version": ""}, "no version")],
)
def test_the_control_file_must_name_the_package(tmp_path: Path, control: dict[str, str], reason: str) -> None:
    with pytest.raises(BadPackage, match=reason):
        read(tmp_path, linux.deb(control=control))


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ({}, "not a DEB"),
        ({"a.o": b""}, "first member is not debian-binary"),
        ({"debian-binary": b"2.0\n"}, "no control.tar"),
        ({"debian-binary": b"2.0\n", "control.tar.gz": b"x"}, "cut short"),
        ({"debian-binary": b"2.0\n", "control.tar.gz": b"xxxx" * 9}, "damaged"),
        ({"debian-binary": b"2.0\n", "control.tar": b"x" * 1024}, "not a tar"),
        ({"debian-binary": b"2.0\n", "control.tar.zip": b"x"}, "not supported"),
        ({"debian-binary": b"2.0\n", "control.tar": linux.tar({"./postinst": b""})}, "no control file"),
        ({"debian-binary": b"2.0\n", "control.tar": linux.tar({"./control": "/etc/passwd"})}, "not a file but a link"),
    ],
)
def test_what_is_no_package_is_refused(tmp_path: Path, members: dict[str, bytes], reason: str) -> None:
    with pytest.raises(BadPackage, match=reason):
        read(tmp_path, linux.ar(members))


def test_zstd_is_read_or_named(tmp_path: Path) -> None:
    """Where the `zstandard` package is not installed, the refusal says so."""
    zstandard = pytest.importorskip("zstandard", reason="zstd is optional")
    pack = zstandard.ZstdCompressor().compress
    members = {"debian-binary": b"2.0\n", "control.tar.zst": pack(linux.tar({"./control": CONTROL}))}
    assert (
        read(tmp_path, linux.ar(members | {"data.tar.zst": pack(linux.tar(FILES))})).facts["desktop_name"] == "Beispiel"
    )
