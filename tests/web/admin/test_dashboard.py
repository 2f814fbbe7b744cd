"""The first page after the login."""

import re
from datetime import datetime
from pathlib import Path

import pytest

from tests.support import images
from tests.support.client import ADMIN, AppClient, running
from tests.support.packages import make_ipa
from tests.web.api.bad_texts import GOOD_LINES


def test_home_leads_there(client: AppClient) -> None:
    assert client.get("/").headers["location"] == "/admin"
    assert client.get("/admin").headers["location"] == "/admin/login"


def test_an_empty_server_says_what_to_do(client: AppClient) -> None:
    page = client.get("/admin", headers=ADMIN)
    assert page.status_code == 200
    assert "fenfa upload" in page.text


def test_newest_releases_lead_to_their_pages(client: AppClient) -> None:
    made = client.make_release(version="1.2", build="7", channel="beta")
    client.admin("PUT", f"/admin/api/products/{made['app']['product_id']}/icon", content=images.png(32, 32))
    client.make_product("Empty")
    page = client.get("/admin", headers=ADMIN)
    assert page.headers["cache-control"] == "no-store"
    links = [
        f'href="/admin/{path}"'
        for path in (f"products/{made['app']['product_id']}", f"releases/{made['release']['id']}")
    ]
    for text in (*links, "MyApp", "1.2 (7)", "beta", "20 B", "/icon/products/"):
        assert text in page.text
    assert "Empty" not in page.text
    assert "fenfa upload" not in page.text


def test_a_newer_release_comes_first(client: AppClient) -> None:
    variant = client.make_release(version="1.0")["app"]["variant_id"]
    for minor in range(1, 10):
        client.upload(variant, b"%d" % minor, version=f"1.{minor}")
    client.clock.move(hours=3)
    text = client.get("/admin", headers=ADMIN).text
    found = re.findall(r">(1\.\d)</a>", text)
    assert found == [f"1.{minor}" for minor in range(9, 1, -1)]
    assert "3 hours ago" in text


def test_traffic_is_that_of_the_days_asked_for(client: AppClient) -> None:
    release = client.make_release()["release"]["id"]
    for agent in ("one", "one", "two"):
        client.get(f"/d/{release}", headers={"User-Agent": agent})
    client.flush()
    client.clock.move(days=10)
    client.post("/events", json={"type": "visit", "release_id": release})
    client.flush()
    assert figures(client, "/admin") == {"Downloads": "3", "Visits": "1", "Devices": "2"}
    assert figures(client, "/admin?days=7") == {"Downloads": "0", "Visits": "1", "Devices": "0"}
    assert "Nov 2, 2026: 3, before: 0" in client.get("/admin", headers=ADMIN).text
    assert "Nov 12, 2026: 1, before: 0" in client.get("/admin?show=visits", headers=ADMIN).text


@pytest.mark.parametrize("query", ["days=5", "days=x", "days=-1", "show=nothing", "show=", "days=7&show=%00", "done=x"])
def test_words_that_are_none_count_as_left_out(client: AppClient, query: str) -> None:
    client.make_release()
    assert client.get(f"/admin?{query}", headers=ADMIN).status_code == 200


def figures(client: AppClient, path: str) -> dict[str, str]:
    text = client.get(path, headers=ADMIN).text
    return dict(re.findall(r'<span class="quiet">(\w+)</span>\s*<b>([\d,]+)</b>', text))


def concerns(client: AppClient) -> list[str]:
    text = client.get("/admin", headers=ADMIN).text
    listed = re.search(r'<section class="card concerns".*?</section>', text, re.DOTALL)
    items = re.findall(r"<li.*?</li>", listed[0], re.DOTALL) if listed else []
    return [" ".join(re.sub("<[^>]*>", "", item).split()) for item in items]


def test_default_tokens_need_attention(client: AppClient) -> None:
    [concern] = concerns(client)
    assert concern.startswith("The tokens that everybody knows")


def test_tokens_of_ones_own_do_not(tmp_path: Path) -> None:
    mine = {"admin_token": "an-admin-token-of-our-own", "upload_token": "an-upload-token-of-our-own"}
    with running(tmp_path / "data", **mine) as client:
        page = client.get("/admin", headers={"X-Auth-Token": mine["admin_token"]})
        assert (page.status_code, "Needs attention" in page.text) == (200, False)


