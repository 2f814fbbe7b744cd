"""EXE: a Windows program or installer, and programs in a plain zip.

Read are the version resource, the first icon group, the processor and the Authenticode signature. What an installer would
install stays packed: only the tool that made the installer is named.
"""

from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

from fenfa.errors import BadPackage
from fenfa.inspectors.base import PackageInfo
from fenfa.inspectors.parts import ico, pe, pe_signing
from fenfa.inspectors.parts.damage import refusing
from fenfa.inspectors.parts.installer import installer_kind
from fenfa.inspectors.parts.pe_resources import ICON, ICON_GROUP, VERSION, Resource, Resources
from fenfa.inspectors.parts.pe_version import Version, read_version
from fenfa.inspectors.parts.source import Source
from fenfa.inspectors.parts.zipsafe import Archive
from fenfa.vocabulary import Platform

_MAX_VERSION = 1 << 20
_MAX_PICTURE = 8 << 20
_MAX_ZIPPED = 64 << 20  # of a zipped program that much is unpacked: the resources stand before what an installer holds
_MAX_TRIED = 8
_LANGUAGES = (0, 0x0409)  # of the version resource: neutral, then English
_ANY_CPU, _ONLY_32_BIT = 0x1, 0x2
_NO_VERSION = Version({}, "", "")
_HELPERS = ("unins", "setup", "install", "update", "crash", "helper", "vcredist", "vc_redist")


@refusing("the Windows program")
def inspect(path: Path) -> PackageInfo:
    with path.open("rb") as file:
        return read_program(Source(file))


def read_zip(archive: Archive) -> PackageInfo:
    """What the main program of a plain zip says: of those nearest to the top, the largest that is no helper.

    A zip without a program is no package: it is taken as the plain file that it is.
    """
    programs = [name for name in archive.members if name.lower().endswith(".exe")]
    for name in sorted(programs, key=lambda one: _rank(archive, one))[:_MAX_TRIED]:
        try:
            info = read_program(Source.of(archive.head(name, _MAX_ZIPPED)), is_whole=False)
        except BadPackage:
            continue
        return replace(info, facts=info.facts | {"program": name})
    return PackageInfo("zip", None)


def read_program(source: Source, *, is_whole: bool = True) -> PackageInfo:
    """`is_whole`: all bytes are there, so that the signature's digest can be compared."""
    program, warnings = pe.Program(source), list[str]()
    resources = _resources(program, warnings)
    version = _version(resources, warnings)
    texts = version.strings
    signing = pe_signing.read_signing(program, warnings) if is_whole else None
    if program.is_library:
        warnings.append("this is a library (DLL), not a program")
    return PackageInfo(
        format="exe",
        platform=Platform.WINDOWS,
        name=texts.get("ProductName") or texts.get("FileDescription") or "",
        version=texts.get("ProductVersion") or texts.get("FileVersion") or version.product_version,
        build=texts.get("FileVersion") or version.file_version,
        arch=[program.machine[1]] if program.machine[1] else [],
        icon_png=_icon(resources, warnings),
        signing=signing,
        facts=_facts(program, resources, version, signing is not None),
        warnings=warnings,
    )


def _rank(archive: Archive, name: str) -> tuple[int, bool, int]:
    stem = PurePosixPath(name).stem.lower()
    return name.count("/"), stem.startswith(_HELPERS), -archive.members[name].size


def _resources(program: pe.Program, warnings: list[str]) -> Resources:
    """The resources; broken ones cost what they would have told, not the upload."""
    try:
        return Resources(program)
    except BadPackage as error:
        warnings.append(f"the program's resources cannot be read: {error.message}")
        return Resources(program, readable=False)


def _version(resources: Resources, warnings: list[str]) -> Version:
    try:
        found = sorted(resources.find(VERSION), key=_language)
        return read_version(resources.read(found[0], _MAX_VERSION)) if found else _NO_VERSION
    except BadPackage as error:
        warnings.append(f"the version resource cannot be read: {error.message}")
        return _NO_VERSION


def _language(resource: Resource) -> int:
    return _LANGUAGES.index(resource.language) if resource.language in _LANGUAGES else len(_LANGUAGES)


def _icon(resources: Resources, warnings: list[str]) -> bytes | None:
    """The icon that Windows shows: the first group's best picture."""
    try:
        groups = resources.find(ICON_GROUP)
        if not groups:
            return None
        icons = {one.name: one for one in reversed(resources.find(ICON))}
        pictures = ico.read_group(resources.read(groups[0], _MAX_VERSION))
        held = [picture for picture in pictures if picture.where in icons]
        return ico.best_of(held, lambda picture: resources.read(icons[picture.where], _MAX_PICTURE))
    except BadPackage as error:
        warnings.append(f"the icon cannot be read: {error.message}")
        return None


def _facts(program: pe.Program, resources: Resources, version: Version, is_signed: bool) -> dict[str, Any]:
    try:
        kind = installer_kind(program, resources)
    except BadPackage:
        kind = ""
    return {
        "company": version.strings.get("CompanyName", ""),
        "description": version.strings.get("FileDescription", ""),
        "copyright": version.strings.get("LegalCopyright", ""),
        "original_filename": version.strings.get("OriginalFilename", ""),
        "fixed_file_version": version.file_version,
        "machine": [program.machine[0]],
        "subsystem": program.subsystem,
        "subsystem_version": program.subsystem_version,
        "signed": is_signed,
        "installer": kind,
        **_runtime(program),
    }


def _runtime(program: pe.Program) -> dict[str, Any]:
    """Whether .NET runs the program, and then whether it runs on any processor."""
    address, size = program.directory(pe.CLR)
    if not address or not size:
        return {"dotnet": False}
    try:
        flags = int.from_bytes(program.source.at(program.offset(address) + 16, 4), "little")
    except BadPackage:
        return {"dotnet": True}
    return {"dotnet": True, "any_cpu": flags & (_ANY_CPU | _ONLY_32_BIT) == _ANY_CPU}
