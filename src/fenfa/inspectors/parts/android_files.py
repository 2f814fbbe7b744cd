"""An Android app as its readers see it: files, resources and XML, the same for an APK and a bundle's module."""

from collections.abc import Callable, Iterator
from typing import NamedTuple, Self

from fenfa.errors import BadPackage
from fenfa.inspectors.parts import arsc, axml, proto_xml
from fenfa.inspectors.parts.axml import Element
from fenfa.inspectors.parts.proto_table import ProtoTable
from fenfa.inspectors.parts.zipsafe import Archive

_MAX_TABLE = 128 << 20


class AppFiles(NamedTuple):
    """`root` is where the app's files lie in the zip, empty or with a slash at its end."""

    archive: Archive
    root: str
    table: arsc.Resources | None
    elements: Callable[[bytes], Iterator[Element]]

    @classmethod
    def bare(cls, archive: Archive) -> Self:
        """An APK without its resources."""
        return cls(archive, "", None, axml.elements)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self.root + name in self.archive

    def read(self, name: str, limit: int) -> bytes:
        return self.archive.read(self.root + name, limit)

    def head(self, name: str, count: int) -> bytes:
        return self.archive.head(self.root + name, count)


def of_apk(archive: Archive, warnings: list[str]) -> AppFiles:
    return AppFiles(archive, "", _table(archive, "resources.arsc", arsc.ResourceTable, warnings), axml.elements)


def of_module(archive: Archive, module: str, warnings: list[str]) -> AppFiles:
    """A module of an app bundle, which holds protobuf where an APK holds Android's binary forms."""
    table = _table(archive, f"{module}/resources.pb", ProtoTable, warnings)
    return AppFiles(archive, f"{module}/", table, proto_xml.elements)


def _table(
    archive: Archive, name: str, read: Callable[[bytes], arsc.Resources], warnings: list[str]
) -> arsc.Resources | None:
    """The resource table. A broken one costs what it would have resolved, not the upload."""
    if name not in archive:
        return None
    try:
        return read(archive.read(name, _MAX_TABLE))
    except BadPackage as error:
        warnings.append(f"resources cannot be read: {error}")
        return None
