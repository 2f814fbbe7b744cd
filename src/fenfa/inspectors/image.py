"""Pictures that people send as icons: PNG, JPEG or WebP. Not a package format: `icons.clean_icon` is its one caller."""

from pathlib import Path

from fenfa.errors import BadPackage
from fenfa.inspectors.base import PackageInfo
from fenfa.inspectors.parts import png

_SIGNATURES = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"RIFF")


def inspect(path: Path) -> PackageInfo:
    with path.open("rb") as file:
        data = file.read(png.MAX_BYTES)
    if not data.startswith(_SIGNATURES):
        raise BadPackage("the icon must be a PNG, JPEG or WebP image")
    return PackageInfo("image", None, icon_png=png.icon(data))
