"""Every route × every kind of token: who is let in, who is told what."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from tests.support.client import ADMIN, UPLOAD, AppClient, refusal, running
from tests.web.routes import TABLE, Gate, address, every_route

Headers = dict[str, str]
STRANGERS: dict[str, Headers] = {
    "no token": {},
    "empty": {"X-Auth-Token": ""},
    "unknown": {"X-Auth-Token": "fnf_adm_nobody_nothing00000000"},
    "unknown bearer": {"Authorization": "Bearer fnf_upl_nobody_nothing00000000"},
    "another kind of authorization": {"Authorization": "Basic YWRtaW46YWRtaW4="},
    "garbage": {"X-Auth-Token": "\x80\xff ÿ{}%00"},
    "SQL": {"X-Auth-Token": "' OR 1=1; DROP TABLE tokens; --"},
    "10 KB": {"X-Auth-Token": "a" * 10_240},
    "another case": {"X-Auth-Token": "Dev-Admin-Token"},
    "almost": {"X-Auth-Token": "dev-admin-toke"},
}


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AppClient]:
    with running(Path(tmp_path_factory.mktemp("matrix")) / "data") as started:
        yield started


@pytest.fixture(scope="module")
def strangers(client: AppClient) -> dict[str, Headers]:
    """All that must be turned away, with tokens that once were good."""
    soon = (datetime.now(UTC) + timedelta(days=3650)).isoformat()
    expired = client.token("admin", expires="1m")
    revoked = client.token("admin", expires=soon)
    listed = client.admin("GET", "/admin/api/tokens")["items"]
    client.admin("DELETE", f"/admin/api/tokens/{listed[0]['id']}")
    client.clock.move(minutes=2)
    return {**STRANGERS, "expired": expired, "revoked": revoked, "revoked bearer": bearer(revoked)}


@pytest.fixture(scope="module")
def uploaders(client: AppClient) -> list[Headers]:
    made = client.token("upload", expires="never")
    return [UPLOAD, bearer(UPLOAD), made, bearer(made)]


@pytest.fixture(scope="module")
def admins(client: AppClient) -> list[Headers]:
    made = client.token("admin", expires="never")
    return [ADMIN, bearer(ADMIN), made, {**bearer(made), "X-Auth-Token": " "}]


def bearer(header: Headers) -> Headers:
    return {"Authorization": f"bearer  {header['X-Auth-Token']}"}


def test_the_table_names_every_route() -> None:
    assert every_route() == set(TABLE)


@pytest.mark.parametrize("method_and_path", sorted(TABLE), ids=" ".join)
def test_who_may_call(
    client: AppClient,
    strangers: dict[str, Headers],
    uploaders: list[Headers],
    admins: list[Headers],
    method_and_path: tuple[str, str],
) -> None:
    method, path = method_and_path
    gate = TABLE[method_and_path]

    def call(headers: Headers) -> httpx.Response:
        raw = {name: value.encode("latin-1") for name, value in headers.items()}
        return client.request(method, address(path), headers=raw)

    for name, headers in strangers.items():
        client.clock.move(minutes=6)  # past the throttle, which has a test of its own
        expect(call(headers), gate, STRANGER[gate.scope], name)
    for headers in uploaders:
        expect(call(headers), gate, UPLOADER[gate.scope], "upload scope")
    for headers in admins:
        expect(call(headers), gate, None, "admin scope")


STRANGER = {"none": None, "upload": 401, "admin": 401, "panel": 303}
UPLOADER = {"none": None, "upload": None, "admin": 403, "panel": 303}
WORDS = {
    400: "BAD_REQUEST",
    401: "UNAUTHORIZED",
    403: "FORBIDDEN",
    404: "NOT_FOUND",
}


def expect(answer: httpx.Response, gate: Gate, turned_away: int | None, name: str) -> None:
    """`turned_away`: the status for one who may not come in; None for one who may."""
    status = turned_away or gate.status
    assert answer.status_code == status, (name, answer.text)
    if status >= 400:
        check_form(answer, gate)
    if status == 401:
        assert answer.headers["www-authenticate"] == "Bearer"
        assert refusal(answer)[2] == "invalid or missing auth token"


def check_form(answer: httpx.Response, gate: Gate) -> None:
    if gate.html:
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        assert answer.text.startswith("<!doctype html>")
    else:
        assert refusal(answer)[:2] == (answer.status_code, WORDS[answer.status_code])


def test_the_token_is_looked_at_before_the_body(client: AppClient) -> None:
    for method, path in TABLE:
        if TABLE[method, path].scope in ("upload", "admin"):
            answer = client.request(method, address(path), content=b"\xff{" * 10_000)
            assert refusal(answer)[:2] == (401, "UNAUTHORIZED"), path


@pytest.mark.parametrize("method_and_path", sorted(key for key in TABLE if key[0] == "GET"), ids=" ".join)
def test_head_says_what_get_says_or_is_not_allowed(client: AppClient, method_and_path: tuple[str, str]) -> None:
    url = address(method_and_path[1])
    head, get = client.request("HEAD", url, headers=ADMIN), client.get(url, headers=ADMIN)
    assert head.status_code in (get.status_code, 405)


def test_a_valid_token_in_the_other_header_does_not_rescue_a_wrong_one(client: AppClient) -> None:
    both = {"X-Auth-Token": "wrong", **bearer(ADMIN)}
    assert client.get("/admin/api/settings", headers=both).status_code == 401


WRITERS: list[Callable[[AppClient], httpx.Response]] = [
    lambda client: client.post("/admin/api/products", headers=UPLOAD, json={"name": "Mine"}),
    lambda client: client.put("/admin/api/settings", headers=UPLOAD, json={"organization": "Mine"}),
    lambda client: client.post("/admin/api/tokens", headers=UPLOAD, json={"name": "Mine", "scope": "admin"}),
]


@pytest.mark.parametrize("write", WRITERS)
def test_the_upload_scope_changes_nothing_else(client: AppClient, write: Callable[[AppClient], httpx.Response]) -> None:
    assert refusal(write(client)) == (403, "FORBIDDEN", "this token may not do that; it needs the scope admin")
    assert client.admin("GET", "/admin/api/products")["total"] == 0
