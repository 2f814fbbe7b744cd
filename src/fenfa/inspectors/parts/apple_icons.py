"""The icon of an Apple bundle: the largest PNG that Info.plist names, else one from Assets.car; on the Mac the .icns."""

from collections.abc import Iterator
from typing import Any

from fenfa.errors import BadPackage
from fenfa.inspectors.parts import plists, png
from fenfa.inspectors.parts.bundle import Bundle

_MAX_CANDIDATES = 100
_HEADER_BYTES = 64  # CgBI and IHDR lie in these
_DEFAULT_NAMES = ("Icon", "AppIcon")  # iOS falls back to Icon.png; a bundle without declared icons mostly means these


def find_icon(bundle: Bundle, values: dict[str, Any]) -> bytes | None:
    """A clean PNG of an iOS app's icon, or None. A picture that is broken or too large is passed over with a warning."""
    for file in _by_size(bundle, list(_candidates(bundle, values))[:_MAX_CANDIDATES]):
        try:
            return png.icon(bundle.read(file, png.MAX_BYTES))
        except BadPackage as error:
            bundle.warnings.append(f"the icon {file} was passed over: {error}")
    return _from_catalogue(bundle, "Assets.car", values)


def find_mac_icon(bundle: Bundle, values: dict[str, Any]) -> bytes | None:
    """A clean PNG of a Mac app's icon, or None. The bundle is that of its Contents folder."""
    from fenfa.inspectors.parts import icns

    name = plists.text(values, "CFBundleIconFile")
    for file in (f"Resources/{name}", f"Resources/{name}.icns", "Resources/AppIcon.icns"):
        found = bundle.find(file) if name or file.endswith("AppIcon.icns") else ""
        if not found:
            continue
        try:
            data = bundle.read(found, icns.MAX_BYTES)
            return icns.icon(data) if data[:4] == b"icns" else png.icon(data)
        except BadPackage as error:
            bundle.warnings.append(f"the icon {found} was passed over: {error}")
    return _from_catalogue(bundle, "Resources/Assets.car", values)


def _from_catalogue(bundle: Bundle, file: str, values: dict[str, Any]) -> bytes | None:
    if file not in bundle.files:
        return None
    from fenfa.inspectors.parts import car  # here, since most apps bring their icons as files

    try:
        return car.find_icon(bundle.read(file, car.MAX_BYTES), declared_names(values), bundle.warnings)
    except BadPackage as error:
        bundle.warnings.append(f"{file} cannot be read: {error}")
        return None


def declared_names(values: dict[str, Any]) -> list[str]:
    """Icon names from every key that has held them since iOS 2, in the order in which they are declared."""
    sets = [plists.table(values, key) for key in ("CFBundleIcons", "CFBundleIcons~ipad")]
    primaries = [plists.table(one, "CFBundlePrimaryIcon") for one in sets]
    lists = [plists.sequence(one, "CFBundleIconFiles") for one in (*primaries, values)]
    singles = [one.get("CFBundlePrimaryIcon") for one in sets]  # on tvOS a name
    singles += [one.get("CFBundleIconName") for one in (*primaries, values)] + [values.get("CFBundleIconFile")]
    found = [name for names in (*lists, singles) for name in names if isinstance(name, str) and name]
    return list(dict.fromkeys(found))


def _candidates(bundle: Bundle, values: dict[str, Any]) -> Iterator[str]:
    """PNGs directly in the bundle whose names begin with an icon's: `AppIcon60x60` stands for `AppIcon60x60@2x.png`."""
    stems = tuple(name.removesuffix(".png") for name in declared_names(values)) or _DEFAULT_NAMES
    for file in bundle.top:
        if file.lower().endswith(".png") and file.startswith(stems):
            yield file


def _by_size(bundle: Bundle, files: list[str]) -> list[str]:
    return sorted(files, key=lambda file: _width(bundle, file), reverse=True)


def _width(bundle: Bundle, file: str) -> int:
    try:
        return png.read_header(bundle.head(file, _HEADER_BYTES)).width
    except BadPackage:
        return 0
