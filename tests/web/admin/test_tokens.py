"""The tokens page: a secret shown once, what revoking ends, and tokens of the configuration."""

import html
import re
from pathlib import Path

import httpx
import pytest

from tests.support.client import ADMIN, AppClient, running
from tests.web.api.bad_texts import GOOD_LINES

PATH = "/admin/tokens"
HOME = {**ADMIN, "Sec-Fetch-Site": "same-origin"}


def create(client: AppClient, name: str = "CI", scope: str = "upload", expires: str = "90d") -> httpx.Response:
    return client.post(PATH, headers=HOME, data={"name": name, "scope": scope, "expires": expires})


def secret_of(answer: httpx.Response) -> str:
    found = re.search(r'id="secret">(fnf_\w{3}_[^<]+)<', answer.text)
    assert found, answer.text
    return found[1]


def only_id(client: AppClient) -> str:
    (token,) = client.admin("GET", "/admin/api/tokens")["items"]
    return str(token["id"])


@pytest.mark.parametrize("scope", ["upload", "admin"])
def test_a_new_token_works_and_is_shown_once(client: AppClient, scope: str) -> None:
    answer = create(client, scope=scope)
    assert answer.status_code == 201
    assert answer.headers["cache-control"] == "no-store"
    secret = secret_of(answer)
    status = {"upload": 403, "admin": 200}[scope]
    assert client.get("/admin/api/settings", headers={"X-Auth-Token": secret}).status_code == status
    for path in (PATH, f"{PATH}/{only_id(client)}"):
        assert secret.rpartition("_")[2] not in client.get(path, headers=ADMIN).text
    assert client.rows("SELECT action FROM audit") == [("token.create",)]


def test_the_command_is_ready(client: AppClient) -> None:
    answer = create(client)
    curl = f'curl -H "X-Auth-Token: {secret_of(answer)}" -F app_file=@app.apk http://testserver/smart-upload'
    assert curl in html.unescape(answer.text)
    assert "-F create=1" in create(client, scope="admin").text


def test_a_feed_token_comes_with_its_address(client: AppClient) -> None:
    answer = create(client, scope="feed")
    address = f"/feeds/expiring.ics?token={secret_of(answer)}"
    assert f"http://testserver{address}" in html.unescape(answer.text)
    assert client.get(address).status_code == 200


@pytest.mark.parametrize(
    ("expires", "day"), [("7d", "2026-11-09"), ("90d", "2027-01-31"), ("365d", "2027-11-02"), ("never", None)]
)
def test_it_ends_when_chosen(client: AppClient, expires: str, day: str | None) -> None:
    create(client, expires=expires)
    (token,) = client.admin("GET", "/admin/api/tokens")["items"]
    assert (token["expires_at"] or "never")[:10] == (day or "never")


@pytest.mark.parametrize(
    ("field", "fields"),
    [
        ("name", {"name": ""}),
        ("name", {"name": "a\nb"}),
        ("name", {"name": "x" * 256}),
        ("scope", {"scope": "root"}),
        ("expires", {"expires": "1m"}),
        ("expires", {"expires": ""}),
    ],
)
def test_wrong_values_are_told_beside_their_fields(client: AppClient, field: str, fields: dict[str, str]) -> None:
    answer = create(client, **fields)
    assert answer.status_code == 400
    assert f'id="{field}-problem" role="alert"' in answer.text
    assert "fnf_" not in answer.text
    assert client.admin("GET", "/admin/api/tokens")["total"] == 0


def test_revoking_says_what_ends_and_ends_it(client: AppClient) -> None:
    secret = secret_of(create(client, "Ada", "admin"))
    token_id = only_id(client)
    home = {"Sec-Fetch-Site": "same-origin"}
    cookies = [
        {"Cookie": client.post("/admin/login", data={"token": secret}, headers=home).headers["set-cookie"]}
        for _ in range(2)
    ]
    page = client.get(f"{PATH}/{token_id}", headers=cookies[0]).text
    assert "2 logins made with it end." in page
    assert "You are logged in with this token" in page
    assert "You are logged in with this token" not in client.get(f"{PATH}/{token_id}", headers=ADMIN).text
    answer = client.post(f"{PATH}/{token_id}/revoke", headers=HOME)
    assert (answer.status_code, answer.headers["location"]) == (303, f"{PATH}?done=revoked")
    assert all(client.get("/admin", headers=cookie).status_code == 303 for cookie in cookies)
    assert client.get("/admin/api/settings", headers={"X-Auth-Token": secret}).status_code == 401
    assert client.rows("SELECT count(*) FROM sessions") == [(0,)]
    assert client.rows("SELECT action, target FROM audit ORDER BY seq")[-1] == ("token.revoke", token_id)
    assert "Revoke this token" not in client.get(f"{PATH}/{token_id}", headers=ADMIN).text


def test_states_are_told(client: AppClient) -> None:
    create(client, expires="7d")
    client.clock.move(days=8)
    assert '<span class="tag warn">expired</span>' in client.get(PATH, headers=ADMIN).text
    client.post(f"{PATH}/{only_id(client)}/revoke", headers=HOME)
    page = client.get(PATH, headers=ADMIN).text
    assert '<span class="tag">revoked</span>' in page
    assert f'href="{PATH}/{only_id(client)}"' not in page


def test_public_defaults_are_flagged(client: AppClient) -> None:
    page = client.get(PATH, headers=ADMIN).text
    assert page.count("good from this machine alone") == 2
    assert "dev-admin-token" not in page


def test_configured_tokens_are_told_by_name_alone(tmp_path: Path) -> None:
    with running(tmp_path / "data", admin_token="a-token-of-our-own", upload_tokens="another-of-ours") as client:
        page = client.get(PATH, headers={"X-Auth-Token": "a-token-of-our-own"}).text
    assert page.count('<span class="tag">configured</span>') == 2
    assert "config-admin-" in page
    assert "-of-our" not in page


def test_long_lists_have_pages(client: AppClient) -> None:
    for number in range(51):
        client.token("upload", name=f"Token {number:02}")
    first, second = client.get(PATH, headers=ADMIN).text, client.get(f"{PATH}?offset=50", headers=ADMIN).text
    assert ("Token 50" in first, "Token 00" in first) == (True, False)
    assert ("Token 50" in second, "Token 00" in second) == (False, True)


@pytest.mark.parametrize("text", GOOD_LINES)
def test_names_are_only_texts(client: AppClient, text: str) -> None:
    assert create(client, name=text).status_code in (201, 400)
    for path in (PATH, *(f"{PATH}/{t['id']}" for t in client.admin("GET", "/admin/api/tokens")["items"])):
        page = client.get(path, headers=ADMIN)
        assert page.status_code == 200
        assert "<script>alert" not in page.text
