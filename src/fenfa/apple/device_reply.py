"""What a device answers to a profile service: who it is, and whether Apple vouches for the key that signed it.

Source: Apple, "Over-the-Air Profile Delivery and Configuration" (TP40009505).
"""

import plistlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from asn1crypto import pem, x509

from fenfa.apple.builds import os_version_of
from fenfa.apple.cms import DAMAGED, Envelope, is_signed_by, open_envelope, refusing
from fenfa.apple.devices import normal_udid
from fenfa.errors import BadInput

_LONGEST = 128
_NO_LIST = "the reply's data is no property list"
_KNOWN_EXTENSIONS = {"basic_constraints", "key_usage", "extended_key_usage", "subject_alt_name"}


@dataclass(frozen=True)
class DeviceReply:
    """`udid` in the form in which Fenfa keeps it; the other texts are printable lines, empty where the device was silent.

    `is_verified`: an authority's key signed the certificate that the reply is signed with. `product` is e.g. iPhone17,1.
    """

    challenge: str
    udid: str
    product: str
    os_version: str
    os_build: str
    device_name: str
    is_verified: bool


def read_reply(data: bytes, authorities: Sequence[bytes]) -> DeviceReply:
    """`authorities`: certificates in PEM. `BadInput` unless the reply is whole, signed as it says, and names a device."""
    envelope = open_envelope(data)
    check_signer(envelope.signer)
    said = read_attributes(envelope.content)
    udid = normal_udid(said.get("UDID", ""))
    if not udid:
        raise BadInput("the reply names no device")
    version = said.get("VERSION", "")
    os_version = os_version_of(version)
    return DeviceReply(
        challenge=said.get("CHALLENGE", ""),
        udid=udid,
        product=said.get("PRODUCT", ""),
        os_version=os_version,
        os_build=version if version != os_version else "",
        device_name=said.get("DEVICE_NAME", ""),
        is_verified=is_vouched_for(envelope, authorities),
    )


def is_vouched_for(envelope: Envelope, authorities: Sequence[bytes]) -> bool:
    """Dates are ignored, as Apple says. Only the authority's own signature on the signer's certificate counts, whatever other
    certificates came along."""
    with refusing(DAMAGED):
        return any(is_signed_by(envelope.signer, _public_key(authority)) for authority in authorities)


def check_signer(certificate: x509.Certificate) -> None:
    """`BadInput` for a certificate that no device signs with."""
    with refusing(DAMAGED):
        usage = certificate.key_usage_value
        may_sign = usage is None or "digital_signature" in usage.native
        has_known = set(certificate.critical_extensions) <= _KNOWN_EXTENSIONS
        is_authority = bool(certificate.ca)
    if is_authority or not may_sign or not has_known:
        raise BadInput("the reply is signed with a certificate that is not for this")


def read_attributes(content: bytes) -> dict[str, str]:
    """The texts that a reply holds. `CHALLENGE` may come as data too; what is not a short printable line is left out."""
    found: Any = None
    with refusing(_NO_LIST):
        found = plistlib.loads(content, fmt=plistlib.FMT_XML)
    if not isinstance(found, dict):
        raise BadInput(_NO_LIST)
    texts = {name: _text(value) for name, value in found.items() if isinstance(name, str)}
    return {name: text for name, text in texts.items() if text}


def _text(value: object) -> str:
    text = value.decode("ascii", "replace") if isinstance(value, bytes) else value
    return text if isinstance(text, str) and len(text) <= _LONGEST and text.isprintable() else ""


@lru_cache(maxsize=8)
def _public_key(authority: bytes) -> bytes:
    _, _, der = pem.unarmor(authority)
    key: bytes = x509.Certificate.load(der).public_key.dump()
    return key
