import struct
from pathlib import Path

import pytest

from fenfa.errors import BadPackage
from fenfa.inspectors import rpm
from fenfa.inspectors.base import PackageInfo
from fenfa.vocabulary import Platform
from tests.support import images, linux

FILES = {
    "/usr/bin/example": bytes(1000),
    "/usr/share/applications/example.desktop": linux.DESKTOP.encode(),
    "/usr/share/icons/hicolor/128x128/apps/example.png": images.png(128, 128),
}


def read(tmp_path: Path, data: bytes) -> PackageInfo:
    path = tmp_path / "a.rpm"
    path.write_bytes(data)
    return rpm.inspect(path)


@pytest.mark.parametrize("packing", linux.PACKERS)
def test_tells_the_main_facts(tmp_path: Path, packing: str) -> None:
    info = read(tmp_path, linux.rpm(FILES, packing=packing, tags={1003: (4, struct.pack(">I", 7), 1)}))
    assert (info.format, info.platform, info.identifier) == ("rpm", Platform.LINUX, "example")
    assert (info.name, info.version, info.build, info.arch) == ("example", "2.0", "1.fc40", ["x86_64"])
    assert (info.facts["epoch"], info.facts["summary"]) == ("7", "ein Beispiel")
    assert (info.facts["fields"]["licence"], info.facts["desktop_name"]) == ("MIT", "Beispiel")
    assert info.icon_png is not None
    assert (info.signing, info.warnings) == (None, [])


@pytest.mark.parametrize("version", [3, 4])
def test_a_signature_names_its_key(tmp_path: Path, version: int) -> None:
    key, time = bytes.fromhex("4344591e1964c5fc"), struct.pack(">I", 1491483753)
    if version == 3:
        body = b"\3\5\0" + time + key + b"\1\x08" + bytes(20)
    else:
        body = b"\4\0\1\x08\0\6\5\2" + time + b"\0\x0a\x09\x10" + key + bytes(20)
    packet = bytes([0x88, len(body)]) + body
    info = read(tmp_path, linux.rpm(signatures={268: (7, packet, len(packet))}))
    assert info.facts["signatures"] == ["RSA/SHA256, Thu Apr  6 13:02:33 2017, Key ID 4344591e1964c5fc"]
    assert info.signing is not None
    assert info.signing["key_ids"] == [key.hex()]


def test_a_broken_payload_costs_itself_alone(tmp_path: Path) -> None:
    data = linux.rpm(FILES, packing="")
    info = read(tmp_path, data[: data.index(b"070701") + 150])
    assert (info.identifier, info.icon_png) == ("example", None)
    assert "the files of the package cannot be read" in info.warnings[0]


def test_a_payload_of_zstd_is_read_or_named(tmp_path: Path) -> None:
    info = read(tmp_path, linux.rpm(FILES, packing=".zst"))  # the bytes are not zstd, whoever reads them
    assert "the files of the package cannot be read" in info.warnings[0]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "does not begin as one"),
        (linux.rpm()[:96], "cut short"),
        (linux.rpm()[:150], "cut short"),
        (linux.rpm(tags={1125: (6, b"x", 1), 1000: (4, bytes(4), 1)}), "no package name"),
        (linux.rpm(tags={1000: (4, bytes(4), 1)}), "no package name"),
        (linux.rpm(tags={1000: (6, b"../x\0", 1)}), "not allowed"),
        (linux.rpm(tags={1001: (6, b"\0", 1)}), "no version"),
        (linux.rpm(tags={1027: (8, b"x\0", 0x7FFFFFFF)}), "cannot hold"),
        (linux.rpm(tags={1027: (77, b"x\0", 1)}), "cannot hold"),
    ],
)
def test_what_is_no_package_is_refused(tmp_path: Path, data: bytes, reason: str) -> None:
    with pytest.raises(BadPackage, match=reason):
        read(tmp_path, data)
