"""Apple's formats: property lists, signed data, catalogues, packings, disk images, file systems, installers, icons."""

import struct
import zlib
from pathlib import Path

from fenfa.apple.reply_report import report
from fenfa.errors import BadInput, BadPackage
from fenfa.inspectors import dmg
from fenfa.inspectors.parts import car, codesign, icns, lzfse, mac_installer, macho, plists, png, provisioning, udif
from fenfa.inspectors.parts.apfs import Container
from fenfa.inspectors.parts.damage import refusing
from fenfa.inspectors.parts.source import Source
from fenfa.inspectors.parts.volume import Readable, VolumeFiles
from tests.fuzz.base import Target
from tests.inspectors.fixtures import FOLDER
from tests.support import apple, catalogues, disks, images
from tests.support.device_ca import Reply, answer, as_ber, authority

_MIB = 1 << 20
_APP = {
    "A.app/Contents/Info.plist": apple.plist({"CFBundleIdentifier": "a.b", "CFBundleExecutable": "A"}),
    "A.app/Contents/MacOS/A": apple.signed_mach_o(apple.code_signature()),
    "A.app/Contents/Resources/AppIcon.icns": catalogues.icns({b"ic07": images.png(16, 16)}),
}


def _plists() -> list[bytes]:
    values = {"a": [1, 2.5, True, b"x", {"b": "c" * 40}], "date": apple.CREATED.replace(tzinfo=None), "ü": "名前"}
    return [apple.plist(values), apple.plist(values, binary=False)]


def _catalogues() -> list[bytes]:
    flat, side = bytes((1, 2, 3, 255)), 24
    payloads = [
        catalogues.pixels(0, flat * side * side),
        catalogues.pixels(4, catalogues.lzfse_raw(flat * side * side)),
        catalogues.pixels(8, catalogues.palette([flat, flat], [0] * 2 * side)),
        catalogues.pixels(11, catalogues.deepmap2(side, side, 3, catalogues.lzfse_raw(flat * side * side))),
        catalogues.pixels(11, catalogues.deepmap2(side, side, 2, catalogues.lzfse_raw(bytes(side * (7 * side + 1))))),
    ]
    pictures = [[catalogues.Picture(side, side, one)] for one in payloads]
    atlas = pictures[0][0]._replace(part=9)
    link = catalogues.Picture(8, 8, b"", attributes=catalogues.link((1, 1, 8, 8), 9))
    return [catalogues.car(one) for one in [*pictures, [atlas, link]]]


def _packed() -> list[bytes]:
    lzvn = b"\xe4abcd\x08\x04\xf2\xe1z\x06" + bytes(7)
    made = [catalogues.lzfse_raw(b"abc"), b"bvxn" + struct.pack("<II", 11, len(lzvn)) + lzvn + b"bvx$"]
    return made + [data[place:] for data in _real("dmg/dmgwiz--input_lzfse.dmg") for place in (384,)]


