"""DMG: a disk image, read as far as the app on it tells what it is; or the installer, where there is no app."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from fenfa.errors import BadPackage
from fenfa.inspectors.base import PackageInfo
from fenfa.inspectors.parts import codesign, mac_app, mac_installer, udif
from fenfa.inspectors.parts.apfs import Container
from fenfa.inspectors.parts.damage import refusing
from fenfa.inspectors.parts.hfs import Hfs
from fenfa.inspectors.parts.source import Source
from fenfa.inspectors.parts.volume import Readable, Volume, VolumeFiles, partitions
from fenfa.vocabulary import Platform


@refusing("the disk image")
def inspect(path: Path) -> PackageInfo:
    with path.open("rb") as file:
        image = udif.open_image(Source(file))
        if image.disk is None:
            locked = ["the disk image is encrypted: nothing can be read without its password"]
            return PackageInfo("dmg", Platform.MACOS, facts={"encrypted": True}, warnings=locked)
        signing, _ = codesign.read_signature(image.signature)
        info = _with_image_signing(_read_disk(image.disk), signing)
        return replace(info, facts=info.facts | {"encrypted": False})


def _read_disk(disk: Readable) -> PackageInfo:
    """The first app on any volume, else the first installer."""
    volumes = list(_volumes(disk))
    if not volumes and isinstance(disk, Source):
        raise BadPackage("the file is not a disk image that we know")
    found = [(files, mac_app.find_apps(list(files.names))) for files in map(VolumeFiles, volumes)]
    for files, apps in found:
        if apps:
            warnings = [] if len(apps) == 1 else [f"the disk image holds {len(apps)} apps; this is the first by name"]
            return mac_app.read_app(files, apps[0], "dmg", warnings)
    for files, _ in found:
        package = next((name for name in sorted(files.names) if name.lower().endswith(".pkg")), "")
        if package:
            inner = mac_installer.read(files.open(package))
            return replace(inner, format="dmg", facts=inner.facts | {"installer": package})
    reason = "the disk image holds no app" if volumes else "the disk image's file system is not one that we read"
    return PackageInfo("dmg", Platform.MACOS, warnings=[reason])


def _volumes(disk: Readable) -> Iterator[Volume]:
    """The volumes that we can read, in the disk's order."""
    for start in dict.fromkeys(partitions(disk)):
        if disk.upto(start + 1024, 2) in (b"H+", b"HX"):
            yield Hfs(disk, start)
        elif disk.upto(start + 32, 4) == b"NXSB":
            yield from Container(disk, start).volumes()


def _with_image_signing(info: PackageInfo, signing: dict[str, Any]) -> PackageInfo:
    """Images are signed and notarised as a whole, too."""
    if not signing:
        return info
    ticket = {"has_ticket": True} if signing["has_ticket"] else {}
    return replace(
        info, signing=(info.signing or signing) | ticket, facts=info.facts | {"image_signer": signing["signer"]}
    )
