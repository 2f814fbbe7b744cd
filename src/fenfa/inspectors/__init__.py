"""Reading what people upload: `inspect(path, file_name)` tells what a package says of itself.

Importing this package costs the server almost nothing: every format's reader, and the libraries it needs, live in the child
process that reads the file.
"""

from pathlib import Path

from fenfa.errors import BadPackage
from fenfa.inspectors.base import Inspector, PackageInfo
from fenfa.vocabulary import FILE_TYPES, Platform, file_type

INSPECTORS: tuple[Inspector, ...] = (
    Inspector("ipa", ("ipa",), "fenfa.inspectors.ipa"),
    Inspector("apk", ("apk",), "fenfa.inspectors.apk"),
    Inspector("aab", ("aab",), "fenfa.inspectors.aab"),
    Inspector("apks", ("apks", "xapk", "apkm"), "fenfa.inspectors.apks"),
    Inspector("macapp", ("zip",), "fenfa.inspectors.macapp"),
    Inspector("dmg", ("dmg",), "fenfa.inspectors.dmg"),
    Inspector("pkg", ("pkg",), "fenfa.inspectors.pkg"),
    Inspector("exe", ("exe",), "fenfa.inspectors.exe"),
    Inspector("msi", ("msi",), "fenfa.inspectors.msi"),
    Inspector("msix", ("msix", "appx", "msixbundle", "appxbundle"), "fenfa.inspectors.msix"),
    Inspector("deb", ("deb",), "fenfa.inspectors.deb"),
    Inspector("rpm", ("rpm",), "fenfa.inspectors.rpm"),
    Inspector("appimage", ("appimage",), "fenfa.inspectors.appimage"),
    Inspector("tar.gz", ("tar.gz",), "fenfa.inspectors.targz"),
    Inspector("hap", ("hap", "app"), "fenfa.inspectors.hap"),
    Inspector("mobileprovision", ("mobileprovision", "provisionprofile"), "fenfa.inspectors.mobileprovision"),
)


def inspect(path: Path, file_name: str) -> PackageInfo:
    """What the package at `path` says of itself; the ending of `file_name` picks the format.

    Blocks for at most 30 seconds, and longer while two other files are being read: call it from a worker thread. Raises
    BadPackage whatever the file does. A file type that nothing reads gives its platform, where only one takes it.
    """
    inspector = find_inspector(file_name)
    if inspector is None:
        kind = file_type(file_name)
        return PackageInfo(kind, _platform_of(kind))
    return read_in_child(inspector.module, path)


def find_inspector(file_name: str) -> Inspector | None:
    """By the ending of the name. More is read than may be uploaded: `fenfa inspect` takes provisioning profiles too."""
    lowered = file_name.lower()
    return next((one for one in INSPECTORS for kind in one.file_types if lowered.endswith(f".{kind}")), None)


def read_in_child(module: str, path: Path) -> PackageInfo:
    """What the `inspect` of this module says of the file, in the sandbox. Raises BadPackage whatever the file does."""
    from fenfa.inspectors import sandbox, wire  # here, since the child imports this package and must start quickly

    path.open("rb").close()  # a file that we cannot open is our failure, not the package's
    raw = sandbox.read(module, path)
    try:
        return wire.unpack(raw)
    except (BadPackage, ImportError):
        raise
    except Exception as error:  # a hostile file can make the child answer anything
        raise BadPackage("the file cannot be read: its reader gave no sensible answer") from error


def _platform_of(kind: str) -> Platform | None:
    platforms = [platform for platform, kinds in FILE_TYPES.items() if kind in kinds]
    return platforms[0] if len(platforms) == 1 else None
