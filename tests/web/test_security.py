"""Headers of every answer, the admin session and its cookie, requests from other sites, and who the client is."""

import ipaddress
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from fenfa.web.security import PLAIN_COOKIE, SECURE_COOKIE, SECURITY_HEADERS, client_address, client_scheme
from tests.support.client import ADMIN, UPLOAD, AppClient, refusal, running
from tests.web.routes import TABLE, address

PROXIES = ("127.0.0.1", "::1", "10.0.0.0/8")
HOME = {"Sec-Fetch-Site": "same-origin"}


# headers


def check_headers(answer: httpx.Response) -> None:
    for name, value in SECURITY_HEADERS.items():
        assert answer.headers.get_list(name) == [value], (answer.request.url, name)


@pytest.mark.parametrize("method_and_path", sorted(TABLE), ids=" ".join)
def test_every_answer_carries_the_headers(client: AppClient, method_and_path: tuple[str, str]) -> None:
    method, path = method_and_path
    for headers in ({}, UPLOAD, ADMIN, {"X-Auth-Token": "wrong"}):
        check_headers(client.request(method, address(path), headers=headers))
    check_headers(client.request("PATCH", address(path)))


def test_a_crash_and_a_page_from_the_cache_carry_them_too(client: AppClient) -> None:
    made = client.make_release()
    for _ in range(2):
        page = client.get("/products/myapp")
        check_headers(page)
        check_headers(client.get("/products/myapp", headers={"If-None-Match": page.headers["etag"]}))
    check_headers(client.get("/api/products/myapp"))
    client.lose_files()
    crash = client.get(f"/d/{made['release']['id']}")
    assert crash.status_code == 500
    check_headers(crash)


def test_a_file_is_sandboxed_and_never_sniffed(client: AppClient) -> None:
    """A build may be anything, HTML too: no browser may run it in our name."""
    answer = client.get(f"/d/{client.make_release()['release']['id']}")
    assert answer.headers["content-security-policy"] == "sandbox"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-disposition"].startswith("attachment;")


def test_the_policy_lets_no_stranger_in(client: AppClient) -> None:
    policy = client.get("/docs").headers["content-security-policy"]
    for word in ("unsafe", "http:", "https:", "*"):
        assert word not in policy
    assert "frame-ancestors 'none'" in policy


# the admin session


def log_in(client: AppClient, token: str = "dev-admin-token", **headers: str) -> httpx.Response:
    return client.post("/admin/login", data={"token": token}, headers={**HOME, **headers})


def cookie_of(answer: httpx.Response) -> str:
    return answer.headers["set-cookie"].partition(";")[0]


def test_log_in_and_out(client: AppClient) -> None:
    assert client.get("/admin").headers["location"] == "/admin/login"
    answer = log_in(client)
    assert (answer.status_code, answer.headers["location"]) == (303, "/admin")
    cookie = cookie_of(answer)
    assert cookie.startswith(f"{PLAIN_COOKIE}=")
    attributes = answer.headers["set-cookie"].lower()
    assert "httponly" in attributes
    assert "samesite=lax" in attributes
    assert "path=/" in attributes
    assert "secure" not in attributes
    assert "dev-admin-token" not in answer.headers["set-cookie"]
    assert client.get("/admin", headers={"Cookie": cookie}).status_code == 200
    assert client.get("/admin/api/settings", headers={"Cookie": cookie}).status_code == 200
    out = client.post("/admin/logout", headers={"Cookie": cookie, **HOME})
    assert (out.status_code, out.headers["location"]) == (303, "/admin/login")
    assert client.get("/admin", headers={"Cookie": cookie}).status_code == 303
    assert refusal(client.get("/admin/api/settings", headers={"Cookie": cookie}))[:2] == (401, "UNAUTHORIZED")


def test_every_login_has_a_session_of_its_own(client: AppClient) -> None:
    first, second = cookie_of(log_in(client)), cookie_of(log_in(client))
    assert first != second
    client.post("/admin/logout", headers={"Cookie": first, **HOME})
    assert client.get("/admin", headers={"Cookie": second}).status_code == 200


def test_the_cookie_value_is_not_in_the_database(client: AppClient) -> None:
    value = cookie_of(log_in(client)).partition("=")[2]
    folder = client.runtime.config.database_file
    assert all(value.encode() not in path.read_bytes() for path in folder.parent.glob("fenfa.db*"))


