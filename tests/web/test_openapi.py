"""The reference: every JSON route is in it with an example, and every example is true."""

from collections.abc import Iterator
from hashlib import sha256
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import httpx
import pytest
from jsonschema import Draft202012Validator

from fenfa.services.jobs import enqueue
from fenfa.services.records import stamp
from fenfa.web.errors import STATUS
from tests.services.apple_world import settings_of
from tests.support import images
from tests.support.app_store import app_store, make_account
from tests.support.client import ADMIN, AppClient, Clock, running
from tests.support.packages import make_ipa
from tests.support.seaweedfs import settings_of as bucket_settings
from tests.support.seaweedfs import shared_seaweedfs
from tests.web.api.test_devices import add, bind
from tests.web.routes import TABLE

FILES = {"/favicon.ico", "/metrics", "/openapi.json", "/robots.txt", "/static/{path}"}
BYTES = {
    "/uploads/resumable",
    "/uploads/resumable/{upload_id}",
    "/uploads/resumable/{upload_id}/complete",
    "/feeds/expiring.ics",
    "/d/{release_id}",
    "/qr/{release_id}",
    "/ios/{release_id}/manifest.plist",
    "/icon/{any_id}",
    "/icon/products/{product_id}",
    "/udid/profile.mobileconfig",
    "/udid/callback",
}
JSON_ROUTES = sorted(key for key, gate in TABLE.items() if not gate.html and key[1] not in FILES | BYTES)
EXPORTS = "/admin/exports/"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AppClient]:
    """With Apple beside it, which has the default team's key."""
    account, clock = make_account(), Clock()
    account.add("00008110-000A1D0E3C38801D")
    folder = Path(tmp_path_factory.mktemp("openapi")) / "data"
    with app_store(account, clock=clock) as store, running(folder, apple_url=store.url) as started:
        started.admin("PUT", "/admin/api/settings", json=settings_of(account))
        yield started


@pytest.fixture(scope="module")
def schema(server: AppClient) -> dict[str, Any]:
    return dict(server.get("/openapi.json").json())


def test_it_is_openapi(server: AppClient, schema: dict[str, Any]) -> None:
    answer = server.get("/openapi.json")
    assert answer.headers["content-type"] == "application/json"
    assert schema["openapi"].startswith("3.1")
    assert schema["info"]["title"] == "Fenfa"
    assert set(schema["components"]["securitySchemes"]) == {"token", "bearer"}
    for part in schema["components"]["schemas"].values():
        Draft202012Validator.check_schema(part)


@pytest.mark.parametrize("route", JSON_ROUTES, ids=" ".join)
def test_every_route_is_in_it_with_examples(schema: dict[str, Any], route: tuple[str, str]) -> None:
    method, path = route
    operation = schema["paths"][path][method.lower()]
    assert operation["summary"]
    assert ("security" in operation) is (TABLE[route].scope in ("upload", "admin"))
    statuses = set(operation["responses"])
    assert statuses & {"200", "201"}
    if path.startswith(EXPORTS):
        assert set(operation["responses"]["200"]["content"]) in ({"text/csv"}, {"text/plain"})
        return
    for status, response in operation["responses"].items():
        example = response["content"]["application/json"]["example"]
        assert example["ok"] is (int(status) < 400)
        if int(status) >= 400:
            assert STATUS[example["error"]["code"]] == int(status)
    if TABLE[route].scope in ("upload", "admin"):
        assert {"401", "403", "429"} <= statuses


def test_nothing_else_is_in_it(schema: dict[str, Any]) -> None:
    found = {(method.upper(), path) for path, operations in schema["paths"].items() for method in operations}
    assert found == set(JSON_ROUTES)


def test_bodies_are_described(schema: dict[str, Any]) -> None:
    for method, path in JSON_ROUTES:
        if method in ("POST", "PUT") and not path.endswith(("publish", "/cancel", "/retry", "/test", "/finish")):
            assert "requestBody" in schema["paths"][path][method.lower()], path


