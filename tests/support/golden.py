"""A database as earlier versions left it: its schema by the migrations of then, and rows in each of its tables."""

import hashlib
from typing import Any

from sqlalchemy import Connection, MetaData, insert, select, text

from fenfa.db.migrate import upgrade

BUILD = b"a build of an earlier version"
ICON = b"\x89PNG\r\n\x1a\n and more"
PRD, VAR, REL, APP, UPL, DEV, TOK = (
    f"{kind}_{'old':0<26}" for kind in ("prd", "var", "rel", "app", "upl", "dev", "tok")
)
HIDDEN = f"prd_{'hidden':0<26}"
KEY = f"uploads/{PRD}/{VAR}/{REL}/Größe 大.apk"
_THEN, _LATER = "2026-01-02T03:04:05.678Z", "2026-01-02T03:04:06.000Z"
_PACKAGE = {"format": "apk", "public": {"identifier": "com.example.old"}, "facts": {"permissions": ["a", "ü"]}}
_SHA256 = hashlib.sha256(BUILD).hexdigest()
Row = dict[str, Any]

ROWS: dict[str, dict[str, list[Row]]] = {
    "0001": {
        "products": [
            {"seq": 7, "id": PRD, "slug": "old", "name": "Old 大", "description": "it's 100 %", "published": True}
            | {"icon_sha256": "ab" * 32, "revision": 2**40, "created_at": _THEN, "updated_at": _LATER},
            {"seq": 9, "id": HIDDEN, "slug": "größe", "name": "", "description": "", "published": False}
            | {"icon_sha256": None, "revision": 1, "created_at": _THEN, "updated_at": _THEN},
        ],
        "icons": [{"product_id": PRD, "sha256": "ab" * 32, "png": ICON, "updated_at": _THEN}],
        "variants": [
            {"seq": 3, "id": VAR, "app_id": APP, "product_id": PRD, "platform": "android"}
            | {"identifier": "com.example.old", "display_name": "Old", "arch": "arm64", "installer_type": "apk"}
            | {"min_os": "21", "sort_order": -1, "published": True, "created_at": _THEN, "updated_at": _THEN}
        ],
        "releases": [
            {"seq": 5, "id": REL, "variant_id": VAR, "version": "1.0", "build": 2**40, "channel": "beta"}
            | {"min_os": "21", "changelog": "first\nsecond", "file_name": "Größe 大.apk", "file_ext": "apk"}
            | {"size_bytes": len(BUILD), "sha256": _SHA256, "storage": "local", "storage_key": KEY}
            | {"download_count": 3, "package": _PACKAGE, "created_at": _THEN, "updated_at": _THEN}
        ],
        "uploads": [
            {"id": UPL, "state": "ready", "idempotency_key": "again", "request": {"file_name": "Größe 大.apk"}}
            | {"file_name": "Größe 大.apk", "size_bytes": len(BUILD), "sha256": _SHA256, "release_id": REL}
            | {"answer": {"release_id": REL}, "error": "", "created_at": _THEN, "updated_at": _THEN}
        ],
        "events": [
            {"seq": number, "ts": _THEN, "type": kind, "product_id": PRD, "app_id": APP}
            | {"variant_id": VAR, "release_id": REL, "ip": "192.0.2.0", "ua": "x", "visitor": "v"}
            | {"extra": {"from": "qr"}}
            for number, kind in enumerate(("visit", "click", "download"), start=1)
        ],
        "devices": [
            {"seq": 1, "id": DEV, "udid": "00008110-000A1D0E3C38801E", "device_name": "", "model": "iPhone14,2"}
            | {"os_version": "17.0", "verified_at": None, "apple_registered_at": _THEN, "apple_device_id": "ABC"}
            | {"created_at": _THEN}
        ],
        "device_bindings": [{"seq": 1, "device_id": DEV, "variant_id": VAR, "created_at": _THEN}],
        "tokens": [
            {"seq": 1, "id": TOK, "name": "CI", "scope": "upload", "secret_mac": "cd" * 32}
            | {"created_at": _THEN, "expires_at": None, "last_used_at": _LATER, "revoked_at": None}
        ],
        "sessions": [{"id_mac": "ef" * 32, "token_id": TOK, "created_at": _THEN, "seen_at": _THEN}],
        "settings": [{"name": "organization", "value": "Old Ltd", "updated_at": _THEN}],
        "auth_failures": [{"source": "192.0.2.1", "window_started": 1, "failures": 2}],
        "audit": [
            {"seq": 1, "ts": _THEN, "actor": TOK, "action": "product.create", "target": PRD}
            | {"detail": {"name": ["", "Old 大"]}}
        ],
    },
}
"""Rows by revision and table, in an order that foreign keys allow."""


def fill(connection: Connection, revision: str) -> None:
    """An empty database becomes one of this revision, with its rows."""
    upgrade(connection, revision)
    known = MetaData()
    known.reflect(connection)
    assert set(known.tables) == {*ROWS[revision], "alembic_version"}
    for name, rows in ROWS[revision].items():
        connection.execute(insert(known.tables[name]), rows)
        if connection.dialect.name == "postgresql" and "seq" in rows[0]:
            connection.execute(text(f"SELECT setval('{name}_seq_seq', (SELECT max(seq) FROM {name}))"))


def kept(connection: Connection, revision: str) -> dict[str, list[Row]]:
    """What the columns of then hold now."""
    known = MetaData()
    known.reflect(connection)
    found = {}
    for name, rows in ROWS[revision].items():
        table = known.tables[name]
        first = next(iter(table.primary_key.columns))
        columns = [table.c[column] for column in rows[0]]
        found[name] = [dict(row) for row in connection.execute(select(*columns).order_by(first)).mappings()]
    return found