@pytest.mark.parametrize("token", ["", "wrong", "dev-upload-token", "' OR 1=1", "\0", "x" * 5000, "dev-admin-token\n!"])
def test_wrong_tokens_do_not_log_in(client: AppClient, token: str) -> None:
    answer = log_in(client, token)
    assert answer.status_code == 401
    assert "set-cookie" not in answer.headers
    assert 'role="alert"' in answer.text
    assert "<form" in answer.text


def test_a_login_body_that_is_too_large(client: AppClient) -> None:
    assert log_in(client, "x" * 10_000).status_code == 413


def test_a_broken_database_is_no_wrong_token(client: AppClient) -> None:
    client.sql("DROP TABLE sessions")
    assert log_in(client).status_code == 503
    client.sql("DROP TABLE auth_failures")
    assert log_in(client, "wrong").status_code == 503


def test_a_login_is_throttled(client: AppClient) -> None:
    for _ in range(10):
        log_in(client, "wrong")
    answer = log_in(client)
    assert answer.status_code == 429
    assert "too many" in answer.text.lower()
    assert "set-cookie" not in answer.headers
    client.clock.move(minutes=6)
    assert log_in(client).status_code == 303


def test_guessing_from_many_addresses_locks_out_none_that_is_right(client: AppClient) -> None:
    """Five addresses send 20 wrong tokens each; the last 20 of those that are looked at reach the thousand."""
    right = client.token("admin")
    client.get("/admin/api/settings", headers={"X-Auth-Token": "wrong"})
    client.sql("UPDATE auth_failures SET failures = 980 WHERE source = '*'")
    statuses = []
    for number in range(100):
        client.address = f"192.0.2.{number % 5}"
        statuses.append(client.get("/admin/api/settings", headers={"X-Auth-Token": "wrong"}).status_code)
        client.address = f"198.51.100.{number}"
        assert client.get("/admin/api/settings", headers=right).status_code == 200
    assert statuses == [401] * 20 + [429] * 80
    client.address = "203.0.113.1"  # a thousand and one: a new guesser has one try
    tries = [client.get("/admin/api/settings", headers={"X-Auth-Token": "wrong"}).status_code for _ in range(3)]
    assert tries == [401, 429, 429]


def test_a_session_ends_when_it_idles_and_when_it_is_old(client: AppClient) -> None:
    cookie = {"Cookie": cookie_of(log_in(client))}
    client.clock.move(hours=7)
    assert client.get("/admin", headers=cookie).status_code == 200
    client.clock.move(hours=4)
    assert client.get("/admin", headers=cookie).status_code == 200
    client.clock.move(hours=2)
    assert client.get("/admin", headers=cookie).status_code == 303
    cookie = {"Cookie": cookie_of(log_in(client))}
    client.clock.move(hours=9)
    assert client.get("/admin", headers=cookie).status_code == 303


def test_a_session_dies_with_its_token(client: AppClient) -> None:
    header = client.token("admin")
    cookie = {"Cookie": cookie_of(log_in(client, header["X-Auth-Token"]))}
    assert client.get("/admin/api/settings", headers=cookie).status_code == 200
    [token] = client.admin("GET", "/admin/api/tokens")["items"]
    client.admin("DELETE", f"/admin/api/tokens/{token['id']}")
    assert client.get("/admin/api/settings", headers=cookie).status_code == 401
    assert client.get("/admin", headers=cookie).status_code == 303


@pytest.mark.parametrize("value", ["", "nobody", "é".encode().decode("latin-1"), "x" * 4000, "' OR 1=1", '"quoted"'])
def test_cookies_of_nobody(client: AppClient, value: str) -> None:
    for name in (PLAIN_COOKIE, SECURE_COOKIE):
        header = {"Cookie": f"{name}={value}".encode("latin-1")}
        assert client.get("/admin", headers=header).status_code == 303
        assert client.get("/admin/api/settings", headers=header).status_code == 401


def test_behind_https_the_cookie_is_bound_to_it(client: AppClient) -> None:
    answer = log_in(client, **{"X-Forwarded-Proto": "https"})
    assert cookie_of(answer).startswith(f"{SECURE_COOKIE}=")
    assert "secure" in answer.headers["set-cookie"].lower()
    assert client.get("/admin", headers={"Cookie": cookie_of(answer)}).status_code == 200


