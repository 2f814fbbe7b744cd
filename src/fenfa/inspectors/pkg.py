"""PKG: a Mac installer."""

from pathlib import Path

from fenfa.inspectors.base import PackageInfo
from fenfa.inspectors.parts import mac_installer
from fenfa.inspectors.parts.damage import refusing
from fenfa.inspectors.parts.source import Source


@refusing("the installer")
def inspect(path: Path) -> PackageInfo:
    with path.open("rb") as file:
        return mac_installer.read(Source(file))
