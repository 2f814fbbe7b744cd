"""The profile that asks a device who it is."""

import plistlib
import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fenfa.apple.enrolment import Enrolment, write_profile

ASKING = Enrolment(
    identifier="com.example.get.udid",
    organization="Example Ltd",
    title="Register this device",
    about="Tells Example Ltd which device this is.",
    url="https://get.example.com/udid/callback?nonce=abc&x=1",
    challenge="a challenge",
)


def test_what_it_says() -> None:
    written = plistlib.loads(write_profile(ASKING), fmt=plistlib.FMT_XML)
    assert re.fullmatch(r"[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}", written.pop("PayloadUUID"))
    assert written == {
        "PayloadType": "Profile Service",
        "PayloadVersion": 1,
        "PayloadIdentifier": "com.example.get.udid",
        "PayloadDisplayName": "Register this device",
        "PayloadDescription": "Tells Example Ltd which device this is.",
        "PayloadOrganization": "Example Ltd",
        "PayloadContent": {
            "URL": "https://get.example.com/udid/callback?nonce=abc&x=1",
            "DeviceAttributes": ["UDID", "PRODUCT", "VERSION"],
            "Challenge": "a challenge",
        },
    }


def test_the_name_is_asked_for_when_it_is_wanted() -> None:
    asked = plistlib.loads(write_profile(replace(ASKING, asks_name=True)))["PayloadContent"]["DeviceAttributes"]
    assert asked == ["UDID", "PRODUCT", "VERSION", "DEVICE_NAME"]


def test_every_profile_is_another() -> None:
    assert write_profile(ASKING) != write_profile(ASKING)


@given(st.text(), st.text(), st.text())
def test_any_text_parses_back(organization: str, title: str, about: str) -> None:
    asking = replace(ASKING, organization=organization, title=title, about=about)
    written = plistlib.loads(write_profile(asking))
    for key, text in (("Organization", organization), ("DisplayName", title), ("Description", about)):
        if text.isprintable():
            assert written[f"Payload{key}"] == text


@pytest.mark.parametrize("text", ["com.exämple", "a b", "a/b", "<x>", "a\n"])
def test_identifiers_hold_what_apple_takes(text: str) -> None:
    written = plistlib.loads(write_profile(replace(ASKING, identifier=text)))
    assert re.fullmatch(r"[A-Za-z0-9.-]+", written["PayloadIdentifier"])
