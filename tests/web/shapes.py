"""The contract's answers as shapes: every field with its type. `check` says what is missing or of another type."""

import re
from typing import Any

Shape = dict[str, Any]
NULL = type(None)


class Match:
    """A text of this form."""

    def __init__(self, pattern: str) -> None:
        self.pattern = re.compile(pattern)


TIME = Match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
SHA256 = Match("[0-9a-f]{64}")
URL = Match(r"https?://[^\s\"<>]+")


def identifier(prefix: str) -> Match:
    """80 bits are sixteen letters of 36."""
    return Match(prefix + "_[a-z0-9]{16,}")


PRODUCT: Shape = {
    "id": identifier("prd"),
    "slug": str,
    "name": str,
    "description": str,
    "published": bool,
    "icon_url": str,
    "created_at": TIME,
    "updated_at": TIME,
}
COUNTS: Shape = {"variant_count": int, "release_count": int, "download_count": int}
LISTED: Shape = COUNTS | {"platforms": [str]}
VARIANT: Shape = {
    "id": identifier("var"),
    "platform": Match("ios|android|macos|windows|linux"),
    "identifier": str,
    "legacy_app_id": identifier("app"),
    "display_name": str,
    "arch": str,
    "installer_type": str,
    "min_os": str,
    "published": bool,
    "sort_order": int,
}
RELEASE: Shape = {
    "id": identifier("rel"),
    "version": str,
    "build": int,
    "created_at": TIME,
    "download_count": int,
    "channel": str,
    "min_os": str,
    "changelog": str,
    "size_bytes": int,
    "sha256": SHA256,
    "file_name": str,
    "file_ext": str,
}
INSTALL = Match(r"itms-services://\?action=download-manifest&url=https?%3A%2F%2F[^/&?]+")
ACTIONS: Shape = {"download": URL, "release_page": URL}
IOS_ACTIONS: Shape = ACTIONS | {"ios_manifest": URL, "ios_install": INSTALL}
PUBLIC_PRODUCT: Shape = {name: PRODUCT[name] for name in ("id", "slug", "name", "description", "icon_url", "published")}
PUBLIC_RELEASE: Shape = RELEASE | {"actions": ACTIONS}
APP: Shape = {
    "id": identifier("app"),
    "name": str,
    "platform": str,
    "bundle_id": str,
    "application_id": str,
    "published": bool,
    "created_at": TIME,
}
UPLOADED: Shape = {
    "app": {
        "id": identifier("app"),
        "name": str,
        "platform": str,
        "bundle_id": str,
        "product_id": identifier("prd"),
        "variant_id": identifier("var"),
    },
    "release": {name: RELEASE[name] for name in ("id", "version", "build", "created_at", "size_bytes", "sha256")},
    "urls": {"page": URL, "release_page": URL, "download": URL},
    "warnings": [str],
}
EVENT: Shape = {
    "ts": TIME,
    "type": Match("visit|click|download"),
    "app_id": str,
    "variant_id": str,
    "release_id": str,
    "ip": str,
    "ua": str,
    "extra": dict,
}
DEVICE: Shape = {
    "id": identifier("dev"),
    "udid": str,
    "device_name": str,
    "model": str,
    "model_name": str,
    "os_version": str,
    "os_build": str,
    "created_at": TIME,
    "enrolled_at": (TIME, NULL),
    "verified_at": (TIME, NULL),
    "apple_registered": bool,
    "apple_registered_at": (TIME, NULL),
    "apple_device_id": str,
}
SETTINGS: Shape = {
    "primary_domain": str,
    "secondary_domains": [str],
    "organization": str,
    "updated_at": (TIME, NULL),
    "storage_type": str,
    "upload_domain": str,
    "s3_configured": bool,
    "s3_endpoint": str,
    "s3_bucket": str,
    "s3_public_url": str,
    "apple_configured": bool,
    "apple_key_id": str,
    "apple_team_id": str,
}
TOKEN: Shape = {
    "id": identifier("tok"),
    "name": str,
    "scope": Match("upload|admin|feed"),
    "created_at": TIME,
    "expires_at": (TIME, NULL),
    "last_used_at": (TIME, NULL),
    "revoked_at": (TIME, NULL),
}
JOB: Shape = {
    "id": identifier("job"),
    "kind": str,
    "state": Match("queued|running|done|failed|cancelled"),
    "actor": str,
    "args": dict,
    "done": int,
    "total": int,
    "message": str,
    "sentence": (dict, NULL),
    "attempts": int,
    "due_at": TIME,
    "created_at": TIME,
    "updated_at": TIME,
    "finished_at": (TIME, NULL),
}
SLOTS: Shape = {"family": str, "name": str, "used": int, "left": int, "added_this_year": (int, NULL)}
TEAM: Shape = {
    "id": Match("default|team_[a-z0-9]{16,}"),
    "name": str,
    "key_id": str,
    "issuer_id": str,
    "apple_team_id": str,
    "membership_ends": str,
    "is_default": bool,
    "configured": bool,
    "connected": (bool, NULL),
    "message": str,
    "requests_left": (int, NULL),
    "checked_at": (TIME, NULL),
    "listed_at": (TIME, NULL),
    "year_ends": (str, NULL),
    "slots": [SLOTS],
}
ENDING: Shape = {
    "kind": Match("profile|certificate|profile_signing|apple_key|apple_membership"),
    "name": str,
    "ends_at": (TIME, NULL),
    "days_left": (int, NULL),
    "state": Match("broken|expired|soon|later"),
    "message": str,
    "team_id": str,
    "releases": list,
}
APPLE_STATUS: Shape = {"configured": bool, "connected": bool, "message": str}
APPLE_DEVICE: Shape = {
    "id": str,
    "name": str,
    "udid": str,
    "platform": str,
    "status": str,
    "device_class": str,
    "model": str,
    "added_date": TIME,
}
PROFILE: Shape = {
    "uuid": str,
    "name": str,
    "team_id": str,
    "team_name": str,
    "app_id_name": str,
    "app_id_prefix": str,
    "bundle_id": str,
    "platform": (str, list),
    "profile_type": Match("development|ad-hoc|enterprise|app-store"),
    "provisions_all_devices": bool,
    "creation_date": TIME,
    "expiration_date": TIME,
    "certificates": list,
    "device_count": int,
    "entitlements": dict,
}


def listed(item: Shape) -> Shape:
    return {"items": [item], "total": int}


def check(value: Any, shape: Any, place: str = "data") -> None:
    """Fails where `value` lacks a field of `shape` or has one of another type; more fields are allowed."""
    if isinstance(shape, dict):
        assert isinstance(value, dict), place
        for name, inner in shape.items():
            assert name in value, f"{place}.{name} is missing"
            check(value[name], inner, f"{place}.{name}")
    elif isinstance(shape, list):
        assert isinstance(value, list), place
        for number, one in enumerate(value):
            check(one, shape[0], f"{place}[{number}]")
    elif isinstance(shape, tuple):
        assert any(fits(value, one) for one in shape), f"{place} is {value!r}"
    else:
        assert fits(value, shape), f"{place} is {value!r}"


def fits(value: Any, kind: Any) -> bool:
    if isinstance(kind, Match):
        return isinstance(value, str) and kind.pattern.fullmatch(value) is not None
    return type(value) is kind
