"""Programs of an iOS app's bundle: the app's own, and those of the extensions, watch apps and App Clips inside it."""

import re
from typing import Any

from fenfa.errors import BadPackage
from fenfa.inspectors.parts import apple_app, macho, plists, provisioning
from fenfa.inspectors.parts.apple_executable import Executable, read_executable
from fenfa.inspectors.parts.bundle import Bundle

_NESTED = re.compile(r".+\.(?:app|appex)/Info\.plist")
_MAX_NESTED = 20
_PROFILE = "embedded.mobileprovision"
_TEXTS = {
    "identifier": "CFBundleIdentifier",
    "name": "CFBundleDisplayName",
    "version": "CFBundleShortVersionString",
    "build": "CFBundleVersion",
    "min_os": "MinimumOSVersion",
}


def read_program(bundle: Bundle, values: dict[str, Any]) -> Executable:
    """The executable that Info.plist names; one that is missing has no slices."""
    name = plists.text(values, "CFBundleExecutable")
    file = bundle.find(name) if name else ""
    return read_executable(bundle, file) if file else Executable()


def read_profile(bundle: Bundle, folder: str = "") -> dict[str, Any] | None:
    """The embedded profile. A broken one costs the profile, not the upload: the phone is the judge of it."""
    if folder + _PROFILE not in bundle.files:
        return None
    try:
        return provisioning.read_profile(bundle.read(folder + _PROFILE, provisioning.MAX_BYTES))
    except BadPackage as error:
        bundle.warnings.append(f"the provisioning profile cannot be read: {error}")
        return None


def read_nested(bundle: Bundle) -> list[dict[str, Any]]:
    """Extensions, watch apps and App Clips; one that cannot be read is left out."""
    found = []
    for file in sorted(filter(_NESTED.fullmatch, bundle.files))[:_MAX_NESTED]:
        folder = file.removesuffix("Info.plist")
        try:
            values = plists.load(bundle.read(file, apple_app.MAX_PLIST), file)
            found.append(_describe(bundle, folder, values))
        except BadPackage as error:
            bundle.warnings.append(f"{folder[:-1]} cannot be read: {error}")
    return found


def _describe(bundle: Bundle, folder: str, values: dict[str, Any]) -> dict[str, Any]:
    texts = {fact: plists.text(values, key) for fact, key in _TEXTS.items()}
    program = bundle.find(folder + plists.text(values, "CFBundleExecutable"))
    slices = macho.read_slices(bundle.head(program, macho.HEAD_BYTES)) if program and program != folder else []
    profile = read_profile(bundle, folder)
    kept = ("profile_type", "team_id", "expiration_date")
    return texts | {
        "path": folder[:-1],
        "name": texts["name"] or plists.text(values, "CFBundleName"),
        "package_type": plists.text(values, "CFBundlePackageType"),
        "extension_point": plists.text(plists.table(values, "NSExtension"), "NSExtensionPointIdentifier"),
        "slices": [{"cpu": piece["cpu"], "sub": piece["sub"]} for piece in slices],
        "profile": {key: profile[key] for key in kept} if profile else None,
    }