def test_a_stranger_cannot_claim_https(tmp_path: Path) -> None:
    with running(tmp_path / "data", admin_token="a-token-of-our-own", trusted_proxies="10.0.0.1") as client:
        answer = log_in(client, "a-token-of-our-own", **{"X-Forwarded-Proto": "https"})
        assert cookie_of(answer).startswith(f"{PLAIN_COOKIE}=")
        client.address = "10.0.0.1"
        answer = log_in(client, "a-token-of-our-own", **{"X-Forwarded-Proto": "https"})
        assert cookie_of(answer).startswith(f"{SECURE_COOKIE}=")


# requests from other sites

ELSEWHERE: list[dict[str, str]] = [
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "cross-site", "Origin": "http://testserver"},
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Origin": "http://testserver.evil.example"},
    {"Origin": "http://testserver:8000"},
    {"Origin": "http://evil.example/testserver"},
    {"Sec-Fetch-Site": "same-origin", "Origin": "https://evil.example"},
    {"Sec-Fetch-Site": "nonsense"},
    {},
]
FROM_HOME: list[dict[str, str]] = [
    {"Sec-Fetch-Site": "same-origin"},
    {"Sec-Fetch-Site": "none"},
    {"Origin": "http://testserver"},
    {"Sec-Fetch-Site": "same-origin", "Origin": "http://testserver"},
]


@pytest.mark.parametrize("headers", ELSEWHERE)
def test_another_site_changes_nothing(client: AppClient, headers: dict[str, str]) -> None:
    cookie = cookie_of(log_in(client))
    answer = client.post("/admin/api/products", headers={"Cookie": cookie, **headers}, json={"name": "Forged"})
    assert refusal(answer)[:2] == (403, "FORBIDDEN")
    assert client.admin("GET", "/admin/api/products")["total"] == 0
    assert client.post("/admin/logout", headers={"Cookie": cookie, **headers}).status_code == 403
    assert client.get("/admin", headers={"Cookie": cookie}).status_code == 200
    login = client.post("/admin/login", data={"token": "dev-admin-token"}, headers=headers)
    assert login.status_code == 403
    assert "set-cookie" not in login.headers


@pytest.mark.parametrize("headers", FROM_HOME)
def test_our_own_pages_may(client: AppClient, headers: dict[str, str]) -> None:
    cookie = cookie_of(log_in(client))
    answer = client.post("/admin/api/products", headers={"Cookie": cookie, **headers}, json={"name": "Ours"})
    assert answer.status_code == 201


