"""A Mac app's bundle, wherever it lies: in a zip or on a disk image. Source: Apple's "Bundle Programming Guide"."""

from typing import Any

from fenfa.inspectors.base import PackageInfo
from fenfa.inspectors.parts import apple_app, identifier, plists
from fenfa.inspectors.parts.apple_executable import Executable, read_executable
from fenfa.inspectors.parts.apple_icons import find_mac_icon
from fenfa.inspectors.parts.apple_names import localized_names
from fenfa.inspectors.parts.bundle import Bundle, Files
from fenfa.vocabulary import Platform

_MARK = ".app/Contents/Info.plist"


def find_apps(names: list[str]) -> list[str]:
    """The folders of the apps among these paths, those nearest to the top first; apps inside an app do not count."""
    found = sorted((name.removesuffix("Contents/Info.plist") for name in names if name.endswith(_MARK)), key=_order)
    outer = [one for one in found if ".app/" not in one[:-1] and ".framework/" not in one]
    return [one for one in outer if not one.startswith(("__MACOSX/", "."))]


def read_app(files: Files, folder: str, package_format: str, warnings: list[str]) -> PackageInfo:
    """What the app in this folder (which ends in a slash) says of itself."""
    bundle = Bundle(files, folder + "Contents/", warnings)
    values = plists.load(bundle.read("Info.plist", apple_app.MAX_PLIST), "Info.plist")
    names = localized_names(bundle, "Resources/")
    program = _executable(bundle, values)
    facts = apple_app.read_facts(values) | {"slices": program.slices, "localized_names": names, "app": folder[:-1]}
    facts |= {"os": "macOS", "entitlements": program.entitlements}
    stem = folder[:-1].rsplit("/", 1)[-1].removesuffix(".app")
    return PackageInfo(
        format=package_format,
        platform=Platform.MACOS,
        identifier=identifier.checked(plists.text(values, "CFBundleIdentifier"), "bundle identifier"),
        name=apple_app.display_name(values, names, stem),
        version=plists.text(values, "CFBundleShortVersionString"),
        build=plists.text(values, "CFBundleVersion"),
        min_os=plists.text(values, "LSMinimumSystemVersion"),
        arch=program.arch,
        icon_png=find_mac_icon(bundle, values),
        signing=_signing(bundle, program),
        facts=facts,
        warnings=warnings,
    )


def _order(folder: str) -> tuple[int, str]:
    return folder.count("/"), folder


def _executable(bundle: Bundle, values: dict[str, Any]) -> Executable:
    name = plists.text(values, "CFBundleExecutable")
    file = bundle.find(f"MacOS/{name}") if name else ""
    return read_executable(bundle, file) if file else Executable()


def _signing(bundle: Bundle, program: Executable) -> dict[str, Any] | None:
    """Who signed, and whether Apple's notarisation ticket is stapled to the app (as Contents/CodeResources)."""
    if program.signing is None:
        return None
    return program.signing | {"has_ticket": "CodeResources" in bundle.files or program.signing["has_ticket"]}
