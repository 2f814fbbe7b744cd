"""Real packages for Apple's systems: each expected field is compared on its own, and counted in the table of scores."""

import io
from typing import Any

import pytest
from PIL import Image, ImageStat

from fenfa.errors import BadPackage
from fenfa.inspectors import dmg, ipa, macapp, mobileprovision, pkg, wire
from fenfa.inspectors.base import PackageInfo
from tests.inspectors.fixtures import FOLDER, Entry, entries, entry_name
from tests.inspectors.scores import Score

READERS = {
    "ipa": ipa.inspect,
    "macapp": macapp.inspect,
    "dmg": dmg.inspect,
    "pkg": pkg.inspect,
    "mobileprovision": mobileprovision.inspect,
}
ALL = entries(*READERS)
_DATES = {"created": "creation_date", "expires": "expiration_date"}
_FACTS = {
    "UIDeviceFamily": "device_family",
    "DTPlatformName": "platform_name",
    "CFBundleSupportedPlatforms": "supported_platforms",
    "CFBundleExecutable": "executable",
    "DTSDKName": "sdk",
    "CFBundleIconName": "icon_name",
    "LSRequiresIPhoneOS": "requires_ios",
    "encrypted": "encrypted",
}


@pytest.mark.parametrize("entry", [one for one in ALL if one["expected"]["accept"] == "yes"], ids=entry_name)
def test_every_expected_field_comes_out(entry: Entry, score: Score) -> None:
    differences = _differences(entry, _read(entry))
    score(entry["format"], {field: not pair for field, pair in differences.items()})
    assert {field: pair for field, pair in differences.items() if pair} == {}


@pytest.mark.parametrize("entry", [one for one in ALL if one["expected"]["accept"] == "either"], ids=entry_name)
def test_a_doubtful_one_is_refused_or_told_truthfully(entry: Entry) -> None:
    try:
        info = _read(entry)
    except BadPackage:
        return
    assert {field: pair for field, pair in _differences(entry, info).items() if pair} == {}


@pytest.mark.parametrize("entry", [one for one in ALL if one["expected"]["accept"] == "no"], ids=entry_name)
def test_what_is_no_package_is_refused_in_words(entry: Entry) -> None:
    with pytest.raises(BadPackage) as refusal:
        _read(entry)
    assert len(refusal.value.message.split()) > 3


def _read(entry: Entry) -> PackageInfo:
    return wire.unpack(wire.pack(READERS[entry["format"]](FOLDER / entry["file"])))


def _differences(entry: Entry, info: PackageInfo) -> dict[str, tuple[Any, Any] | None]:
    """Each field that the manifest names: None where it came out right, else what was found and what was expected."""
    expected = entry["expected"] | entry["expected"].get("lenient_truth", {})
    if entry["format"] == "mobileprovision":
        pairs = _of_profile(info.provisioning_profile or {}, _flat_profile(expected))
        pairs["identifier"] = (info.identifier, expected["identifier"])
    else:
        pairs = _of_package(info, expected) | _of_icon(info, expected.get("icon") or {})
        if expected.get("profile"):
            own = info.provisioning_profile or {}
            pairs |= {f"profile {key}": pair for key, pair in _of_profile(own, expected["profile"]).items()}
        pairs |= _of_nested(info, expected.get("nested", {})) | _of_installer(info, expected.get("facts", {}))
    return {field: None if found == wanted else (found, wanted) for field, (found, wanted) in pairs.items()}


Pairs = dict[str, tuple[Any, Any]]


def _of_package(info: PackageInfo, expected: dict[str, Any]) -> Pairs:
    pairs: Pairs = {}
    for field in ("identifier", "name", "version", "build", "min_os"):
        if field in expected and (field, expected[field]) != ("name", None):
            pairs[field] = (getattr(info, field), "" if expected[field] is None else str(expected[field]).strip())
    slices = info.facts.get("slices", [])
    if expected.get("arch"):
        pairs["arch"] = ([f"{one['cpu']}/{one['sub']}" for one in slices], expected["arch"])
    for field in ("sub", "cryptid", "signed", "platform", "minos"):
        wanted = [one.get(field) for one in expected.get("executable", [])]
        if wanted:
            wanted = [one & 0xFFFFFF for one in wanted] if field == "sub" else wanted
            pairs[f"executable {field}"] = ([one.get(field) for one in slices], wanted)
    if "localized_names" in expected:
        pairs["localized_names"] = (info.facts["localized_names"], expected["localized_names"])
    facts = expected.get("facts", {})
    return pairs | {key: (info.facts.get(fact), facts[key]) for key, fact in _FACTS.items() if key in facts}


