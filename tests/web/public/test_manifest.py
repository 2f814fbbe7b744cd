"""The manifest that iOS fetches, through the whole application and for any text at all."""

import plistlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.client import AppClient, refusal, running
from tests.support.packages import make_ipa
from tests.web.public.conftest import Seeded


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[AppClient, dict[str, Any]]]:
    folder = Path(tmp_path_factory.mktemp("manifest"))
    with running(folder / "data") as client:
        ipa = make_ipa(folder / "App.ipa", identifier="com.example.app", name="Example")
        files = {"app_file": ("App.ipa", ipa.read_bytes())}
        headers = {"X-Auth-Token": "dev-admin-token"}
        yield client, client.post("/smart-upload", headers=headers, data={"create": "1"}, files=files).json()["data"]


def manifest(client: AppClient, release: str, **headers: str) -> Any:
    answer = client.get(f"/ios/{release}/manifest.plist", headers=headers)
    assert answer.status_code == 200
    assert answer.headers["content-type"].partition(";")[0] == "application/xml"
    [item] = plistlib.loads(answer.content, fmt=plistlib.FMT_XML)["items"]
    return item


def test_the_contract(client: AppClient, seeded: Seeded) -> None:
    item = manifest(client, seeded.release)
    icon = client.get("/api/products/example").json()["data"]["product"]["icon_url"]
    assets = {asset["kind"]: asset["url"] for asset in item["assets"]}
    package = f"http://testserver/d/{seeded.release}"
    assert assets == {"software-package": package, "display-image": icon, "full-size-image": icon}
    about = {"bundle-identifier": "com.example.app", "bundle-version": "1.2.0", "kind": "software", "title": "Example"}
    assert item["metadata"] == about
    assert client.get(assets["software-package"]).content == seeded.ipa
    assert client.get(icon).status_code == 200


def test_any_user_agent_may_fetch_it(client: AppClient, seeded: Seeded) -> None:
    for agent in ("", "curl/8", "com.apple.appstored/1.0 iOS/19.1", "Mozilla/5.0 (Windows NT 10.0)"):
        manifest(client, seeded.release, **{"User-Agent": agent})


def test_without_an_icon(client: AppClient, tmp_path: Path) -> None:
    variant = client.make_variant(client.make_product()["id"], "ios")
    ipa = make_ipa(tmp_path / "a.ipa", icon=False)
    release = client.upload(variant["id"], ipa, "a.ipa").json()["data"]["release"]["id"]
    assert [asset["kind"] for asset in manifest(client, release)["assets"]] == ["software-package"]


def test_only_for_ios(client: AppClient) -> None:
    made = client.make_release()
    answer = client.get(f"/ios/{made['release']['id']}/manifest.plist")
    assert refusal(answer) == (404, "NOT_FOUND", "this release is not for iOS, so it has no manifest")
    assert refusal(client.get("/ios/rel_x/manifest.plist")) == (404, "NOT_FOUND", "release not found")


def test_it_follows_the_domains(client: AppClient, seeded: Seeded) -> None:
    domains = {"primary_domain": "https://get.example.com", "secondary_domains": ["https://dl.example.com"]}
    client.admin("PUT", "/admin/api/settings", json=domains)
    first, second, _ = manifest(client, seeded.release)["assets"]
    assert first["url"] == f"https://dl.example.com/d/{seeded.release}"
    assert second["url"].startswith("https://get.example.com/icon/")


XML = st.text(st.characters(blacklist_categories=["Cs", "Cc"]), max_size=100)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=XML, version=XML)
def test_any_name_and_version_parses_back(server: tuple[AppClient, dict[str, Any]], name: str, version: str) -> None:
    client, data = server
    headers = {"X-Auth-Token": "dev-admin-token"}
    named = client.put(f"/admin/api/products/{data['app']['product_id']}", headers=headers, json={"name": name})
    url = f"/admin/api/releases/{data['release']['id']}"
    versioned = client.put(url, headers=headers, json={"version": version, "build": 0})
    metadata = manifest(client, data["release"]["id"])["metadata"]
    if named.status_code == 200:
        assert metadata["title"] == printable(named.json()["data"]["name"])
    if versioned.status_code == 200:
        assert metadata["bundle-version"] == (
            printable(versioned.json()["data"]["version"]) or "1.0" if version.strip() else "0"
        )
    assert set(metadata) == {"bundle-identifier", "bundle-version", "kind", "title"}


def printable(text: str) -> str:
    return text.replace("\ufffe", "").replace("\uffff", "")


@pytest.mark.parametrize(
    "version", ["/../../x", "</string></dict>", "]]>", "&amp;", "<!ENTITY x SYSTEM 'file:///etc/passwd'>"]
)
def test_a_version_is_only_a_text(client: AppClient, seeded: Seeded, version: str) -> None:
    client.admin("PUT", f"/admin/api/releases/{seeded.release}", json={"version": version})
    item = manifest(client, seeded.release)
    assert item["metadata"]["bundle-version"] == version
    assert all(version not in asset["url"] for asset in item["assets"])
    download = client.get(f"/d/{seeded.release}")
    assert all(version not in value for value in download.headers.values())
