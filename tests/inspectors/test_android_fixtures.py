"""Real Android packages of every kind: each expected field is compared on its own, and counted in the table of scores."""

import io
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from fenfa.errors import BadPackage
from fenfa.inspectors import aab, apk, apks, wire
from fenfa.inspectors.base import PackageInfo
from tests.inspectors.fixtures import FOLDER, Entry, entries, entry_name
from tests.inspectors.scores import Score

READERS = {"apk": apk.inspect, "aab": aab.inspect, "apks": apks.inspect}
ALL = entries(*READERS)
ACCEPTED = [entry for entry in ALL if entry["expected"]["accept"] == "yes"]
# apksigner 0.9, which judged these fixtures, does not know scheme v3.1
KNOWS_BETTER = {"apk/apksig--v31-ec-p256-2-tgt-33-1-tgt-28-targetSdk-30.apk"}


@pytest.mark.parametrize("entry", ACCEPTED, ids=entry_name)
def test_every_expected_field_comes_out(entry: Entry, score: Score) -> None:
    info = _read(entry)
    found, expected = _found(info), _expected(entry)
    names = entry["expected"].get("localized_names")
    if names:  # the reference lists those that it asked for, the readers all
        expected["localized_names"] = names
        found["localized_names"] = {locale: info.facts["localized_names"].get(locale) for locale in names}
    right = {field: found[field] == value for field, value in expected.items()}
    score(entry["format"], right)
    assert {field: (found[field], expected[field]) for field, same in right.items() if not same} == {}


@pytest.mark.parametrize("entry", [one for one in ALL if one["expected"]["accept"] == "either"], ids=entry_name)
def test_a_doubtful_one_is_refused_or_told_truthfully(entry: Entry) -> None:
    try:
        found = _found(_read(entry))
    except BadPackage:
        return
    expected = _expected(entry)
    assert {field: (found[field], value) for field, value in expected.items() if found[field] != value} == {}


@pytest.mark.parametrize("entry", [one for one in ALL if one["expected"]["accept"] == "no"], ids=entry_name)
def test_what_is_no_package_is_refused_in_words(entry: Entry) -> None:
    with pytest.raises(BadPackage) as refusal:
        _read(entry)
    assert len(refusal.value.message.split()) > 3


def test_a_signature_of_scheme_v3_1_names_old_and_new_signer() -> None:
    (entry,) = (one for one in ALL if one["file"] in KNOWS_BETTER)
    signing = _read(entry).signing
    assert signing is not None
    assert (signing["verified"], signing["schemes"]["v3"], signing["schemes"]["v3.1"]) == (True, True, True)
    stored = entry["expected"]["signing"]["certs_stored"]
    assert signing["signers"] == stored["v3.1"] + stored["v3"]
    assert [one["sha256"] for one in signing["lineage"]] == stored["v3"] + stored["v3.1"]


def _read(entry: Entry) -> PackageInfo:
    return wire.unpack(wire.pack(READERS[entry["format"]](Path(FOLDER / entry["file"]))))


def _found(info: PackageInfo) -> dict[str, Any]:
    signing = info.signing or {"verified": False, "schemes": {}, "signers": [], "certificates": []}
    shown = {one["sha256"]: one["subject"] for one in signing["certificates"]}
    return {
        "identifier": info.identifier,
        "name": info.name,
        "version": info.version,
        "build": info.build,
        "min_os": info.min_os,
        "target": info.facts["target_sdk"],
        "split": info.facts["split"],
        "abis": info.arch,
        "long_version_code": info.facts["long_version_code"],
        "icon": Image.open(io.BytesIO(info.icon_png)).size if info.icon_png else None,
        "icon drawn": info.icon_png is not None,
        "modules": info.facts.get("modules"),
        "jar_signed": info.facts.get("jar_signed"),
        "base": info.facts.get("base"),
        "inner_apks": info.facts.get("inner_apks"),
        "verifies": signing["verified"],
        "schemes verified": sorted(scheme for scheme, verified in signing["schemes"].items() if verified),
        "schemes in block": {scheme for scheme in signing["schemes"] if scheme != "v1"},
        "signers": sorted(signing["signers"]),
        "subjects": sorted(shown.get(one, "") for one in signing["signers"]),
        "certificates": sorted(shown),
        "only for min SDK": signing.get("only_for_min_sdk"),
    }


def _expected(entry: Entry) -> dict[str, Any]:
    """The fields that the manifest names for this file, as `_found` names them."""
    expected = entry["expected"] | entry["expected"].get("lenient_truth", {})
    plain = ("identifier", "version", "build", "min_os", "target", "split", "long_version_code")
    wanted: dict[str, Any] = {key: _text(expected[key]) for key in plain if key in expected}
    wanted |= {"abis": expected["abis"]} if "abis" in expected else {}
    wanted |= {"name": expected["name"]} if expected.get("name") is not None else {}
    wanted |= {key: value for key, value in expected.get("facts", {}).items() if key != "xapk_manifest"}
    return wanted | _expected_icon(expected.get("icon", {})) | _expected_signing(entry)


def _expected_icon(icon: dict[str, Any]) -> dict[str, Any]:
    best = icon.get("best") or icon.get("best_raster")
    if best:
        return {"icon": (best["width"], best["height"])}
    return {"icon drawn": True} if str(icon.get("kind")).endswith("-xml-only") else {}


def _expected_signing(entry: Entry) -> dict[str, Any]:
    signing = entry["expected"].get("signing")
    if not signing or entry["file"] in KNOWS_BETTER:
        return {}
    wanted: dict[str, Any] = {"verifies": signing["verifies"]}
    schemes = signing.get("schemes_verified") or [scheme for scheme in ("v1", "v2", "v3") if signing.get(scheme)]
    wanted |= {"schemes verified": sorted(schemes)} if signing["verifies"] else {}
    if "schemes_in_block" in signing:
        wanted["schemes in block"] = set(signing["schemes_in_block"])
    if signing.get("cert_sha256"):
        wanted["signers"] = sorted(signing["cert_sha256"])
    if "certs_stored" in signing and not _is_stored_otherwise(entry):
        stored = {certificate for listed in signing["certs_stored"].values() for certificate in listed}
        wanted["certificates"] = sorted(stored)
    if signing.get("cert_dn"):
        wanted["subjects"] = sorted(signing["cert_dn"])
    if "only_for_min_sdk" in signing:
        wanted["only for min SDK"] = signing["only_for_min_sdk"]
    return wanted


def _is_stored_otherwise(entry: Entry) -> bool:
    """Files whose stored certificates the reference tool names otherwise: it wrote one that is not DER anew."""
    return "cert-not-der" in entry["file"]


def _text(value: Any) -> str:
    return "" if value is None else str(value).strip()
