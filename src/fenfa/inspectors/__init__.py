"""Reading what people upload: `inspect(path, file_name)` tells what a package says of itself.

Importing this package costs the server almost nothing: every format's reader, and the libraries it needs, live in the child
process that reads the file.
"""

from pathlib import Path

from fenfa.errors import BadPackage
from fenfa.inspectors.base import Distant, Inspector, PackageInfo
from fenfa.vocabulary import FILE_TYPES, Platform, file_type

INSPECTORS: tuple[Inspector, ...] = (
    Inspector(
        "ipa",
        ("ipa",),
        "fenfa.inspectors.ipa",
        reads=(
            "binary and XML Info.plist, localised names, system and device families, architectures, "
            "entitlements, signer and team, embedded profile with devices and certificates, nested programs, "
            "icons from PNG (CgBI too) and Assets.car"
        ),
        leaves=(
            "PDF, SVG, HEIF, RLE, ASTC and 16-bit pictures of Assets.car; the signature of a packed "
            "executable beyond its first 24 MiB"
        ),
    ),
    Inspector(
        "apk",
        ("apk",),
        "fenfa.inspectors.apk",
        reads=(
            "binary manifest and resources (references, compact and sparse tables, locales), SDK levels, "
            "ABIs, permissions, features, split, the largest icon or the adaptive or vector icon drawn, "
            "signatures v1 to v3.1 verified, lineage"
        ),
        leaves="v4 signature files; stamps of stores",
    ),
    Inspector(
        "aab",
        ("aab",),
        "fenfa.inspectors.aab",
        reads="protobuf manifest and resources of the base module, modules, icon, JAR signature noticed",
        leaves="what a store would make of it: splits and their sizes",
    ),
    Inspector(
        "apks",
        ("apks", "xapk", "apkm"),
        "fenfa.inspectors.apks",
        reads="the base APK as above, and which splits come with it",
        leaves="expansion files (OBB); encrypted APKM",
    ),
    Inspector(
        "macapp",
        ("zip",),
        "fenfa.inspectors.macapp",
        reads=(
            "a Mac app in a zip: Info.plist, architectures, .icns, entitlements, signer, notarisation ticket;"
            " else a Windows program in it"
        ),
        leaves="other contents of a zip, which is taken as it is",
    ),
    Inspector(
        "dmg",
        ("dmg",),
        "fenfa.inspectors.dmg",
        reads="all codecs of UDIF, HFS+ and APFS, then the app (or installer) on the image as above",
        leaves="encrypted images, FileVault volumes: taken with a warning",
    ),
    Inspector(
        "pkg",
        ("pkg",),
        "fenfa.inspectors.pkg",
        reads="xar table, distribution and component descriptions, signing certificates",
        leaves="payloads, so no icon",
    ),
    Inspector(
        "exe",
        ("exe",),
        "fenfa.inspectors.exe",
        reads=(
            "version resource, architecture, icon group, Authenticode signer and whether the digest matches, "
            "kind of installer, .NET"
        ),
        leaves="trust of the certificate chain; signatures other than RSA PKCS#1",
    ),
    Inspector(
        "msi",
        ("msi",),
        "fenfa.inspectors.msi",
        reads="property table, product and upgrade code, architecture, icon, Authenticode signer",
        leaves="tables of other languages (transforms)",
    ),
    Inspector(
        "msix",
        ("msix", "appx", "msixbundle", "appxbundle"),
        "fenfa.inspectors.msix",
        reads=(
            "manifest or bundle manifest, name and logo through resources.pri, publisher, signer, block map compared"
        ),
        leaves="the zip directory's digest",
    ),
    Inspector(
        "deb",
        ("deb",),
        "fenfa.inspectors.deb",
        reads="control fields, desktop file and icon from the payload (gz, xz, zstd, bzip2)",
        leaves="SVG and XPM icons; maintainers' signatures",
    ),
    Inspector(
        "rpm",
        ("rpm",),
        "fenfa.inspectors.rpm",
        reads="header tags, epoch, desktop file and icon from the payload, signatures noticed",
        leaves="SVG icons; verification of OpenPGP signatures",
    ),
    Inspector(
        "appimage",
        ("appimage",),
        "fenfa.inspectors.appimage",
        reads="ISO 9660 (type 1) and squashfs (type 2): desktop file, icon, architecture, update information",
        leaves="squashfs packed with lzo; DwarFS; SVG icons",
    ),
    Inspector(
        "tar.gz",
        ("tar.gz",),
        "fenfa.inspectors.targz",
        reads="desktop file, AppStream metainfo and the programs' architecture within the first 32 MiB",
        leaves="everything else; nothing in it has to be there, so it is never refused",
    ),
    Inspector(
        "hap",
        ("hap", "app"),
        "fenfa.inspectors.hap",
        reads="module.json or config.json, pack.info, label and icon through resources.index",
        leaves="resources.index of the RestoolV2 form; signatures are noticed, not verified",
    ),
    Inspector(
        "mobileprovision",
        ("mobileprovision", "provisionprofile"),
        "fenfa.inspectors.mobileprovision",
        reads="every field of a provisioning profile, devices and certificates",
        leaves="the signature's chain",
    ),
)


def inspect(file: Path | Distant, file_name: str, slots: Path | None = None) -> PackageInfo:
    """What the package says of itself; the ending of `file_name` picks the format. Of a distant one only what is needed is read.

    Blocks for at most 30 seconds, and longer while two other files are being read by anyone who names the same folder as
    `slots`: call it from a worker thread. Raises BadPackage whatever the file does. A file type that nothing reads gives its
    platform, where only one takes it.
    """
    inspector = find_inspector(file_name)
    if inspector is None:
        kind = file_type(file_name)
        return PackageInfo(kind, _platform_of(kind))
    return read_in_child(inspector.module, file, slots)


def find_inspector(file_name: str) -> Inspector | None:
    """By the ending of the name. More is read than may be uploaded: `fenfa inspect` takes provisioning profiles too."""
    lowered = file_name.lower()
    return next((one for one in INSPECTORS for kind in one.file_types if lowered.endswith(f".{kind}")), None)


def read_in_child(module: str, file: Path | Distant, slots: Path | None = None) -> PackageInfo:
    """What the `inspect` of this module says of the file, in the sandbox. Raises BadPackage whatever the file does."""
    from fenfa.inspectors import sandbox, wire  # here, since the child imports this package and must start quickly

    if isinstance(file, Path):
        file.open("rb").close()  # a file that we cannot open is our failure, not the package's
    raw = sandbox.read(module, file, slots)
    try:
        return wire.unpack(raw)
    except (BadPackage, ImportError):
        raise
    except Exception as error:  # a hostile file can make the child answer anything
        raise BadPackage("the file cannot be read: its reader gave no sensible answer") from error


def _platform_of(kind: str) -> Platform | None:
    platforms = [platform for platform, kinds in FILE_TYPES.items() if kind in kinds]
    return platforms[0] if len(platforms) == 1 else None
