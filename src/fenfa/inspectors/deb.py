"""DEB: an ar archive with a control file and the files to install, each in a packed tar.

Source: deb(5), deb-control(5). Of the files only desktop entries and icons are looked at, and only as far as `unpack.REACH` says.
"""

import re
from pathlib import Path

from fenfa.errors import BadPackage
from fenfa.inspectors.base import PackageInfo
from fenfa.inspectors.parts import ar, identifier, unpack
from fenfa.inspectors.parts.damage import refusing
from fenfa.inspectors.parts.payload import Payload, is_wanted
from fenfa.inspectors.parts.source import Source
from fenfa.inspectors.parts.tar import Tar
from fenfa.inspectors.parts.unpack import Stream
from fenfa.vocabulary import Platform

_MAX_CONTROL = 32 << 20  # of control.tar, unpacked
_MAX_FIELDS = 4 << 20  # of the control file itself
_CODECS = {"gz": "gzip", "xz": "xz", "zst": "zstd", "bz2": "bzip2", "lzma": "lzma", "": "none"}
_MEMBER = re.compile(r"(control|data)\.tar(?:\.(\w{1,5}))?")
_TOLD = (
    "Package",
    "Version",
    "Architecture",
    "Maintainer",
    "Installed-Size",
    "Section",
    "Priority",
    "Homepage",
    "Description",
    "Depends",
    "Pre-Depends",
    "Recommends",
    "Conflicts",
    "Provides",
    "Source",
    "License",
    "Vendor",
    "Multi-Arch",
)
_MAX_VALUE = 1000


@refusing("the DEB")
def inspect(path: Path) -> PackageInfo:
    with path.open("rb") as file:
        return read_deb(Source(file))


def read_deb(source: Source) -> PackageInfo:
    members = ar.read_members(source)
    fields, files = _control(source, members)
    package = identifier.checked(fields.get("Package", ""), "package name")
    if not fields.get("Version") or not fields.get("Architecture"):
        raise BadPackage("the control file names no version or no architecture")
    payload, warnings = _payload(source, members, files)
    told = {key: _one_line(key, fields[key]) for key in _TOLD if fields.get(key)}
    return PackageInfo(
        format="deb",
        platform=Platform.LINUX,
        identifier=package,
        name=package,
        version=fields["Version"],
        arch=fields["Architecture"].split(),
        icon_png=payload.icon(package, warnings),
        facts={
            "fields": told,
            "summary": told.get("Description", ""),
            "ar_members": [member.name for member in members],
            **payload.facts(package),
        },
        warnings=warnings,
    )


def _one_line(key: str, value: str) -> str:
    """A description's first line; lists of packages may go over many."""
    return (value.partition("\n")[0] if key == "Description" else value.replace("\n", " "))[:_MAX_VALUE]


def _control(source: Source, members: list[ar.Member]) -> tuple[dict[str, str], list[str] | None]:
    """The control file's fields, and the list of files from md5sums if there is one."""
    if not members or members[0].name != "debian-binary":
        raise BadPackage("this is not a DEB: its first member is not debian-binary")
    tar = _open(source, members, "control")
    fields: dict[str, str] | None = None
    files: list[str] | None = None
    for entry in tar:
        name = entry.name.removeprefix("./")
        if name in ("control", "md5sums") and entry.kind != "file":
            raise BadPackage(f"the {name} file is not a file but a link")
        if name == "control":
            if entry.size > _MAX_FIELDS:
                raise BadPackage(f"the control file is larger than {_MAX_FIELDS:,} bytes")
            fields = read_fields(tar.read(_MAX_FIELDS))
        elif name == "md5sums":
            files = _listed(tar.read(_MAX_CONTROL))
    if fields is None:
        raise BadPackage("the DEB has no control file")
    return fields, files


def read_fields(data: bytes) -> dict[str, str]:
    """The fields of the first paragraph; lines that go on stay in the value."""
    fields: dict[str, str] = {}
    key = ""
    for line in data.decode("utf-8", "replace").splitlines():
        if not line.strip():
            if fields:
                break
        elif line[0] in " \t":
            if key:
                fields[key] += "\n" + line.strip()
        elif ":" in line:
            key, _, value = line.partition(":")
            key = key.strip().title() if key.strip().title() in _TOLD else key.strip()
            fields[key] = value.strip()
    return fields


def _listed(md5sums: bytes) -> list[str]:
    lines = md5sums.decode("utf-8", "replace").splitlines()
    return ["./" + line[34:].removeprefix("./") for line in lines if len(line) > 34]


def _payload(source: Source, members: list[ar.Member], files: list[str] | None) -> tuple[Payload, list[str]]:
    """Desktop files and icons. The list of files tells beforehand whether, and how far, there is anything to look for."""
    payload, warnings = Payload(), list[str]()
    wanted = None if files is None else {name for name in files if is_wanted(name)}
    for name in sorted(wanted or ()):
        payload.note(name)
    if wanted is not None and not wanted:
        return payload, warnings
    try:
        for entry in (tar := _open(source, members, "data")):
            payload.note(entry.name)
            if entry.kind == "file" and payload.wants(entry.name, entry.size):
                payload.add(entry.name, tar.read(entry.size))
            if wanted is not None:
                wanted.discard(entry.name)
                if not wanted:
                    break
    except unpack.OutOfReach:
        warnings.append("desktop file and icon were looked for in the first part of the package only")
    except BadPackage as error:
        warnings.append(f"the files of the package cannot be read: {error.message}")
    return payload, warnings


def _open(source: Source, members: list[ar.Member], kind: str) -> Tar:
    for member in members:
        match = _MEMBER.fullmatch(member.name)
        if match and match[1] == kind:
            codec = _CODECS.get(match[2] or "", match[2] or "")
            if member.offset + member.size > source.size and kind == "control":
                raise BadPackage("the DEB is cut short")
            limit = _MAX_CONTROL if kind == "control" else unpack.REACH.get(codec, 0)
            return Tar(Stream(source.part(member.offset, member.size), codec, limit))
    raise BadPackage(f"the DEB has no {kind}.tar")
