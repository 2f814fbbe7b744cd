"""The page of a release."""

from pathlib import Path
from typing import Any

import pytest

from tests.support.client import ADMIN, AppClient
from tests.support.packages import make_apk, make_ipa
from tests.web.admin.pages import Page, audited, get, post, refused
from tests.web.api.bad_texts import GOOD_LINES

DEVICES = ["00008110-000A1D0E3C38801E", "1234567890abcdef1234567890abcdef12345678"]
PERMISSIONS = ("android.permission.INTERNET", "android.permission.CAMERA")


@pytest.fixture
def release(client: AppClient) -> dict[str, Any]:
    return dict(client.make_release(version="1.0", build="7", changelog="# Old")["release"])


@pytest.fixture
def url(release: dict[str, Any]) -> str:
    return f"/admin/releases/{release['id']}"


def send(client: AppClient, file: Path, **fields: str) -> str:
    """The address of the page of a smart upload."""
    form = {"create": "1", **fields}
    answer = client.post(
        "/admin/api/smart-upload", headers=ADMIN, data=form, files={"app_file": (file.name, file.read_bytes())}
    )
    assert answer.status_code == 201, answer.text
    return f"/admin/releases/{answer.json()['data']['release']['id']}"


FIELDS = {"version": "2.0", "build": "8", "channel": "beta", "min_os": "Linux 6.1", "changelog": "- One\r\n- Two"}


def test_the_page(client: AppClient, release: dict[str, Any], url: str) -> None:
    page = get(client, url)
    assert (page.status, page.fields["version"], page.fields["build"]) == (200, "1.0", "7")
    for text in ("1.0 (7)", "app.tar.gz", release["sha256"], "Share"):
        assert text in page.text
    assert f"http://testserver/d/{release['id']}" in page.links
    assert "What changed" not in page.text


def test_change(client: AppClient, release: dict[str, Any], url: str) -> None:
    answer = post(client, url, **FIELDS)
    assert answer.headers["location"] == f"{url}?at=about&done=saved"
    found = client.admin("GET", f"/admin/api/releases/{release['id']}")
    stored = {"version": "2.0", "build": 8, "channel": "beta", "min_os": "6.1", "changelog": "- One\n- Two"}
    assert {name: found[name] for name in stored} == stored
    assert audited(client)[-1] == ("release.update", release["id"])


def test_an_empty_build_is_none(client: AppClient, release: dict[str, Any], url: str) -> None:
    post(client, url, build=" ")
    assert client.admin("GET", f"/admin/api/releases/{release['id']}")["build"] == 0
    assert get(client, url).fields["build"] == ""


@pytest.mark.parametrize(
    ("field", "value", "problem"),
    [
        ("version", "x" * 256, "Must be at most 255 characters long"),
        ("build", "seven", "Build must be a whole number"),
        ("build", "-1", "Build must be a whole number"),
        ("build", str(2**63), "Build must be a whole number"),
        ("channel", "a\nb", "Must not hold control characters or line breaks"),
        ("changelog", "\x00", "Must not hold control characters"),
    ],
)
def test_changes_that_are_refused(client: AppClient, url: str, field: str, value: str, problem: str) -> None:
    page = refused(client, url, **FIELDS | {field: value})
    assert page.problems == {field: problem}
    assert page.fields["version"] == (value if field == "version" else "2.0")
    assert get(client, url).fields["version"] == "1.0"


def test_preview_shows_and_saves_nothing(client: AppClient, url: str) -> None:
    answer = post(client, url, **FIELDS | {"changelog": "# New\n\n<script>alert(1)</script>", "preview": "1"})
    assert answer.status_code == 200
    assert "<h3>New</h3>" in answer.text
    assert "<script>alert" not in answer.text
    page = Page(answer)
    assert page.fields["changelog"].startswith("# New")
    assert page.fields["version"] == "2.0"
    assert get(client, url).fields["changelog"] == "# Old"
    assert "Empty." in Page(post(client, url, changelog="", preview="1")).text


