"""Whether a build will install, and if not why."""

from typing import Any

import pytest

from fenfa.services.doctor import Obstacle, Target, diagnose, is_limited
from fenfa.vocabulary import Platform

NOW = "2026-11-25T08:00:00.000Z"
UDID = "00008110-000A1B2C3D4E801E"


def ios(profile: dict[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
    return {"file_ext": "ipa", "min_os": "15.0", "provisioning_profile": profile, "package": {}} | fields


def listed(*devices: str, kind: str = "ad-hoc") -> dict[str, Any]:
    return {"profile_type": kind, "provisioned_devices": list(devices), "expiration_date": "2027-01-01T00:00:00Z"}


def phone(**known: Any) -> Target:
    return Target(Platform.IOS, NOW, **({"os_version": "18.5", "family": "iPhone"} | known))


@pytest.mark.parametrize(
    ("release", "target", "expected"),
    [
        (ios(), phone(), []),
        (ios(), Target(Platform.ANDROID, NOW), [Obstacle.OTHER_PLATFORM]),
        (ios(), Target(None, NOW), []),
        (ios(), phone(is_https=False), [Obstacle.NO_HTTPS]),
        (ios(), phone(os_version="14.8"), [Obstacle.SYSTEM_TOO_OLD]),
        (ios(), phone(os_version="15.0"), []),
        (ios(min_os="15.0.1"), phone(os_version="15.0"), [Obstacle.SYSTEM_TOO_OLD]),
        (ios(min_os="soon"), phone(), []),
        (ios(listed()), phone(), [Obstacle.UNKNOWN_DEVICE]),
        (ios(listed(UDID.lower())), phone(udid=UDID), []),
        (ios(listed("00008110-0000000000000000")), phone(udid=UDID), [Obstacle.NOT_LISTED]),
        (ios(listed(kind="development")), phone(udid=UDID), [Obstacle.NOT_LISTED]),
        (ios(listed(kind="enterprise")), phone(udid=UDID), []),
        (ios(listed(kind="app-store")), phone(), [Obstacle.STORE_SIGNED]),
        (ios(listed(UDID) | {"expiration_date": "2026-11-25T07:59:59Z"}), phone(udid=UDID), [Obstacle.PROFILE_EXPIRED]),
        (ios(package={"device_family": ["2"]}), phone(), [Obstacle.OTHER_FAMILY]),
        (ios(package={"device_family": [1]}), phone(family="iPad"), []),
        (ios(package={"device_family": [1, 2]}), phone(family="iPad"), []),
    ],
)
def test_ios(release: dict[str, Any], target: Target, expected: list[Obstacle]) -> None:
    assert diagnose(release, "ios", target) == expected


def test_a_build_lives_as_long_as_one_of_its_certificates() -> None:
    over, good = {"not_after": "2026-01-01T00:00:00Z"}, {"not_after": "2027-01-01T00:00:00Z"}
    for certificates, expected in (([over, good], []), ([over], [Obstacle.CERTIFICATE_EXPIRED])):
        profile = listed(UDID) | {"certificates": certificates}
        assert diagnose(ios(profile), "ios", phone(udid=UDID)) == expected


def test_the_gravest_comes_first() -> None:
    profile = listed(kind="app-store") | {"expiration_date": "2020-01-01T00:00:00Z"}
    found = diagnose(ios(profile), "ios", phone(os_version="9.0", is_https=False))
    assert found == [Obstacle.STORE_SIGNED, Obstacle.PROFILE_EXPIRED, Obstacle.SYSTEM_TOO_OLD, Obstacle.NO_HTTPS]


@pytest.mark.parametrize(
    ("kind", "expected"), [("apk", []), ("aab", [Obstacle.NOT_BY_TAP]), ("xapk", [Obstacle.NOT_BY_TAP])]
)
def test_android(kind: str, expected: list[Obstacle]) -> None:
    release = {"file_ext": kind, "min_os": "21", "provisioning_profile": None}
    assert diagnose(release, "android", Target(Platform.ANDROID, NOW)) == expected


def test_which_profiles_list_devices() -> None:
    assert [is_limited({"profile_type": kind}) for kind in ("ad-hoc", "development", "enterprise", "app-store")] == [
        *(True, True, False, False)
    ]
    assert not is_limited(None)
