"""APKS, XAPK and APKM: a zip that holds an app's base APK with its splits, as bundletool, APKPure, APKMirror or SAI write it.

The base APK tells everything; lists such as `manifest.json` only help to find it, since their words are anybody's.
"""

import json
from pathlib import Path
from typing import Any, NamedTuple

from fenfa.errors import BadPackage
from fenfa.inspectors import apk
from fenfa.inspectors.base import PackageInfo
from fenfa.inspectors.parts import android_app, android_files
from fenfa.inspectors.parts.nested import inner_archive
from fenfa.inspectors.parts.zipsafe import Archive

_MAX_INNER = 100  # APKs that are looked into
_MAX_BASE = 192 << 20  # of a base APK that is packed once more
_MAX_SPLIT = 8 << 20  # of any other
_MAX_LIST = 1 << 20
_USUAL = ("base.apk", "splits/base-master.apk", "base-master.apk", "universal.apk", "standalones/universal.apk")
_LISTS = {"manifest.json": "xapk", "info.json": "apkm"}


class Inner(NamedTuple):
    """What one APK in the set says of itself; `split` is None for a base."""

    split: str | None
    package: str
    version_code: str
    abis: list[str]


def inspect(path: Path) -> PackageInfo:
    with Archive(path) as archive:
        names = sorted(name for name in archive.members if name.lower().endswith(".apk"))
        if not names:
            raise BadPackage("there is no APK in the zip: this is not a set of APKs")
        container, listed = _list_of(archive)
        inner = _look_into(path, archive, names[:_MAX_INNER])
        base = _find_base(names, inner, listed)
        with inner_archive(path, archive, base, lenient=True, limit=_MAX_BASE) as opened:
            info = apk.read_apk(opened)
        return _told(info, container, base, inner)


def _told(info: PackageInfo, container: str, base: str, inner: dict[str, Inner]) -> PackageInfo:
    """The base APK's words with what the other APKs add: the architectures of native libraries."""
    shown = {
        name: {"split": one.split, "package": one.package, "versionCode": one.version_code}
        for name, one in inner.items()
    }
    strangers = [name for name, one in inner.items() if one.package != info.identifier]
    changes = {
        "format": "apks",
        "arch": sorted({*info.arch, *(abi for one in inner.values() for abi in one.abis)}),
        "facts": info.facts | {"container": container, "base": base, "inner_apks": shown},
        "warnings": info.warnings + [f"{name} belongs to another app" for name in strangers],
    }
    return PackageInfo(**{**vars(info), **changes})


def _list_of(archive: Archive) -> tuple[str, dict[str, Any]]:
    """The container's kind, and its list of contents; an empty one where it has none that can be read."""
    for name, container in _LISTS.items():
        if name in archive:
            try:
                listed = json.loads(archive.read(name, _MAX_LIST))
            except (ValueError, RecursionError):
                return container, {}
            return container, listed if isinstance(listed, dict) else {}
    return "apks", {}


def _look_into(path: Path, archive: Archive, names: list[str]) -> dict[str, Inner]:
    """The APKs whose manifests can be read without unpacking much."""
    found = {}
    for name in names:
        member = archive.members[name]
        if member.method and member.size > _MAX_SPLIT:
            continue
        try:
            with inner_archive(path, archive, name, lenient=True, limit=_MAX_SPLIT) as opened:
                found[name] = _inner(opened)
        except BadPackage:
            continue
    return found


def _inner(archive: Archive) -> Inner:
    app = android_app.read_app(android_files.AppFiles.bare(archive), "AndroidManifest.xml")
    package = app.manifest.package
    split, name, code = (app.values.text(package.get(key)) for key in ("split", "package", "versionCode"))
    return Inner(split or None, name, code, android_app.abis(app.files))


def _find_base(names: list[str], inner: dict[str, Inner], listed: dict[str, Any]) -> str:
    """The APK that the list calls the base or that is named for the package, one with a usual name, else the first that says
    that it is no split."""
    parts = listed.get("split_apks")
    parts = parts if isinstance(parts, list) else []
    called = [part.get("file") for part in parts if isinstance(part, dict) and part.get("id") == "base"]
    for name in (*called, f"{listed.get('package_name')}.apk", *_USUAL):
        if name in names and (name not in inner or inner[name].split is None):
            return str(name)
    base = next((name for name, one in inner.items() if one.split is None), None)
    if base is None:
        raise BadPackage("none of the APKs in the zip is a base APK")
    return base
