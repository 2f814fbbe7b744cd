"""What changed from one build to the next."""

from dataclasses import replace
from typing import Any

import pytest

from fenfa.inspectors.base import PackageInfo
from fenfa.services.comparison import Aspect, Change, compare
from fenfa.services.packages import stored_form
from fenfa.services.records import Record
from fenfa.vocabulary import Platform

APK = PackageInfo("apk", Platform.ANDROID, "com.example", facts={"target_sdk": "34", "permissions": ["CAMERA", "NFC"]})
IPA = PackageInfo("ipa", Platform.IOS, "com.example", arch=["arm64"], facts={"sdk": "iphoneos17.0"})
OLD, NEW, OTHER = ("a" * 64, "b" * 64, "c" * 64)


def build(package: PackageInfo, size: int = 1000, min_os: str = "15.0") -> Record:
    return {"package": stored_form(package), "size_bytes": size, "min_os": min_os}


def facts(package: PackageInfo, **values: Any) -> PackageInfo:
    return replace(package, facts=package.facts | values)


def signed(package: PackageInfo, sha256: str, name: str = "", **values: Any) -> PackageInfo:
    return replace(package, signing={"certificates": [{"sha256": sha256, "name": name}], **values})


def profiled(**values: Any) -> PackageInfo:
    profile = {"name": "Ad hoc", "profile_type": "ad-hoc", "expiration_date": "2027-01-01T00:00:00Z"}
    return replace(IPA, provisioning_profile=profile | {"provisioned_devices": ["one", "two"]} | values)


def the_change(old: Record, new: Record) -> Change:
    [change] = compare(old, new)
    return change


def test_equal_builds_differ_in_nothing() -> None:
    for package in (APK, IPA, profiled(), signed(APK, OLD)):
        assert compare(build(package), build(package)) == []


def test_size() -> None:
    assert the_change(build(APK), build(APK, size=1500)) == Change(Aspect.SIZE, 1000, 1500)


@pytest.mark.parametrize(
    ("was", "now", "is_notable"), [("9.3", "15.0", True), ("15.0", "9.3", False), ("", "15", False)]
)
def test_minimum_system_is_notable_when_it_shuts_out(was: str, now: str, is_notable: bool) -> None:
    change = the_change(build(IPA, min_os=was), build(IPA, min_os=now))
    assert (change.aspect, change.was or "", change.now, change.is_notable) == (Aspect.MIN_OS, was, now, is_notable)


def test_permissions_and_sdk() -> None:
    newer = facts(APK, target_sdk="35", permissions=["NFC", "CONTACTS"])
    assert compare(build(APK), build(newer)) == [
        Change(Aspect.TARGET_SDK, "34", "35"),
        Change(Aspect.PERMISSIONS, added=("CONTACTS",), removed=("CAMERA",), is_notable=True),
    ]
    assert not the_change(build(APK), build(facts(APK, permissions=["NFC"]))).is_notable


def test_windows_capabilities_count_as_permissions() -> None:
    old = PackageInfo("msix", Platform.WINDOWS, facts={"capabilities": []})
    change = the_change(build(old), build(facts(old, capabilities=["webcam"])))
    assert (change.aspect, change.added, change.is_notable) == (Aspect.PERMISSIONS, ("webcam",), True)


def test_entitlements_tell_their_values() -> None:
    old = facts(IPA, entitlements={"aps-environment": "development", "groups": ["a"]})
    new = facts(IPA, entitlements={"aps-environment": "production", "groups": ["a"]})
    change = the_change(build(old), build(new))
    assert change.removed == ('aps-environment = "development"',)
    assert change.added == ('aps-environment = "production"',)


def test_entitlements_are_those_of_the_profile_where_the_program_has_none() -> None:
    change = the_change(build(profiled(entitlements={})), build(profiled(entitlements={"nfc": True})))
    assert (change.aspect, change.added) == (Aspect.ENTITLEMENTS, ("nfc = true",))


def test_devices() -> None:
    change = the_change(build(profiled()), build(profiled(provisioned_devices=["two", "three"])))
    assert change == Change(Aspect.DEVICES, added=("three",), removed=("one",), is_notable=True)
    assert not the_change(build(profiled()), build(profiled(provisioned_devices=["one", "two", "x"]))).is_notable


def test_profile_and_its_end() -> None:
    other = profiled(name="In house", profile_type="enterprise", expiration_date="2026-12-01T00:00:00Z")
    assert compare(build(profiled()), build(other)) == [
        Change(Aspect.PROFILE, "Ad hoc (ad-hoc)", "In house (enterprise)"),
        Change(Aspect.PROFILE_END, "2027-01-01T00:00:00Z", "2026-12-01T00:00:00Z", is_notable=True),
    ]
    assert not the_change(build(profiled()), build(profiled(expiration_date="2028-01-01T00:00:00Z"))).is_notable


def test_another_signer_is_notable() -> None:
    change = the_change(build(signed(APK, OLD, "Old")), build(signed(APK, NEW, "New")))
    assert change == Change(
        Aspect.SIGNER, added=(f"New ({'b' * 16}…)",), removed=(f"Old ({'a' * 16}…)",), is_notable=True
    )


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (signed(APK, OLD), signed(APK, NEW, lineage=[{"sha256": OLD}, {"sha256": NEW}])),
        (signed(IPA, OLD, team_id="TEAM"), signed(IPA, NEW, team_id="TEAM")),
        (IPA, signed(IPA, NEW)),
    ],
    ids=["rotated key", "same team", "first signature"],
)
def test_a_signer_who_may_is_not(old: PackageInfo, new: PackageInfo) -> None:
    change = the_change(build(old), build(new))
    assert (change.aspect, change.is_notable) == (Aspect.SIGNER, False)


def test_only_those_who_signed_are_signers() -> None:
    """Apple's chain ends at Apple; of Android's certificates some are of older keys."""
    chain = [{"sha256": OLD, "name": "Us"}, {"sha256": OTHER, "name": "Apple"}]
    one, two = ({"certificates": [*chain[:1], {"sha256": sha, "name": "Apple"}]} for sha in (NEW, OTHER))
    assert compare(build(replace(IPA, signing=one)), build(replace(IPA, signing=two))) == []
    named = {"certificates": chain, "signers": [OTHER]}
    change = the_change(build(replace(APK, signing=named)), build(replace(APK, signing=named | {"signers": [OLD]})))
    assert change.added == (f"Us ({'a' * 16}…)",)


def test_identifier_architectures_extensions_and_debugging() -> None:
    old = facts(replace(APK, arch=["arm64-v8a", "x86_64"]), nested=[])
    new = facts(replace(APK, arch=["arm64-v8a"], identifier="com.other"), nested=[{"identifier": "w"}], debuggable=True)
    assert [(c.aspect, c.is_notable) for c in compare(build(old), build(new))] == [
        (Aspect.IDENTIFIER, True),
        (Aspect.ARCHITECTURES, True),
        (Aspect.EXTENSIONS, False),
        (Aspect.DEBUGGABLE, True),
    ]


def test_a_package_that_nobody_read_tells_nothing() -> None:
    unread: Record = {"package": {}, "size_bytes": 1000, "min_os": "15.0"}
    assert compare(unread, build(signed(APK, OLD))) == []
    assert compare(build(profiled()), unread | {"size_bytes": 1}) == [Change(Aspect.SIZE, 1000, 1)]
