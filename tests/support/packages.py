"""Real, small IPAs and APKs, built in memory: `make_ipa(path, …)` and `make_apk(path, …)` for everybody's tests.

The packages are true to their formats (a real zip, property lists, provisioning profile, binary manifest, resource
table and PNG icons), so that the inspectors read them as they read any other.
"""

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.support import apple, axml, images
from tests.support.axml import Node, Ref

_TIMESTAMP = (2024, 1, 1, 0, 0, 0)
_DENSITIES = {160: 48, 240: 72, 320: 96, 480: 144, 640: 192}  # dpi → launcher icon's pixels


def make_ipa(
    path: Path,
    *,
    identifier: str = "com.example.app",
    name: str = "Example",
    version: str = "1.0",
    build: str = "1",
    min_os: str = "15.0",
    icon: bool | bytes = True,
    profile: bool | Mapping[str, Any] = True,
    plist: Mapping[str, Any] | None = None,
    files: Mapping[str, bytes] | None = None,
    binary: bool = True,
) -> Path:
    """Writes an IPA and returns its path. `plist` adds to or replaces Info.plist's keys (None removes one), `files`
    adds members, `profile` may be a dict that adds to the provisioning profile's keys."""
    bundle = "Payload/Example.app/"
    info = {
        "CFBundleIdentifier": identifier,
        "CFBundleDisplayName": name,
        "CFBundleName": name,
        "CFBundleShortVersionString": version,
        "CFBundleVersion": build,
        "MinimumOSVersion": min_os,
        "CFBundleExecutable": "Example",
        "CFBundlePackageType": "APPL",
        "CFBundleSupportedPlatforms": ["iPhoneOS"],
        "DTPlatformName": "iphoneos",
        "UIDeviceFamily": [1, 2],
        "CFBundleIcons": {"CFBundlePrimaryIcon": {"CFBundleIconFiles": ["AppIcon60x60"]}},
        **(plist or {}),
    }
    members = {
        bundle + "Info.plist": apple.plist({key: value for key, value in info.items() if value is not None}, binary),
        bundle + "Example": apple.mach_o(),
    }
    if icon:
        members[bundle + "AppIcon60x60@2x.png"] = icon if isinstance(icon, bytes) else images.png(120, 120)
    if profile:
        extra = profile if isinstance(profile, Mapping) else {}
        members[bundle + "embedded.mobileprovision"] = apple.provisioning_profile(identifier, extra)
    return _write(path, members | dict(files or {}))


def make_apk(
    path: Path,
    *,
    identifier: str = "com.example.app",
    name: str = "Example",
    version: str = "1.0",
    build: str | int = "1",
    min_sdk: str | int = "21",
    target_sdk: str | int = "34",
    icon: bool | bytes = True,
    names: Mapping[str, str] | None = None,
    permissions: tuple[str, ...] = ("android.permission.INTERNET",),
    abis: tuple[str, ...] = (),
    files: Mapping[str, bytes] | None = None,
) -> Path:
    """Writes an APK (unsigned) and returns its path. `names` are localised labels (`{"de": …}`), `abis` makes a native
    library for each, `files` adds members."""
    label = Ref(0x7F010000)
    labels: dict[str | int, axml.Value] = {"": name}
    labels.update((names or {}).items())
    table: dict[str, list[tuple[str, axml.Variants]]] = {"string": [("app_name", labels)]}
    members: dict[str, bytes] = {"classes.dex": b"dex\n035\0" + bytes(104)}
    application: dict[str, axml.Value] = {"label": label}
    if icon:
        icons = {f"res/mipmap-{dpi}/ic_launcher.png": _apk_icon(icon, size) for dpi, size in _DENSITIES.items()}
        table["mipmap"] = [("ic_launcher", dict(zip(_DENSITIES, icons, strict=True)))]
        application["icon"] = Ref(0x7F020000)
        members |= icons
    manifest: dict[str, axml.Value] = {"versionCode": int(build), "versionName": version, "package": identifier}
    uses_sdk: dict[str, axml.Value] = {"minSdkVersion": _sdk(min_sdk), "targetSdkVersion": _sdk(target_sdk)}
    root = Node(
        "manifest",
        manifest,
        [
            Node("uses-sdk", uses_sdk),
            *(Node("uses-permission", {"name": permission}) for permission in permissions),
            Node("application", application),
        ],
    )
    members["AndroidManifest.xml"] = axml.document(root)
    members["resources.arsc"] = axml.table(identifier, table)
    members |= {f"lib/{abi}/libexample.so": b"\x7fELF" + bytes(60) for abi in abis}
    return _write(path, members | dict(files or {}))


def zip_bytes(members: Mapping[str, bytes]) -> bytes:
    """A deterministic zip of these members, deflated."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            entry = zipfile.ZipInfo(name, _TIMESTAMP)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o100644 << 16
            archive.writestr(entry, data)
    return buffer.getvalue()


def _write(path: Path, members: Mapping[str, bytes]) -> Path:
    path.write_bytes(zip_bytes(members))
    return path


def _apk_icon(icon: bool | bytes, size: int) -> bytes:
    return icon if isinstance(icon, bytes) else images.png(size, size)


def _sdk(level: str | int) -> str | int:
    return int(level) if str(level).isdigit() else str(level)
