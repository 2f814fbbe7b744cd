"""Localised app names: InfoPlist.strings (text, XML or binary) and InfoPlist.loctable of an Apple bundle."""

import re
from typing import Any

from fenfa.errors import BadPackage
from fenfa.inspectors.parts import plists
from fenfa.inspectors.parts.bundle import Bundle

_MAX_STRINGS = 1 << 20
_MAX_LOCALES = 100
_KEYS = ("CFBundleDisplayName", "CFBundleName")
_STRINGS = re.compile(r"((?:[^/]+/)?)([^/]+)\.lproj/InfoPlist\.strings")
_LINE = re.compile(r'"?(CFBundleDisplayName|CFBundleName)"?\s*=\s*"((?:[^"\\]|\\.){0,1024})"\s*;', re.DOTALL)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_BOMS = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16", b"\xef\xbb\xbf": "utf-8-sig"}


def localized_names(bundle: Bundle, folder: str = "") -> dict[str, str]:
    """App names by locale as the bundle spells it (`zh-Hans`, `en`); a table that cannot be read is left out.

    The tables lie in this folder of the bundle, which ends in a slash: `Resources/` on the Mac.
    """
    names = _from_loctable(bundle, folder)
    matches = [match for match in map(_STRINGS.fullmatch, bundle.files) if match and match[1] == folder]
    for match in sorted(matches, key=lambda one: one[0])[:_MAX_LOCALES]:
        name = _name(_read_strings(bundle, match[0]))
        if name:
            names[match[2]] = name
    return names


def _from_loctable(bundle: Bundle, folder: str) -> dict[str, str]:
    file = f"{folder}InfoPlist.loctable"
    if file not in bundle.files:
        return {}
    try:
        table = plists.load(bundle.read(file, _MAX_STRINGS), file)
    except BadPackage:
        return {}
    locales = [locale for locale, values in table.items() if isinstance(values, dict)][:_MAX_LOCALES]
    return {locale: name for locale in locales if (name := _name(table[locale]))}


def _name(values: dict[str, Any]) -> str:
    return plists.text(values, *_KEYS)


def _read_strings(bundle: Bundle, file: str) -> dict[str, Any]:
    try:
        data = bundle.read(file, _MAX_STRINGS)
        if data.startswith((b"bplist", b"<?xml", b"\xef\xbb\xbf<?xml")):
            return plists.load(data, file)
    except BadPackage:
        return {}
    text = data.decode(_BOMS.get(data[:3]) or _BOMS.get(data[:2]) or "utf-8", "replace")
    return {key: _ESCAPE.sub(r"\1", value) for key, value in _LINE.findall(text)}
