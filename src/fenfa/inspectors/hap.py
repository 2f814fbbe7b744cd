"""HAP and .app: HarmonyOS packages, zips with module.json (or the older config.json), pack.info and resources.index.

Of an .app, which holds HAPs, the entry module is read. Signatures are noticed, not read.
"""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from fenfa.errors import BadPackage
from fenfa.inspectors.base import PackageInfo
from fenfa.inspectors.parts import hap_icons, identifier
from fenfa.inspectors.parts.damage import refusing
from fenfa.inspectors.parts.hap_index import MEDIA, STRING, ResourceIndex
from fenfa.inspectors.parts.nested import inner_archive
from fenfa.inspectors.parts.zipsafe import Archive

_MAX_JSON = 4 << 20
_MAX_INDEX = 32 << 20
_MAX_MODULES = 50
_SIGNATURES = (b"<hap sign block>", b"HAP Sig Block 42")
_FOOTER = 32
Table = dict[str, Any]


@refusing("the package")
def inspect(path: Path) -> PackageInfo:
    with Archive(path) as archive:
        if "module.json" in archive or "config.json" in archive:
            return read_hap(archive)
        modules = sorted(name for name in archive.members if name.endswith(".hap"))[:_MAX_MODULES]
        if "pack.info" not in archive or not modules:
            raise BadPackage("module.json and config.json are missing: this is not a HarmonyOS package")
        name = _entry_module(archive, modules)
        with inner_archive(path, archive, name) as inner:
            info = read_hap(inner)
        return replace(info, facts=info.facts | {"inner_haps": modules, "signing_block": _is_signed(archive)})


def read_hap(archive: Archive) -> PackageInfo:
    is_stage = "module.json" in archive
    root = _json(archive, "module.json" if is_stage else "config.json")
    app, module = _table(root, "app"), _table(root, "module")
    warnings: list[str] = []
    index = _index(archive, warnings)
    shown = app if is_stage else _first_ability(module)
    version, api = (app, app) if is_stage else (_table(app, "version"), _table(app, "apiVersion"))
    label = _text(shown, "label")
    return PackageInfo(
        format="hap",
        platform=None,
        identifier=identifier.checked(_text(app, "bundleName"), "bundle name"),
        name=_label(shown, index),
        version=_text(version, "versionName" if is_stage else "name"),
        build=_text(version, "versionCode" if is_stage else "code"),
        min_os=_text(api, "minAPIVersion" if is_stage else "compatible"),
        icon_png=hap_icons.find_icon(archive, _icon_path(shown, index), warnings),
        facts={
            "target": _text(api, "targetAPIVersion" if is_stage else "target"),
            "vendor": _text(app, "vendor"),
            "label_ref": label if label.startswith("$") else "",
            "module": _module(module),
            "signing_block": _is_signed(archive),
            "index_version": index.version if index else "",
            "localized_names": index.localized(_number(shown, "labelId")) if index else {},
        },
        warnings=warnings,
    )


def _entry_module(archive: Archive, modules: list[str]) -> str:
    """The HAP that pack.info calls the entry, else the first by name."""
    packages = _json(archive, "pack.info").get("packages")
    for package in packages if isinstance(packages, list) else []:
        if isinstance(package, dict) and package.get("moduleType") == "entry":
            name = _text(package, "name") + ".hap"
            if name in modules:
                return name
    return modules[0]


def _json(archive: Archive, name: str) -> Table:
    try:
        root = json.loads(archive.read(name, _MAX_JSON))
    except (ValueError, RecursionError):
        raise BadPackage(f"{name} is not readable JSON") from None
    if not isinstance(root, dict):
        raise BadPackage(f"{name} is not an object")
    return root


def _index(archive: Archive, warnings: list[str]) -> ResourceIndex | None:
    """The resource index. A broken one costs what it would have resolved, not the upload."""
    if "resources.index" not in archive:
        return None
    try:
        return ResourceIndex(archive.read("resources.index", _MAX_INDEX))
    except BadPackage as error:
        warnings.append(f"resources.index cannot be read: {error.message}")
        return None


def _label(shown: Table, index: ResourceIndex | None) -> str:
    """The label, looked up where it is a reference; empty, never the reference, when that fails."""
    label = _text(shown, "label")
    if not label.startswith("$"):
        return label
    if index is None:
        return ""
    return index.text(_number(shown, "labelId")) or index.named(STRING, label.partition(":")[2])


def _icon_path(shown: Table, index: ResourceIndex | None) -> str:
    """The icon's file below the package's root; without an index it is guessed from the reference."""
    icon = _text(shown, "icon")
    name = icon.partition(":")[2]
    found = (index.text(_number(shown, "iconId")) or index.named(MEDIA, name)) if index else ""
    return found or (f"resources/base/media/{name}" if name else "")


def _first_ability(module: Table) -> Table:
    abilities = module.get("abilities")
    tables = [one for one in abilities if isinstance(one, dict)] if isinstance(abilities, list) else []
    return next((one for one in tables if _text(one, "label")), {})


def _module(module: Table) -> Table:
    devices = module.get("deviceTypes", module.get("deviceType"))
    return {
        "name": _text(module, "name"),
        "type": _text(module, "type") or _text(_table(module, "distro"), "moduleType"),
        "deviceTypes": [one for one in devices if isinstance(one, str)][:50] if isinstance(devices, list) else [],
        "installationFree": module.get("installationFree") is True,
    }


def _is_signed(archive: Archive) -> bool:
    footer = archive.raw(archive.directory_offset - _FOOTER, _FOOTER)
    return any(magic in footer for magic in _SIGNATURES)


def _table(values: Table, key: str) -> Table:
    value = values.get(key)
    return value if isinstance(value, dict) else {}


def _text(values: Table, key: str) -> str:
    value = values.get(key)
    if isinstance(value, bool) or not isinstance(value, str | int):
        return ""
    return str(value).strip()[:2000]


def _number(values: Table, key: str) -> int:
    value = values.get(key)
    return value if isinstance(value, int) else 0
