"""What a package says beside what the upload says."""

import pytest

from fenfa.inspectors.base import PackageInfo
from fenfa.services.packages import bare_os_version, build_number, identity, signer_change, stored_form
from fenfa.vocabulary import Platform


def signed_by(*signers: str, lineage: tuple[str, ...] = ()) -> PackageInfo:
    signing = {"verified": True, "signers": list(signers), "lineage": [{"sha256": one} for one in lineage]}
    return PackageInfo("apk", Platform.ANDROID, signing=signing)


@pytest.mark.parametrize(
    ("new", "changed"),
    [
        (signed_by("aa"), False),
        (signed_by("bb"), True),
        (signed_by("bb", lineage=("aa", "bb")), False),
        (PackageInfo("apk", Platform.ANDROID), False),
        (PackageInfo("msi", Platform.WINDOWS, signing={"certificates": [{"sha256": "bb"}]}), False),
    ],
)
def test_signer_change(new: PackageInfo, changed: bool) -> None:
    sentence = signer_change(new, stored_form(signed_by("aa")))
    assert ("changed from aa" in (sentence or "")) is changed


@pytest.mark.parametrize(
    ("package", "same"),
    [
        (PackageInfo("msi", Platform.WINDOWS, "{NEW-PRODUCT}", facts={"upgrade_code": "{UPGRADE}"}), "{UPGRADE}"),
        (PackageInfo("exe", Platform.WINDOWS, name="TopBar"), "TopBar"),
        (PackageInfo("apk", Platform.ANDROID, "com.example", name="App"), "com.example"),
        (PackageInfo("dmg", Platform.MACOS, name="Backup"), ""),
    ],
)
def test_identity_stays_from_release_to_release(package: PackageInfo, same: str) -> None:
    assert identity(package) == same


def test_no_release_before_is_no_change() -> None:
    assert signer_change(signed_by("aa"), None) is None


def test_public_form_holds_no_people() -> None:
    package = PackageInfo("apk", Platform.ANDROID, signing={"certificates": [{"sha256": "aa", "name": "Jane Doe"}]})
    assert "Jane" not in str(stored_form(package)["public"])


@pytest.mark.parametrize(("text", "bare"), [("iOS 15.0", "15.0"), ("Android 21", "21"), ("15", "15"), ("", "")])
def test_bare_os_version(text: str, bare: str) -> None:
    assert bare_os_version(text) == bare


@pytest.mark.parametrize(("text", "number"), [("120", 120), ("1.2.3", 0), ("", 0), ("²", 0), ("9" * 30, 0)])
def test_build_number(text: str, number: int) -> None:
    assert build_number(text) == number
