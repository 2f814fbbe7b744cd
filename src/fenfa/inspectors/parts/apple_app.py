"""What apps of all of Apple's systems share: facts of Info.plist, the name, the operating system."""

from typing import Any

from fenfa.inspectors.parts import plists

MAX_PLIST = 4 << 20
_FACTS = {  # Info.plist key → fact
    "UIDeviceFamily": "device_family",
    "DTPlatformName": "platform_name",
    "CFBundleSupportedPlatforms": "supported_platforms",
    "CFBundleExecutable": "executable",
    "DTSDKName": "sdk",
    "CFBundleDevelopmentRegion": "development_region",
    "CFBundleIconName": "icon_name",
    "LSRequiresIPhoneOS": "requires_ios",
}
_SYSTEMS = {  # how the keys and load commands that name a system begin, lower case → its name
    "iphone": "iOS",
    "ios": "iOS",
    "appletv": "tvOS",
    "tvos": "tvOS",
    "watch": "watchOS",
    "xr": "visionOS",
    "visionos": "visionOS",
    "mac": "macOS",
}


def read_facts(values: dict[str, Any]) -> dict[str, Any]:
    """What the app says beyond the common fields, as it says it, where the type is the one that Apple documents."""
    facts = {}
    for key, fact in _FACTS.items():
        value = values.get(key)
        if isinstance(value, list):
            value = [one for one in value if isinstance(one, str | int)]
        if isinstance(value, str | list | bool) and value:
            facts[fact] = value
    return facts


def display_name(values: dict[str, Any], localized: dict[str, str], fallback: str) -> str:
    """The name under the icon: Info.plist's own, else that of the development region, English or any, else `fallback`."""
    region = plists.text(values, "CFBundleDevelopmentRegion")
    own = plists.text(values, "CFBundleDisplayName", "CFBundleName")
    return own or localized.get(region) or localized.get("en") or next(iter(localized.values()), "") or fallback


def system(values: dict[str, Any], slices: list[dict[str, Any]]) -> str:
    """`iOS`, `tvOS`, `watchOS`, `visionOS` or `macOS`; empty when the app does not say."""
    named = [*plists.sequence(values, "CFBundleSupportedPlatforms"), plists.text(values, "DTPlatformName")]
    named += [piece.get("platform", "").removeprefix("VERSION_MIN_") for piece in slices]
    for name in (str(one).lower() for one in named):
        found = next((one for start, one in _SYSTEMS.items() if name.startswith(start)), "")
        if found:
            return found
    return ""
