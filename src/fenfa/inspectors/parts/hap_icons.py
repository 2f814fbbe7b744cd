"""Icons of HarmonyOS packages: a picture, or a layered one, which is a background with a foreground on it."""

import json
import posixpath

from fenfa.errors import BadPackage
from fenfa.inspectors.parts import png
from fenfa.inspectors.parts.zipsafe import Archive

_MAX_JSON = 1 << 16
_PICTURES = (".png", ".webp", ".jpg", ".jpeg")
_FOLDER = "resources/"


def find_icon(archive: Archive, path: str, warnings: list[str]) -> bytes | None:
    """The picture at this path, which may begin with the module's name and lack its ending."""
    name = _member(archive, path)
    if name is None:
        return None
    try:
        return _layers(archive, name) if name.endswith(".json") else png.icon(archive.read(name, png.MAX_BYTES))
    except BadPackage as error:
        warnings.append(f"the icon cannot be read: {error.message}")
        return None


def _member(archive: Archive, path: str) -> str | None:
    start = path.find(_FOLDER)
    if start < 0:
        return None
    wanted = path[start:]
    return next((name for name in (wanted, *(wanted + end for end in (*_PICTURES, ".json"))) if name in archive), None)


def _layers(archive: Archive, name: str) -> bytes:
    """Both layers, drawn over each other."""
    try:
        layers = json.loads(archive.read(name, _MAX_JSON))["layered-image"]
        below, above = (str(layers[key]).partition(":")[2] for key in ("background", "foreground"))
    except (ValueError, KeyError, TypeError, RecursionError):
        raise BadPackage("its layers are not described as they should be") from None
    folder = posixpath.dirname(name)
    names = [_member(archive, f"{folder}/{layer}") for layer in (below, above)]
    pictures = [archive.read(one, png.MAX_BYTES) for one in names if one and one.endswith(_PICTURES)]
    if len(pictures) != 2:
        raise BadPackage("one of its layers is missing")
    return _compose(*pictures)


def _compose(below: bytes, above: bytes) -> bytes:
    import io

    from PIL import Image

    ground, figure = (Image.open(io.BytesIO(png.icon(one))).convert("RGBA") for one in (below, above))
    return png.encode(Image.alpha_composite(ground, figure.resize(ground.size)))