def test_move(client: AppClient, release: dict[str, Any], url: str) -> None:
    other = client.make_variant(client.make_product("Other")["id"])
    assert "Other · Linux" in get(client, url).text
    answer = post(client, f"{url}/move", variant_id=other["id"])
    assert answer.headers["location"] == f"{url}?done=moved"
    assert client.admin("GET", f"/admin/api/releases/{release['id']}")["variant_id"] == other["id"]
    assert audited(client)[-1] == ("release.move", release["id"])


def test_moves_that_are_refused(client: AppClient, url: str) -> None:
    other = client.make_variant(client.make_product()["id"], "ios")["id"]
    client.make_variant(client.make_product()["id"])
    platform = "This release is for linux; choose a variant of that platform"
    for variant_id, problem in ((other, platform), ("", "Variant not found"), ("var_nothing", "Variant not found")):
        assert refused(client, f"{url}/move", variant_id=variant_id).problems == {"variant_id": problem}


def test_without_another_variant_there_is_nothing_to_choose(client: AppClient, url: str) -> None:
    page = get(client, url)
    assert f"{url}/move" not in page.forms
    assert "no other variant of this platform" in page.text


def test_delete(client: AppClient, release: dict[str, Any], url: str) -> None:
    variant_id = client.admin("GET", f"/admin/api/releases/{release['id']}")["variant_id"]
    assert "Delete MyApp 1.0?" in get(client, f"{url}/delete").text
    answer = post(client, f"{url}/delete")
    assert answer.headers["location"] == f"/admin/variants/{variant_id}?done=deleted"
    assert get(client, url).status == 404
    assert client.files() == []
    assert audited(client)[-1] == ("release.delete", release["id"])


def test_unpublished_releases_have_no_public_links(client: AppClient, release: dict[str, Any], url: str) -> None:
    variant_id = client.admin("GET", f"/admin/api/releases/{release['id']}")["variant_id"]
    client.admin("PUT", f"/admin/api/apps/{variant_id}/unpublish")
    page = get(client, url)
    assert f"http://testserver/d/{release['id']}" not in page.links
    assert "not published" in page.text


def test_what_an_ipa_holds(client: AppClient, tmp_path: Path) -> None:
    profile = {"Name": "Ad hoc 7", "ProvisionedDevices": DEVICES}
    page = get(client, send(client, make_ipa(tmp_path / "app.ipa", profile=profile)))
    for text in ("Ad hoc 7", "00008110-…801E", "1234…5678", "application-identifier", "com.example.app"):
        assert text in page.text
    for udid in DEVICES:
        assert udid not in page.text


def test_what_an_apk_holds_and_changed(client: AppClient, tmp_path: Path) -> None:
    send(client, make_apk(tmp_path / "1.apk", permissions=PERMISSIONS[:1], min_sdk=21))
    newer = make_apk(tmp_path / "2.apk", version="2.0", permissions=PERMISSIONS[1:], min_sdk=26)
    page = get(client, send(client, newer))
    for text in ("Since the build before: 1.0 (1)", "Minimum system worth a look 21 → 26", "android.permission.CAMERA"):
        assert text in page.text
    assert "gone: android.permission.INTERNET" in page.text


def test_devices_are_masked_in_changes_too(client: AppClient, tmp_path: Path) -> None:
    for number, device in enumerate(DEVICES):
        profile = {"ProvisionedDevices": [device]}
        url = send(client, make_ipa(tmp_path / f"{number}.ipa", build=str(number), profile=profile))
    page = get(client, url)
    assert "gone: 00008110-…801E" in page.text
    assert "new: 1234…5678" in page.text
    assert DEVICES[0] not in page.text


def test_a_file_that_nobody_read(client: AppClient, url: str) -> None:
    client.sql("UPDATE releases SET package = '{}'")
    page = get(client, url)
    assert "Nothing is known of it" in page.text


@pytest.mark.parametrize("text", GOOD_LINES)
def test_texts_are_only_texts(client: AppClient, tmp_path: Path, text: str) -> None:
    sent = send(client, make_apk(tmp_path / "x.apk", name=text, permissions=(text,)), channel=text, changelog=text)
    for path in ("", "/delete"):
        answer = client.get(sent + path, headers=ADMIN)
        assert answer.status_code == 200
        assert "<script>alert" not in answer.text