def _of_icon(info: PackageInfo, icon: dict[str, Any]) -> Pairs:
    picture = Image.open(io.BytesIO(info.icon_png)).convert("RGBA") if info.icon_png else Image.new("RGBA", (1, 1))
    side = icon.get("icns_max_size") or icon.get("max_size")
    if side:
        return {"icon": (picture.size, (side, side))}
    best = icon.get("best")
    if not best and icon.get("kind") == "assets-car-only" and icon.get("declared"):
        return {"icon drawn": (info.icon_png is not None, True)}
    if not best:
        return {"icon": (info.icon_png, None)} if icon.get("kind") == "none" else {}
    pairs: Pairs = {"icon": (picture.size, (best["width"], best["height"]))}
    if "decoded_centre_rgba" in best:
        centre = picture.getpixel((picture.width // 2, picture.height // 2))
        mean = [float(one) for one in ImageStat.Stat(picture.convert("RGBa")).mean]
        pairs["icon centre"] = (centre, tuple(best["decoded_centre_rgba"]))
        pairs["icon mean"] = (mean, pytest.approx(best["decoded_mean_rgba_premultiplied"], abs=1))
    return pairs


def _flat_profile(expected: dict[str, Any]) -> dict[str, Any]:
    """The manifest's words for a profile that stands alone, as it uses them for an embedded one."""
    facts = {key: value for key, value in expected["facts"].items() if key not in ("openssl_cms", "error")}
    own = {key: expected[key] for key in ("name", "type", "team_id", "expires", "device_count") if key in expected}
    return facts | own | {"application_identifier": expected["identifier"]}


def _of_profile(profile: dict[str, Any], expected: dict[str, Any]) -> Pairs:
    own_names = {"type": "profile_type", "platforms": "platform"} | _DATES
    pairs: Pairs = {}
    for key in ("name", "uuid", "team_name", "team_id", "app_id_name", "type", "platforms", "created", "expires"):
        if key in expected:
            found = profile.get(own_names.get(key, key))
            pairs[key] = (_spoken(found) if key in _DATES else found, expected[key])
    whole = f"{profile.get('app_id_prefix')}.{profile.get('bundle_id')}"
    pairs["application_identifier"] = (whole, expected["application_identifier"])
    pairs["device_count"] = (profile.get("device_count"), expected.get("device_count") or 0)
    granted = profile.get("entitlements", {})
    for key, entitlement in (("get_task_allow", "get-task-allow"), ("aps_environment", "aps-environment")):
        if key in expected:
            pairs[key] = (granted.get(entitlement), expected[key])
    return pairs | _of_certificates(profile.get("certificates", []), expected.get("certs", []))


def _of_certificates(found: list[dict[str, Any]], expected: list[dict[str, Any]]) -> Pairs:
    """OpenSSL, the reference, cuts a name at a comma, and prints some with the line after it."""
    pairs: Pairs = {"certificates": ([one["sha256"] for one in found], [one["sha256"] for one in expected])}
    named = [(one, two) for one, two in zip(found, expected, strict=False) if two["cn"]]
    starts = [two["cn"].split("\n")[0].removesuffix("\\") for _, two in named]
    pairs["certificate names"] = (
        [one["name"][: len(start)] for (one, _), start in zip(named, starts, strict=True)],
        starts,
    )
    ends = [" ".join(two["not_after"].split()) for _, two in named]
    pairs["certificate ends"] = ([_openssl_date(one["not_after"]) for one, _ in named], ends)
    return pairs


def _of_nested(info: PackageInfo, nested: dict[str, Any]) -> Pairs:
    pairs: Pairs = {}
    own = {one["path"]: one for one in info.facts.get("nested", [])}
    for path, expected in nested.items():
        found = own.get(path.split(".app/", 1)[1].rstrip("/"), {})
        truth, profile = dict(expected["truth"]), expected["profile"]
        arch = [f"{one['cpu']}/{one['sub']}" for one in found.get("slices", [])]
        pairs["nested arch"] = (arch, truth.pop("arch"))
        pairs["nested"] = ({key: found.get(key) for key in truth}, truth)
        pairs["nested kind"] = (
            [found.get("package_type"), found.get("extension_point")],
            [expected["plist_facts"]["CFBundlePackageType"], expected["plist_facts"]["NSExtension"]],
        )
        inner = found.get("profile") or {}
        pairs["nested profile"] = (
            [inner.get("profile_type"), inner.get("team_id"), _spoken(inner.get("expiration_date"))],
            [profile["type"], profile["team_id"], profile["expires"]],
        )
    return pairs


def _of_installer(info: PackageInfo, facts: dict[str, Any]) -> Pairs:
    parts = info.facts.get("components", [])
    pairs: Pairs = {}
    if "package_infos" in facts:
        own = [(one["identifier"], one["version"], one["install_location"]) for one in parts]
        wanted = [(one["identifier"], one["version"], one["install-location"]) for one in facts["package_infos"]]
        pairs["components"] = (own, wanted)
        bundles = [
            (one["id"], one["path"]) for part in facts["package_infos"] for one in part["bundles"] if "path" in one
        ]
        pairs["bundles"] = ([(one["identifier"], one["path"]) for part in parts for one in part["bundles"]], bundles)
    if "distribution" in facts:
        script = facts["distribution"]
        pairs["hostArchitectures"] = (",".join(info.arch), script["hostArchitectures"])
        bundles = [(one["id"], one["path"]) for one in script["bundles"]]
        pairs["bundles"] = ([(one["identifier"], one["path"]) for part in parts for one in part["bundles"]], bundles)
    return pairs


def _spoken(date: str | None) -> str:
    return (date or "").replace("T", " ").removesuffix("Z")


def _openssl_date(date: str) -> str:
    """`2025-06-23T09:49:25Z` as `Jun 23 09:49:25 2025 GMT`."""
    months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
    day, time = _spoken(date).split(" ")
    return f"{months[int(day[5:7]) - 1]} {int(day[8:])} {time} {day[:4]} GMT"
