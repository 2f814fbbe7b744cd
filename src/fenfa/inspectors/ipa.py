"""IPA: an app bundle under Payload/ in a zip, for iPhone, iPad, Apple TV, Apple Watch and Vision.

Source: Apple's "Information Property List" and "Bundle Resources" documentation.
"""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

from fenfa.errors import BadPackage
from fenfa.inspectors.base import PackageInfo
from fenfa.inspectors.parts import identifier, macho, plists, provisioning
from fenfa.inspectors.parts.apple_icons import find_icon
from fenfa.inspectors.parts.apple_names import localized_names
from fenfa.inspectors.parts.bundle import Bundle
from fenfa.inspectors.parts.zipsafe import Archive
from fenfa.vocabulary import Platform

_MAX_PLIST = 4 << 20
_APP = re.compile(r"Payload/[^/]+\.app/")
_FACTS = {  # Info.plist key → fact
    "UIDeviceFamily": "device_family",
    "DTPlatformName": "platform_name",
    "CFBundleSupportedPlatforms": "supported_platforms",
    "CFBundleExecutable": "executable",
    "DTSDKName": "sdk",
    "CFBundleDevelopmentRegion": "development_region",
}


def inspect(path: Path) -> PackageInfo:
    with Archive(path) as archive:
        warnings: list[str] = []
        bundle = Bundle(archive, _main_app(archive, warnings), warnings)
        return _read_app(bundle)


def _main_app(archive: Archive, warnings: list[str]) -> str:
    """The folder of the app: one directly under Payload/, so neither an extension nor a watch app nor an App Clip."""
    found = sorted({match[0] for match in map(_APP.match, archive.members) if match})
    if not found:
        raise BadPackage("no app under Payload/: this is not an IPA")
    apps = [folder for folder in found if folder + "Info.plist" in archive]
    if not apps:
        raise BadPackage("the app under Payload/ has no Info.plist")
    if len(apps) > 1:
        warnings.append(f"the IPA holds {len(apps)} apps; this is the first by name")
    return apps[0]


def _read_app(bundle: Bundle) -> PackageInfo:
    values = plists.load(bundle.read("Info.plist", _MAX_PLIST), "Info.plist")
    names = localized_names(bundle)
    region = plists.text(values, "CFBundleDevelopmentRegion")
    slices = _slices(bundle, values)
    info = PackageInfo(
        format="ipa",
        platform=Platform.IOS,
        identifier=identifier.checked(plists.text(values, "CFBundleIdentifier"), "bundle identifier"),
        name=plists.text(values, "CFBundleDisplayName", "CFBundleName") or names.get(region) or names.get("en", ""),
        version=plists.text(values, "CFBundleShortVersionString"),
        build=plists.text(values, "CFBundleVersion"),
        min_os=plists.text(values, "MinimumOSVersion"),
        arch=[macho.arch_name(piece) for piece in slices],
        icon_png=find_icon(bundle, values),
        provisioning_profile=_profile(bundle),
        facts=_facts(values) | {"slices": slices, "localized_names": names},
        warnings=bundle.warnings,
    )
    return replace(info, warnings=[*bundle.warnings, *_doubts(info)])


def _slices(bundle: Bundle, values: dict[str, Any]) -> list[dict[str, Any]]:
    executable = bundle.find(plists.text(values, "CFBundleExecutable"))
    return macho.read_slices(bundle.head(executable, macho.HEAD_BYTES)) if executable else []


def _profile(bundle: Bundle) -> dict[str, Any] | None:
    """The embedded profile. A broken one costs the profile, not the upload: the phone is the judge of it."""
    if "embedded.mobileprovision" not in bundle.files:
        return None
    try:
        return provisioning.read_profile(bundle.read("embedded.mobileprovision", provisioning.MAX_BYTES))
    except (BadPackage, IndexError, ValueError) as error:
        bundle.warnings.append(f"the provisioning profile cannot be read: {error}")
        return None


def _facts(values: dict[str, Any]) -> dict[str, Any]:
    """What the app says beyond the common fields, as it says it, where the type is the one that Apple documents."""
    facts = {}
    for key, fact in _FACTS.items():
        value = values.get(key)
        if isinstance(value, list):
            value = [one for one in value if isinstance(one, str | int)]
        if isinstance(value, str | list) and value:
            facts[fact] = value
    return facts


def _doubts(info: PackageInfo) -> list[str]:
    is_simulator = "simulator" in str(info.facts.get("platform_name", "")).lower()
    return ["this build is for the simulator and cannot be installed on a device"] if is_simulator else []
