"""Tokens: scopes, expiry, revocation, last use, and what guessing costs."""

from typing import Any

import pytest

from tests.support.client import ADMIN, AppClient, refusal
from tests.web.api.bad_texts import BAD_LINES
from tests.web.shapes import TOKEN, Match, check, listed

URL = "/admin/api/tokens"
SETTINGS = "/admin/api/settings"


def status(client: AppClient, headers: dict[str, str]) -> int:
    return client.get(SETTINGS, headers=headers).status_code


@pytest.mark.parametrize(("scope", "letters", "allowed"), [("upload", "upl", 403), ("admin", "adm", 200)])
def test_create(client: AppClient, scope: str, letters: str, allowed: int) -> None:
    answer = client.post(URL, headers=ADMIN, json={"name": "CI", "scope": scope})
    assert answer.status_code == 201
    made = answer.json()["data"]
    check(made, TOKEN | {"token": TOKEN, "secret": Match(f"fnf_{letters}_[a-z0-9]{{16,}}_[A-Za-z0-9_-]{{43,}}")})
    assert made["expires_at"] == "2027-01-31T09:30:00.000Z"
    assert status(client, {"X-Auth-Token": made["secret"]}) == allowed
    assert client.post("/upload", headers={"X-Auth-Token": made["secret"]}).status_code == 400


def test_the_secret_is_shown_once_and_kept_nowhere(client: AppClient) -> None:
    secret = client.token("admin")["X-Auth-Token"]
    found = client.get(URL, headers=ADMIN)
    check(found.json()["data"], listed(TOKEN))
    assert secret not in found.text
    assert secret[40:] not in found.text
    folder = client.runtime.config.database_file.parent
    hidden = secret.rpartition("_")[2].encode()
    assert all(hidden not in path.read_bytes() for path in folder.glob("fenfa.db*"))


def test_list_newest_first(client: AppClient) -> None:
    for name in ("a", "b"):
        client.admin("POST", URL, json={"name": name, "scope": "upload"})
    found = client.admin("GET", URL)
    assert [token["name"] for token in found["items"]] == ["b", "a"]
    assert found["total"] == 2


@pytest.mark.parametrize(
    ("expires", "until", "lives", "dies"),
    [
        ("90d", "2027-01-31T09:30:00.000Z", {"days": 89}, {"days": 2}),
        ("12h", "2026-11-02T21:30:00.000Z", {"hours": 11}, {"hours": 2}),
        ("5m", "2026-11-02T09:35:00.000Z", {"minutes": 4}, {"minutes": 1}),
        ("2026-11-03T00:00:00Z", "2026-11-03T00:00:00.000Z", {"hours": 14}, {"hours": 1}),
        ("2026-11-03T00:00:00+08:00", "2026-11-02T16:00:00.000Z", {"hours": 6}, {"hours": 1}),
    ],
)
def test_expiry(client: AppClient, expires: str, until: str, lives: dict[str, float], dies: dict[str, float]) -> None:
    made = client.admin("POST", URL, json={"name": "x", "scope": "admin", "expires": expires})
    assert made["expires_at"] == until
    header = {"X-Auth-Token": made["secret"]}
    client.clock.move(**lives)
    assert status(client, header) == 200
    client.clock.move(**dies)
    answer = client.get(SETTINGS, headers=header)
    assert refusal(answer) == (401, "UNAUTHORIZED", "invalid or missing auth token")


def test_a_token_that_never_expires(client: AppClient) -> None:
    made = client.admin("POST", URL, json={"name": "x", "scope": "admin", "expires": "never"})
    assert made["expires_at"] is None
    client.clock.move(days=36_500)
    assert status(client, {"X-Auth-Token": made["secret"]}) == 200


BAD_EXPIRIES = [
    *("0d", "-1d", "soon", "d", "1w", "1.5d", "9" * 20 + "d", "9" * 4400 + "d", "2026-11-02", "2026-11-02T09:00:00Z"),
    *("2027-01-31T00:00:00", "9999-12-31T23:59:59-23:00", "2027-13-01T00:00:00Z", "² d", "tomorrow"),
]


@pytest.mark.parametrize("expires", BAD_EXPIRIES, ids=lambda text: str(text)[:30])
def test_expiries_that_are_none(client: AppClient, expires: str) -> None:
    answer = client.post(URL, headers=ADMIN, json={"name": "x", "scope": "admin", "expires": expires})
    assert refusal(answer)[:2] == (400, "BAD_REQUEST")
    assert "expires" in refusal(answer)[2]
    assert client.admin("GET", URL)["total"] == 0


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"scope": "admin"}, "name is required"),
        ({"name": "x"}, "scope is required"),
        ({"name": "", "scope": "admin"}, "name: must not be empty"),
        ({"name": "x", "scope": "root"}, "scope: should be 'upload', 'admin' or 'feed'"),
        ({"name": "x", "scope": None}, "scope: should be 'upload', 'admin' or 'feed'"),
        ({"name": 5, "scope": "admin"}, "name: should be a valid string"),
        ({"name": "x", "scope": "admin", "secret": "mine"}, "unknown field 'secret'"),
        ({"name": "x", "scope": "admin", "expires": 5}, "expires: should be a valid string"),
    ],
)
def test_bad_drafts(client: AppClient, body: dict[str, Any], message: str) -> None:
    assert refusal(client.post(URL, headers=ADMIN, json=body)) == (400, "BAD_REQUEST", message)