def test_a_token_needs_no_origin(client: AppClient) -> None:
    """Scripts send a header that no other site's page can set."""
    headers = {**ADMIN, "Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}
    assert client.post("/admin/api/products", headers=headers, json={"name": "Script"}).status_code == 201


def test_no_answer_opens_itself_to_other_sites(client: AppClient) -> None:
    for method, path in sorted(TABLE):
        answer = client.request(method, address(path), headers={**ADMIN, "Origin": "https://evil.example"})
        assert "access-control-allow-origin" not in answer.headers


# who the client is


def oracle(peer: str, forwarded: list[str]) -> str:
    """RFC 7239's advice, slowly: walk from the server outwards while the hop is one of ours."""
    networks = [ipaddress.ip_network(proxy) for proxy in PROXIES]
    hops = [part.strip() for line in forwarded for part in line.split(",") if part.strip()]
    for hop in [peer, *reversed(hops)]:
        found = parse(hop)
        if found is None:
            return ""
        last = str(found)
        if not any(found in network for network in networks):
            return last
    return last


def parse(text: str) -> Any:
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found


PEERS = ["127.0.0.1", "::1", "10.1.2.3", "203.0.113.9", "2001:db8::9", "::ffff:10.1.2.3", "::ffff:203.0.113.9"]
FORWARDED: list[list[str]] = [
    [],
    [""],
    ["198.51.100.7"],
    [" 198.51.100.7 "],
    ["198.51.100.7, 203.0.113.5"],
    ["203.0.113.5,198.51.100.7"],
    ["198.51.100.7, 10.9.9.9"],
    ["198.51.100.7", "10.9.9.9"],
    ["198.51.100.7, 10.9.9.9, 127.0.0.1"],
    ["127.0.0.1"],
    ["10.0.0.1, 10.0.0.2"],
    ["127.0.0.1, 198.51.100.7"],
    ["198.51.100.7, 127.0.0.1, 203.0.113.5"],
    ["2001:db8::1"],
    ["[2001:db8::1]"],
    ["[2001:db8::1]:4711"],
    ["198.51.100.7:4711"],
    ["::ffff:198.51.100.7"],
    ["2001:DB8:0::1"],
    ["unknown"],
    ["_hidden, 10.0.0.1"],
    ["198.51.100.7, unknown"],
    ["127.0.0.1, unknown"],
    [",,, 198.51.100.7 ,"],
    ["198.51.100.999"],
    ["1" * 500],
    ["' OR 1=1"],
    ["<script>"],
    ["198.51.100.7\t"],
    ["fe80::1%eth0"],
]


@pytest.mark.parametrize("peer", PEERS)
@pytest.mark.parametrize("forwarded", FORWARDED, ids=str)
def test_client_address(peer: str, forwarded: list[str]) -> None:
    headers = [(b"x-forwarded-for", line.encode()) for line in forwarded]
    scope = {"type": "http", "client": (peer, 4711), "headers": headers}
    assert client_address(scope, PROXIES) == oracle(peer, forwarded)


@pytest.mark.parametrize(
    ("peer", "said", "expected"),
    [
        ("127.0.0.1", "https", "https"),
        ("127.0.0.1", "HTTPS", "https"),
        ("127.0.0.1", "http, https", "https"),
        ("127.0.0.1", "", "http"),
        ("127.0.0.1", "javascript", "http"),
        ("127.0.0.1", "https\r\nx: y", "http"),
        ("10.2.3.4", "https", "https"),
        ("203.0.113.9", "https", "http"),
        ("2001:db8::9", "https", "http"),
    ],
)
def test_client_scheme(peer: str, said: str, expected: str) -> None:
    headers = [(b"x-forwarded-proto", said.encode())]
    scope = {"type": "http", "scheme": "http", "client": (peer, 4711), "headers": headers}
    assert client_scheme(scope, PROXIES) == expected


def test_a_server_without_a_peer_trusts_nobody() -> None:
    """A Unix socket has no address."""
    scope = {"type": "http", "client": None, "headers": [(b"x-forwarded-for", b"198.51.100.7")]}
    assert client_address(scope, PROXIES) == ""


# the default tokens


@pytest.fixture
def open_server(tmp_path: Path) -> Iterator[AppClient]:
    with running(tmp_path / "data", host="0.0.0.0") as started:
        yield started


def test_the_default_tokens_are_for_this_machine_alone(client: AppClient) -> None:
    assert client.get("/admin/api/settings", headers=ADMIN).status_code == 200
    for address_of_caller in ("203.0.113.9", "10.0.0.2", "192.168.1.5", "2001:db8::9", "::ffff:203.0.113.9"):
        client.address = address_of_caller
        assert refusal(client.get("/admin/api/settings", headers=ADMIN))[:2] == (401, "UNAUTHORIZED")
        assert refusal(client.post("/upload", headers=UPLOAD))[:2] == (401, "UNAUTHORIZED")
        assert log_in(client).status_code == 401


@pytest.mark.parametrize("forwarded", ["203.0.113.9", "203.0.113.9:4711", "unknown", "127.0.0.1, 203.0.113.9"])
def test_the_default_tokens_do_not_pass_a_proxy(client: AppClient, forwarded: str) -> None:
    headers = {**ADMIN, "X-Forwarded-For": forwarded}
    assert client.get("/admin/api/settings", headers=headers).status_code == 401


def test_the_default_tokens_are_dead_on_an_open_server(open_server: AppClient) -> None:
    assert open_server.get("/admin/api/settings", headers=ADMIN).status_code == 401


def test_a_token_of_ones_own_works_from_everywhere(tmp_path: Path) -> None:
    with running(tmp_path / "data", admin_token="a-token-of-our-own", host="0.0.0.0") as client:
        client.address = "203.0.113.9"
        assert client.get("/admin/api/settings", headers={"X-Auth-Token": "a-token-of-our-own"}).status_code == 200
        assert client.get("/admin/api/settings", headers=ADMIN).status_code == 401
