"""Releases: read, change, delete."""

import json
from typing import Any

import pytest

from fenfa.services.sweeps import GRACE, sweep
from fenfa.services.verification import verify
from tests.support.client import ADMIN, AppClient, refusal
from tests.web.api.bad_texts import BAD_LINES, GOOD_LINES, NO_TEXTS
from tests.web.shapes import RELEASE, check


@pytest.fixture
def url(client: AppClient) -> str:
    return f"/admin/api/releases/{client.make_release(version='1.0', build='7')['release']['id']}"


def test_read(client: AppClient, url: str) -> None:
    found = client.admin("GET", url)
    check(found, RELEASE | {"release": RELEASE})
    assert (found["version"], found["build"], found["file_name"], found["file_ext"]) == (
        "1.0",
        7,
        "app.tar.gz",
        "tar.gz",
    )
    assert not set(found) & {"storage_key", "storage", "seq"}


def test_change_everything(client: AppClient, url: str) -> None:
    body = {
        "changelog": "- One\r\n- Two",
        "channel": "beta",
        "min_os": "iOS 15.0",
        "version": "2.0",
        "build": 2**63 - 1,
    }
    changed = client.admin("PUT", url, json=body)
    check(changed, RELEASE)
    stored = body | {"changelog": "- One\n- Two", "min_os": "15.0"}
    assert {name: changed["release"][name] for name in body} == stored
    latest = client.get("/api/products/myapp").json()["data"]["variants"][0]["latest_release"]
    assert {name: latest[name] for name in body} == stored


def test_what_is_sent_is_set_and_the_rest_stays(client: AppClient, url: str) -> None:
    client.admin("PUT", url, json={"channel": "beta", "changelog": "text"})
    changed = client.admin("PUT", url, json={"changelog": ""})
    assert (changed["changelog"], changed["channel"], changed["version"], changed["build"]) == ("", "beta", "1.0", 7)


def test_a_change_is_in_the_meta_file_too(client: AppClient, url: str) -> None:
    client.admin("PUT", url, json={"channel": "nightly"})
    stored = meta_of(client)
    assert stored["channel"] == "nightly"
    assert stored["sha256"] == client.admin("GET", url)["sha256"]


def meta_of(client: AppClient) -> dict[str, Any]:
    """The only meta.json."""
    [key] = client.stored()
    store = client.runtime.storage.current()
    return dict(json.loads(store.read(f"{key.rpartition('/')[0]}/meta.json", 0, 1_000_000)))


@pytest.mark.parametrize("field", ["version", "channel", "min_os"])
def test_lines(client: AppClient, url: str, field: str) -> None:
    for text in GOOD_LINES:
        assert client.admin("PUT", url, json={field: text})[field] == text
    for text in BAD_LINES:
        answer = client.put(url, headers=ADMIN, content=json.dumps({field: text}))
        assert refusal(answer)[2].startswith(f"{field}: must ")
    for value in NO_TEXTS:
        answer = client.put(url, headers=ADMIN, json={field: value})
        assert refusal(answer) == (400, "BAD_REQUEST", f"{field}: should be a valid string")


@pytest.mark.parametrize("value", ["1", 1.0, -1, 2**63, True, None, [], 10**40], ids=str)
def test_builds_that_are_none(client: AppClient, url: str, value: Any) -> None:
    answer = client.put(url, headers=ADMIN, json={"build": value})
    assert refusal(answer)[:2] == (400, "BAD_REQUEST")
    assert refusal(answer)[2].startswith("build: should be ")


@pytest.mark.parametrize(
    "field", ["sha256", "file_name", "size_bytes", "download_count", "variant_id", "id", "storage_key"]
)
def test_facts_cannot_be_changed(client: AppClient, url: str, field: str) -> None:
    answer = client.put(url, headers=ADMIN, json={field: "x"})
    assert refusal(answer) == (400, "BAD_REQUEST", f"unknown field {field!r}")