# the examples, against real answers


@pytest.fixture(scope="module")
def answers(server: AppClient, tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], httpx.Response]:
    """A real, well-filled answer of every JSON route."""
    folder = tmp_path_factory.mktemp("ipa")
    ipa = make_ipa(folder / "MyApp.ipa", identifier="com.example.myapp", name="MyApp")
    later = make_ipa(folder / "MyApp2.ipa", identifier="com.example.myapp", name="MyApp", version="1.3", profile={})
    client = Calls(server)
    form: dict[str, Any] = {"files": {"app_file": ("MyApp.ipa", ipa.read_bytes())}}
    product = client("POST", "/admin/api/products", json={"name": "MyApp"})["id"]
    ios = {"platform": "ios", "identifier": "com.example.myapp"}
    variant = client("POST", "/admin/api/products/{product_id}/variants", product, json=ios)
    made = client("POST", "/upload", data={"variant_id": variant["id"]}, **form)
    release, app = made["release"]["id"], made["app"]["id"]
    for path in ("/smart-upload", "/admin/api/smart-upload"):
        client("POST", path, **form)
    client("POST", "/admin/api/parse-app", **form)
    client("POST", "/events", json={"type": "visit", "release_id": release})
    server.get(f"/d/{release}")
    server.flush()
    device = add(server, "one", "00008110-000A1D0E3C38801E", "2026-11-01")
    bind(server, device, variant["id"])
    team = work_with_apple(client, device)
    client("PUT", "/admin/api/products/{product_id}", product, json={"description": "text"})
    client("PUT", "/admin/api/products/{product_id}/icon", product, content=images.png(32, 32))
    client("PUT", "/admin/api/variants/{variant_id}", variant["id"], json={"arch": "arm64"})
    client("PUT", "/admin/api/releases/{release_id}", release, json={"channel": "beta"})
    client("PUT", "/admin/api/settings", json={"organization": "Example Ltd"})
    token = client("POST", "/admin/api/tokens", json={"name": "CI", "scope": "upload"})["id"]
    job = server.runtime.database.write_now(enqueue, stamp(server.clock()), "check-apple", {})
    for path in ("cancel", "retry"):
        client("POST", "/admin/api/jobs/{job_id}/" + path, job)
    for path in ("unpublish", "publish"):
        client("PUT", "/admin/api/apps/{any_id}/" + path, app)
    names = {"product_id": product, "variant_id": variant["id"], "release_id": release, "app_id": app}
    names |= {"team_id": team, "device_id": device, "job_id": job, "id_or_slug": product, "slug": "myapp"}
    for method, path in JSON_ROUTES:
        if method == "GET":
            client(method, path.format(**names), route=path)
    form["files"] = {"app_file": ("MyApp.ipa", later.read_bytes())}
    newest = client("POST", "/upload", data={"variant_id": variant["id"]}, **form)["release"]["id"]
    client("GET", "/admin/api/releases/{release_id}/changes", newest)
    client("POST", "/admin/api/releases/{release_id}/move", newest, json={"variant_id": variant["id"]})
    client("DELETE", "/admin/api/products/{product_id}/icon", product)
    client("DELETE", "/admin/api/tokens/{token_id}", token)
    client("DELETE", "/admin/api/apple/teams/{team_id}", team)
    for path, name in (("releases/{release_id}", release), ("variants/{variant_id}", variant["id"])):
        client("DELETE", "/admin/api/" + path, name)
    client("DELETE", "/admin/api/products/{product_id}", product)
    return client.answers | direct_uploads(tmp_path_factory.mktemp("direct"), ipa.read_bytes())


