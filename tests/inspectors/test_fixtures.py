"""Real packages from many sources, read and compared with what independent tools say of them."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageStat

from fenfa.errors import BadPackage
from fenfa.inspectors import apk, ipa, wire
from fenfa.inspectors.base import PackageInfo
from fenfa.inspectors.parts.provisioning import read_profile
from tests.inspectors.fixtures import FOLDER, Entry, entries, entry_name

READERS: dict[str, Callable[[Path], PackageInfo]] = {"ipa": ipa.inspect, "apk": apk.inspect}
ALL = entries("ipa", "apk")
WANTED = [entry for entry in ALL if entry["expected"]["accept"] == "yes"]
REFUSED = [entry for entry in ALL if entry["expected"]["accept"] == "no"]
DOUBTFUL = [entry for entry in ALL if entry["expected"]["accept"] == "either"]
PROFILES = entries("mobileprovision")


def test_the_fixtures_are_there() -> None:
    assert len(ALL) > 100, f"no package fixtures in {FOLDER}: set FENFA_FIXTURES to the folder that holds manifest.json"


@pytest.mark.parametrize("entry", WANTED, ids=entry_name)
def test_says_what_independent_tools_say(entry: Entry) -> None:
    info = _read(entry)
    assert _differences(info, entry["expected"]) == {}
    assert not info.name.startswith("@")


@pytest.mark.parametrize("entry", REFUSED, ids=entry_name)
def test_refuses_what_is_no_package(entry: Entry) -> None:
    with pytest.raises(BadPackage):
        _read(entry)


@pytest.mark.parametrize("entry", DOUBTFUL, ids=entry_name)
def test_refuses_a_doubtful_one_or_tells_the_truth(entry: Entry) -> None:
    try:
        info = _read(entry)
    except BadPackage:
        return
    expected = entry["expected"] | entry["expected"].get("lenient_truth", {})
    assert _differences(info, expected) == {}


@pytest.mark.parametrize("entry", [one for one in ALL if one["expected"].get("profile")], ids=entry_name)
def test_reads_the_embedded_profile(entry: Entry) -> None:
    profile, expected = _read(entry).provisioning_profile, entry["expected"]["profile"]
    assert profile is not None
    assert profile["profile_type"] == expected["type"]
    assert f"{profile['app_id_prefix']}.{profile['bundle_id']}" == expected["application_identifier"]
    for key in ("name", "uuid", "team_name", "team_id", "app_id_name"):
        assert profile[key] == expected[key]
    assert profile["platform"] == expected["platforms"]
    assert _spoken(profile["creation_date"]) == expected["created"]
    assert _spoken(profile["expiration_date"]) == expected["expires"]
    assert profile["device_count"] == expected.get("device_count", 0) == len(profile["provisioned_devices"])
    assert [one["sha256"] for one in profile["certificates"]] == [one["sha256"] for one in expected["certs"]]


@pytest.mark.parametrize("entry", PROFILES, ids=entry_name)
def test_reads_a_profile_alone(entry: Entry) -> None:
    expected, data = entry["expected"], (FOLDER / entry["file"]).read_bytes()
    try:
        profile = read_profile(data)
    except BadPackage:
        assert expected["accept"] != "yes"
        return
    assert expected["accept"] != "no"
    assert profile["profile_type"] == expected["type"]
    assert (profile["name"], profile["team_id"]) == (expected["name"], expected["team_id"])
    assert _spoken(profile["expiration_date"]) == expected["expires"]
    assert profile["device_count"] == (expected["device_count"] or 0)


@pytest.mark.parametrize("entry", [one for one in WANTED if one["expected"]["icon"].get("best")], ids=entry_name)
def test_gives_the_largest_icon(entry: Entry) -> None:
    best, icon = entry["expected"]["icon"]["best"], _picture(_read(entry))
    assert icon is not None
    assert icon.size == (best["width"], best["height"])
    if "decoded_centre_rgba" in best:
        assert icon.getpixel((icon.width // 2, icon.height // 2)) == tuple(best["decoded_centre_rgba"])
        assert _premultiplied_mean(icon) == pytest.approx(best["decoded_mean_rgba_premultiplied"], abs=1)


@pytest.mark.parametrize("entry", [one for one in WANTED if one["format"] == "apk"], ids=entry_name)
def test_lists_the_signing_certificates(entry: Entry) -> None:
    expected, signing = entry["expected"]["signing"], _read(entry).signing or {"certificates": [], "schemes": []}
    found = {one["sha256"] for one in signing["certificates"]}
    assert set(expected.get("cert_sha256", [])) <= found
    assert set(expected.get("schemes_in_block", [])) <= set(signing["schemes"])


def _read(entry: Entry) -> PackageInfo:
    """Reads in this process, for speed, and passes the result through the same wire as the sandbox does."""
    return wire.unpack(wire.pack(READERS[entry["format"]](FOLDER / entry["file"])))


def _differences(info: PackageInfo, expected: dict[str, Any]) -> dict[str, tuple[str, str]]:
    """Fields that differ, as found and as expected. A null name means that the reference tools found none."""
    found = {
        "identifier": info.identifier,
        "name": info.name,
        "version": info.version,
        "build": info.build,
        "min_os": info.min_os,
        "target": info.facts.get("target_sdk", ""),
        "split": info.facts.get("split", ""),
        "long_version_code": info.facts.get("long_version_code", ""),
        "abis": ",".join(info.arch),
        "arch": ",".join(f"{piece['cpu']}/{piece['sub']}" for piece in info.facts.get("slices", [])),
    }
    wanted = {key: _flat(expected[key]) for key in found if key in expected and (key, expected[key]) != ("name", None)}
    return {key: (found[key], text) for key, text in wanted.items() if found[key] != text}


def _flat(value: Any) -> str:
    return ",".join(value) if isinstance(value, list) else "" if value is None else str(value).strip()


def _picture(info: PackageInfo) -> Image.Image | None:
    if info.icon_png is None:
        return None
    return Image.open(io.BytesIO(info.icon_png)).convert("RGBA")


def _premultiplied_mean(icon: Image.Image) -> list[float]:
    return [float(one) for one in ImageStat.Stat(icon.convert("RGBa")).mean]


def _spoken(date: str) -> str:
    return date.replace("T", " ").removesuffix("Z")
