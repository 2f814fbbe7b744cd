"""An Apple bundle inside an archive or on a disk image: its files by their path below the bundle's folder."""

import unicodedata
from collections.abc import Iterable
from functools import cached_property
from typing import Protocol

from fenfa.inspectors.parts.zipsafe import Archive


class Files(Protocol):
    """Where bundles lie: `names` are whole paths. `is_seekable`: a late byte costs no more than an early one."""

    is_seekable: bool

    @property
    def names(self) -> Iterable[str]: ...

    def read(self, name: str, limit: int) -> bytes: ...

    def head(self, name: str, count: int) -> bytes: ...

    def ranges(self, name: str, wanted: list[tuple[int, int]]) -> list[bytes]: ...


class ArchiveFiles:
    """The members of a zip."""

    is_seekable = False

    def __init__(self, archive: Archive) -> None:
        self.names = archive.members
        self.read = archive.read
        self.head = archive.head
        self.ranges = archive.ranges


class Bundle:
    """`files` are the paths below `folder` (which ends in a slash); `warnings` gathers what could not be read."""

    def __init__(self, source: Files, folder: str, warnings: list[str]) -> None:
        self._source = source
        self.folder = folder
        self.warnings = warnings
        self.is_seekable = source.is_seekable
        self.files = {name[len(folder) :] for name in source.names if name.startswith(folder)}

    @cached_property
    def top(self) -> list[str]:
        """The files directly in the bundle, in order."""
        return sorted(name for name in self.files if name and "/" not in name)

    @property
    def stem(self) -> str:
        """The bundle's own name without its ending."""
        return self.folder.rstrip("/").rsplit("/", 1)[-1].rsplit(".", 1)[0]

    def read(self, name: str, limit: int) -> bytes:
        return self._source.read(self.folder + name, limit)

    def head(self, name: str, count: int) -> bytes:
        return self._source.head(self.folder + name, count)

    def ranges(self, name: str, wanted: list[tuple[int, int]]) -> list[bytes]:
        return self._source.ranges(self.folder + name, wanted)

    def find(self, name: str) -> str:
        """The file of this path in the bundle, however its accents are composed; empty when there is none."""
        if name in self.files:
            return name
        wanted = unicodedata.normalize("NFC", name)
        return next((one for one in self.files if unicodedata.normalize("NFC", one) == wanted), "")
