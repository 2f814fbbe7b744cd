"""APK: a zip with a binary manifest, a resource table and signatures.

Opened leniently, as Android does: packers use methods and flags that other zip readers refuse.
"""

import re
from pathlib import Path
from typing import Any

from fenfa.errors import BadPackage
from fenfa.inspectors.base import PackageInfo
from fenfa.inspectors.parts import apk_icons, apk_signing, identifier
from fenfa.inspectors.parts.arsc import ResourceTable
from fenfa.inspectors.parts.manifest import Manifest, Values, read_manifest
from fenfa.inspectors.parts.zipsafe import Archive
from fenfa.vocabulary import Platform

_MAX_MANIFEST = 8 << 20
_MAX_TABLE = 128 << 20
_LIBRARY = re.compile(r"lib/([\w.-]{1,40})/[^/]+")


def inspect(path: Path) -> PackageInfo:
    with Archive(path, lenient=True) as archive:
        return read_apk(archive)


def read_apk(archive: Archive) -> PackageInfo:
    if "AndroidManifest.xml" not in archive:
        raise BadPackage("AndroidManifest.xml is missing: this is not an APK")
    manifest = read_manifest(archive.read("AndroidManifest.xml", _MAX_MANIFEST))
    warnings: list[str] = []
    table = _resource_table(archive, warnings)
    values = Values(table)
    return PackageInfo(
        format="apk",
        platform=Platform.ANDROID,
        identifier=identifier.checked(values.text(manifest.package.get("package")), "package name"),
        name=values.text(manifest.application.get("label")),
        version=values.text(manifest.package.get("versionName")),
        build=values.text(manifest.package.get("versionCode")),
        min_os=values.text(manifest.uses_sdk.get("minSdkVersion")),
        arch=_abis(archive),
        icon_png=apk_icons.find_icon(archive, table, manifest.application.get("icon"), warnings),
        signing=apk_signing.read_signing(archive),
        facts=_facts(manifest, values) | {"localized_names": values.localized(manifest.application.get("label"))},
        warnings=warnings,
    )


def _resource_table(archive: Archive, warnings: list[str]) -> ResourceTable | None:
    """The resource table. A broken one costs what it would have resolved, not the upload."""
    if "resources.arsc" not in archive:
        return None
    try:
        return ResourceTable(archive.read("resources.arsc", _MAX_TABLE))
    except BadPackage as error:
        warnings.append(f"resources cannot be read: {error}")
        return None


def _abis(archive: Archive) -> list[str]:
    return sorted({match[1] for match in map(_LIBRARY.fullmatch, archive.members) if match})


def _facts(manifest: Manifest, values: Values) -> dict[str, Any]:
    code = values.number(manifest.package.get("versionCode"))
    major = values.number(manifest.package.get("versionCodeMajor")) or 0
    return {
        "target_sdk": values.text(manifest.uses_sdk.get("targetSdkVersion")),
        "max_sdk": values.text(manifest.uses_sdk.get("maxSdkVersion")),
        "compile_sdk": values.text(manifest.package.get("compileSdkVersion")),
        "long_version_code": "" if code is None else str(major << 32 | code),
        "permissions": list(dict.fromkeys(manifest.permissions)),
        "features": list(dict.fromkeys(manifest.features)),
        "split": values.text(manifest.package.get("split")),
        "debuggable": values.flag(manifest.application.get("debuggable")),
        "test_only": values.flag(manifest.application.get("testOnly")),
    }
