"""Example answers of the API reference. A test holds every one of them against what the server really says."""

from typing import Any

NOW = "2026-11-02T09:30:00.000Z"
SHA = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
_IDS = {"id": "rel_4x7k2m9q1z8w5v3t6y0u2i4o", "variant_id": "var_1a2b3c4d5e6f7g8h9i0j1k2l"}
PRODUCT = {
    "id": "prd_0z9y8x7w6v5u4t3s2r1q0p9o",
    "slug": "myapp",
    "name": "MyApp",
    "description": "The app that everybody here tests.",
    "published": True,
    "icon_url": "https://get.example.com/icon/products/prd_0z9y8x7w6v5u4t3s2r1q0p9o?v=9f86d081884c",
    "created_at": NOW,
    "updated_at": NOW,
}
_COUNTS = {"variant_count": 2, "release_count": 14, "download_count": 1204, "last_release_at": NOW}
COUNTED_PRODUCT = PRODUCT | _COUNTS | {"platforms": ["ios", "android"], "apple_team_id": ""}
VARIANT = {
    "id": _IDS["variant_id"],
    "legacy_app_id": "app_1a2b3c4d5e6f7g8h9i0j1k2l",
    "product_id": PRODUCT["id"],
    "platform": "ios",
    "identifier": "com.example.myapp",
    "display_name": "MyApp",
    "arch": "arm64",
    "installer_type": "ipa",
    "min_os": "15.0",
    "published": True,
    "sort_order": 0,
    "created_at": NOW,
    "updated_at": NOW,
}
_FACTS = {
    "id": _IDS["id"],
    "version": "1.2.0",
    "build": 120,
    "created_at": NOW,
    "download_count": 7,
    "channel": "beta",
    "min_os": "15.0",
    "changelog": "- Faster start",
    "size_bytes": 24117248,
    "sha256": SHA,
    "file_name": "MyApp.ipa",
    "file_ext": "ipa",
}
RELEASE = _FACTS | {"variant_id": VARIANT["id"], "updated_at": NOW}
CHANGES = {
    "previous": {"id": "rel_5u6i7o8p9a0s1d2f3g4h5j6k", "version": "1.1.0", "build": 119, "created_at": NOW},
    "changes": [
        {
            "aspect": "devices",
            "was": None,
            "now": None,
            "added": ["00008110-000A1B2C3D4E001F"],
            "removed": [],
            "is_notable": False,
        },
        {"aspect": "size", "was": 23068672, "now": 24117248, "added": [], "removed": [], "is_notable": False},
    ],
}
_MANIFEST = f"https://get.example.com/ios/{_IDS['id']}/manifest.plist"
_ACTIONS = {
    "download": f"https://get.example.com/d/{_IDS['id']}",
    "release_page": f"https://get.example.com/products/myapp?r={_IDS['id']}",
    "ios_manifest": _MANIFEST,
    "ios_install": "itms-services://?action=download-manifest&url=https%3A%2F%2Fget.example.com%2Fios%2F…",
}
_PUBLIC_VARIANT = {name: value for name, value in VARIANT.items() if name not in ("created_at", "updated_at")}
_PUBLIC_RELEASE = _FACTS | {"actions": _ACTIONS}
CATALOG = {
    "product": PRODUCT,
    "variants": [_PUBLIC_VARIANT | {"latest_release": _PUBLIC_RELEASE, "releases": [_PUBLIC_RELEASE]}],
}
ADMIN_PRODUCT = {"product": PRODUCT, "variants": [VARIANT | {"releases": [RELEASE]}]}
UPLOAD = {
    "app": {
        "id": VARIANT["legacy_app_id"],
        "name": "MyApp",
        "platform": "ios",
        "bundle_id": "com.example.myapp",
        "product_id": PRODUCT["id"],
        "variant_id": VARIANT["id"],
    },
    "release": {name: RELEASE[name] for name in ("id", "version", "build", "created_at", "size_bytes", "sha256")},
    "urls": {"page": "https://get.example.com/products/myapp", **_ACTIONS},
    "warnings": [],
}
DIRECT = {
    "upload_id": "upl_3d4f5g6h7j8k9l0q1w2e3r4t",
    "method": "PUT",
    "url": "https://s3.example.com/builds/uploads/…/MyApp.ipa?X-Amz-Algorithm=AWS4-HMAC-SHA256&…",
    "headers": {
        "content-type": "application/octet-stream",
        "content-disposition": "attachment; filename=\"MyApp.ipa\"; filename*=UTF-8''MyApp.ipa",
        "content-length": "24117248",
        "if-none-match": "*",
        "x-amz-meta-sha256": SHA,
        "x-amz-checksum-sha256": "n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg=",
    },
    "expires_at": "2026-11-02T10:30:00.000Z",
    "finish_url": "https://get.example.com/uploads/direct/upl_3d4f5g6h7j8k9l0q1w2e3r4t/finish",
}
PARSED = {
    "platform": "ios",
    "bundle_id": "com.example.myapp",
    "version": "1.2.0",
    "build": "120",
    "app_name": "MyApp",
    "min_os": "iOS 15.0",
    "file_size": 24117248,
    "file_name": "MyApp.ipa",
    "icon_base64": "data:image/png;base64,iVBORw0KGgo…",
}
APP = {
    "id": VARIANT["legacy_app_id"],
    "name": "MyApp",
    "platform": "ios",
    "bundle_id": "com.example.myapp",
    "application_id": "",
    "published": True,
    "created_at": NOW,
    "product_id": PRODUCT["id"],
    "variant_id": VARIANT["id"],
}
EVENT = {
    "ts": NOW,
    "type": "download",
    "app_id": VARIANT["legacy_app_id"],
    "variant_id": VARIANT["id"],
    "release_id": _IDS["id"],
    "ip": "203.0.113.0",
    "ua": "Mozilla/5.0 (iPhone; …)",
    "extra": {},
}
DEVICE = {
    "id": "dev_5t6y7u8i9o0p1a2s3d4f5g6h",
    "udid": "00008120-000A1B2C3D4E5F60",
    "device_name": "Test phone 3",
    "model": "iPhone17,1",
    "model_name": "iPhone 16 Pro",
    "os_version": "18.5",
    "os_build": "22F76",
    "created_at": NOW,
    "enrolled_at": NOW,
    "verified_at": NOW,
    "apple_registered": False,
    "apple_registered_at": None,
    "apple_device_id": "",
}
INSTALLABILITY: dict[str, Any] = {
    "items": [
        {
            "device": {
                name: DEVICE[name] for name in ("id", "udid", "device_name", "model", "model_name", "os_version")
            },
            "installable": False,
            "reasons": [
                {
                    "code": "not_listed",
                    "blocks": True,
                    "message": "the build's provisioning profile does not list the device",
                }
            ],
        }
    ],
    "total": 1,
    "installable_count": 0,
}
IOS_VARIANT = {
    "id": VARIANT["id"],
    "identifier": "com.example.myapp",
    "display_name": "MyApp",
    "product_id": PRODUCT["id"],
    "product_name": "MyApp",
}
STATS = {
    "product": PRODUCT,
    "variant": VARIANT,
    "releases": [RELEASE],
    "totals": {"downloads": 7, "visits": 20, "clicks": 9, "unique_devices": 5},
    "daily": [{"date": "2026-11-02", "downloads": 7, "visits": 20, "clicks": 9, "unique_devices": 5}],
}
_COUNTS = {"downloads": 7, "visits": 20, "clicks": 9}
REPORT = {
    "from": "2026-11-02",
    "to": "2026-11-02",
    "totals": _COUNTS | {"unique_devices": 5},
    "totals_before": {"downloads": 4, "visits": 11, "clicks": 5, "unique_devices": 4},
    "daily": STATS["daily"],
    "systems": [{"system": "iOS", "version": "19"} | _COUNTS],
    "programs": [{"program": "Safari", "in_app": False, "is_installer": False} | _COUNTS],
    "places": [
        {
            "product_id": PRODUCT["id"],
            "variant_id": VARIANT["id"],
            "release_id": _IDS["id"],
            "platform": "ios",
            "arch": "arm64",
        }
        | {"version": "1.2.0", "build": 120, "channel": "beta"}
        | _COUNTS
    ],
}
SETTINGS = {
    "primary_domain": "https://get.example.com",
    "secondary_domains": [],
    "organization": "Example Ltd",
    "updated_at": NOW,
    "storage_type": "local",
    "upload_domain": "",
    "s3_configured": False,
    "s3_endpoint": "",
    "s3_bucket": "",
    "s3_public_url": "",
    "apple_configured": False,
    "apple_key_id": "",
    "apple_team_id": "",
    "apple_membership_ends": "",
}
UPLOAD_CONFIG = {
    "storage_type": "local",
    "upload_domain": "",
    "max_upload_bytes": 8589934592,
    "direct_upload": False,
    "file_types": {"ios": ["ipa"], "android": ["apk", "aab", "apks", "xapk"]},
}
TOKEN = {
    "id": "tok_7h8j9k0l1z2x3c4v5b6n7m8q",
    "name": "CI of the app team",
    "scope": "upload",
    "created_at": NOW,
    "expires_at": "2027-01-31T09:30:00.000Z",
    "last_used_at": None,
    "revoked_at": None,
}

