"""The install doctor: whether a build will install on a device and, if not, why.

Pure functions over what is known of both; the sentences for people are made where they are shown.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from fenfa.services.arches import runs_on
from fenfa.services.records import Record
from fenfa.vocabulary import ANDROID_VERSIONS, Platform

_FAMILIES = {"iPhone": "1", "iPod": "1", "iPad": "2"}
_NOT_BY_TAP = ("aab", "apks", "xapk")


class Obstacle(StrEnum):
    """What stands in the way, the gravest first."""

    OTHER_PLATFORM = "other_platform"
    SIMULATOR = "simulator"  # made for Apple's simulator
    STORE_SIGNED = "store_signed"  # an app-store profile, or Apple's encryption: nothing but Apple's store installs it
    PROFILE_EXPIRED = "profile_expired"
    CERTIFICATE_EXPIRED = "certificate_expired"
    OTHER_FAMILY = "other_family"  # an iPad build on an iPhone
    OTHER_PROCESSOR = "other_processor"
    SYSTEM_TOO_OLD = "system_too_old"
    NOT_LISTED = "not_listed"  # the device is known, and not in the profile
    NOT_BY_TAP = "not_by_tap"  # a bundle that no phone installs as it is
    NO_HTTPS = "no_https"  # iOS fetches the manifest over https alone
    NO_PROFILE = "no_profile"  # an IPA without a profile
    UNKNOWN_DEVICE = "unknown_device"  # the profile lists devices, and we do not know this one


ADVICE = frozenset({Obstacle.UNKNOWN_DEVICE, Obstacle.NO_HTTPS, Obstacle.NO_PROFILE})
"""Obstacles that may turn out to be none, so that the build may be tried all the same: the device may be in the list, a proxy
may speak https without telling us, and we may have failed to read the profile."""


@dataclass(frozen=True)
class Target:
    """Where a build shall be installed. Empty: not known. `now` is a time in stored form, `family` iPhone, iPad …"""

    platform: Platform | None
    now: str
    os_version: str = ""
    family: str = ""
    udid: str = ""
    is_https: bool = True
    arch: str = ""


def diagnose(release: Record, platform: str, target: Target) -> list[Obstacle]:
    """Every obstacle between this release of a variant for `platform` and the target, gravest first; empty: it will install.

    `release` is one of a catalog, see `from_row` for others.
    """
    if target.platform is not None and target.platform != platform:
        return [Obstacle.OTHER_PLATFORM]
    checks = {
        Obstacle.SYSTEM_TOO_OLD: _is_surely_older(target.os_version, least_system(release["min_os"], platform)),
        Obstacle.OTHER_PROCESSOR: not runs_on(_arches(release), platform, target.arch),
        Obstacle.NOT_BY_TAP: platform == Platform.ANDROID and release["file_ext"] in _NOT_BY_TAP,
    }
    if platform == Platform.IOS:
        checks |= _apple_checks(release, target)
    return [obstacle for obstacle in Obstacle if checks.get(obstacle)]


def from_row(release: Record) -> Record:
    """What the doctor looks at, of a whole row of `releases`."""
    package = release["package"]
    return {
        "file_ext": release["file_ext"],
        "min_os": release["min_os"],
        "provisioning_profile": package.get("provisioning_profile"),
        "package": package.get("public") or {},
    }


def is_blocked(obstacles: Iterable[Obstacle]) -> bool:
    return any(obstacle not in ADVICE for obstacle in obstacles)


def is_limited(profile: dict[str, Any] | None) -> bool:
    """Whether the profile lets listed devices in and no others."""
    return (profile or {}).get("profile_type") in ("ad-hoc", "development")


def end_of(release: Record) -> str | None:
    """When the build stops being installable by itself, a time; None if it never does or is past it by other reasons."""
    profile = release.get("provisioning_profile") or {}
    last = max((str(one["not_after"]) for one in _used(release) if one.get("not_after")), default=None)
    return min((str(end) for end in (profile.get("expiration_date"), last) if end), default=None)


def least_system(min_os: str, platform: str) -> str:
    """The least version of the system as people count it: Android's packages name an API level."""
    return ANDROID_VERSIONS.get(min_os, min_os) if platform == Platform.ANDROID else min_os


def is_older(version: str, least: str) -> bool:
    """By numbers, as in 9.3 < 15.0; False where one of them is no version."""
    mine, wanted = _numbers(version), _numbers(least)
    return bool(mine and wanted) and mine < wanted


def _apple_checks(release: Record, target: Target) -> dict[Obstacle, bool]:
    profile, package = release.get("provisioning_profile") or {}, release.get("package") or {}
    is_encrypted = bool(package.get("encrypted"))
    return {
        Obstacle.SIMULATOR: bool(package.get("simulator")),
        Obstacle.STORE_SIGNED: profile.get("profile_type") == "app-store" or is_encrypted,
        Obstacle.PROFILE_EXPIRED: _is_over(profile.get("expiration_date"), target.now),
        Obstacle.CERTIFICATE_EXPIRED: _are_all_over(_used(release), target.now),
        Obstacle.NOT_LISTED: bool(target.udid) and is_limited(profile) and not _lists(profile, target.udid),
        Obstacle.UNKNOWN_DEVICE: not target.udid and is_limited(profile),
        Obstacle.OTHER_FAMILY: _is_other_family(package, target.family),
        Obstacle.NO_HTTPS: not target.is_https,
        Obstacle.NO_PROFILE: not profile and not is_encrypted,
    }


def _is_over(end: str | None, now: str) -> bool:
    return bool(end) and str(end) < now


def _used(release: Record) -> list[dict[str, Any]]:
    """The profile's certificates that may have signed: the one that did, where the package tells; else all."""
    known: list[dict[str, Any]] = (release.get("provisioning_profile") or {}).get("certificates") or []
    signers = set((release.get("package") or {}).get("certificates") or [])
    return [one for one in known if one.get("sha256") in signers] or known


def _are_all_over(certificates: list[dict[str, Any]], now: str) -> bool:
    return bool(certificates) and all(_is_over(one.get("not_after"), now) for one in certificates)


def _lists(profile: dict[str, Any], udid: str) -> bool:
    return udid.upper() in {str(one).upper() for one in profile.get("provisioned_devices") or []}


def _is_other_family(package: dict[str, Any], family: str) -> bool:
    wanted = {str(one) for one in package.get("device_family") or []}
    mine = _FAMILIES.get(family, "")
    return bool(wanted and mine) and mine not in wanted and not (mine == "2" and "1" in wanted)  # iPads run iPhone apps


def _is_surely_older(version: str, least: str) -> bool:
    """Compared as far as the version is known: `15.0` may be 15.0.2."""
    known = version.count(".") + 1
    return is_older(version, ".".join(least.split(".")[:known]))


def _arches(release: Record) -> str:
    return ", ".join(map(str, (release.get("package") or {}).get("arch") or []))


def _numbers(version: str) -> tuple[int, ...]:
    parts = version.split(".")
    return tuple(int(part) for part in parts) if all(part.isdecimal() for part in parts) else ()
