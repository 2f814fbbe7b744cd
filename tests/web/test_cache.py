"""Public answers are kept as bytes, and are right after every kind of change: asked where the server asks, before the
fast path."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.support import images
from tests.support.client import ADMIN, ON_SQLITE, AppClient

URLS = ("/products/myapp", "/api/products/myapp", "/api/products/slug/myapp")
Change = Callable[[AppClient, dict[str, Any]], Any]


def product(made: dict[str, Any]) -> str:
    return f"/admin/api/products/{made['app']['product_id']}"


def variant(made: dict[str, Any]) -> str:
    return f"/admin/api/variants/{made['app']['variant_id']}"


def release(made: dict[str, Any]) -> str:
    return f"/admin/api/releases/{made['release']['id']}"


def fetch_and_flush(client: AppClient, made: dict[str, Any]) -> None:
    client.get(f"/d/{made['release']['id']}")
    client.flush()


CHANGES: dict[str, Change] = {
    "name": lambda c, m: c.admin("PUT", product(m), json={"name": "Renamed"}),
    "description": lambda c, m: c.admin("PUT", product(m), json={"description": "New words"}),
    "icon": lambda c, m: c.admin("PUT", product(m) + "/icon", content=images.png(32, 32)),
    "variant made": lambda c, m: c.make_variant(m["app"]["product_id"], "windows"),
    "variant changed": lambda c, m: c.admin("PUT", variant(m), json={"display_name": "For everybody"}),
    "variant deleted": lambda c, m: c.admin("DELETE", variant(m)),
    "variant withdrawn": lambda c, m: c.admin("PUT", f"/admin/api/apps/{m['app']['id']}/unpublish"),
    "release made": lambda c, m: c.upload(m["app"]["variant_id"], b"second", version="2"),
    "release changed": lambda c, m: c.admin("PUT", release(m), json={"changelog": "New words"}),
    "release deleted": lambda c, m: c.admin("DELETE", release(m)),
    "download": fetch_and_flush,
    "domain": lambda c, m: c.admin("PUT", "/admin/api/settings", json={"primary_domain": "https://new.example.com"}),
    "download domain": lambda c, m: c.admin("PUT", "/admin/api/settings", json={"secondary_domains": ["https://d.l"]}),
}


@pytest.mark.parametrize("name", CHANGES)
def test_fresh_after_every_kind_of_change(client: AppClient, name: str) -> None:
    made = client.make_release()
    before = {url: [client.get(url) for _ in range(3)][-1] for url in URLS}
    CHANGES[name](client, made)
    for url in URLS:
        after = client.get(url, headers={"If-None-Match": before[url].headers["etag"]})
        assert after.status_code == 200, url
        assert after.content != before[url].content
        assert client.get(url).content == after.content


def test_the_organization_is_on_the_page(client: AppClient) -> None:
    client.make_release()
    for name in ("First Ltd", "Second Ltd"):
        client.admin("PUT", "/admin/api/settings", json={"organization": name})
        assert all(name in client.get("/products/myapp").text for _ in range(2))


@pytest.mark.parametrize("change", ["unpublish", "delete", "slug"])
def test_gone_at_once(client: AppClient, change: str) -> None:
    made = client.make_release()
    for url in URLS:
        client.get(url)
    deeds: dict[str, Callable[[], Any]] = {
        "unpublish": lambda: client.admin("PUT", product(made), json={"published": False}),
        "delete": lambda: client.admin("DELETE", product(made)),
        "slug": lambda: client.admin("PUT", product(made), json={"slug": "elsewhere"}),
    }
    deeds[change]()
    assert [client.get(url).status_code for url in URLS] == [404] * 3


def test_another_process_is_heard_too(client: AppClient) -> None:
    """`fenfa` on the command line commits to the same file."""
    made = client.make_release()
    client.get("/products/myapp")
    client.sql(
        f"UPDATE products SET name = 'Foreign', revision = revision + 1 WHERE id = '{made['app']['product_id']}'"
    )
    assert "Foreign" in client.get("/products/myapp").text


def test_conditions(client: AppClient) -> None:
    client.make_release()
    for url in URLS:
        first = client.get(url)
        etag = first.headers["etag"]
        for known in (etag, f"W/{etag}", f'"x", {etag}', "*"):
            answer = client.get(url, headers={"If-None-Match": known})
            assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", etag), known
        for unknown in ("", '"x"', etag.strip('"')):
            answer = client.get(url, headers={"If-None-Match": unknown})
            assert (answer.status_code, answer.content) == (200, first.content)
        assert first.headers["cache-control"] == "no-cache"


def test_the_same_answer_from_fast_path_cache_and_application(client: AppClient) -> None:
    """Only the application knows whose X-Forwarded-Proto counts, so it answers what carries one."""
    client.make_release()
    for url in URLS:
        for known in ("", '"other"', client.get(url, headers={"X-Forwarded-Proto": "http"}).headers["etag"]):
            sent = {"If-None-Match": known}
            asked: tuple[dict[str, str], ...] = ({}, {}, {"X-Forwarded-Proto": "http"})
            answers = [client.get(f"{url}?known={known}", headers=sent | more) for more in asked]
            assert len({answer.content for answer in answers}) == 1
            assert all(dict(answer.headers) == dict(answers[0].headers) for answer in answers)


@pytest.mark.parametrize("path", ["nothing", "prd_nothing", "slug/nothing", "my/app", "\N{SNOWMAN}"])
def test_what_is_not_there_is_told_by_the_application(client: AppClient, path: str) -> None:
    client.make_release()
    for _ in range(2):
        answer = client.get(f"/api/products/{path}")
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "NOT_FOUND")


def test_a_database_that_cannot_answer_is_told_by_the_application(client: AppClient) -> None:
    client.make_release()
    needed = ("products", "settings") if client.runtime.database.inline else ("products",)
    for table in needed:  # on PostgreSQL, the product's revision vouches for the settings too
        client.sql(f"ALTER TABLE {table} RENAME TO away")
        answers = [client.get(url) for url in URLS[1:]]
        client.sql(f"ALTER TABLE away RENAME TO {table}")
        assert {(answer.status_code, answer.json()["error"]["code"]) for answer in answers} == {(503, "UNAVAILABLE")}
        assert {client.get(url).status_code for url in URLS} == {200}


@ON_SQLITE
def test_a_row_that_cannot_be_shown_is_told_by_the_application(client: AppClient) -> None:
    client.make_release()
    client.sql("UPDATE products SET revision = 'none'")
    answer = client.get(URLS[1])
    assert (answer.status_code, answer.json()["error"]["code"]) == (500, "INTERNAL_ERROR")


# addresses


def download(client: AppClient, base: str = "http://testserver", **headers: str) -> str:
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    answer = client.get("/api/products/myapp", base_url=base, headers=sent)
    return str(answer.json()["data"]["variants"][0]["latest_release"]["actions"]["download"])


def test_links_follow_the_host_while_no_domain_is_set(client: AppClient) -> None:
    made = client.make_release()
    name = made["release"]["id"]
    hosts = ("one.example", "two.example:8000", "192.168.1.5:8000", "localhost", "[::1]:8000", "one.example")
    for host in hosts:
        for _ in range(2):
            assert download(client, f"http://{host}") == f"http://{host}/d/{name}"
            assert f"http://{host}/d/{name}" in client.get("/products/myapp", base_url=f"http://{host}").text


def test_https_behind_a_trusted_proxy(client: AppClient) -> None:
    name = client.make_release()["release"]["id"]
    for _ in range(2):
        assert download(client, x_forwarded_proto="https") == f"https://testserver/d/{name}"
        assert download(client) == f"http://testserver/d/{name}"
    client.address = "203.0.113.9"
    for _ in range(2):
        assert download(client, x_forwarded_proto="https") == f"http://testserver/d/{name}"
        assert download(client, x_forwarded_host="evil.example") == f"http://testserver/d/{name}"


@pytest.mark.parametrize(
    "host", ["evil.example/x", "a b", "<script>", "evil.example#", "user@evil.example", "", "[", "x" * 300]
)
def test_hosts_that_are_none(client: AppClient, host: str) -> None:
    name = client.make_release()["release"]["id"]
    for _ in range(2):
        assert download(client, host=host) == f"http://localhost:8000/d/{name}"
        assert client.get("/products/nothing", headers={"Host": host}).status_code == 404


def test_a_domain_outweighs_the_host(client: AppClient) -> None:
    name = client.make_release()["release"]["id"]
    for url in URLS:
        client.get(url, headers={"Host": "poison.example"})
    client.admin("PUT", "/admin/api/settings", json={"primary_domain": "https://get.example.com"})
    for host in ("poison.example", "testserver"):
        assert download(client, host=host) == f"https://get.example.com/d/{name}"
        assert "poison" not in client.get("/products/myapp", headers={"Host": host}).text


def test_a_local_domain_counts_as_none(client: AppClient) -> None:
    name = client.make_release()["release"]["id"]
    for domain in ("http://localhost:8000", "http://127.0.0.1:9000", "http://[::1]:1", ""):
        client.admin("PUT", "/admin/api/settings", json={"primary_domain": domain})
        assert download(client) == f"http://testserver/d/{name}"


def test_what_an_admin_sees_is_never_kept(client: AppClient) -> None:
    made = client.make_release()
    for url in ("/admin", product(made), "/admin/api/products"):
        assert client.get(url, headers=ADMIN).headers["cache-control"] == "no-store"
