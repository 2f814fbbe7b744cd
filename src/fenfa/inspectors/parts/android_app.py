"""What an Android app says of itself, in an APK or in a bundle's module."""

import re
from typing import Any, NamedTuple

from fenfa.inspectors.base import PackageInfo
from fenfa.inspectors.parts import apk_icons, identifier
from fenfa.inspectors.parts.android_files import AppFiles
from fenfa.inspectors.parts.apk_signing import Levels
from fenfa.inspectors.parts.manifest import Manifest, Values, read_manifest
from fenfa.vocabulary import Platform

_MAX_MANIFEST = 8 << 20
_PREVIEW = 10_000  # Android's own number for a version in development
_LIBRARY = re.compile(r"lib/([\w.-]{1,40})/[^/]+")


class App(NamedTuple):
    """The files, the manifest and a resolver of its values."""

    files: AppFiles
    manifest: Manifest
    values: Values

    @property
    def levels(self) -> Levels:
        """The SDK levels; a preview's codename stands above all numbers."""
        minimum, target = (
            1 if not text else int(text) if text.isdecimal() else _PREVIEW
            for text in (
                self.values.text(self.manifest.uses_sdk.get(key)) for key in ("minSdkVersion", "targetSdkVersion")
            )
        )
        return Levels(
            minimum, max(minimum, target), self.values.number(self.manifest.package.get("targetSandboxVersion")) or 1
        )


def read_app(files: AppFiles, manifest_name: str) -> App:
    """The app whose manifest this is."""
    manifest = read_manifest(files.elements(files.read(manifest_name, _MAX_MANIFEST)))
    return App(files, manifest, Values(files.table))


def info_of(app: App, kind: str, signing: dict[str, Any] | None, warnings: list[str]) -> PackageInfo:
    manifest, values = app.manifest, app.values
    label = manifest.application.get("label")
    return PackageInfo(
        format=kind,
        platform=Platform.ANDROID,
        identifier=identifier.checked(values.text(manifest.package.get("package")), "package name"),
        name=values.text(label),
        version=values.text(manifest.package.get("versionName")),
        build=values.text(manifest.package.get("versionCode")),
        min_os=values.text(manifest.uses_sdk.get("minSdkVersion")),
        arch=abis(app.files),
        icon_png=apk_icons.find_icon(app.files, _icons(manifest), warnings),
        signing=signing,
        facts=_facts(manifest, values) | {"localized_names": values.localized(label)},
        warnings=warnings,
    )


def abis(files: AppFiles) -> list[str]:
    """The processor architectures that native libraries are there for."""
    names = (name.removeprefix(files.root) for name in files.archive.members if name.startswith(files.root))
    return sorted({match[1] for match in map(_LIBRARY.fullmatch, names) if match})


def _icons(manifest: Manifest) -> list[Any]:
    """The attributes that name the app's icon, the best one first."""
    return [manifest.application[key] for key in ("icon", "roundIcon") if key in manifest.application]


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
        "feature_split": values.flag(manifest.package.get("isFeatureSplit")),
        "config_for_split": values.text(manifest.package.get("configForSplit")),
        "split_required": values.flag(manifest.package.get("isSplitRequired"))
        or values.flag(manifest.application.get("isSplitRequired")),
        "debuggable": values.flag(manifest.application.get("debuggable")),
        "test_only": values.flag(manifest.application.get("testOnly")),
    }
