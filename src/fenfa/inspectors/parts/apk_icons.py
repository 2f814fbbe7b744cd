"""An Android app's launcher icon: the largest raster that android:icon leads to, else its drawable, drawn here."""

from collections.abc import Sequence

from fenfa.errors import BadPackage
from fenfa.inspectors.parts import android_values, arsc, png
from fenfa.inspectors.parts.android_files import AppFiles
from fenfa.inspectors.parts.axml import Attribute

_HEADER_BYTES = 64
_BASE_SIDE, _BASE_DENSITY = 48, 160  # a launcher icon has 48 px at 160 dpi
_MAX_DRAWN = 3


def find_icon(files: AppFiles, icons: Sequence[Attribute], warnings: list[str]) -> bytes | None:
    """A clean PNG, or None where there is no picture. `icons` are the attributes that name it, the best one first. A broken
    picture is passed over with a warning."""
    for icon in icons:
        found = _raster(files, icon, warnings) or _drawn(files, icon, warnings)
        if found:
            return found
    return None


def _raster(files: AppFiles, icon: Attribute, warnings: list[str]) -> bytes | None:
    densities = {one.file: one.config.density for one in android_values.choices(files, icon) if one.file}
    for file in _by_size(files, densities):
        try:
            return png.icon(files.read(file, png.MAX_BYTES))
        except BadPackage as error:
            warnings.append(f"the icon {file[-80:]} was passed over: {error}")
    return None


def _drawn(files: AppFiles, icon: Attribute, warnings: list[str]) -> bytes | None:
    """The icon's drawable as a picture; the one for the newest Android first."""
    names = [
        one.file for one in android_values.choices(files, icon) if one.file in files and not _side(files, one.file, 0)
    ]
    if not names:
        return None
    from fenfa.inspectors.parts import drawable  # here, since most icons need no drawing

    for name in names[:_MAX_DRAWN]:
        try:
            image = drawable.render(files, name)
            if image is not None:
                return png.encode(image)
        except BadPackage as error:
            warnings.append(f"the icon {name[-80:]} was passed over: {error}")
    return None


def _by_size(files: AppFiles, densities: dict[str, int]) -> list[str]:
    """The rasters among these files, largest first; obfuscated names say nothing, so the first bytes decide."""
    sizes = {file: _side(files, file, density) for file, density in densities.items() if file in files}
    return sorted((file for file, side in sizes.items() if side), key=lambda file: sizes[file], reverse=True)


def _side(files: AppFiles, file: str, density: int) -> int:
    """A raster's width in pixels, 0 for anything else. WebP and JPEG are judged by their density; a broken PNG has a width
    too, so that it is read and found out."""
    head = files.head(file, _HEADER_BYTES)
    if head.startswith(b"\x89PNG"):
        try:
            return png.read_header(head).width
        except BadPackage:
            return 1
    if not (head.startswith((b"\xff\xd8\xff", b"GIF8")) or head[8:12] == b"WEBP"):
        return 0
    known = density not in (0, arsc.ANY_DENSITY, arsc.NO_DENSITY)
    return _BASE_SIDE * density // _BASE_DENSITY if known else _BASE_SIDE