def test_names_that_are_refused(client: AppClient) -> None:
    for text in BAD_LINES:
        content = '{"scope": "admin", "name": "' + "".join(f"\\u{ord(c):04x}" for c in text) + '"}'
        assert refusal(client.post(URL, headers=ADMIN, content=content))[2].startswith("name: must ")


def test_revoke_at_once(client: AppClient) -> None:
    header = client.token("admin")
    assert status(client, header) == 200
    [token] = client.admin("GET", URL)["items"]
    for _ in range(2):
        assert client.admin("DELETE", f"{URL}/{token['id']}") == {"revoked": True}
    assert status(client, header) == 401
    assert client.admin("GET", URL)["items"][0]["revoked_at"] == "2026-11-02T09:30:00.000Z"
    client.clock.move(hours=1)
    client.admin("DELETE", f"{URL}/{token['id']}")
    assert client.admin("GET", URL)["items"][0]["revoked_at"] == "2026-11-02T09:30:00.000Z"
    assert refusal(client.delete(f"{URL}/tok_nothing", headers=ADMIN)) == (404, "NOT_FOUND", "token not found")


def test_a_token_can_revoke_itself(client: AppClient) -> None:
    header = client.token("admin")
    [token] = client.admin("GET", URL)["items"]
    assert client.delete(f"{URL}/{token['id']}", headers=header).status_code == 200
    assert status(client, header) == 401


def test_last_use_is_known_to_the_minute(client: AppClient) -> None:
    header = client.token("upload")

    def last_used() -> Any:
        return client.admin("GET", URL)["items"][0]["last_used_at"]

    assert last_used() is None
    client.post("/upload", headers=header)
    assert last_used() == "2026-11-02T09:30:00.000Z"
    client.clock.move(seconds=30)
    client.post("/upload", headers=header)
    assert last_used() == "2026-11-02T09:30:00.000Z"
    client.clock.move(seconds=31)
    client.post("/upload", headers=header)
    assert last_used() == "2026-11-02T09:31:01.000Z"


@pytest.mark.parametrize("place", range(0, 80, 7))
def test_a_token_with_one_letter_changed(client: AppClient, place: int) -> None:
    secret = client.token("admin", expires="never")["X-Auth-Token"]
    letter = "a" if secret[place % len(secret)] != "a" else "b"
    changed = secret[:place] + letter + secret[place + 1 :]
    assert status(client, {"X-Auth-Token": changed}) == 401
    assert status(client, {"X-Auth-Token": secret.replace("_adm_", "_upl_")}) == 401


# what guessing costs


def guess(client: AppClient, address: str, times: int = 1) -> None:
    client.address = address
    for number in range(times):
        assert status(client, {"X-Auth-Token": f"guess {number}"}) == 401


def test_guessing_is_throttled_by_network(client: AppClient) -> None:
    mine = client.token("admin", expires="never")
    guess(client, "203.0.113.9", 10)
    answer = client.get(SETTINGS, headers={"X-Auth-Token": "guess"})
    code, word, message = refusal(answer)
    assert (code, word) == (429, "RATE_LIMITED")
    wait = int(answer.headers["retry-after"])
    assert 0 < wait <= 300
    assert str(wait) in message
    assert status(client, mine) == 429
    client.address = "203.0.113.10"
    assert status(client, mine) == 200
    client.address = "203.0.113.9"
    client.clock.move(seconds=wait)
    assert status(client, mine) == 200


def test_a_network_of_ipv6_is_one_guesser(client: AppClient) -> None:
    mine = client.token("admin")
    for number in range(10):
        guess(client, f"2001:db8:1:2::{number:x}")
    client.address = "2001:db8:1:2:ffff::1"
    assert status(client, mine) == 429
    client.address = "2001:db8:1:3::1"
    assert status(client, mine) == 200


def test_behind_a_proxy_the_guesser_is_who_it_says(client: AppClient) -> None:
    mine = client.token("admin")
    for _ in range(10):
        client.get(SETTINGS, headers={"X-Auth-Token": "guess", "X-Forwarded-For": "1.1.1.1, 203.0.113.9"})
    assert status(client, {**mine, "X-Forwarded-For": "203.0.113.9"}) == 429
    assert status(client, {**mine, "X-Forwarded-For": "1.1.1.1"}) == 200


def test_no_token_is_no_guess_and_the_public_is_not_throttled(client: AppClient) -> None:
    made = client.make_release()
    for _ in range(20):
        assert status(client, {}) == 401
    assert status(client, ADMIN) == 200
    guess(client, "127.0.0.1", 10)
    assert status(client, ADMIN) == 429
    assert client.get(f"/d/{made['release']['id']}").status_code == 200
    assert client.get("/products/myapp").status_code == 200
    assert status(client, {}) == 401
