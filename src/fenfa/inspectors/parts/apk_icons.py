"""An APK's launcher icon: the largest raster that android:icon leads to."""

from fenfa.errors import BadPackage
from fenfa.inspectors.parts import arsc, chunks, png
from fenfa.inspectors.parts.axml import Attribute
from fenfa.inspectors.parts.zipsafe import Archive

_HEADER_BYTES = 64
_MAX_CANDIDATES = 50
_BASE_SIDE, _BASE_DENSITY = 48, 160  # a launcher icon has 48 px at 160 dpi


def find_icon(
    archive: Archive, table: arsc.ResourceTable | None, icon: Attribute | None, warnings: list[str]
) -> bytes | None:
    """A clean PNG, or None where there is no raster. A broken picture is passed over with a warning."""
    for file in _by_size(archive, _files(table, icon)):
        try:
            return png.icon(archive.read(file, png.MAX_BYTES))
        except BadPackage as error:
            warnings.append(f"the icon {file} was passed over: {error}")
    return None


def _files(table: arsc.ResourceTable | None, icon: Attribute | None) -> dict[str, int]:
    """Every file that the icon may be, with the density it is for."""
    if icon is None:
        return {}
    if icon.value.kind == chunks.STRING:
        return {icon.text: 0}
    if table is None or not arsc.is_reference(icon.value):
        return {}
    answers = [one for one in table.resolve_all(icon.value.data) if one.text]
    return {one.text: one.config.density for one in answers[:_MAX_CANDIDATES]}


def _by_size(archive: Archive, files: dict[str, int]) -> list[str]:
    """The rasters among these files, largest first; obfuscated names say nothing, so the first bytes decide."""
    sizes: dict[str, int] = {}
    for file, density in files.items():
        if file in archive:
            side = _side(archive, file, density)
            if side:
                sizes[file] = side
    return sorted(sizes, key=lambda file: sizes[file], reverse=True)


def _side(archive: Archive, file: str, density: int) -> int:
    """A raster's width in pixels, 0 for anything else. WebP and JPEG are judged by their density."""
    try:
        head = archive.head(file, _HEADER_BYTES)
        if head.startswith(b"\x89PNG"):
            return png.read_header(head).width
    except BadPackage:
        return 0
    if not (head.startswith((b"\xff\xd8\xff", b"GIF8")) or head[8:12] == b"WEBP"):
        return 0
    known = density not in (0, arsc.ANY_DENSITY, arsc.NO_DENSITY)
    return _BASE_SIDE * density // _BASE_DENSITY if known else _BASE_SIDE
