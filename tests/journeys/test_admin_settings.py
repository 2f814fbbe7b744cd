"""What an admin does under Settings, with scripts and without: saves, is told what is wrong, makes a token, tests the storage."""

import re
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import Page, expect

from tests.support.browser import ADMIN, DEVICES, Browser, log_in
from tests.support.server import fenfa_server, run_fenfa

pytestmark = pytest.mark.journey
WAYS: dict[str, dict[str, Any]] = {
    "scripts": {"locale": "en-GB"},
    "no scripts": {"locale": "en-GB", "java_script_enabled": False},
}


def enter(browser: Browser, address: str, **options: Any) -> Page:
    page = browser.open(f"/admin/login?next={address}", **options)
    log_in(page)
    page.wait_for_url(browser.base + address)  # and until it is loaded, with its script
    return page


def settings(browser: Browser) -> dict[str, Any]:
    answer = httpx.get(f"{browser.base}/admin/api/settings", headers={"X-Auth-Token": ADMIN})
    return dict(answer.raise_for_status().json()["data"])


@pytest.mark.parametrize("way", WAYS)
def test_from_the_first_run_by_the_printed_link_into_the_panel(engine: Chromium, tmp_path: Path, way: str) -> None:
    with fenfa_server(tmp_path) as server:
        address = re.search(r"^log in:\s+\S+(/admin/login\?code=(\S+))", server.said, re.MULTILINE)
        assert address, server.said
        link, code = address.groups()
        browser = Browser(engine, server.url)
        browser.expect_error(401)
        for shown in ("by whoever looks first", "by its owner"):
            page = browser.open(link, **WAYS[way])
            assert page.get_by_role("button", name="Log in").is_visible(), shown
        page.get_by_role("button", name="Log in").click()
        page.wait_for_url(f"{server.url}/admin")
        assert code not in page.content()
        late = browser.open(link, **WAYS[way])
        late.get_by_role("button", name="Log in").click()
        expect(late.get_by_role("alert")).to_contain_text("was used or is over")
        made = run_fenfa(tmp_path, "login-link", "--server", server.url).stdout.strip()
        late.goto(made)
        late.get_by_role("button", name="Log in").click()
        late.wait_for_url(f"{server.url}/admin")
        browser.close()
        assert browser.errors == []
        assert '"/admin/login"' in server.log
        assert all(secret not in server.log for secret in (code, made.partition("code=")[2]))
        stored = b"".join(path.read_bytes() for path in server.data.glob("fenfa.db*"))
        assert code.encode() not in stored


@pytest.mark.parametrize("way", WAYS)
def test_a_wrong_value_is_told_beside_its_field_and_a_right_one_is_saved(browser: Browser, way: str) -> None:
    browser.expect_error(400)
    page = enter(browser, "/admin/settings", **WAYS[way])
    general = page.locator("#general")
    general.get_by_label("Organisation").fill("Example Ltd")
    # no server's word but the browser's own check stands before it: a path is what only the server refuses
    general.get_by_label("Domain", exact=True).fill("https://get.example.com/path")
    general.get_by_role("button", name="Save").click()
    expect(general.locator("#primary_domain-problem")).to_contain_text("without a path")
    expect(general.get_by_label("Organisation")).to_have_value("Example Ltd")
    assert settings(browser)["organization"] == "Fenfa Distribution"

    general.get_by_label("Domain", exact=True).fill("")
    general.get_by_role("button", name="Save").click()
    expect(general.get_by_text("Saved.")).to_be_visible()
    expect(general.locator(".problem")).to_have_count(0)
    assert (settings(browser)["organization"], settings(browser)["primary_domain"]) == ("Example Ltd", "")


@pytest.mark.parametrize("way", WAYS)
def test_a_token_is_shown_once_works_and_dies(browser: Browser, way: str) -> None:
    page = enter(browser, "/admin/settings", **WAYS[way])
    page.get_by_role("link", name="Tokens").first.click()
    page.get_by_label("What it is for").fill("CI of the app team")
    page.get_by_label("What it may do").select_option("admin")
    page.get_by_role("button", name="Create the token").click()
    secret = page.locator("#secret").inner_text()
    assert re.fullmatch(r"fnf_adm_\S+", secret)
    header = {"X-Auth-Token": secret}
    assert httpx.get(f"{browser.base}/admin/api/settings", headers=header).status_code == 200

    page.get_by_role("link", name="Done").click()
    assert secret not in page.content()
    page.get_by_role("link", name="Revoke CI of the app team").click()
    expect(page.get_by_text("It cannot be taken back.")).to_be_visible()
    page.get_by_role("button", name="Revoke this token").click()
    expect(page.get_by_text("Revoked.")).to_be_visible()
    assert httpx.get(f"{browser.base}/admin/api/settings", headers=header).status_code == 401


@pytest.mark.parametrize("way", WAYS)
def test_the_storage_is_tested_in_place(browser: Browser, way: str) -> None:
    page = enter(browser, "/admin/settings", **WAYS[way])
    page.get_by_role("button", name="Test the storage").click()
    expect(page.locator("#trial .steps .good")).to_have_count(4)


def test_nothing_secret_is_kept_in_the_browser(browser: Browser) -> None:
    page = enter(browser, "/admin/settings", **WAYS["scripts"])
    assert page.evaluate("[localStorage.length, sessionStorage.length]") == [0, 0]
    assert "fenfa_session" not in page.evaluate("document.cookie")


def test_a_phone_changes_language_and_look(browser: Browser) -> None:
    page = enter(browser, "/admin/settings", **DEVICES["android"], locale="en-GB")
    page.get_by_role("button", name="Language and look").click()
    page.locator("#look").get_by_role("button", name="简体中文").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("设置")
    assert page.locator(".rail nav a").count() <= 5


def test_keys_open_what_is_not_in_the_menu(browser: Browser) -> None:
    page = enter(browser, "/admin/settings", **WAYS["scripts"])
    page.locator("h1").click()
    for key, address in (("t", "tokens"), ("i", "about"), ("x", "exports"), ("v", "devices"), (",", "settings")):
        page.keyboard.press(key)
        page.wait_for_url(f"**/admin/{address}")
