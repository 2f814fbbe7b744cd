"""What a Linux package installs, as far as a name and an icon need it: desktop files, and icons for one of them.

Packages hold their files in one packed stream, so whatever may be the icon is kept until the desktop file says which one is.
"""

import re
from typing import Any

from fenfa.errors import BadPackage
from fenfa.inspectors.parts import desktop, png
from fenfa.inspectors.parts.desktop import Desktop

MAX_FILE = 4 << 20
_MAX_KEPT = 24 << 20
_MAX_LISTED = 50
_DESKTOP = re.compile(r"(?:\./)?/?(?:usr/(?:local/)?|opt/.{1,200}/|app/)?share/applications/[^/]{1,200}\.desktop")
_ICON = re.compile(
    r"(?:\./)?/?(?:usr/(?:local/)?|opt/.{1,200}/|app/)?share/(?:icons/.{1,200}/|pixmaps/)[^/]{1,200}\.(?:png|svg|svgz|xpm)"
)
_SIDE = re.compile(r"/(\d{1,4})x\1(@2x?)?/")


def is_wanted(path: str) -> bool:
    return is_desktop(path) or is_icon(path)


def is_desktop(path: str) -> bool:
    return bool(_DESKTOP.fullmatch(path))


def is_icon(path: str) -> bool:
    return bool(_ICON.fullmatch(path))


class Payload:
    """Gathers `add`ed files; `wants` says which of them it would look at.

    In a `loose` one, such as a tar.gz that is unpacked anywhere, files count wherever they lie.
    """

    def __init__(self, *, loose: bool = False) -> None:
        self._loose = loose
        self.desktop_files: list[str] = []
        self.icon_files: list[str] = []
        self._desktops: list[Desktop] = []
        self._icons: dict[str, bytes] = {}
        self._kept = 0

    def wants(self, path: str, size: int) -> bool:
        if not self._is_desktop(path):
            return path.endswith(".png") and self._is_icon(path) and 0 < size <= MAX_FILE and self._fits(size)
        return 0 < size <= desktop.MAX_BYTES and len(self._desktops) < _MAX_LISTED

    def note(self, path: str) -> None:
        """Lists a file, whether its bytes are wanted or not."""
        listed = self.desktop_files if self._is_desktop(path) else self.icon_files if self._is_icon(path) else None
        if listed is not None and len(listed) < _MAX_LISTED and path not in listed:
            listed.append(path)

    def add(self, path: str, data: bytes) -> None:
        if path.endswith(".png"):
            self._kept += len(data)
            self._icons[path] = data
            return
        try:
            self._desktops.append(desktop.read_desktop(path, data))
        except BadPackage:
            return

    def _is_desktop(self, path: str) -> bool:
        return path.endswith(".desktop") if self._loose else is_desktop(path)

    def _is_icon(self, path: str) -> bool:
        return path.endswith((".png", ".svg", ".xpm")) if self._loose else is_icon(path)

    def _fits(self, size: int) -> bool:
        return self._kept + size <= _MAX_KEPT

    def entry(self, package: str) -> Desktop | None:
        return desktop.choose(self._desktops, package)

    def icon(self, package: str, warnings: list[str]) -> bytes | None:
        """The largest icon that the desktop file names; without a desktop file the one named like the package."""
        entry = self.entry(package)
        wanted = entry.icon if entry else package
        stem = wanted.rpartition("/")[2].removesuffix(".png")
        named = [path for path in self._icons if path.rpartition("/")[2] == f"{stem}.png"]
        for path in sorted(named, key=_side, reverse=True):
            try:
                return png.icon(self._icons[path])
            except BadPackage as error:
                warnings.append(f"an icon cannot be read: {error.message}")
        if entry and any(path.rpartition("/")[2].startswith(stem + ".") for path in self.icon_files):
            warnings.append("the icon is an SVG or XPM alone, which is not drawn")
        return None

    def facts(self, package: str) -> dict[str, Any]:
        entry = self.entry(package)
        named = {"desktop_name": entry.name, "desktop_keys": entry.told()} if entry else {}
        return {"desktop_files": sorted(self.desktop_files), "icon_files": sorted(self.icon_files), **named}


def _side(path: str) -> int:
    """How large the icon is by its folder; pixmaps are mostly small."""
    match = _SIDE.search(path)
    return int(match[1]) * (2 if match[2] else 1) if match else 32
