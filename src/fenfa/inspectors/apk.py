"""APK: a zip with a binary manifest, a resource table and signatures.

Opened leniently, as Android does: packers use methods and flags that other zip readers refuse.
"""

from pathlib import Path

from fenfa.errors import BadPackage
from fenfa.inspectors.base import PackageInfo
from fenfa.inspectors.parts import android_app, android_files, apk_signing
from fenfa.inspectors.parts.apk_signing import Limits
from fenfa.inspectors.parts.zipsafe import Archive

_QUICK = Limits()


def inspect(path: Path) -> PackageInfo:
    with Archive(path, lenient=True) as archive:
        return read_apk(archive)


def read_apk(archive: Archive, limits: Limits = _QUICK) -> PackageInfo:
    """What an open APK says of itself. `limits` bound the verification of its signature."""
    if "AndroidManifest.xml" not in archive:
        raise BadPackage("AndroidManifest.xml is missing: this is not an APK")
    warnings: list[str] = []
    app = android_app.read_app(android_files.of_apk(archive, warnings), "AndroidManifest.xml")
    signing = apk_signing.read_signing(archive, app.levels, limits)
    return android_app.info_of(app, "apk", signing, warnings)
