"""Whether a build will install, and if not why."""

from typing import Any

import pytest

from fenfa.inspectors.base import PackageInfo
from fenfa.services.doctor import (
    ADVICE,
    Obstacle,
    Target,
    diagnose,
    end_of,
    from_row,
    is_blocked,
    is_limited,
    least_system,
)
from fenfa.services.packages import stored_form
from fenfa.vocabulary import Platform

NOW = "2026-11-25T08:00:00.000Z"
UDID = "00008110-000A1B2C3D4E801E"
OVER, GOOD = (
    {"not_after": "2026-01-01T00:00:00Z", "sha256": "aa"},
    {"not_after": "2027-06-01T00:00:00Z", "sha256": "bb"},
)
FOR_ALL = {"profile_type": "enterprise", "provisions_all_devices": True}


def ios(profile: dict[str, Any] | None = FOR_ALL, **fields: Any) -> dict[str, Any]:
    return {"file_ext": "ipa", "min_os": "15.0", "provisioning_profile": profile, "package": {}} | fields


def listed(*devices: str, kind: str = "ad-hoc", **fields: Any) -> dict[str, Any]:
    return {
        "profile_type": kind,
        "provisioned_devices": list(devices),
        "expiration_date": "2027-01-01T00:00:00Z",
    } | fields


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
        (ios(min_os="15.0.1"), phone(os_version="15.0"), []),
        (ios(min_os="15.0.1"), phone(os_version="15.0.0"), [Obstacle.SYSTEM_TOO_OLD]),
        (ios(min_os="16"), phone(os_version="15.8"), [Obstacle.SYSTEM_TOO_OLD]),
        (ios(min_os="soon"), phone(), []),
        (ios(), phone(os_version=""), []),
        (ios(listed()), phone(), [Obstacle.UNKNOWN_DEVICE]),
        (ios(listed(UDID.lower())), phone(udid=UDID), []),
        (ios(listed("00008110-0000000000000000")), phone(udid=UDID), [Obstacle.NOT_LISTED]),
        (ios(listed(kind="development")), phone(udid=UDID), [Obstacle.NOT_LISTED]),
        (ios(listed(kind="enterprise")), phone(udid=UDID), []),
        (ios(listed(kind="app-store")), phone(), [Obstacle.STORE_SIGNED]),
        (ios(None, package={"encrypted": True}), phone(), [Obstacle.STORE_SIGNED]),
        (ios(None), phone(), [Obstacle.NO_PROFILE]),
        (ios(None, package={"simulator": True}), phone(), [Obstacle.SIMULATOR, Obstacle.NO_PROFILE]),
        (ios(listed(UDID, expiration_date="2026-11-25T07:59:59Z")), phone(udid=UDID), [Obstacle.PROFILE_EXPIRED]),
        (ios(package={"device_family": ["2"]}), phone(), [Obstacle.OTHER_FAMILY]),
        (ios(package={"device_family": [1]}), phone(family="iPad"), []),
        (ios(package={"device_family": [1, 2]}), phone(family="iPad"), []),
        (ios(package={"device_family": [2]}), phone(family=""), []),
    ],
)
def test_ios(release: dict[str, Any], target: Target, expected: list[Obstacle]) -> None:
    assert diagnose(release, "ios", target) == expected


@pytest.mark.parametrize(
    ("certificates", "signers", "expected"),
    [
        ([OVER, GOOD], [], []),  # nobody knows which of them signed
        ([OVER], [], [Obstacle.CERTIFICATE_EXPIRED]),
        ([OVER, GOOD], ["aa", "root"], [Obstacle.CERTIFICATE_EXPIRED]),
        ([OVER, GOOD], ["bb", "root"], []),
        ([OVER, GOOD], ["root"], []),
        ([{"not_after": None}], [], []),
    ],
)
def test_the_certificate_that_signed(
    certificates: list[dict[str, Any]], signers: list[str], expected: list[Obstacle]
) -> None:
    release = ios(listed(UDID, certificates=certificates), package={"certificates": signers})
    assert diagnose(release, "ios", phone(udid=UDID)) == expected


