"""What deserves a look before a package is published."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from fenfa.inspectors.base import PackageInfo
from fenfa.runtime import Runtime
from fenfa.services.doubts import doubts_about, doubts_of
from fenfa.services.records import stamp
from fenfa.services.variants import get_variant
from fenfa.vocabulary import Platform
from tests.services.parcels import make_variant, publish
from tests.support.client import Clock

APK = PackageInfo("apk", Platform.ANDROID, "com.example.app", "Weather", "1.2", "7")
NOW = Clock()()


def ipa(days: float = 100, kind: str = "ad-hoc", **profile: Any) -> PackageInfo:
    ends = stamp(NOW + timedelta(days=days))
    return PackageInfo(
        "ipa", Platform.IOS, provisioning_profile={"expiration_date": ends, "profile_type": kind} | profile
    )


@pytest.mark.parametrize(
    ("package", "word"),
    [
        (ipa(), None),
        (ipa(29), "expires on 2026-12-01"),
        (ipa(31), None),
        (ipa(-1), "provisioning profile has expired"),
        (ipa(kind="app-store"), "signed for the App Store"),
        (ipa(certificates=[{"not_after": stamp(NOW - timedelta(days=1))}]), "certificate has expired"),
        (PackageInfo("ipa", Platform.IOS), None),
        (PackageInfo("ipa", Platform.IOS, provisioning_profile={}), None),
        (APK, None),
        (replace(APK, warnings=["the icon cannot be read"]), "the icon cannot be read"),
    ],
)
def test_wherever_it_goes(package: PackageInfo, word: str | None) -> None:
    said = doubts_of(package, package.format, NOW)
    assert (len(said), word in said[0] if word and said else None) == ((1, True) if word else (0, None))


def test_a_bundle_is_not_installed_by_a_tap() -> None:
    assert "by a tap" in doubts_of(APK, "aab", NOW)[0]


def about(bench: Runtime, variant: str, package: PackageInfo = APK, sha256: str = "0" * 64) -> list[str]:
    with bench.database.reading() as connection:
        return [str(one) for one in doubts_about(connection, package, get_variant(connection, variant), sha256)]


def test_nothing_to_say_of_a_first_build(bench: Runtime) -> None:
    assert about(bench, make_variant(bench, "android", identifier="com.example.app")) == []
    assert about(bench, make_variant(bench, "android")) == []


def test_another_app_and_another_platform(bench: Runtime) -> None:
    assert about(bench, make_variant(bench, "android", identifier="com.other")) == [
        "the package is com.example.app, but the variant is for com.other"
    ]
    zipped = PackageInfo("zip", Platform.WINDOWS)
    assert about(bench, make_variant(bench, "macos"), zipped) == [
        "the package is for windows, but the variant is for macos"
    ]


def test_what_is_there_already(bench: Runtime) -> None:
    variant = make_variant(bench, "linux")
    row = publish(bench, b"first", variant_id=variant, version="1.2", build=7)
    package = replace(APK, platform=Platform.LINUX)
    assert about(bench, variant, package, row["sha256"]) == ["these very bytes are here already, as 1.2 (7)"]
    assert about(bench, variant, package) == ["a build 1.2 (7) is here already"]
    assert about(bench, variant, replace(package, build="8")) == []
    assert about(bench, variant, replace(package, version="")) == []
    assert about(bench, make_variant(bench, "linux"), package, row["sha256"]) == []


def test_another_signer(bench: Runtime) -> None:
    signed = replace(APK, signing={"verified": True, "signers": ["aa" * 32]})
    variant = make_variant(bench, "android")
    reads = replace(bench, inspect=lambda _path, _name: signed)
    publish(reads, variant_id=variant, file_name="app.apk")
    other = replace(signed, version="2", signing={"verified": True, "signers": ["bb" * 32]})
    assert "signing certificate changed" in about(bench, variant, other)[0]
    assert about(bench, variant, replace(signed, version="2")) == []
