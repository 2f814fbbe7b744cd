"""Real packages for Windows, Linux and HarmonyOS: each expected field is compared on its own, and counted in the table."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from fenfa.errors import BadPackage
from fenfa.inspectors import appimage, deb, exe, hap, macapp, msi, msix, rpm, wire
from fenfa.inspectors.base import PackageInfo
from tests.inspectors.fixtures import FOLDER, Entry, entries, entry_name
from tests.inspectors.scores import Score

READERS: dict[str, Callable[[Path], PackageInfo]] = {
    "exe": exe.inspect,
    "msi": msi.inspect,
    "msix": msix.inspect,
    "deb": deb.inspect,
    "rpm": rpm.inspect,
    "appimage": appimage.inspect,
    "hap": hap.inspect,
}
ALL = entries(*READERS)
# Told by name in the fixtures, and read by name from the facts here
FACTS = (
    "company",
    "signed",
    "upgrade_code",
    "publisher",
    "publisher_name",
    "epoch",
    "summary",
    "target",
    "template",
    "target_families",
    "packages",
    "bundle",
    "resource_package",
    "ar_members",
    "desktop_files",
    "icon_files",
    "payload",
    "magic_type",
    "offset",
    "compression",
    "upd_info",
    "label_ref",
    "inner_haps",
    "signing_block",
    "index_version",
    "module",
)


@pytest.mark.parametrize("entry", [one for one in ALL if one["expected"]["accept"] == "yes"], ids=entry_name)
def test_every_expected_field_comes_out(entry: Entry, score: Score) -> None:
    compared = _compare(_read(entry), entry)
    score(entry["format"], {field: found == wanted for field, (found, wanted) in compared.items()})
    assert {field: pair for field, pair in compared.items() if pair[0] != pair[1]} == {}


@pytest.mark.parametrize("entry", [one for one in ALL if one["expected"]["accept"] == "either"], ids=entry_name)
def test_a_doubtful_one_is_refused_or_told_truthfully(entry: Entry) -> None:
    try:
        compared = _compare(_read(entry), entry)
    except BadPackage:
        return
    assert {field: pair for field, pair in compared.items() if pair[0] != pair[1]} == {}


@pytest.mark.parametrize("entry", [one for one in ALL if one["expected"]["accept"] == "no"], ids=entry_name)
def test_what_is_no_package_is_refused_in_words(entry: Entry) -> None:
    with pytest.raises(BadPackage) as refusal:
        _read(entry)
    assert len(refusal.value.message.split()) > 3


def _read(entry: Entry) -> PackageInfo:
    """Reads in this process, for speed, and passes the result through the same wire as the sandbox does."""
    reader = macapp.inspect if entry["file"].endswith(".zip") else READERS[entry["format"]]
    return wire.unpack(wire.pack(reader(FOLDER / entry["file"])))


def _compare(info: PackageInfo, entry: Entry) -> dict[str, tuple[Any, Any]]:
    """What was found and what was expected, by field. What the fixtures leave out, or leave open, is not compared."""
    expected = entry["expected"]
    told = expected | expected.get("facts", {})
    pairs: dict[str, tuple[Any, Any]] = {
        field: (getattr(info, field), expected[field] or "")
        for field in ("identifier", "version", "build", "min_os")
        if field in expected
    }
    pairs |= {"name": _names(info, expected), "arch": (_arch(info), expected["arch"])}
    for field in FACTS:
        if field in told:
            found = info.facts.get(field, "")
            wanted = told[field]
            pairs[field] = (found[: len(wanted)] if field == "packages" else found, "" if wanted is None else wanted)
    return pairs | _special(info, told) | _icon(info, expected.get("icon") or {})


def _names(info: PackageInfo, expected: dict[str, Any]) -> tuple[str, str]:
    """A name that is a reference must come out resolved, with the reference beside it; for none anything will do."""
    wanted = expected["name"]
    if wanted is None or info.name.startswith(("ms-resource:", "$")):
        return info.name, "a name" if info.name.startswith(("ms-resource:", "$")) else info.name
    return (info.facts["label_ref"], wanted) if wanted.startswith("ms-resource:") else (info.name, wanted)


def _arch(info: PackageInfo) -> list[str]:
    """In the words of the package."""
    machine: list[str] = info.facts.get("machine", info.arch)
    return machine


def _special(info: PackageInfo, told: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    pairs: dict[str, tuple[Any, Any]] = {}
    for key, value in told.get("fields", {}).items():
        if key == "signatures":
            pairs[key] = (sorted(set(value) & set(info.facts["signatures"])), sorted(set(value)))
        else:
            pairs[key] = (info.facts["fields"].get(key, ""), "" if value == "(none)" else value)
    for key in ("ProductVersion", "ProductName"):
        if key in told.get("properties", {}):
            pairs[key] = (info.version if key == "ProductVersion" else info.name, told["properties"][key])
    if "digital_signature" in told:
        pairs["signed"] = (info.facts["signed"], told["digital_signature"])
    if "signer_subject" in told:
        subjects = [_normal(one["subject"]) for one in (info.signing or {"certificates": []})["certificates"]]
        pairs["signer_subject"] = (sorted(subjects), sorted(_normal(one) for one in told["signer_subject"]))
    if "desktop_keys" in told:
        found = info.facts["desktop_keys"]
        pairs["desktop_keys"] = ({key: found.get(key) for key in told["desktop_keys"]}, told["desktop_keys"])
    if "pefile" in told:
        pairs["fixed version"] = (info.facts["fixed_file_version"], told["pefile"]["fixed_file_version"] or "")
        pairs["dotnet"] = (info.facts["dotnet"], told["pefile"]["dotnet"])
    return pairs


def _normal(name: str) -> list[str]:
    """A distinguished name however it is ordered, spaced and abbreviated."""
    parts = [part.replace(" = ", "=").strip() for part in name.split(",")]
    return sorted("S=" + part[3:] if part.startswith("ST=") else part for part in parts)


def _icon(info: PackageInfo, icon: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    """The icon's size where the fixtures know it, else whether there is one."""
    found = Image.open(io.BytesIO(info.icon_png)).size if info.icon_png else None
    if "groups" in icon:
        side = icon["first_group_max"]
        return {"icon": (found, (side, side) if side else None)}
    if "resource" in icon:
        path = icon["resource"]["values"][0][1].partition("/")[2]
        return {"icon": (found, (icon["files"][path]["width"], icon["files"][path]["height"]))}
    files = icon.get("files", {})
    pictures = [one for one in (files.values() if isinstance(files, dict) else files) if one.get("format") == "PNG"]
    if pictures:
        largest = max(pictures, key=lambda one: one["width"])
        return {"icon": (found, (largest["width"], largest["height"]))}
    if icon.get("kind") == "none":
        return {"icon": (found, None)}
    return {"icon": (found is not None, True)} if icon.get("kind") == "files" else {}
