"""An Apple bundle inside an archive: its files by their path below the bundle's folder."""

import unicodedata
from functools import cached_property

from fenfa.inspectors.parts.zipsafe import Archive


class Bundle:
    """`files` are the paths below `folder` (which ends in a slash); `warnings` gathers what could not be read."""

    def __init__(self, archive: Archive, folder: str, warnings: list[str]) -> None:
        self._archive = archive
        self._folder = folder
        self.warnings = warnings
        self.files = {name[len(folder) :] for name in archive.members if name.startswith(folder)}

    @cached_property
    def top(self) -> list[str]:
        """The files directly in the bundle, in order."""
        return sorted(name for name in self.files if name and "/" not in name)

    def read(self, name: str, limit: int) -> bytes:
        return self._archive.read(self._folder + name, limit)

    def head(self, name: str, count: int) -> bytes:
        return self._archive.head(self._folder + name, count)

    def find(self, name: str) -> str:
        """The file of this name directly in the bundle, however its accents are composed; empty when there is none."""
        if name in self.files:
            return name
        wanted = unicodedata.normalize("NFC", name)
        return next((one for one in self.top if unicodedata.normalize("NFC", one) == wanted), "")
