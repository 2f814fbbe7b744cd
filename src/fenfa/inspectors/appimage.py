"""AppImage: a program with a file system behind it (type 2, squashfs) or around it (type 1, ISO 9660).

Source: the "AppImage specification". Read are the desktop file and the icon at the root, the processor, and the sections for
updates and signatures.
"""

from pathlib import Path
from typing import Any

from fenfa.errors import BadPackage
from fenfa.inspectors.base import PackageInfo
from fenfa.inspectors.parts import desktop, elf, identifier, iso9660, png, squashfs, unpack
from fenfa.inspectors.parts.damage import refusing
from fenfa.inspectors.parts.desktop import Desktop
from fenfa.inspectors.parts.source import Source
from fenfa.vocabulary import Platform

_MAX_ICON = 8 << 20
_MAX_NOTE = 4096
_MAX_DESKTOPS = 20
_LOOK_BEHIND = 1 << 20  # how far behind the program a file system may begin that is not where it should be
_FOLDERS = "usr/share/icons/hicolor/{0}x{0}/apps"
_SIZES = (1024, 512, 256, 192, 128, 96, 64, 48, 32)
Image = squashfs.Image | iso9660.Image


@refusing("the AppImage")
def inspect(path: Path) -> PackageInfo:
    with path.open("rb") as file:
        return read_appimage(Source(file))


def read_appimage(source: Source) -> PackageInfo:
    program = elf.Program(source)
    kind = program.ident[10] if program.ident[8:10] == b"AI" else 0
    image, offset = (iso9660.Image(source), 0) if kind == 1 else _squashfs(source, program)
    warnings = list[str]()
    entry, icon = _entry(image, warnings), None
    if entry:
        icon = _icon(image, entry, warnings)
    update = _note(source, program, ".upd_info") or _text(getattr(image, "application_use", b""))
    signature = _note(source, program, ".sha256_sig")
    keys = entry.keys if entry else {}
    return PackageInfo(
        format="appimage",
        platform=Platform.LINUX,
        identifier=identifier.checked(entry.stem.replace(" ", "-"), "desktop file name") if entry else "",
        name=entry.name if entry else "",
        version=keys.get("X-AppImage-Version", ""),
        arch=[program.machine] if program.machine else [],
        icon_png=icon,
        signing={"schemes": ["openpgp"]} if signature else None,
        facts={
            "payload": "iso9660 (type 1)" if kind == 1 else "squashfs (type 2)",
            "magic_type": kind,
            "offset": offset,
            "compression": "gzip" if image.codec == "zlib" else image.codec,
            "upd_info": ".upd_info" in program.sections,
            "update_information": update,
            "signed": bool(signature),
            "localized_names": entry.localized_names() if entry else {},
            "desktop_keys": entry.told() if entry else {},
        },
        warnings=warnings,
    )


def _squashfs(source: Source, program: elf.Program) -> tuple[squashfs.Image, int]:
    """The image behind the program; tools that pad the program move it a little."""
    offset = program.end
    if source.upto(offset, 4) != squashfs.MAGIC:
        found = source.upto(offset, _LOOK_BEHIND).find(squashfs.MAGIC)
        if found < 0:
            raise BadPackage("this is not an AppImage: no squashfs image follows the program")
        offset += found
    return squashfs.Image(source.part(offset)), offset


def _entry(image: Image, warnings: list[str]) -> Desktop | None:
    """The desktop file at the root. None when its file system is packed in a way that cannot be undone here."""
    try:
        names = [name for name in image.names() if name.endswith(".desktop")][:_MAX_DESKTOPS]
        found = [desktop.read_desktop(name, image.read(name, desktop.MAX_BYTES)) for name in names if name in image]
    except unpack.NotSupported as error:
        warnings.append(f"the AppImage cannot be looked into: {error.message}")
        return None
    entry = desktop.choose(found, "")
    if entry is None:
        raise BadPackage("the AppImage has no desktop file at its root, which gives it its name")
    return entry


def _icon(image: Image, entry: Desktop, warnings: list[str]) -> bytes | None:
    """The best PNG: from the icon theme, else at the root."""
    stem = entry.icon.rpartition("/")[2].removesuffix(".png").removesuffix(".svg")
    folders = [_FOLDERS.format(size) for size in _SIZES]
    paths = [f"{folder}/{stem}.png" for folder in folders if stem]
    for path in [*paths, f"{stem}.png", ".DirIcon", entry.icon]:
        try:
            if path and path in image:
                data = image.read(path, _MAX_ICON)
                if data.startswith(b"\x89PNG"):
                    return png.icon(data)
        except BadPackage as error:
            warnings.append(f"an icon cannot be read: {error.message}")
    if f"{stem}.svg" in image or ".DirIcon" in image:
        warnings.append("the icon is an SVG alone, which is not drawn")
    return None


def _note(source: Source, program: elf.Program, name: str) -> str:
    """The text in a section that tools fill in later; empty when it is all zeros."""
    section = program.sections.get(name)
    return _text(source.upto(section.offset, min(section.size, _MAX_NOTE))) if section else ""


def _text(data: Any) -> str:
    return bytes(data).partition(b"\0")[0].decode("utf-8", "replace").strip()[:1000]
