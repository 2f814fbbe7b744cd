"""Disk images: the codecs and file systems of real ones, and the hard cases on images built here."""

import bz2
import lzma
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from fenfa.errors import BadPackage
from fenfa.inspectors import dmg
from fenfa.inspectors.base import PackageInfo
from fenfa.inspectors.parts import decmpfs, udif
from fenfa.inspectors.parts.source import Source
from fenfa.vocabulary import Platform
from tests.inspectors.fixtures import FOLDER
from tests.inspectors.test_macapp import members
from tests.support import apple, disks
from tests.support.catalogues import lzfse_raw


def read(tmp_path: Path, data: bytes) -> PackageInfo:
    path = tmp_path / "a.dmg"
    path.write_bytes(data)
    return dmg.inspect(path)


@pytest.mark.parametrize(
    ("kind", "pack"),
    [
        (disks.RAW, bytes),
        (disks.ZLIB, zlib.compress),
        (disks.BZIP2, bz2.compress),
        (disks.LZFSE, lzfse_raw),
        (disks.LZMA, lzma.compress),
    ],
)
def test_finds_the_app_whatever_the_codec(tmp_path: Path, kind: int, pack: Callable[[bytes], bytes]) -> None:
    info = read(tmp_path, disks.dmg(disks.hfs(members()), kind, pack))
    assert (info.format, info.platform, info.identifier) == ("dmg", Platform.MACOS, "com.example.mac")
    assert (info.name, info.version, info.arch, info.warnings) == ("Example", "2.0", ["arm64"], [])
    assert info.icon_png is not None
    assert info.signing is not None
    assert info.signing["team_id"] == "TEAM123456"


def test_reads_a_disk_that_is_no_udif_image(tmp_path: Path) -> None:
    assert read(tmp_path, disks.hfs(members())).identifier == "com.example.mac"


def test_finds_the_volume_through_either_partition_map(tmp_path: Path) -> None:
    volume = disks.hfs(members())
    entry = struct.pack("<16s16sQQ", b"x" * 16, b"y" * 16, 40, 40 + len(volume) // 512).ljust(128, b"\0")
    header = struct.pack("<8s64xQII", b"EFI PART", 2, 1, 128).ljust(512, b"\0")
    guid = (bytes(512) + header + entry).ljust(40 * 512, b"\0") + volume
    assert read(tmp_path, disks.dmg(guid)).identifier == "com.example.mac"
    old = struct.pack(">2sHIII", b"PM", 0, 1, 64, len(volume) // 512).ljust(512, b"\0")
    assert (
        read(tmp_path, (b"ER".ljust(512, b"\0") + old).ljust(64 * 512, b"\0") + volume).identifier == "com.example.mac"
    )


@pytest.mark.parametrize(
    ("kind", "body"),
    [(3, zlib.compress), (3, lambda data: b"\xff" + data), (9, lambda data: b"\xcc" + data), (11, lzfse_raw)],
)
def test_unpacks_files_that_the_file_system_packs(tmp_path: Path, kind: int, body: Callable[[bytes], bytes]) -> None:
    files = members()
    plist = files.pop("Example.app/Contents/Info.plist")
    packed = {"Example.app/Contents/Info.plist": struct.pack("<4sIQ", b"fpmc", kind, len(plist)) + body(plist)}
    assert read(tmp_path, disks.dmg(disks.hfs(files, packed))).identifier == "com.example.mac"


def test_unpacks_pieces_from_a_resource_fork() -> None:
    data = bytes(range(256)) * 300
    pieces = [zlib.compress(data[:65536]), zlib.compress(data[65536:])]
    table = struct.pack("<I4I", 2, 20, len(pieces[0]), 20 + len(pieces[0]), len(pieces[1]))
    fork = struct.pack(">I", 256).ljust(256, b"\0") + bytes(4) + table + pieces[0] + pieces[1]
    assert decmpfs.unpack(struct.pack("<4sIQ", b"fpmc", 4, len(data)), Source.of(fork)) == data
    raw = [lzfse_raw(data[:65536]), lzfse_raw(data[65536:])]
    fork = struct.pack("<3I", 12, 12 + len(raw[0]), 12 + len(raw[0]) + len(raw[1])) + raw[0] + raw[1]
    assert decmpfs.unpack(struct.pack("<4sIQ", b"fpmc", 12, len(data)), Source.of(fork)) == data


def test_an_installer_on_the_image_speaks_for_it(tmp_path: Path) -> None:
    package = disks.xar({"PackageInfo": b'<pkg-info identifier="com.example.pkg" version="3"/>'})
    info = read(tmp_path, disks.dmg(disks.hfs({"Install.pkg": package, "readme": b"x"})))
    assert (info.format, info.identifier, info.version) == ("dmg", "com.example.pkg", "3")
    assert info.facts["installer"] == "Install.pkg"


def test_an_image_without_an_app_says_so(tmp_path: Path) -> None:
    assert read(tmp_path, disks.dmg(disks.hfs({"readme": b"x"}))).warnings == ["the disk image holds no app"]
    assert "file system" in read(tmp_path, disks.dmg(b"\1" * 8192)).warnings[0]


def test_an_image_may_be_signed_and_stapled_as_a_whole(tmp_path: Path) -> None:
    data, signature = disks.dmg(disks.hfs(members())), apple.code_signature("image")
    trailer = bytearray(data[-512:])
    struct.pack_into(">QQ", trailer, 296, len(data) - 512, len(signature))
    info = read(tmp_path, data[:-512] + signature + bytes(trailer))
    assert info.facts["image_signer"] == "Apple Distribution: Example Ltd (TEAM123456)"
    assert info.signing is not None
    assert info.signing["identifier"] == "com.example.mac"


def test_an_encrypted_image_says_so(tmp_path: Path) -> None:
    assert "encrypted" in read(tmp_path, b"encrcdsa" + bytes(600)).warnings[0]


def test_only_what_is_needed_is_unpacked() -> None:
    big = disks.hfs({"big": bytes(range(256)) * 40_000, **members()})
    image = udif.open_image(Source.of(disks.dmg(big)))
    assert isinstance(image.disk, udif.Disk)
    dmg._read_disk(image.disk)
    assert len(image.disk._cache) <= 4


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"text" * 300,
        b"koly".ljust(512, b"\0"),
        disks.dmg(b"")[:-512] + b"koly" + b"\xff" * 508,
        disks.dmg(disks.hfs(members()), pack=lambda data: b"not zlib"),
        disks.dmg(disks.hfs(members()), kind=0x80000099),
        disks.hfs(members())[:40_000],
        disks.dmg(disks.hfs({"A.app/Contents/Info.plist": apple.plist({})})),
    ],
)
def test_what_cannot_be_read_is_refused(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(BadPackage):
        read(tmp_path, data)


def test_a_stretch_that_unpacks_too_far_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadPackage, match="larger than we unpack"):
        read(tmp_path, disks.dmg(bytes(1 << 26) + b"x" * 512, piece=1 << 27))


@pytest.mark.parametrize("codec", ["adc", "bzip2", "lzfse", "lzma", "zlib"])
def test_real_codecs_give_the_same_disk(codec: str) -> None:
    """One APFS disk that `hdiutil` packed in every way."""
    assert _disk(codec) == _disk("ro")


def _disk(codec: str) -> bytes:
    with (FOLDER / "dmg" / f"dmgwiz--input_{codec}.dmg").open("rb") as file:
        disk = udif.open_image(Source(file)).disk
        assert disk is not None
        return disk.upto(0, disk.size)
