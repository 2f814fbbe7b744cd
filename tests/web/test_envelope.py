"""Every error on every route: the envelope, its code, its message; and a crash is never an empty list with 200."""

import re

import pytest

from fenfa.web.errors import STATUS
from tests.support.client import ADMIN, ON_DISK, ON_SQLITE, UPLOAD, AppClient, refusal
from tests.web.routes import TABLE, address

METHODS = ("GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "BREW")
ALLOWED = {path: {method for method, other in TABLE if other == path} for _, path in TABLE}
JSON_PATHS = sorted({path for (_, path), gate in TABLE.items() if not gate.html})
PAGE_PATHS = sorted({path for (_, path), gate in TABLE.items() if gate.html})
LEAK = re.compile(r"traceback|\.py\b|sqlite|sqlalchemy|select |insert |no such|/tmp|/data|/home|/work|line \d+", re.I)


def check_page(text: str) -> None:
    assert text.startswith("<!doctype html>")
    assert not LEAK.search(re.sub(r'href="[^"]*"', "", text))


def test_statuses_of_the_codes() -> None:
    seed = {"BAD_REQUEST": 400, "UNAUTHORIZED": 401, "FORBIDDEN": 403, "NOT_FOUND": 404, "INTERNAL_ERROR": 500}
    beyond = {"METHOD_NOT_ALLOWED": 405, "CONFLICT": 409, "NOT_OFFERED": 409}
    beyond |= {"PAYLOAD_TOO_LARGE": 413, "BAD_PACKAGE": 422}
    rarely = {"RATE_LIMITED": 429, "UPSTREAM_ERROR": 502, "UNAVAILABLE": 503, "INSUFFICIENT_STORAGE": 507}
    assert seed | beyond | rarely == STATUS


@pytest.mark.parametrize("path", JSON_PATHS)
def test_wrong_methods_get_the_envelope(client: AppClient, path: str) -> None:
    for method in METHODS:
        if method not in ALLOWED[path]:
            answer = client.request(method, address(path), headers=ADMIN)
            assert refusal(answer) == (405, "METHOD_NOT_ALLOWED", f"{method} is not allowed here"), (method, path)


@pytest.mark.parametrize("path", PAGE_PATHS)
def test_wrong_methods_get_a_page_where_people_look(client: AppClient, path: str) -> None:
    for method in set(METHODS) - ALLOWED[path]:
        answer = client.request(method, address(path), headers=ADMIN)
        assert answer.status_code == 405
        check_page(answer.text)


@pytest.mark.parametrize(
    "path",
    [
        *("/nothing", "/favicon.png", "/api", "/api/nothing/here", "/admin/api/nothing", "/admin/exports/nothing.csv"),
        *("/d/", "/d/rel_x/y", "/ios/rel_x", "/icon", "/static/../app.py", "/static/%2e%2e/app.py", "/static/"),
        *("/upload/x", "/.env", "/%00", "/%ff%fe", "/d/" + "x" * 9000, "/wp-login.php"),
    ],
)
def test_unknown_paths(client: AppClient, path: str) -> None:
    assert refusal(client.get(path))[:2] == (404, "NOT_FOUND")


@pytest.mark.parametrize("path", ["/products/nothing", "/products/a/b", "/apps/app_x", "/admin/nothing", "/docs/x"])
def test_unknown_pages(client: AppClient, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    check_page(answer.text)


@pytest.mark.parametrize(
    ("method", "path", "message"),
    [
        ("GET", "/api/products/nothing", "product not found"),
        ("GET", "/api/products/slug/nothing", "product not found"),
        ("GET", "/api/apps/app_nothing", "app not found"),
        ("GET", "/icon/app_nothing", "app not found"),
        ("GET", "/icon/products/prd_nothing", "product not found"),
        ("GET", "/d/rel_nothing", "release not found"),
        ("GET", "/ios/rel_nothing/manifest.plist", "release not found"),
        ("GET", "/admin/api/products/prd_nothing", "product not found"),
        ("DELETE", "/admin/api/products/prd_nothing", "product not found"),
        ("DELETE", "/admin/api/variants/var_nothing", "variant not found"),
        ("GET", "/admin/api/variants/var_nothing/stats", "variant not found"),
        ("GET", "/admin/api/products/prd_nothing/stats", "product not found"),
        ("GET", "/admin/api/releases/rel_nothing/stats", "release not found"),
        ("DELETE", "/admin/api/releases/rel_nothing", "release not found"),
        ("GET", "/admin/api/releases/rel_nothing", "release not found"),
        ("GET", "/admin/api/apps/app_nothing", "app not found"),
        ("PUT", "/admin/api/apps/app_nothing/publish", "app not found"),
        ("PUT", "/admin/api/apps/prd_nothing/unpublish", "product not found"),
        ("DELETE", "/admin/api/tokens/tok_nothing", "token not found"),
    ],
)
def test_what_is_missing_is_named(client: AppClient, method: str, path: str, message: str) -> None:
    assert refusal(client.request(method, path, headers=ADMIN)) == (404, "NOT_FOUND", message)


def test_the_exact_messages_of_an_upload(client: AppClient) -> None:
    file = {"app_file": ("app.apk", b"x")}
    nothing = client.post("/upload", headers=UPLOAD, files={"other": (None, "x")})
    assert refusal(nothing) == (400, "BAD_REQUEST", "variant_id is required")
    assert refusal(client.post("/upload", headers=UPLOAD, files=file)) == (400, "BAD_REQUEST", "variant_id is required")
    no_file = client.post("/upload", headers=UPLOAD, files={"variant_id": (None, "var_x")})
    assert refusal(no_file) == (400, "BAD_REQUEST", "app_file is required")
    unknown = client.post("/upload", headers=UPLOAD, files=file, data={"variant_id": "var_x"})
    assert refusal(unknown) == (404, "NOT_FOUND", "variant not found")
    assert refusal(client.post("/upload")) == (401, "UNAUTHORIZED", "invalid or missing auth token")


MALFORMED = [
    (b"{", "the body is not valid JSON"),
    (b"\xff\xfe", "the body is not valid JSON"),
    (b"", "a JSON body is required"),
    (b"null", "the body must be a JSON object"),
    (b"[]", "the body must be a JSON object"),
    (b'"text"', "the body must be a JSON object"),
    (b"5", "the body must be a JSON object"),
    (b"[" * 100_000, "the request cannot be read"),
    (b'{"name": ' + b"9" * 5000 + b"}", "the request cannot be read"),
]


@pytest.mark.parametrize(("body", "message"), MALFORMED, ids=[repr(body[:10]) for body, _ in MALFORMED])
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/admin/api/products"),
        ("PUT", "/admin/api/products/prd_x"),
        ("POST", "/admin/api/products/prd_x/variants"),
        ("PUT", "/admin/api/variants/var_x"),
        ("PUT", "/admin/api/releases/rel_x"),
        ("PUT", "/admin/api/settings"),
        ("POST", "/admin/api/tokens"),
    ],
)
def test_malformed_bodies(client: AppClient, method: str, path: str, body: bytes, message: str) -> None:
    code, word, said = refusal(client.request(method, path, headers=ADMIN, content=body))
    assert (code, word) == (400, "BAD_REQUEST")
    assert said == message


