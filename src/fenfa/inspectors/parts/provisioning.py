"""Apple's provisioning profiles: a property list in a CMS envelope. The signature is not verified."""

from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from fenfa.errors import BadPackage
from fenfa.inspectors.parts import der, plists
from fenfa.inspectors.parts.damage import refusing

MAX_BYTES = 2 << 20
_MAX_CERTIFICATES = 200


@refusing("the provisioning profile")
def read_profile(data: bytes) -> dict[str, Any]:
    """The contract's `provisioning_profile`. Dates are RFC 3339 in UTC; `bundle_id` lacks the team's prefix."""
    values = plists.load(_content(data), "the provisioning profile")
    entitlements = plists.table(values, "Entitlements")
    devices = [device for device in plists.sequence(values, "ProvisionedDevices") if isinstance(device, str)]
    prefix = _first(values, "ApplicationIdentifierPrefix")
    return {
        "uuid": plists.text(values, "UUID"),
        "name": plists.text(values, "Name"),
        "team_id": _first(values, "TeamIdentifier"),
        "team_name": plists.text(values, "TeamName"),
        "app_id_name": plists.text(values, "AppIDName"),
        "app_id_prefix": prefix,
        "bundle_id": _application_identifier(entitlements).removeprefix(prefix + "."),
        "platform": [one for one in plists.sequence(values, "Platform") if isinstance(one, str)],
        "profile_type": _profile_type(values, entitlements),
        "provisions_all_devices": values.get("ProvisionsAllDevices") is True,
        "creation_date": _date(values.get("CreationDate")),
        "expiration_date": _date(values.get("ExpirationDate")),
        "certificates": _certificates(values),
        "provisioned_devices": devices,
        "device_count": len(devices),
        "entitlements": entitlements,
    }


def _content(data: bytes) -> bytes:
    """The property list; some tools hand profiles around unwrapped."""
    return data if data[:6] in (b"bplist", b"<?xml ") else der.signed_content(data)


def _profile_type(values: dict[str, Any], entitlements: dict[str, Any]) -> str:
    """Source: Apple's Technical Note TN3125. A Mac's development profile lists devices and has no `get-task-allow`."""
    if values.get("ProvisionsAllDevices") is True:
        return "enterprise"
    if "ProvisionedDevices" not in values:
        return "app-store"
    debuggable = entitlements.get("get-task-allow", entitlements.get("com.apple.security.get-task-allow"))
    is_mac = "OSX" in plists.sequence(values, "Platform")
    return "development" if debuggable is True or (is_mac and debuggable is None) else "ad-hoc"


def _application_identifier(entitlements: dict[str, Any]) -> str:
    return plists.text(entitlements, "application-identifier", "com.apple.application-identifier")


def _certificates(values: dict[str, Any]) -> list[dict[str, Any]]:
    """The developer certificates in file order."""
    encoded = [one for one in plists.sequence(values, "DeveloperCertificates") if isinstance(one, bytes)]
    return [read_certificate(one) for one in encoded[:_MAX_CERTIFICATES]]


def read_certificate(data: bytes) -> dict[str, Any]:
    """What we tell of a certificate; one that cannot be read keeps its hash."""
    try:
        found = der.certificate(data)
    except (BadPackage, IndexError, ValueError):
        found = der.Certificate("", sha256(data).hexdigest(), None, None)
    return {
        "name": found.name,
        "sha256": found.sha256,
        "not_before": _date(found.not_before),
        "not_after": _date(found.not_after),
    }


def _date(value: Any) -> str | None:
    """RFC 3339 in UTC; property lists hold UTC without saying so."""
    if not isinstance(value, datetime):
        return None
    return value.replace(tzinfo=None).isoformat(timespec="seconds") + "Z" if value.tzinfo in (None, UTC) else None


def _first(values: dict[str, Any], key: str) -> str:
    return next((one for one in plists.sequence(values, key) if isinstance(one, str)), "")
