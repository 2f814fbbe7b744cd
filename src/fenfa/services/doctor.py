"""The install doctor: whether a build will install on a device and, if not, why.

Pure functions over what is known of both; the sentences for people are made where they are shown.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from fenfa.services.records import Record
from fenfa.vocabulary import Platform

_FAMILIES = {"iPhone": "1", "iPod": "1", "iPad": "2"}
_NOT_BY_TAP = ("aab", "apks", "xapk")


class Obstacle(StrEnum):
    """What stands in the way, the gravest first."""

    OTHER_PLATFORM = "other_platform"
    STORE_SIGNED = "store_signed"  # an app-store profile: nothing but Apple's store installs it
    PROFILE_EXPIRED = "profile_expired"
    CERTIFICATE_EXPIRED = "certificate_expired"
    NOT_LISTED = "not_listed"  # the device is known, and not in the profile
    OTHER_FAMILY = "other_family"  # an iPad build on an iPhone
    SYSTEM_TOO_OLD = "system_too_old"
    NOT_BY_TAP = "not_by_tap"  # a bundle that no phone installs as it is
    NO_HTTPS = "no_https"  # iOS fetches the manifest over https alone
    UNKNOWN_DEVICE = "unknown_device"  # the profile lists devices, and we do not know this one


ADVICE = frozenset({Obstacle.UNKNOWN_DEVICE, Obstacle.NO_HTTPS})
"""Obstacles that may turn out to be none, so that the build may be tried all the same: the device may be in the list, and a
proxy may speak https without telling us."""


@dataclass(frozen=True)
class Target:
    """Where a build shall be installed. Empty: not known. `now` is a time in stored form, `family` iPhone, iPad …"""

    platform: Platform | None
    now: str
    os_version: str = ""
    family: str = ""
    udid: str = ""
    is_https: bool = True


def diagnose(release: Record, platform: str, target: Target) -> list[Obstacle]:
    """Every obstacle between this release of a variant for `platform` and the target; empty: it will install.

    `release` needs `file_ext`, `min_os`, `provisioning_profile` (with its devices) and `package.device_family`.
    """
    if target.platform is not None and target.platform != platform:
        return [Obstacle.OTHER_PLATFORM]
    found = _apple(release, target) if platform == Platform.IOS else []
    if platform == Platform.ANDROID and release["file_ext"] in _NOT_BY_TAP:
        found.append(Obstacle.NOT_BY_TAP)
    if is_older(target.os_version, release["min_os"]):
        found.append(Obstacle.SYSTEM_TOO_OLD)
    order = list(Obstacle)
    return sorted(found, key=order.index)


def is_limited(profile: dict[str, Any] | None) -> bool:
    """Whether the profile lets listed devices in and no others."""
    return (profile or {}).get("profile_type") in ("ad-hoc", "development")


def _apple(release: Record, target: Target) -> list[Obstacle]:
    profile = release.get("provisioning_profile") or {}
    checks = {
        Obstacle.STORE_SIGNED: profile.get("profile_type") == "app-store",
        Obstacle.PROFILE_EXPIRED: _is_over(profile.get("expiration_date"), target.now),
        Obstacle.CERTIFICATE_EXPIRED: _are_all_over(profile.get("certificates") or [], target.now),
        Obstacle.NOT_LISTED: bool(target.udid) and is_limited(profile) and not _lists(profile, target.udid),
        Obstacle.UNKNOWN_DEVICE: not target.udid and is_limited(profile),
        Obstacle.OTHER_FAMILY: _is_other_family(release, target.family),
        Obstacle.NO_HTTPS: not target.is_https,
    }
    return [obstacle for obstacle, stands in checks.items() if stands]


def _is_over(end: str | None, now: str) -> bool:
    return bool(end) and str(end) < now


def _are_all_over(certificates: list[dict[str, Any]], now: str) -> bool:
    """A build is signed with one of them; only when none is valid can none have been used."""
    return bool(certificates) and all(_is_over(one.get("not_after"), now) for one in certificates)


def _lists(profile: dict[str, Any], udid: str) -> bool:
    return udid.upper() in {str(one).upper() for one in profile.get("provisioned_devices") or []}


def _is_other_family(release: Record, family: str) -> bool:
    wanted = [str(one) for one in (release.get("package") or {}).get("device_family") or []]
    mine = _FAMILIES.get(family, "")
    return bool(wanted and mine) and mine not in wanted and not (mine == "2" and "1" in wanted)  # iPads run iPhone apps


def is_older(version: str, least: str) -> bool:
    """By numbers, as in 9.3 < 15.0; False where one of them is no version."""
    mine, wanted = _numbers(version), _numbers(least)
    return bool(mine and wanted) and mine < wanted


def _numbers(version: str) -> tuple[int, ...]:
    parts = version.split(".")
    return tuple(int(part) for part in parts) if all(part.isdigit() for part in parts) else ()