def test_a_body_over_a_mebibyte_is_413(client: AppClient) -> None:
    big = b'{"name": "' + b"x" * (1024 * 1024) + b'"}'
    for method, path in (("POST", "/admin/api/products"), ("PUT", "/admin/api/settings")):
        answer = client.request(method, path, headers=ADMIN, content=big)
        assert refusal(answer) == (413, "PAYLOAD_TOO_LARGE", "the body is larger than 1048576 bytes")


def test_any_content_type_will_do_for_json(client: AppClient) -> None:
    """The Go version never looked at it, so scripts send what curl -d sends."""
    for kind in ("application/x-www-form-urlencoded", "text/plain", "application/json; charset=utf-8"):
        headers = {**ADMIN, "content-type": kind}
        assert client.post("/admin/api/products", headers=headers, content='{"name": "App"}').status_code == 201


# crashes

BROKEN = [
    path for (method, path), gate in sorted(TABLE.items()) if method == "GET" and "{" not in path and gate.status == 200
]
WITHOUT_DATABASE = {"/robots.txt", "/openapi.json", "/docs", "/healthz"}


@pytest.mark.parametrize("path", sorted(set(BROKEN) - WITHOUT_DATABASE))
def test_a_dropped_table_is_never_an_empty_list(client: AppClient, path: str) -> None:
    made = client.make_release()
    tables = ("device_bindings", "devices", "events", "releases", "variants", "products", "settings", "jobs")
    for table in ("enrolments", "place_sums", *tables):
        client.drop(table)
    client.drop("tokens") if path.endswith("tokens") else None
    answer = client.get(path, headers=ADMIN)
    assert answer.status_code in (500, 503), answer.text
    for gone in ("/api/products/myapp", "/products/myapp", f"/d/{made['release']['id']}"):
        assert client.get(gone).status_code in (500, 503)