def test_what_needs_attention_is_named_and_leads_to_where_it_is_mended(client: AppClient, tmp_path: Path) -> None:
    ending = datetime(2026, 11, 12, 9, 30)  # noqa: DTZ001 - property lists know no zones
    ipa = make_ipa(tmp_path / "app.ipa", name="Weather", version="2.4", profile={"ExpirationDate": ending})
    made = client.post(
        "/smart-upload", headers=ADMIN, data={"create": "1"}, files={"app_file": ("app.ipa", ipa.read_bytes())}
    )
    ids = made.json()["data"]
    client.admin("PUT", f"/admin/api/apps/{ids['app']['product_id']}/unpublish")
    form = {"variant_id": ids["app"]["variant_id"]}
    client.post("/upload", headers=ADMIN, data=form, files={"app_file": ("broken.ipa", b"nothing")})
    found = concerns(client)
    assert found[0].startswith("iPhones install from https alone")
    assert found[1].startswith(
        "Provisioning profile Example Ad Hoc ends · Nov 12, 2026 · in 1 week Builds with it stop"
    )
    assert found[1].endswith("Weather 2.4 (1)")
    assert found[2].startswith("broken.ipa was refused: ")
    assert found[3].startswith("Weather has releases that nobody sees")
    text = client.get("/admin", headers=ADMIN).text
    for link in (
        "/admin/settings",
        f"/admin/releases/{ids['release']['id']}",
        f"/admin/products/{ids['app']['product_id']}",
    ):
        assert f'href="{link}"' in text
    client.clock.move(days=11)
    assert found[1].replace("in 1 week", "1 day ago") == concerns(client)[0]


def test_what_ends_much_later_is_no_concern(client: AppClient, tmp_path: Path) -> None:
    ending = datetime(2027, 11, 12, 9, 30)  # noqa: DTZ001 - as above
    ipa = make_ipa(tmp_path / "app.ipa", name="Weather", profile={"ExpirationDate": ending})
    client.post("/smart-upload", headers=ADMIN, data={"create": "1"}, files={"app_file": ("app.ipa", ipa.read_bytes())})
    assert not any("ends" in concern for concern in concerns(client))
    assert "Ends later" in client.get("/admin", headers=ADMIN).text


def test_an_upload_that_waits_is_named(client: AppClient) -> None:
    client.post("/admin/upload", headers=ADMIN, files={"app_file": ("notes.tar.gz", b"a build")})
    [waiting] = [concern for concern in concerns(client) if "waits for you" in concern]
    assert waiting.startswith("notes.tar.gz waits")
    [(upload,)] = client.rows("SELECT id FROM uploads")
    assert f'href="/admin/uploads/{upload}"' in client.get("/admin", headers=ADMIN).text


def test_many_of_one_kind_are_counted(client: AppClient) -> None:
    for number in range(5):
        product = client.make_product(f"Kiosk {number}", published=False)
        client.upload(client.make_variant(product["id"])["id"], b"%d" % number)
    found = concerns(client)
    assert [concern.split(" has ")[0] for concern in found[:4]] == ["Kiosk 0", "Kiosk 1", "Kiosk 2", "and 2 more"]


def test_it_is_said_in_chinese(client: AppClient) -> None:
    client.make_release()
    page = client.get("/admin", headers={**ADMIN, "Accept-Language": "zh-CN"})
    for text in ("概览", "下载", "最新版本", "需要处理", "1 个文件"):
        assert text in page.text


@pytest.mark.parametrize("text", GOOD_LINES)
def test_names_are_only_texts(client: AppClient, text: str) -> None:
    client.make_product(text)
    client.admin("PUT", "/admin/api/settings", json={"organization": text})
    page = client.get("/admin", headers=ADMIN)
    assert page.status_code == 200
    assert "<script>alert" not in page.text
    assert "<script>alert" not in client.get("/admin/login").text


def test_a_broken_database_is_a_page(client: AppClient) -> None:
    client.drop("products")
    page = client.get("/admin", headers=ADMIN)
    assert page.status_code == 503
    assert page.text.startswith("<!doctype html>")