def test_the_gravest_comes_first() -> None:
    profile = listed(kind="app-store", expiration_date="2020-01-01T00:00:00Z")
    found = diagnose(ios(profile), "ios", phone(os_version="9.0", is_https=False))
    assert found == [Obstacle.STORE_SIGNED, Obstacle.PROFILE_EXPIRED, Obstacle.SYSTEM_TOO_OLD, Obstacle.NO_HTTPS]
    assert is_blocked(found)
    assert not is_blocked(ADVICE)


@pytest.mark.parametrize(
    ("fields", "target", "expected"),
    [
        ({"file_ext": "apk"}, Target(Platform.ANDROID, NOW), []),
        ({"file_ext": "aab"}, Target(Platform.ANDROID, NOW), [Obstacle.NOT_BY_TAP]),
        ({"file_ext": "xapk"}, Target(Platform.ANDROID, NOW), [Obstacle.NOT_BY_TAP]),
        ({"file_ext": "apk", "min_os": "24"}, Target(Platform.ANDROID, NOW, os_version="6"), [Obstacle.SYSTEM_TOO_OLD]),
        ({"file_ext": "apk", "min_os": "24"}, Target(Platform.ANDROID, NOW, os_version="7.1"), []),
        ({"file_ext": "apk", "min_os": "25"}, Target(Platform.ANDROID, NOW, os_version="7"), []),
        ({"file_ext": "apk", "min_os": "VanillaIceCream"}, Target(Platform.ANDROID, NOW, os_version="7"), []),
        (
            {"file_ext": "apk", "package": {"arch": ["x86_64"]}},
            Target(Platform.ANDROID, NOW, arch="arm64"),
            [Obstacle.OTHER_PROCESSOR],
        ),
    ],
)
def test_android(fields: dict[str, Any], target: Target, expected: list[Obstacle]) -> None:
    release = {"min_os": "21", "provisioning_profile": None, "package": {}} | fields
    assert diagnose(release, "android", target) == expected


def test_android_levels_as_people_count_them() -> None:
    assert [least_system(level, "android") for level in ("24", "36", "99", "Baklava")] == ["7", "16", "99", "Baklava"]
    assert least_system("24", "ios") == "24"


def test_computers_know_no_profiles() -> None:
    release = {"file_ext": "dmg", "min_os": "11.0", "provisioning_profile": None, "package": {"arch": ["arm64"]}}
    assert diagnose(release, "macos", Target(Platform.MACOS, NOW, "15.6", arch="arm64")) == []
    assert diagnose(release, "macos", Target(Platform.MACOS, NOW, "10.15", arch="x64")) == [
        *(Obstacle.OTHER_PROCESSOR, Obstacle.SYSTEM_TOO_OLD)
    ]


def test_when_a_build_ends() -> None:
    assert end_of(ios()) is None
    assert end_of(ios(None)) is None
    assert end_of(ios(listed())) == "2027-01-01T00:00:00Z"
    assert end_of(ios(listed(certificates=[OVER, GOOD]))) == "2027-01-01T00:00:00Z"
    assert end_of(ios(listed(certificates=[OVER]))) == OVER["not_after"]


def test_a_stored_row_is_judged_like_one_of_the_page() -> None:
    profile = listed(UDID)
    facts = {"device_family": [2], "platform_name": "iphonesimulator", "slices": [{"cryptid": 1}]}
    package = PackageInfo("ipa", Platform.IOS, provisioning_profile=profile, facts=facts)
    row = {"file_ext": "ipa", "min_os": "", "package": stored_form(package), "changelog": "irrelevant"}
    assert diagnose(from_row(row), "ios", phone(udid=UDID)) == [
        *(Obstacle.SIMULATOR, Obstacle.STORE_SIGNED, Obstacle.OTHER_FAMILY)
    ]
    assert from_row({"file_ext": "ipa", "min_os": "", "package": {}})["package"] == {}


def test_which_profiles_list_devices() -> None:
    assert [is_limited({"profile_type": kind}) for kind in ("ad-hoc", "development", "enterprise", "app-store")] == [
        *(True, True, False, False)
    ]
    assert not is_limited(None)
