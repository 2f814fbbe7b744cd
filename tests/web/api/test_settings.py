"""Settings: partial changes, all or nothing, and secrets that never come back."""

import json
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from fenfa.vocabulary import FILE_TYPES
from tests.support.client import ADMIN, ON_SQLITE, AppClient, refusal
from tests.support.seaweedfs import on_s3
from tests.web.shapes import SETTINGS, check

URL = "/admin/api/settings"


def pem(key: Any) -> str:
    form = serialization.PrivateFormat.PKCS8
    return str(key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode())


P8 = pem(ec.derive_private_key(0xFE17FA, ec.SECP256R1()))
EVERYTHING: dict[str, Any] = {
    "primary_domain": "https://get.example.com",
    "secondary_domains": ["https://dl.example.com", "https://dl2.example.com:8443"],
    "organization": "例 GmbH <b>",
    "upload_domain": "https://up.example.com",
    "storage_type": "local",
    "s3_endpoint": "https://s3.example.com/path",
    "s3_bucket": "my-bucket",
    "s3_region": "eu-central-1",
    "s3_public_url": "https://cdn.example.com/files",
    "s3_access_key": "AKIA-access-key-id",
    "s3_secret_key": "very-secret-s3-key/+=",
    "apple_key_id": "ABC123DEF4",
    "apple_issuer_id": "57246542-96fe-1a63-e053-0824d011072a",
    "apple_team_id": "TEAM123456",
    "apple_private_key": P8,
}
SECRETS = ("s3_access_key", "s3_secret_key", "apple_private_key")


def test_first_values(client: AppClient) -> None:
    found = client.admin("GET", URL)
    check(found, SETTINGS)
    assert found["primary_domain"] == "http://localhost:8000"
    assert (found["secondary_domains"], found["organization"]) == ([], "Fenfa Distribution")
    assert (found["updated_at"], found["storage_type"]) == (None, "s3" if on_s3() else "local")
    assert (found["s3_configured"], found["apple_configured"]) == (on_s3(), False)


def test_change_everything(client: AppClient) -> None:
    changed = client.admin("PUT", URL, json=EVERYTHING)
    check(changed, SETTINGS)
    shown = {name: value for name, value in EVERYTHING.items() if name not in SECRETS}
    assert {name: changed[name] for name in shown} == shown
    assert (changed["s3_configured"], changed["apple_configured"]) == (True, True)
    assert changed["updated_at"] == "2026-11-02T09:30:00.000Z"
    assert client.admin("GET", URL) == changed


def test_a_change_is_partial(client: AppClient) -> None:
    client.admin("PUT", URL, json=EVERYTHING)
    before = client.admin("GET", URL)
    after = client.admin("PUT", URL, json={"organization": ""})
    assert after == before | {"organization": ""}
    after = client.admin("PUT", URL, json={"s3_secret_key": "", "apple_private_key": ""})
    assert (after["s3_configured"], after["apple_configured"]) == (False, False)
    assert client.admin("PUT", URL, json={}) == after


def test_secrets_never_come_back(client: AppClient) -> None:
    client.put(URL, headers=ADMIN, json=EVERYTHING)
    client.make_release()
    for path in (URL, "/admin/api/upload-config", "/api/products/myapp", "/products/myapp", "/openapi.json", "/admin"):
        answer = client.get(path, headers=ADMIN)
        for name in SECRETS:
            assert EVERYTHING[name] not in answer.text
            assert EVERYTHING[name].split("\n")[min(1, EVERYTHING[name].count("\n"))] not in answer.text


@ON_SQLITE
def test_secrets_are_not_in_the_database_in_plain_text(client: AppClient) -> None:
    client.admin("PUT", URL, json=EVERYTHING)
    stored = b"".join(path.read_bytes() for path in client.runtime.config.database_file.parent.glob("fenfa.db*"))
    assert b"my-bucket" in stored
    for secret in (EVERYTHING["s3_access_key"], EVERYTHING["s3_secret_key"], *P8.splitlines()[1:-1]):
        assert secret.encode() not in stored


def test_the_audit_trail_holds_no_secret(client: AppClient) -> None:
    client.admin("PUT", URL, json=EVERYTHING)
    rows = str(client.rows("SELECT * FROM audit"))
    assert "settings.update" in rows
    assert not [name for name in SECRETS if EVERYTHING[name][:20] in rows]


