"""Devices in Apple's eyes: their numbers (UDIDs), their families, and a row of a team's list."""

import re
from dataclasses import dataclass

_OLD = re.compile(r"[0-9A-Fa-f]{40}")
_NEW = re.compile(r"([0-9A-Fa-f]{8})-?([0-9A-Fa-f]{16})")
SLOTS = 100
"""Devices of one family that a team may register in a membership year."""
FAMILIES = {
    "IPHONE": "iPhone",
    "IPAD": "iPad",
    "IPOD": "iPod touch",
    "APPLE_WATCH": "Apple Watch",
    "APPLE_TV": "Apple TV",
    "APPLE_VISION_PRO": "Apple Vision Pro",
    "MAC": "Mac",
}
"""Apple's word for a family, and its name for people. Apple may have words that we do not know."""
_STARTS = {
    "iphone": "IPHONE",
    "ipad": "IPAD",
    "ipod": "IPOD",
    "watch": "APPLE_WATCH",
    "apple watch": "APPLE_WATCH",
    "appletv": "APPLE_TV",
    "apple tv": "APPLE_TV",
    "realitydevice": "APPLE_VISION_PRO",
    "apple vision": "APPLE_VISION_PRO",
    "mac": "MAC",
}


@dataclass(frozen=True)
class AppleDevice:
    """A device of a team, in Apple's words but for the UDID, which is in our form. `added_date`: RFC 3339 in UTC, or empty.

    `status` is ENABLED, DISABLED, or a word that means "not yet" (PROCESSING, INELIGIBLE and whatever may come).
    """

    id: str
    name: str
    udid: str
    platform: str
    status: str
    device_class: str
    model: str
    added_date: str


def normal_udid(text: str) -> str:
    """The UDID in the form in which Fenfa keeps it: capital letters, a hyphen after the eighth of the newer kind. Empty
    for what is none."""
    if _OLD.fullmatch(text):
        return text.upper()
    match = _NEW.fullmatch(text)
    return f"{match[1]}-{match[2]}".upper() if match else ""


def family_of(model: str) -> str:
    """Apple's word for the family of a model (`iPhone17,1`, `iPad Pro 11-inch`); empty for one that is not known."""
    lowered = model.lower()
    return next((family for start, family in _STARTS.items() if lowered.startswith(start)), "")
