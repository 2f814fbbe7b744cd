"""Windows, Linux and HarmonyOS: programs, installers, packages, and the parts that they are made of."""

import io
import zipfile
from collections.abc import Callable

from fenfa.inspectors import appimage, deb, exe, hap, msi, msix, rpm, targz
from fenfa.inspectors.parts import authenticode, desktop, ico, iso9660, lz4, metainfo, openpgp, property_set, xmlsafe
from fenfa.inspectors.parts.cfb import CompoundFile
from fenfa.inspectors.parts.damage import refusing
from fenfa.inspectors.parts.hap_index import ResourceIndex as HapIndex
from fenfa.inspectors.parts.pri import ResourceIndex as PriIndex
from fenfa.inspectors.parts.source import Source
from fenfa.inspectors.parts.tar import Tar
from fenfa.inspectors.parts.unpack import Stream
from fenfa.inspectors.parts.zipsafe import Archive
from tests.fuzz.base import Target
from tests.inspectors.fixtures import FOLDER, entries
from tests.inspectors.test_hap import INDEX
from tests.inspectors.test_msix import manifest
from tests.support import images, linux, pe
from tests.support.authenticode import signature
from tests.support.msi import database, summary

_ICON = images.png(16, 16)
_FILES: dict[str, bytes | str] = {
    "./usr/share/applications/example.desktop": linux.DESKTOP.encode(),
    "./usr/share/icons/hicolor/48x48/apps/example.png": _ICON,
}
_RPM_FILES = {path[1:]: data for path, data in _FILES.items() if isinstance(data, bytes)}
_IMAGE: dict[str, bytes | str] = {"a.desktop": linux.DESKTOP.encode(), ".DirIcon": "example.png", "example.png": _ICON}
_STRINGS = {"ProductName": "Example", "ProductVersion": "1.0", "CompanyName": "A"}


def _programs() -> list[bytes]:
    signed = pe.program(strings=_STRINGS, icon=_ICON, signer="A")
    return [signed, pe.program(machine=pe.X86, strings=_STRINGS, resources={"DATA": {131: b"x"}})]


def _installers() -> list[bytes]:
    return [database({"Long": "x" * 5000}, icon=pe.icon_file(_ICON)), *_real("msi", 2)]


def _appimages() -> list[bytes]:
    """One made here, and the images of real ones behind a program made here."""
    made = linux.elf(sections={".upd_info": b"zsync|x\0"}) + linux.squashfs(_IMAGE)
    real = [(one["expected"]["facts"].get("offset"), FOLDER / one["file"]) for one in entries("appimage")]
    return [made, *[linux.elf() + path.read_bytes()[offset:] for offset, path in real if offset]]


def _disks() -> list[bytes]:
    taken = [one for one in entries("appimage") if one["expected"]["facts"]["magic_type"] == 1]
    return [(FOLDER / one["file"]).read_bytes()[:200_000] for one in taken] or [linux.elf(mark=b"AI\1")]


def _debs() -> list[bytes]:
    return [linux.deb(_FILES, packing=""), linux.deb(_FILES, packing=".gz")]


def _rpms() -> list[bytes]:
    return [linux.rpm(_RPM_FILES, packing=""), linux.rpm(_RPM_FILES), *_real("rpm", 4)]


def _resources() -> list[bytes]:
    """The resources.pri of real packages; the empty one for where the fixtures are not."""
    found = [data for data in _real("msix", 99) if b"resources.pri" in data and zipfile.is_zipfile(io.BytesIO(data))]
    archives = [zipfile.ZipFile(io.BytesIO(data)) for data in found]
    return [archive.read("resources.pri") for archive in archives if "resources.pri" in archive.namelist()][:2]


def _real(kind: str, count: int) -> list[bytes]:
    """Small fixtures that every reader must take; none where the folder of fixtures is not."""
    taken = [entry for entry in entries(kind) if entry["expected"]["accept"] == "yes"]
    return [(FOLDER / entry["file"]).read_bytes() for entry in taken if entry["size"] < 250_000][:count]


def _read_tar(data: bytes) -> None:
    for entry in (tar := Tar(Stream(Source.of(data), "none", 1 << 24))):
        tar.read(entry.size // 2)


def _read_disk(source: Source) -> None:
    image = iso9660.Image(source)
    for name in image.names()[:20]:
        if name in image:
            image.read(name, 1 << 20)


def _read_pri(data: bytes) -> str:
    return PriIndex(data).text("appName")


def _read_hap_index(data: bytes) -> str:
    return HapIndex(data).text(1)


def _read_manifest(data: bytes) -> None:
    with Archive(io.BytesIO(_zip("AppxManifest.xml", data))) as archive:
        msix.read_package(archive)


def _read_module(data: bytes) -> None:
    with Archive(io.BytesIO(_zip("module.json", data))) as archive:
        hap.read_hap(archive)


def _zip(name: str, data: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(name, data)
    return buffer.getvalue()


def _target(name: str, seeds: Callable[[], list[bytes]], read: Callable[[bytes], object]) -> Target:
    """Reads as the inspector does, which turns what wrong numbers cause into a refusal."""

    def guarded(data: bytes) -> object:
        with refusing("the file"):
            return read(data)

    return Target(name, seeds, guarded)


def _source(read: Callable[[Source], object]) -> Callable[[bytes], object]:
    return lambda data: read(Source.of(data))


TARGETS = (
    _target("pe", _programs, _source(exe.read_program)),
    _target("ico", lambda: [pe.icon_file(_ICON), pe.icon_file(pe.bitmap(2, 2, 32, bytes(16)))], ico.best_of_file),
    _target(
        "authenticode", lambda: [signature(bytes(32), "A")], lambda data: authenticode.describe(data, lambda _: b"")
    ),
    _target("msi", _installers, lambda data: msi.read_msi(CompoundFile(Source.of(data)))),
    _target("property-set", lambda: [summary({1: 1252, 7: "x64;1033"})], property_set.read_summary),
    _target("appx-manifest", lambda: [manifest()], _read_manifest),
    _target("pri", _resources, _read_pri),
    _target("xml", lambda: [manifest()], lambda data: xmlsafe.parse(data, "the file")),
    _target("metainfo", lambda: [b"<component><id>a</id><name>A</name></component>"], metainfo.read_metainfo),
    _target("deb", _debs, _source(deb.read_deb)),
    _target("tar", lambda: [linux.tar(_FILES), linux.tar({"x" * 200: b"y"}, form=2)], _read_tar),
    _target("rpm", _rpms, _source(rpm.read_rpm)),
    _target(
        "openpgp", lambda: [bytes([0x88, 40]) + bytes([4, 0, 1, 8, 0, 6, 5, 2]) + bytes(32)], openpgp.read_signatures
    ),
    _target("appimage", _appimages, _source(appimage.read_appimage)),
    _target("iso9660", _disks, _source(_read_disk)),
    _target("lz4", lambda: [b"\x12a\x01\x00\x10b"], lambda data: lz4.unpack(data, 8192)),
    _target("desktop", lambda: [linux.DESKTOP.encode()], lambda data: desktop.read_desktop("a.desktop", data)),
    _target("tar-gz", lambda: [linux.PACKERS[".gz"](linux.tar(_FILES))], _source(targz.read_tar)),
    _target("hap-index", lambda: [INDEX], _read_hap_index),
    _target("hap", lambda: [b'{"app":{"bundleName":"a.b","label":"$string:x"},"module":{}}'], _read_module),
)
