"""The icon of an Apple bundle: the largest PNG that Info.plist names."""

from collections.abc import Iterator
from typing import Any

from fenfa.errors import BadPackage
from fenfa.inspectors.parts import plists, png
from fenfa.inspectors.parts.bundle import Bundle

_MAX_CANDIDATES = 100
_HEADER_BYTES = 64  # CgBI and IHDR lie in these
_DEFAULT_NAMES = ("Icon", "AppIcon")  # iOS falls back to Icon.png; a bundle without declared icons mostly means these


def find_icon(bundle: Bundle, values: dict[str, Any]) -> bytes | None:
    """A clean PNG, or None. A picture that is broken or too large is passed over with a warning."""
    for file in _by_size(bundle, list(_candidates(bundle, values))[:_MAX_CANDIDATES]):
        try:
            return png.icon(bundle.read(file, png.MAX_BYTES))
        except BadPackage as error:
            bundle.warnings.append(f"the icon {file} was passed over: {error}")
    return None


def declared_names(values: dict[str, Any]) -> list[str]:
    """Icon names from every key that has held them since iOS 2, in the order in which they are declared."""
    primaries = [
        plists.table(plists.table(values, key), "CFBundlePrimaryIcon")
        for key in ("CFBundleIcons", "CFBundleIcons~ipad")
    ]
    lists = [plists.sequence(one, "CFBundleIconFiles") for one in (*primaries, values)]
    singles = [one.get("CFBundleIconName") for one in primaries] + [values.get("CFBundleIconFile")]
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
