"""Desktop entries, which give a Linux program its name and icon. Source: freedesktop.org's "Desktop Entry Specification"."""

from typing import NamedTuple

from fenfa.errors import BadPackage

MAX_BYTES = 1 << 20
_GROUP = "[Desktop Entry]"
_MAX_VALUE = 1000
_TOLD = ("Icon", "Exec", "Categories", "StartupWMClass", "Comment", "MimeType")


class Desktop(NamedTuple):
    """The keys of a desktop file's main group, and where it lies."""

    path: str
    keys: dict[str, str]

    @property
    def stem(self) -> str:
        return self.path.rpartition("/")[2].removesuffix(".desktop")

    @property
    def name(self) -> str:
        return self.keys.get("Name") or self.keys.get("Name[en]") or self.keys.get("Name[en_US]", "")

    @property
    def icon(self) -> str:
        return self.keys.get("Icon", "")

    @property
    def is_shown(self) -> bool:
        return self.keys.get("Type", "Application") == "Application" and self.keys.get("NoDisplay") != "true"

    def told(self) -> dict[str, str]:
        """The keys that are worth telling: some, and those that AppImage adds."""
        return {key: value for key, value in self.keys.items() if key in _TOLD or key.startswith("X-AppImage-")}

    def localized_names(self) -> dict[str, str]:
        found = {key[5:-1]: value for key, value in self.keys.items() if key.startswith("Name[") and key.endswith("]")}
        return dict(sorted(found.items())[:200])


def read_desktop(path: str, data: bytes) -> Desktop:
    """Raises BadPackage when there is no group of the right name."""
    keys: dict[str, str] = {}
    group = ""
    for line in data.decode("utf-8", "replace").splitlines():
        line = line.strip()
        if line.startswith("["):
            group = line
        elif group == _GROUP and "=" in line and not line.startswith("#"):
            key, _, value = line.partition("=")
            keys.setdefault(key.strip()[:100], _unescaped(value.strip())[:_MAX_VALUE])
    if not keys:
        raise BadPackage("the desktop file has no group [Desktop Entry]")
    return Desktop(path, keys)


def choose(found: list[Desktop], wanted: str) -> Desktop | None:
    """The entry for people: shown in menus, and named like the package if there is one."""
    shown = [one for one in found if one.is_shown] or found
    return min(shown, key=lambda one: (one.stem.lower() != wanted.lower(), one.path), default=None)


def _unescaped(value: str) -> str:
    if "\\" not in value:
        return value
    return value.replace("\\s", " ").replace("\\n", " ").replace("\\t", " ").replace("\\r", " ").replace("\\\\", "\\")
