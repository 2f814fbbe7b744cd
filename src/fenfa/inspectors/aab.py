"""AAB: an Android app bundle, a zip of modules whose manifests and resources are protobuf. The base module is the app.

Source: developer.android.com "The Android App Bundle format"; aapt2's Resources.proto.
"""

import re
from pathlib import Path
from typing import Any

from fenfa.errors import BadPackage
from fenfa.inspectors.base import PackageInfo
from fenfa.inspectors.parts import android_app, android_files, apk_signing, protobuf
from fenfa.inspectors.parts.zipsafe import Archive

_MANIFEST = re.compile(r"([\w-]{1,100})/manifest/AndroidManifest\.xml")
_MAX_CONFIG = 1 << 20
_MAX_MODULES = 500


def inspect(path: Path) -> PackageInfo:
    with Archive(path) as archive:
        modules = sorted(match[1] for match in map(_MANIFEST.fullmatch, archive.members) if match)
        if "base" not in modules:
            raise BadPackage("base/manifest/AndroidManifest.xml is missing: this is not an Android app bundle")
        warnings: list[str] = []
        app = android_app.read_app(android_files.of_module(archive, "base", warnings), "manifest/AndroidManifest.xml")
        signing = apk_signing.read_jar_signing(archive)
        info = android_app.info_of(app, "aab", signing, warnings)
        info.facts.update(
            modules=modules[:_MAX_MODULES],
            jar_signed=signing is not None and signing["verified"] is not False,
            bundletool=_bundletool(archive),
        )
        return info


def _bundletool(archive: Archive) -> str:
    """The version of the tool that built the bundle: `BundleConfig.bundletool.version`."""
    if "BundleConfig.pb" not in archive:
        return ""
    config: dict[int, Any] = protobuf.message(memoryview(archive.read("BundleConfig.pb", _MAX_CONFIG)))
    return protobuf.text(protobuf.message(protobuf.part(config, 1)), 2)
