"""IPA: an app bundle under Payload/ in a zip, for iPhone, iPad, Apple TV, Apple Watch and Vision.

Source: Apple's "Information Property List" and "Bundle Resources" documentation.
"""

import re
from pathlib import Path
from typing import Any

from fenfa.errors import BadPackage
from fenfa.inspectors.base import PackageInfo
from fenfa.inspectors.parts import apple_app, identifier, plists
from fenfa.inspectors.parts.apple_executable import Executable
from fenfa.inspectors.parts.apple_icons import find_icon
from fenfa.inspectors.parts.apple_names import localized_names
from fenfa.inspectors.parts.apple_nested import read_nested, read_profile, read_program
from fenfa.inspectors.parts.bundle import ArchiveFiles, Bundle
from fenfa.inspectors.parts.damage import refusing
from fenfa.inspectors.parts.zipsafe import Archive
from fenfa.vocabulary import Platform

_APP = re.compile(r"Payload/[^/]+\.app/")


@refusing("the IPA")
def inspect(path: Path) -> PackageInfo:
    with Archive(path) as archive:
        warnings: list[str] = []
        bundle = Bundle(ArchiveFiles(archive), _main_app(archive, warnings), warnings)
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
    values = plists.load(bundle.read("Info.plist", apple_app.MAX_PLIST), "Info.plist")
    names = localized_names(bundle)
    program = read_program(bundle, values)
    facts = apple_app.read_facts(values) | {"slices": program.slices, "localized_names": names}
    facts |= {"os": apple_app.system(values, program.slices), "nested": read_nested(bundle)}
    return PackageInfo(
        format="ipa",
        platform=Platform.IOS,
        identifier=identifier.checked(plists.text(values, "CFBundleIdentifier"), "bundle identifier"),
        name=apple_app.display_name(values, names, bundle.stem),
        version=plists.text(values, "CFBundleShortVersionString"),
        build=plists.text(values, "CFBundleVersion"),
        min_os=plists.text(values, "MinimumOSVersion"),
        arch=program.arch,
        icon_png=find_icon(bundle, values),
        provisioning_profile=read_profile(bundle),
        signing=program.signing,
        facts=facts | {"entitlements": program.entitlements},
        warnings=[*bundle.warnings, *_doubts(facts, program)],
    )


def _doubts(facts: dict[str, Any], program: Executable) -> list[str]:
    doubts = []
    if "simulator" in str(facts.get("platform_name", "")).lower():
        doubts.append("this build is for the simulator and cannot be installed on a device")
    if any(piece.get("cryptid") for piece in program.slices):
        doubts.append("this build is encrypted by the App Store and runs for nobody else")
    return doubts