def test_move(client: AppClient) -> None:
    """The file stays where it is; everything that asks whose it is asks by the release."""
    made, target = client.make_release(b"the build"), client.make_variant(client.make_product("Other")["id"])
    release, url = made["release"], f"/admin/api/releases/{made['release']['id']}"
    files = client.stored()
    client.clock.move(hours=1)
    moved = client.admin("POST", f"{url}/move", json={"variant_id": target["id"]})
    check(moved, RELEASE | {"release": RELEASE})
    assert (moved["variant_id"], moved["updated_at"]) == (target["id"], "2026-11-02T10:30:00.000Z")
    assert client.get("/api/products/myapp").json()["data"]["variants"][0]["releases"] == []
    [shown] = client.get("/api/products/other").json()["data"]["variants"][0]["releases"]
    assert (shown["id"], shown["sha256"]) == (release["id"], release["sha256"])
    assert client.stored() == files
    assert meta_of(client)["variant_id"] == target["id"]
    assert meta_of(client)["product_id"] == target["product_id"]
    client.admin("DELETE", f"/admin/api/products/{made['app']['product_id']}")
    client.clock.move(days=3)
    assert sweep(client.runtime, GRACE).removed == 0
    assert [f.state for f in verify(client.runtime.database, client.runtime.storage)] == ["ok"]
    assert client.get(f"/d/{release['id']}").content == b"the build"
    client.admin("DELETE", url)
    assert not [path for path in client.files() if path.endswith(("tar.gz", "json"))]


def test_moves_that_are_refused(client: AppClient, url: str) -> None:
    other = client.make_variant(client.make_product()["id"], "ios")["id"]
    refused = client.post(f"{url}/move", headers=ADMIN, json={"variant_id": other})
    assert refusal(refused) == (409, "CONFLICT", "this release is for linux; choose a variant of that platform")
    unknown = client.post(f"{url}/move", headers=ADMIN, json={"variant_id": "var_nothing"})
    assert refusal(unknown) == (404, "NOT_FOUND", "variant not found")
    missing = client.post("/admin/api/releases/rel_nothing/move", headers=ADMIN, json={"variant_id": other})
    assert refusal(missing) == (404, "NOT_FOUND", "release not found")
    for body, message in (({}, "variant_id is required"), ({"variant_id": ""}, "variant_id: must not be empty")):
        assert refusal(client.post(f"{url}/move", headers=ADMIN, json=body)) == (400, "BAD_REQUEST", message)


def test_a_move_into_the_hidden_hides(client: AppClient) -> None:
    made, hidden = client.make_release(), client.make_product("Hidden", published=False)
    download = f"/d/{made['release']['id']}"
    assert client.get(download).status_code == 200
    target = client.make_variant(hidden["id"])["id"]
    client.admin("POST", f"/admin/api/releases/{made['release']['id']}/move", json={"variant_id": target})
    assert client.get(download).status_code == 404


def test_changes_since_the_build_before(client: AppClient) -> None:
    first = client.make_release(b"one", version="1.0", min_os="6.1")
    assert client.admin("GET", f"/admin/api/releases/{first['release']['id']}/changes") == {
        "previous": None,
        "changes": [],
    }
    second = client.upload(first["app"]["variant_id"], b"longer", min_os="6.8").json()["data"]["release"]
    found = client.admin("GET", f"/admin/api/releases/{second['id']}/changes")
    assert (found["previous"]["id"], found["previous"]["version"]) == (first["release"]["id"], "1.0")
    nothing: dict[str, Any] = {"added": [], "removed": []}
    assert found["changes"] == [
        {"aspect": "min_os", "was": "6.1", "now": "6.8", "is_notable": True, **nothing},
        {"aspect": "size", "was": 3, "now": 6, "is_notable": False, **nothing},
    ]
    missing = client.get("/admin/api/releases/rel_nothing/changes", headers=ADMIN)
    assert refusal(missing) == (404, "NOT_FOUND", "release not found")


def test_delete_removes_row_and_file(client: AppClient, url: str) -> None:
    other = client.make_release(b"another")
    client.admin("DELETE", url)
    assert refusal(client.get(url, headers=ADMIN)) == (404, "NOT_FOUND", "release not found")
    assert refusal(client.delete(url, headers=ADMIN)) == (404, "NOT_FOUND", "release not found")
    assert client.put(url, headers=ADMIN, json={"version": "1"}).status_code == 404
    [kept] = client.stored()
    assert other["release"]["id"] in kept
    assert [path for path in client.files() if url.rpartition("/")[2] in path] == []
    assert client.get("/api/products/myapp").json()["data"]["variants"][0]["latest_release"] is None


def test_two_releases_with_the_same_bytes_live_and_die_alone(client: AppClient) -> None:
    first = client.make_release(b"same bytes")
    second = client.upload(first["app"]["variant_id"], b"same bytes").json()["data"]
    assert first["release"]["sha256"] == second["release"]["sha256"]
    client.admin("DELETE", f"/admin/api/releases/{first['release']['id']}")
    assert client.get(f"/d/{second['release']['id']}").content == b"same bytes"
