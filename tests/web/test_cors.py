"""Uploads by script from other origins: the settings' own, to the letter, and no others."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.client import ADMIN, UPLOAD, AppClient, running

PRIMARY, SECOND, UPLOADS = "https://get.example.com", "http://intranet.example.com:8080", "https://up.example.com"
ROUTES = (
    ("POST", "/upload"),
    ("POST", "/smart-upload"),
    ("POST", "/admin/api/smart-upload"),
    ("POST", "/uploads/direct"),
    ("POST", "/uploads/direct/upl_unknown/finish"),
    ("POST", "/uploads/resumable"),
    ("PATCH", "/uploads/resumable/upl_unknown"),
    ("HEAD", "/uploads/resumable/upl_unknown"),
    ("DELETE", "/uploads/resumable/upl_unknown"),
    ("POST", "/uploads/resumable/upl_unknown/complete"),
)
STRANGERS = [
    "null",
    "*",
    "https://example.com",
    "http://get.example.com",
    "https://get.example.com:8443",
    "https://get.example.com.evil.example",
    "https://evil-get.example.com",
    "https://evilget.example.com",
    "https://get.example.com/",
    "https://get.example.com@evil.example",
    "https://GET.example.com",
    "https://get.example.com, https://evil.example",
    "https://get.example.com.",
    "http://intranet.example.com",
    "https://intranet.example.com:8080",
    "http://testserver",
    "get.example.com",
    "",
]


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AppClient]:
    with running(Path(tmp_path_factory.mktemp("cors")) / "data") as started:
        changes = {
            "primary_domain": PRIMARY,
            "secondary_domains": [SECOND],
            "upload_domain": "https://UP.example.com:443",
        }
        started.admin("PUT", "/admin/api/settings", json=changes)
        yield started


def said(headers: Any) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name.startswith("access-control-")}


def preflight(client: AppClient, path: str, origin: str, method: str = "POST") -> Any:
    asks = {"Origin": origin, "Access-Control-Request-Method": method, "Access-Control-Request-Headers": "x-auth-token"}
    return client.request("OPTIONS", path, headers=asks)


@pytest.mark.parametrize("origin", [PRIMARY, SECOND, UPLOADS])
@pytest.mark.parametrize(("method", "path"), ROUTES, ids=str)
def test_origins_of_the_settings_may_upload(client: AppClient, method: str, path: str, origin: str) -> None:
    asked = preflight(client, path, origin, method)
    assert asked.status_code == 204
    allowed = said(asked.headers)
    assert allowed["access-control-allow-origin"] == origin
    assert method in allowed["access-control-allow-methods"].split(", ")
    assert {"X-Auth-Token", "Authorization", "Idempotency-Key"} <= set(
        allowed["access-control-allow-headers"].split(", ")
    )
    answer = client.request(method, path, headers={**ADMIN, "Origin": origin})
    assert answer.status_code >= 400
    assert said(answer.headers)["access-control-allow-origin"] == origin
    for response in (asked, answer):
        assert "Origin" in response.headers["vary"].split(", ")
        assert "access-control-allow-credentials" not in response.headers
        assert response.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("origin", STRANGERS)
def test_no_other_origin_is_told_anything(client: AppClient, origin: str) -> None:
    for method, path in ROUTES:
        asked = preflight(client, path, origin, method)
        answer = client.request(method, path, headers={**ADMIN, "Origin": origin})
        assert said(asked.headers) == said(answer.headers) == {}, path
        assert "Origin" in asked.headers["vary"].split(", ")
        assert "Origin" in answer.headers["vary"].split(", ")


def test_two_origins_are_none(client: AppClient) -> None:
    headers = [("origin", PRIMARY), ("origin", "https://evil.example"), *UPLOAD.items()]
    assert said(client.post("/upload", headers=headers).headers) == {}


@pytest.mark.parametrize(
    "path", ["/admin/api/products", "/admin/api/settings", "/", "/openapi.json", "/uploads", "/upload/x"]
)
def test_other_routes_are_for_no_other_origin(client: AppClient, path: str) -> None:
    assert said(preflight(client, path, PRIMARY, "GET").headers) == {}
    assert said(client.get(path, headers={**ADMIN, "Origin": PRIMARY}).headers) == {}


def test_a_refusal_can_be_read(client: AppClient) -> None:
    answer = client.post("/upload", headers={"Origin": PRIMARY})
    assert (answer.status_code, said(answer.headers)["access-control-allow-origin"]) == (401, PRIMARY)


def test_a_page_can_tell_what_is_spoken(client: AppClient) -> None:
    answer = client.request("OPTIONS", "/uploads/resumable", headers={"Origin": UPLOADS})
    assert answer.headers["tus-version"] == "1.0.0"
    exposed = said(answer.headers)["access-control-expose-headers"].split(", ")
    assert {"Location", "Upload-Offset", "Tus-Version", "Retry-After"} <= set(exposed)


def test_an_origin_that_is_no_longer_configured_is_a_stranger(client: AppClient) -> None:
    client.admin("PUT", "/admin/api/settings", json={"secondary_domains": []})
    try:
        assert said(preflight(client, "/upload", SECOND).headers) == {}
        assert said(preflight(client, "/upload", PRIMARY).headers)
    finally:
        client.admin("PUT", "/admin/api/settings", json={"secondary_domains": [SECOND]})
