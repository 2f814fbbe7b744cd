"""The profile that asks a device who it is: a "profile service", whose answer is read by device_reply.py.

Source: Apple, "Over-the-Air Profile Delivery and Configuration" (TP40009505), and "Configuration Profile Reference".
"""

import plistlib
import re
import uuid
from dataclasses import dataclass

MEDIA_TYPE = "application/x-apple-aspen-config"
ASKED = ("UDID", "PRODUCT", "VERSION")
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_NOT_IN_IDENTIFIERS = re.compile(r"[^A-Za-z0-9.-]")


@dataclass(frozen=True)
class Enrolment:
    """What a profile says. `title` and `about` are shown on the device; the answer goes to `url` and repeats `challenge`."""

    identifier: str
    organization: str
    title: str
    about: str
    url: str
    challenge: str
    asks_name: bool = False


def write_profile(enrolment: Enrolment) -> bytes:
    asked = [*ASKED, "DEVICE_NAME"] if enrolment.asks_name else list(ASKED)
    profile = {
        "PayloadType": "Profile Service",
        "PayloadVersion": 1,
        "PayloadIdentifier": _NOT_IN_IDENTIFIERS.sub("-", enrolment.identifier),
        "PayloadUUID": str(uuid.uuid4()).upper(),
        "PayloadDisplayName": _xml(enrolment.title),
        "PayloadDescription": _xml(enrolment.about),
        "PayloadOrganization": _xml(enrolment.organization),
        "PayloadContent": {"URL": enrolment.url, "DeviceAttributes": asked, "Challenge": enrolment.challenge},
    }
    return plistlib.dumps(profile, sort_keys=False)


def _xml(text: str) -> str:
    """Without the characters that no XML may hold."""
    return _NOT_XML.sub("", text)
