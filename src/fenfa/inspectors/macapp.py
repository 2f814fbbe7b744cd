"""A Mac app in a zip. In a zip that holds none, a Windows program is looked for."""

from pathlib import Path

from fenfa.inspectors import exe
from fenfa.inspectors.base import PackageInfo
from fenfa.inspectors.parts import mac_app
from fenfa.inspectors.parts.bundle import ArchiveFiles
from fenfa.inspectors.parts.damage import refusing
from fenfa.inspectors.parts.zipsafe import Archive


@refusing("the app")
def inspect(path: Path) -> PackageInfo:
    with Archive(path) as archive:
        apps = mac_app.find_apps(list(archive.members))
        if not apps:
            return exe.read_zip(archive)
        warnings = [] if len(apps) == 1 else [f"the zip holds {len(apps)} apps; this is the first by name"]
        return mac_app.read_app(ArchiveFiles(archive), apps[0], "macapp", warnings)