NO_URLS: list[Any] = [
    *("example.com", "ftp://example.com", "javascript:alert(1)", "https://", "https:///x", "https://a b.com"),
    *("https://user:pass@example.com", "https://example.com/path", "https://example.com?q=1", "https://example.com#x"),
    *("https://[::1", "https://example.com:port", "https://example.com:99999", 'https://a"b.com', "https://<script>"),
    *("https://a\\b.com", "https://a\nb.com", "https://exa\0mple.com", "https://" + "x" * 300, "//example.com", " "),
    *(5, None, True, [], {}),
]
BAD: dict[str, list[Any]] = {
    "primary_domain": [value for value in NO_URLS if value != " "],
    "upload_domain": [value for value in NO_URLS if value != " "],
    "secondary_domains": ["https://a.com", ["no url"], [5], {"a": 1}, None, ["https://a.com"] * 21],
    "s3_endpoint": ["s3.example.com", "ftp://x", "https://x?y=1", 5],
    "s3_public_url": ["cdn", "https://user@cdn.com", "file:///etc/passwd"],
    "s3_bucket": ["My_Bucket", "a", "x" * 64, "-bucket", "bucket-", "a b", "../x", 5],
    "s3_region": ["EU", "a b", "x" * 41],
    "s3_access_key": ["two words", "a\nb", 5, None],
    "s3_secret_key": ["two words", "a\0b", []],
    "apple_key_id": ["short", "abc123def4", "ABC123DEF45", 5],
    "apple_issuer_id": ["not a uuid", "57246542-96fe-1a63-e053-0824d011072", 5],
    "apple_team_id": ["short", "lowercase1"],
    "apple_private_key": [
        "no key",
        P8[:80],
        5,
        None,
        "-----BEGIN PRIVATE KEY-----\n\n-----END PRIVATE KEY-----",
        "\ud83d",
    ],
    "storage_type": ["ftp", "", 5, None],
    "organization": ["x" * 256, "a\nb", 5, None, []],
}
CASES = [(name, value) for name, values in BAD.items() for value in values]


@pytest.mark.parametrize(("name", "value"), CASES, ids=lambda part: ascii(part)[:40])
def test_one_bad_field_is_named_and_nothing_changes(client: AppClient, name: str, value: Any) -> None:
    before = client.admin("GET", URL)
    good = {"organization": "Changed", "primary_domain": "https://changed.example.com"}
    body = {field: text for field, text in good.items() if field != name} | {name: value}
    status, code, message = refusal(client.put(URL, headers=ADMIN, content=json.dumps(body)))
    assert (status, code) == (400, "BAD_REQUEST")
    assert message.startswith(f"{name} must ")
    assert client.admin("GET", URL) == before


def test_an_rsa_key_is_no_key_of_apple(client: AppClient) -> None:
    key = pem(rsa.generate_private_key(65537, 2048))
    answer = client.put(URL, headers=ADMIN, json={"apple_private_key": key})
    assert refusal(answer)[2] == "apple_private_key must be the text of the .p8 file from App Store Connect"


def test_unknown_settings_are_named(client: AppClient) -> None:
    status, code, message = refusal(client.put(URL, headers=ADMIN, json={"organisation": "x"}))
    assert (status, code) == (400, "BAD_REQUEST")
    assert message.startswith("unknown field 'organisation'")


@pytest.mark.parametrize(
    "domain",
    ["https://get.example.com/", "http://10.0.0.5:8000", "https://[2001:db8::1]:8443", "https://münchen.example"],
)
def test_domains_of_every_kind(client: AppClient, domain: str) -> None:
    assert client.admin("PUT", URL, json={"primary_domain": domain})["primary_domain"] == domain.rstrip("/")


def test_urls_follow_the_domains(client: AppClient) -> None:
    made = client.make_release()
    client.admin("PUT", URL, json={"primary_domain": "https://get.example.com"})
    actions = client.get("/api/products/myapp").json()["data"]["variants"][0]["latest_release"]["actions"]
    assert actions["download"] == f"https://get.example.com/d/{made['release']['id']}"
    client.admin("PUT", URL, json={"secondary_domains": ["https://dl.example.com", "https://dl2.example.com"]})
    actions = client.get("/api/products/myapp").json()["data"]["variants"][0]["latest_release"]["actions"]
    assert actions["download"] == f"https://dl.example.com/d/{made['release']['id']}"
    assert actions["release_page"] == f"https://get.example.com/products/myapp?r={made['release']['id']}"


def test_upload_config(client: AppClient) -> None:
    found = client.admin("GET", "/admin/api/upload-config")
    check(
        found,
        {"storage_type": str, "upload_domain": str, "max_upload_bytes": int, "file_types": dict}
        | {"direct_upload": bool},
    )
    assert found["max_upload_bytes"] == 8 * 1024**3
    assert found["file_types"] == {platform: list(types) for platform, types in FILE_TYPES.items()}
    assert found["file_types"]["linux"] == ["deb", "rpm", "appimage", "tar.gz", "zip"]
    client.admin("PUT", URL, json={"upload_domain": "https://up.example.com"})
    assert client.admin("GET", "/admin/api/upload-config")["upload_domain"] == "https://up.example.com"