JOB: dict[str, Any] = {
    "id": "job_9k8j7h6g5f4d3s2a1q0w9e8r",
    "kind": "register-with-apple",
    "state": "running",
    "actor": TOKEN["id"],
    "args": {},
    "done": 120,
    "total": 250,
    "message": "118 registered, 2 refused",
    "sentence": {
        "template": "{registered} registered, {refused} refused",
        "values": {"registered": 118, "refused": 2},
    },
    "attempts": 0,
    "due_at": NOW,
    "created_at": NOW,
    "updated_at": NOW,
    "finished_at": None,
}

TEAM: dict[str, Any] = {
    "id": "default",
    "name": "",
    "key_id": "ABC123DEF4",
    "issuer_id": "57246542-96fe-1a63-e053-0824d011072a",
    "apple_team_id": "TEAM123456",
    "membership_ends": "2027-03-01",
    "is_default": True,
    "configured": True,
    "connected": True,
    "message": "",
    "requests_left": 3412,
    "checked_at": NOW,
    "listed_at": NOW,
    "year_ends": "2027-03-01",
    "slots": [{"family": "IPHONE", "name": "iPhone", "used": 61, "left": 39, "added_this_year": 12}],
    "created_at": NOW,
    "updated_at": NOW,
}
APPLE_STATUS: dict[str, Any] = {
    "team_id": "default",
    "configured": True,
    "connected": True,
    "message": "connected",
    "requests_left": 3412,
}
APPLE_DEVICE = {
    "id": "8R6Z7C2D9K",
    "name": "Test phone 3",
    "udid": DEVICE["udid"],
    "platform": "IOS",
    "status": "ENABLED",
    "device_class": "IPHONE",
    "model": "iPhone 16 Pro",
    "added_date": NOW,
}
REGISTERED_DEVICE = {"message": "registered", "apple_device_id": APPLE_DEVICE["id"]}
REGISTERED_DEVICES = {
    "success_count": 1,
    "fail_count": 0,
    "results": [{"device_id": DEVICE["id"], "success": True, **REGISTERED_DEVICE}],
}
REGISTRATION = {
    "team_id": "default",
    "apple_device_id": APPLE_DEVICE["id"],
    "status": "ENABLED",
    "family": "IPHONE",
    "added_at": NOW,
    "created_at": NOW,
    "updated_at": NOW,
}
REGISTRATION_PLAN: dict[str, Any] = {
    "team_id": "default",
    "device_ids": [DEVICE["id"]],
    "families": [{"family": "IPHONE", "wanted": 1, "left": 39, "left_after": 38}],
    "needs_confirmation": False,
}
ENDING: dict[str, Any] = {
    "kind": "profile",
    "name": "MyApp Ad Hoc",
    "ends_at": "2026-11-30T12:00:00.000Z",
    "days_left": 28,
    "state": "soon",
    "message": "",
    "team_id": "",
    "releases": [
        {
            "release_id": _IDS["id"],
            "version": "1.2.0",
            "build": 120,
            "variant_id": VARIANT["id"],
            "product_id": PRODUCT["id"],
            "product_name": "MyApp",
        }
    ],
}
REGISTRATION_JOBS = {"jobs": [JOB]}