def direct_uploads(folder: Path, build: bytes) -> dict[tuple[str, str], httpx.Response]:
    """The answers of those routes that need a bucket."""
    with running(folder / "data", **bucket_settings(shared_seaweedfs().bucket())) as server:
        client = Calls(server)
        draft = {
            "file_name": "MyApp.ipa",
            "size_bytes": len(build),
            "sha256": sha256(build).hexdigest(),
            "create": True,
        }
        told = client("POST", "/uploads/direct", json=draft)
        httpx.put(told["url"], headers=told["headers"], content=build).raise_for_status()
        client("POST", "/uploads/direct/{upload_id}/finish", told["upload_id"])
        return client.answers


def work_with_apple(client: "Calls", device: str) -> str:
    """Every route that writes; gives a team's ID."""
    draft = {"device_ids": [device]}
    client("POST", "/admin/api/apple/registrations/plan", json=draft)
    client("POST", "/admin/api/apple/registrations", json=draft)
    client("POST", "/admin/api/devices/register-apple", json=draft)
    client("POST", "/admin/api/devices/{device_id}/register-apple", device)
    client("POST", "/admin/api/apple/import", json={})
    client("POST", "/admin/api/devices/import", content="00008110-000A1D0E3C38801F\tPhone\tios\nnothing")
    team = str(client("POST", "/admin/api/apple/teams", json={"name": "Consulting"})["id"])
    client("PUT", "/admin/api/apple/teams/{team_id}", team, json={"apple_team_id": "TEAM123456"})
    client("POST", "/admin/api/apple/teams/{team_id}/test", team)
    return team


class Calls:
    """Calls routes by their template and keeps the answers."""

    def __init__(self, server: AppClient) -> None:
        self._server = server
        self.answers: dict[tuple[str, str], httpx.Response] = {}

    def __call__(self, method: str, path: str, name: str = "", route: str = "", **options: Any) -> dict[str, Any]:
        head, opened, rest = path.partition("{")
        url = head + name + rest.partition("}")[2] if opened else path
        answer = self._server.request(method, url, headers=ADMIN, **options)
        assert answer.status_code in (200, 201), (path, answer.text)
        self.answers[method, route or path] = answer
        is_json = answer.headers["content-type"] == "application/json"
        return dict(answer.json()["data"]) if is_json else {}


@pytest.mark.parametrize("route", JSON_ROUTES, ids=" ".join)
def test_the_example_is_true(
    schema: dict[str, Any], answers: dict[tuple[str, str], httpx.Response], route: tuple[str, str]
) -> None:
    method, path = route
    answer = answers[route]
    documented = schema["paths"][path][method.lower()]["responses"]
    assert str(answer.status_code) in documented
    if path.startswith(EXPORTS):
        assert answer.headers["content-type"].startswith(tuple(documented["200"]["content"]))
        return
    example = documented[str(answer.status_code)]["content"]["application/json"]["example"]
    compare(example, answer.json(), " ".join(route))


def compare(example: Any, real: Any, place: str) -> None:
    """Every key of the example is in the real answer with a value of the same JSON type; null stands for any."""
    if example is None or real is None:
        return
    assert type(example) is type(real), f"{place}: {example!r} is not like {real!r}"
    if isinstance(example, dict):
        for name, value in example.items():
            assert name in real, f"{place}.{name} is only in the example"
            compare(value, real[name], f"{place}.{name}")
    elif isinstance(example, list) and example and real:
        compare(example[0], real[0], f"{place}[0]")


# the page


class Loaded(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.urls: list[str] = []
        self.inline = 0
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag in ("script", "link", "img", "iframe", "object", "embed", "source", "style"):
            self.urls += [values[name] or "" for name in ("src", "href", "data") if name in values]
            self.inline += tag in ("script", "style") and "src" not in values
        self.inline += "style" in values


def test_the_page_shows_every_route_and_loads_nothing_from_elsewhere(server: AppClient) -> None:
    answer = server.get("/docs")
    assert answer.status_code == 200
    for _, path in JSON_ROUTES:
        assert path in answer.text
    loaded = Loaded(answer.text)
    assert loaded.inline == 0
    for url in loaded.urls:
        assert url.startswith("/static/")
        assert server.get(url).status_code == 200
