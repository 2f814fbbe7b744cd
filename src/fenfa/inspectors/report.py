"""A package as `fenfa inspect` tells it: flat, in the words that package tools use, null for what is not known.

Android packages tell `abis`, Apple's `arch` as CPU/subtype, the rest `arch` in the format's own words. Times are those of the
package, `2026-01-02 03:04:05` in UTC.
"""

import struct
from typing import Any

from fenfa.inspectors.base import PackageInfo
from fenfa.vocabulary import Platform

_PLAIN = ("identifier", "name", "version", "build", "min_os")
_LIFTED = (
    *("split", "long_version_code", "localized_names", "permissions", "features", "debuggable"),
    *("company", "signed", "upgrade_code", "publisher", "publisher_name", "epoch", "summary", "label_ref"),
)
_PROFILE = ("name", "uuid", "team_name", "team_id", "app_id_name", "device_count")


def report(info: PackageInfo) -> dict[str, Any]:
    """The JSON of one package; what its format has no word for is left out."""
    facts = info.facts
    told: dict[str, Any] = {"format": info.format, "platform": info.platform, "valid": True}
    told |= {name: getattr(info, name) or None for name in _PLAIN}
    told |= {"abis": info.arch} if info.platform == Platform.ANDROID else {"arch": _arch(info)}
    if "target_sdk" in facts or "target" in facts:
        told["target"] = facts.get("target_sdk") or facts.get("target") or None
    told |= {name: facts[name] if facts[name] != "" else None for name in _LIFTED if name in facts}
    if "slices" in facts:
        told["executable"] = facts["slices"]
    told |= {"icon": _icon(info.icon_png), "signing": _signing(info.signing)}
    told["profile"] = _profile(info.provisioning_profile) if info.provisioning_profile else None
    rest = {name: value for name, value in facts.items() if name not in (*_LIFTED, "slices")}
    return told | {"facts": rest, "warnings": info.warnings}


def _arch(info: PackageInfo) -> list[str]:
    slices = info.facts.get("slices")
    if slices:
        return [f"{one['cpu']}/{one['sub']}" for one in slices]
    return list(info.facts.get("machine", info.arch))


def _icon(png: bytes | None) -> dict[str, Any]:
    if png is None:
        return {"raster_available": False}
    width, height = struct.unpack(">II", png[16:24])
    return {"raster_available": True, "width": width, "height": height}


def _signing(signing: dict[str, Any] | None) -> dict[str, Any] | None:
    """`verifies`, `schemes_verified`, `cert_sha256` of the signers, and all that the reader found."""
    if signing is None:
        return None
    schemes = signing.get("schemes", {})
    verified = [name for name, good in schemes.items() if good] if isinstance(schemes, dict) else []
    signers = signing.get("signers", [one["sha256"] for one in signing.get("certificates", [])])
    return {**signing, "verifies": signing.get("verified"), "schemes_verified": verified, "cert_sha256": signers}


def _profile(profile: dict[str, Any]) -> dict[str, Any]:
    granted = profile.get("entitlements") or {}
    told = {name: profile.get(name) for name in _PROFILE}
    told |= {"type": profile.get("profile_type"), "platforms": profile.get("platform")}
    told |= {"created": _moment(profile.get("creation_date")), "expires": _moment(profile.get("expiration_date"))}
    told["application_identifier"] = f"{profile.get('app_id_prefix')}.{profile.get('bundle_id')}"
    told["get_task_allow"] = granted.get("get-task-allow")
    certificates = profile.get("certificates") or []
    told["n_certs"] = len(certificates)
    told["certs"] = [{"sha256": c["sha256"], "cn": c["name"], "not_after": c["not_after"]} for c in certificates]
    return told


def _moment(stamp: str | None) -> str | None:
    return stamp.replace("T", " ").removesuffix("Z") if stamp else None
