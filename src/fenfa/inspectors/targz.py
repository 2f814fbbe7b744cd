"""tar.gz: a plain packed folder, of which usually little can be known.

Only what lies inside counts (a desktop file, AppStream metainfo, the processor of the programs), never the file's name.
"""

from pathlib import Path
from typing import Any

from fenfa.errors import BadPackage
from fenfa.inspectors.base import PackageInfo
from fenfa.inspectors.parts import elf, identifier, metainfo, unpack
from fenfa.inspectors.parts.damage import refusing
from fenfa.inspectors.parts.metainfo import MetaInfo
from fenfa.inspectors.parts.payload import Payload
from fenfa.inspectors.parts.source import Source
from fenfa.inspectors.parts.tar import Entry, Tar
from fenfa.vocabulary import Platform

_MAX_UNPACKED = 32 << 20  # a fifth of a second; what tells of the app lies near the front or is not worth more
_EXECUTABLE = 0o111
_HEAD = 20
_MAX_METAINFO = 20
_NOTHING = MetaInfo("", "", "", "")


@refusing("the tar.gz")
def inspect(path: Path) -> PackageInfo:
    """Never refuses: nothing must be in such a file, and Fenfa has always taken any. What it is not is a warning."""
    with path.open("rb") as file:
        try:
            return read_tar(Source(file))
        except BadPackage as error:
            return PackageInfo(format="tar.gz", platform=Platform.LINUX, warnings=[error.message])


def read_tar(source: Source) -> PackageInfo:
    """Nothing must be in a tar.gz, so none is refused: one that cannot be read is taken as the plain file that it is."""
    found = _Found()
    warnings = list[str]()
    if unpack.codec_of(source.upto(0, 6)) != "gzip":
        return PackageInfo("tar.gz", Platform.LINUX, warnings=["this is not a tar.gz: it is not packed with gzip"])
    try:
        for entry in (tar := Tar(unpack.Stream(source, "gzip", _MAX_UNPACKED))):
            found.look(entry, tar)
    except unpack.OutOfReach:
        warnings.append(f"only the first {_MAX_UNPACKED >> 20} MiB were looked through")
    except BadPackage as error:
        warnings.append(f"the archive cannot be read to its end: {error.message}")
    return _describe(found, warnings)


def _describe(found: "_Found", warnings: list[str]) -> PackageInfo:
    about = found.metainfo[0] if len(found.metainfo) == 1 else _NOTHING
    entry = found.payload.entry(about.identifier)
    name = about.identifier or (entry.stem if entry else "")
    facts: dict[str, Any] = {"summary": about.summary[:1000], "files": found.count}
    return PackageInfo(
        format="tar.gz",
        platform=Platform.LINUX,
        identifier=_identifier(name, warnings),
        name=about.name or (entry.name if entry else ""),
        version=about.version,
        arch=sorted(found.machines),
        icon_png=found.payload.icon(about.identifier, warnings) if entry else None,
        facts=facts | found.payload.facts(about.identifier),
        warnings=warnings,
    )


def _identifier(name: str, warnings: list[str]) -> str:
    try:
        return identifier.checked(name, "app identifier") if name else ""
    except BadPackage as error:
        warnings.append(error.message)
        return ""


class _Found:
    """What the entries of the archive told so far."""

    def __init__(self) -> None:
        self.payload = Payload(loose=True)
        self.metainfo: list[MetaInfo] = []
        self.machines: set[str] = set()
        self.count = 0

    def look(self, entry: Entry, tar: Tar) -> None:
        if entry.kind != "file":
            return
        self.count += 1
        self.payload.note(entry.name)
        if entry.name.endswith(metainfo.ENDINGS) and entry.size <= metainfo.MAX_BYTES:
            self._read_metainfo(tar.read(entry.size))
        elif self.payload.wants(entry.name, entry.size):
            self.payload.add(entry.name, tar.read(entry.size))
        elif entry.mode & _EXECUTABLE and (machine := elf.machine(tar.read(_HEAD))):
            self.machines.add(machine)

    def _read_metainfo(self, data: bytes) -> None:
        """A broken one says nothing."""
        try:
            if len(self.metainfo) < _MAX_METAINFO:
                self.metainfo.append(metainfo.read_metainfo(data))
        except BadPackage:
            return