def test_the_messages_of_a_broken_database(client: AppClient) -> None:
    client.make_release()
    client.drop("releases")
    answer = client.get("/admin/api/products", headers=ADMIN)
    assert refusal(answer) == (503, "UNAVAILABLE", "the database does not answer; try again in a moment")
    assert int(answer.headers["retry-after"]) > 0
    page = client.get("/products/myapp")
    assert page.status_code == 503
    check_page(page.text)
    export = client.get("/admin/exports/releases.csv", headers=ADMIN)
    assert refusal(export)[:2] == (503, "UNAVAILABLE")


def test_a_file_that_is_gone_is_an_error_that_names_no_path(client: AppClient) -> None:
    made = client.make_release()
    client.lose_files()
    code, word, message = refusal(client.get(f"/d/{made['release']['id']}"))
    assert (code, word) == (500, "INTERNAL_ERROR")
    assert not LEAK.search(message)
    client.flush()
    assert client.get("/api/products/myapp").json()["data"]["variants"][0]["latest_release"]["download_count"] == 0


@ON_SQLITE
def test_a_database_file_that_is_no_database(client: AppClient) -> None:
    client.make_release()
    file = client.runtime.config.database_file
    client.runtime.database.engine.dispose()
    for name in (file.name, file.name + "-wal"):
        file.with_name(name).write_bytes(b"this is no database at all" * 1000)
    for path in ("/admin/api/products", "/admin/api/events", "/admin/api/apps", "/api/products/myapp"):
        code, word, message = refusal(client.get(path, headers=ADMIN))
        assert (code, word) in ((500, "INTERNAL_ERROR"), (503, "UNAVAILABLE"))
        assert not LEAK.search(message)
    assert client.get("/healthz").status_code in (500, 503)


@ON_DISK
def test_health_tells_when_the_storage_cannot_be_written(client: AppClient) -> None:
    assert client.runtime.storage.local.path("uploads/x") is not None
    folder = client.runtime.config.database_file.parent / "uploads"
    folder.rmdir()
    folder.write_text("a file where the folder was")
    code, word, message = refusal(client.get("/healthz"))
    assert (code, word) == (503, "UNAVAILABLE")
    assert not LEAK.search(message)


def test_messages_are_short_and_lower_case(client: AppClient) -> None:
    made = client.make_release()
    asked = [
        client.post("/admin/api/products", headers=ADMIN, json={"name": "x", "slug": "A b"}),
        client.post("/admin/api/products", headers=ADMIN, json={"name": "x", "slug": "myapp"}),
        client.put("/admin/api/settings", headers=ADMIN, json={"primary_domain": "https://[::1"}),
        client.put("/admin/api/settings", headers=ADMIN, json={"apple_private_key": "x"}),
        client.get("/admin/api/products?limit=x", headers=ADMIN),
        client.get("/admin/api/events?type=x", headers=ADMIN),
        client.upload(made["app"]["variant_id"], b"x", "app.ipa"),
        client.upload(made["app"]["variant_id"], b"x", "app.txt"),
        client.post("/admin/api/tokens", headers=ADMIN, json={"name": "x", "scope": "upload", "expires": "soon"}),
    ]
    for answer in asked:
        status, _, message = refusal(answer)
        assert 400 <= status < 500
        assert len(message) < 200
        assert message[0] == message[0].lower()
        assert not LEAK.search(message)
