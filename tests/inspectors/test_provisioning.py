from typing import Any

import pytest
from asn1crypto import cms, x509

from fenfa.errors import BadPackage
from fenfa.inspectors.parts import der
from fenfa.inspectors.parts.provisioning import read_profile
from tests.support import apple

ENTITLED = {"application-identifier": "TEAM123456.com.example.app", "get-task-allow": True}


def test_reads_what_the_contract_lists() -> None:
    profile = read_profile(apple.provisioning_profile("com.example.app"))
    (certificate,) = profile.pop("certificates")
    assert certificate["name"] == "Apple Distribution: Example Ltd (TEAM123456)"
    assert (certificate["not_before"], certificate["not_after"]) == ("2024-01-02T03:04:05Z", "2034-01-02T03:04:05Z")
    assert profile.pop("entitlements")["get-task-allow"] is False
    assert profile == {
        "uuid": "12345678-90AB-CDEF-1234-567890ABCDEF",
        "name": "Example Ad Hoc",
        "team_id": "TEAM123456",
        "team_name": "Example Ltd",
        "app_id_name": "Example App",
        "app_id_prefix": "TEAM123456",
        "bundle_id": "com.example.app",
        "platform": ["iOS"],
        "profile_type": "ad-hoc",
        "provisions_all_devices": False,
        "creation_date": "2024-01-02T03:04:05Z",
        "expiration_date": "2034-01-02T03:04:05Z",
        "provisioned_devices": ["00008110-000A1D0E3C38801E", "00008110-000A1D0E3C38801F"],
        "device_count": 2,
    }


@pytest.mark.parametrize(
    ("keys", "kind"),
    [
        ({}, "ad-hoc"),
        ({"Entitlements": ENTITLED}, "development"),
        ({"ProvisionedDevices": None}, "app-store"),
        ({"ProvisionedDevices": None, "ProvisionsAllDevices": True}, "enterprise"),
    ],
)
def test_tells_the_four_kinds_apart(keys: dict[str, Any], kind: str) -> None:
    assert read_profile(apple.provisioning_profile("com.example.app", keys))["profile_type"] == kind


def test_a_certificate_that_cannot_be_read_keeps_its_hash() -> None:
    keys = {"DeveloperCertificates": [b"\x30\x03garbage"]}
    (certificate,) = read_profile(apple.provisioning_profile("a", keys))["certificates"]
    assert (certificate["name"], len(certificate["sha256"]), certificate["not_after"]) == ("", 64, None)


def test_unwraps_what_ber_split_into_pieces() -> None:
    pieces = b"\x24\x80" + b"\x04\x02ab" + b"\x04\x01c" + b"\0\0"
    assert der.parse(pieces).joined() == b"abc"


def test_agrees_with_a_full_asn1_library() -> None:
    profile = apple.provisioning_profile("com.example.app")
    theirs = cms.ContentInfo.load(profile)["content"]["encap_content_info"]["content"].native
    assert der.signed_content(profile) == theirs
    encoded = apple.certificate("Größe")
    ours, parsed = der.certificate(encoded), x509.Certificate.load(encoded)
    assert ours.name == parsed.subject.native["common_name"]
    assert (ours.not_before, ours.not_after) == (parsed.not_valid_before, parsed.not_valid_after)


@pytest.mark.parametrize(
    "data", [b"", b"\x30", b"\x30\x80" * 5000, b"\x30\x84\xff\xff\xff\xff", b"\x1f\x81\0", bytes(50)]
)
def test_what_is_no_profile_is_refused(data: bytes) -> None:
    with pytest.raises(BadPackage):
        read_profile(data)