def listed(item: dict[str, Any]) -> dict[str, Any]:
    return {"items": [item], "total": 1}


def single(name: str, resource: dict[str, Any]) -> dict[str, Any]:
    return {**resource, name: resource}


_REFUSALS = {
    400: ("BAD_REQUEST", "name is required"),
    401: ("UNAUTHORIZED", "invalid or missing auth token"),
    403: ("FORBIDDEN", "this token may not do that; it needs the scope admin"),
    404: ("NOT_FOUND", "product not found"),
    409: ("CONFLICT", "slug 'myapp' is taken; choose another"),
    413: ("PAYLOAD_TOO_LARGE", "the file is larger than the limit of 8589934592 bytes"),
    422: ("BAD_PACKAGE", "this is not an IPA: it holds no Payload folder"),
    429: ("RATE_LIMITED", "too many wrong tokens; try again in 240 seconds"),
    502: ("UPSTREAM_ERROR", "Apple asks to wait: too many requests in this hour"),
    507: ("INSUFFICIENT_STORAGE", "not enough space on the server for this file; free some space and try again"),
}


def answers(data: Any, *refusals: int, status: int = 200, refused: bool = True) -> dict[str, Any]:
    """The `responses` and status of a route: its example and the errors that it can give; 401 and 403 unless public."""
    codes = sorted({*refusals, *((401, 403, 429) if refused else ())})
    documented: dict[int | str, Any] = {status: _content("Done", {"ok": True, "data": data})}
    for code in codes:
        word, message = _REFUSALS[code]
        documented[code] = _content(word, {"ok": False, "error": {"code": word, "message": message}})
    return {"responses": documented, "status_code": status}


def multipart(*fields: tuple[str, str, str]) -> dict[str, Any]:
    """`openapi_extra` of a form with `app_file` and these (name, type, description) fields."""
    properties: dict[str, Any] = {"app_file": {"type": "string", "format": "binary", "description": "the build file"}}
    properties |= {name: {"type": kind, "description": text} for name, kind, text in fields}
    schema = {"type": "object", "required": ["app_file"], "properties": properties}
    return {"requestBody": {"required": True, "content": {"multipart/form-data": {"schema": schema}}}}


def _content(description: str, example: Any) -> dict[str, Any]:
    return {"description": description, "content": {"application/json": {"example": example}}}