class _Blocks:
    """A disk of which only some blocks are kept, as their numbers and bytes; the others are zeros."""

    def __init__(self, data: bytes) -> None:
        self._blocks = {int.from_bytes(data[at : at + 8]): data[at + 8 : at + 4104] for at in range(0, len(data), 4104)}
        self.size = 1 << 30

    def at(self, offset: int, count: int) -> bytes:
        if not 0 <= offset <= offset + count <= self.size:
            raise BadPackage("beyond the disk")
        numbers = range(offset // 4096, (offset + count - 1) // 4096 + 1)
        held = b"".join(self._blocks.get(number, b"").ljust(4096, b"\0") for number in numbers)
        return held[offset % 4096 :][:count]

    def upto(self, offset: int, count: int) -> bytes:
        return self.at(offset, max(min(count, self.size - offset), 0))


class _Recorder:
    """A disk that notes which blocks were read."""

    def __init__(self, disk: Readable, start: int) -> None:
        self._disk, self._start = disk, start
        self.size = disk.size - start
        self.kept: dict[int, bytes] = {}

    def at(self, offset: int, count: int) -> bytes:
        for number in range(offset // 4096, (offset + count - 1) // 4096 + 1):
            self.kept[number] = self._disk.upto(self._start + number * 4096, 4096)
        return self._disk.at(self._start + offset, count)

    upto = at


def _apfs() -> list[bytes]:
    """Those blocks of a real disk that are read to find its app."""
    found = []
    for data in _real("dmg/sparkle--SparkleTestCodeSign_apfs.dmg"):
        disk = udif.open_image(Source.of(data)).disk
        assert disk is not None
        recorder = _Recorder(disk, 40 * 512)
        _read_container(recorder)
        found.append(b"".join(number.to_bytes(8) + block for number, block in recorder.kept.items() if any(block)))
    return found


def _read_container(disk: Readable) -> None:
    for volume in Container(disk, 0).volumes():
        files = VolumeFiles(volume)
        for name in [one for one in files.names if one.endswith((".plist", "App", ".icns"))][:10]:
            files.head(name, 5000)


def _installers() -> list[bytes]:
    """A whole archive, and a table of contents."""
    whole = disks.xar({"PackageInfo": b'<pkg-info identifier="a.b"/>', "Resources/en.lproj/Localizable.strings": b""})
    size = struct.unpack_from(">Q", whole, 8)[0]
    return [whole, zlib.decompress(whole[28 : 28 + size])]


def _icons() -> list[bytes]:
    count = 16 * 16
    packed = bytes((255, 9)) * 8
    return [
        catalogues.icns({b"is32": packed, b"s8mk": bytes(count), b"ic07": images.png(16, 16)}),
        catalogues.icns({b"ic04": b"ARGB" + packed}),
    ]


def _real(name: str) -> list[bytes]:
    """A fixture's bytes, or nothing where the fixtures are not at hand."""
    path = Path(FOLDER) / name
    return [path.read_bytes()] if path.is_file() else []


@refusing("the disk")
def _read_apfs(data: bytes) -> None:
    _read_container(_Blocks(data))


@refusing("the disk")
def _read_hfs(data: bytes) -> None:
    dmg._read_disk(Source.of(data))


@refusing("the disk image")
def _read_image(data: bytes) -> None:
    disk: Readable | None = udif.open_image(Source.of(data)).disk
    if disk is not None:
        dmg._read_disk(disk)


def _read_mach_o(data: bytes) -> None:
    place = macho.signature_place(data)
    macho.read_slices(data, dict.fromkeys(macho.far_slices(data), data))
    codesign.read_signature(data[place[0] : sum(place)] if place else data)


@refusing("the installer")
def _read_installer(data: bytes) -> None:
    """An archive as it is, or a table of contents that we pack."""
    if not data.startswith(b"xar!"):
        packed = zlib.compress(data)
        data = struct.pack(">4sHHQQI", b"xar!", 28, 1, len(packed), len(data), 1) + packed + bytes(100)
    mac_installer.read(Source.of(data))


def _read_catalogue(data: bytes) -> None:
    warnings: list[str] = []
    if car.find_icon(data, ["AppIcon"], warnings) is None and not warnings:
        raise BadPackage("no icon")


def _replies() -> list[bytes]:
    attributes = ("content_type", "message_digest")
    made = [
        Reply(answer("challenge"), digest=d, attributes=a).encode()
        for d in ("sha1", "sha256")
        for a in ((), attributes)
    ]
    return [*made, as_ber(made[-1])]


def _read_reply(data: bytes) -> None:
    try:
        report(data, [authority().pem])
    except BadInput as error:
        raise BadPackage(error.message) from None


TARGETS = (
    Target("reply", _replies, _read_reply),
    Target("plist", _plists, lambda data: plists.load(data, "it")),
    Target("cms", lambda: [apple.provisioning_profile("a.b")], provisioning.read_profile),
    Target("codesign", lambda: [apple.code_signature(), apple.signed_mach_o(apple.code_signature())], _read_mach_o),
    Target("png", lambda: [images.png(9, 9), images.crushed_png(9, 9)], png.icon),
    Target("car", _catalogues, _read_catalogue),
    Target("lzfse", _packed, lambda data: lzfse.decode(data, _MIB)),
    Target("udif", lambda: [disks.dmg(disks.hfs(_APP))], _read_image),
    Target("hfs", lambda: [disks.hfs(_APP)], _read_hfs),
    Target("apfs", _apfs, _read_apfs),
    Target("xar", _installers, _read_installer),
    Target("icns", _icons, icns.icon),
)
