"""What an admin sees of what happens: the dashboard's chart, the log of events while they come in, statistics."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import Page, expect

from tests.support.browser import DEVICES, Browser, fits, log_in, send, watched
from tests.support.packages import make_apk, make_ipa
from tests.support.server import fenfa_server

pytestmark = pytest.mark.journey
NO_SCRIPTS: dict[str, Any] = {"java_script_enabled": False}


@pytest.fixture
def browser(engine: Chromium, tmp_path: Path) -> Iterator[Browser]:
    """A browser beside a server with two products. What its pages must not do fails the test at its end."""
    with fenfa_server(tmp_path) as server:
        send(server.url, make_apk(tmp_path / "notes.apk", identifier="com.example.notes", name="Field Notes"))
        send(
            server.url,
            make_ipa(tmp_path / "weather.ipa", identifier="com.example.weather", name="Weather", version="2.4"),
        )
        with watched(engine, server.url) as opened:
            yield opened


def open_as_admin(browser: Browser, path: str, **options: Any) -> Page:
    page = browser.open("/admin/login", **options)
    log_in(page)
    page.goto(browser.base + path)
    return page


def download(browser: Browser, product: str, agent: str = "curl/8.5.0") -> None:
    """The newest build of a product, as a device fetches it."""
    found = httpx.get(f"{browser.base}/api/products/{product}").json()["data"]["variants"][0]["latest_release"]
    httpx.get(found["actions"]["download"], headers={"User-Agent": agent}).raise_for_status()


def test_a_download_shows_in_the_log_by_itself(browser: Browser) -> None:
    page = open_as_admin(browser, "/admin")
    page.keyboard.press("e")
    expect(page.get_by_role("heading", level=1)).to_have_text("Events")
    expect(page.get_by_text("Nothing has happened yet")).to_be_visible()
    page.get_by_role("link", name="Watch live").click()
    page.mouse.move(0, 0)
    download(browser, "weather")
    row = page.locator("#list tr.fresh")
    expect(row).to_contain_text("Weather")
    expect(row).to_contain_text("curl")
    expect(row).to_contain_text("127.0.0.0/24")
    download(browser, "field-notes")
    expect(page.locator("#list td.what").first).to_contain_text("Field Notes")


def test_the_log_narrows_while_one_chooses(browser: Browser) -> None:
    for product in ("weather", "field-notes"):
        download(browser, product)
    page = open_as_admin(browser, "/admin/events")
    kinds = page.locator("#list td.what")
    expect(kinds).to_have_count(2)
    page.get_by_label("Product").select_option("Weather")
    expect(kinds).to_have_count(1)
    expect(page.get_by_label("Release")).to_contain_text("2.4")
    assert "product_id=prd_" in page.url
    assert "product_id=prd_" in str(page.get_by_role("link", name="CSV").get_attribute("href"))
    page.get_by_label("Event", exact=True).select_option("Click")
    expect(page.get_by_text("No event fits")).to_be_visible()
    page.get_by_role("link", name="Show all events").click()
    expect(kinds).to_have_count(2)


@pytest.mark.parametrize("scripts", [{}, NO_SCRIPTS], ids=["with scripts", "without"])
def test_bars_tell_their_numbers(browser: Browser, scripts: dict[str, Any]) -> None:
    for _ in range(3):
        download(browser, "weather")
    page = open_as_admin(browser, "/admin", **scripts)
    expect(page.locator(".tile", has_text="Downloads")).to_contain_text("3")
    today = page.locator(".bar").last
    tip = today.locator(".tip")
    expect(tip).to_be_hidden()
    today.locator(".slot").hover()
    expect(tip).to_be_visible()
    expect(tip).to_contain_text("3")
    page.mouse.move(0, 0)
    expect(tip).to_be_hidden()
    today.focus()
    expect(tip).to_be_visible()
    page.get_by_text("The same as a table").click()
    expect(page.locator(".numbers tbody tr").first.locator("td").nth(1)).to_have_text("3")


def test_bars_are_reached_by_keyboard_and_can_be_passed_over(browser: Browser) -> None:
    download(browser, "weather")
    page = open_as_admin(browser, "/admin")
    page.locator(".tile").last.focus()
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Pass over the chart")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.locator(".bar").first).to_be_focused()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.locator(".numbers summary")).to_be_focused()


def test_statistics_of_a_product_by_key_and_by_choice(browser: Browser) -> None:
    download(browser, "weather", DEVICES["iphone"]["user_agent"])
    download(browser, "field-notes")
    page = open_as_admin(browser, "/admin")
    page.keyboard.press("s")
    expect(page.get_by_role("heading", name="Products")).to_be_visible()
    page.get_by_label("Product").select_option("Weather")
    expect(page.get_by_role("heading", name="Products")).to_be_hidden()
    systems = page.locator("section", has=page.get_by_role("heading", name="Systems"))
    expect(systems.locator("tbody tr")).to_have_count(1)
    expect(systems).to_contain_text("iOS 18")
    page.get_by_label("From").fill("2020-01-01")
    page.get_by_label("To", exact=True).fill("2020-01-31")
    expect(page.get_by_text("Nothing in these days")).to_be_visible()


def test_all_of_it_without_scripts(browser: Browser) -> None:
    download(browser, "weather")
    page = open_as_admin(browser, "/admin/events", **NO_SCRIPTS)
    page.get_by_label("Product").select_option("Field Notes")
    page.get_by_role("button", name="Show").click()
    assert page.get_by_text("No event fits").is_visible()
    page.get_by_role("link", name="Show all events").click()
    page.get_by_role("link", name="Watch live").click()
    download(browser, "field-notes")
    expect(page.locator("#list td.what").first).to_contain_text("Field Notes", timeout=15_000)  # every 5 s
    page.goto(f"{browser.base}/admin/statistics")
    page.get_by_role("link", name="Weather").click()
    page.get_by_role("link", name="90 days").click()
    assert "product_id=prd_" in page.url
    expect(page.locator(".tile", has_text="Downloads")).to_contain_text("1")


def test_on_a_phone_in_chinese(browser: Browser) -> None:
    download(browser, "weather")
    page = open_as_admin(browser, "/admin", locale="zh-CN", **DEVICES["android"])
    page.locator(".bar .slot").last.tap()
    expect(page.locator(".tip").last).to_be_visible()
    assert fits(page)
    page.goto(f"{browser.base}/admin/events")
    expect(page.locator("#list td.kind")).to_have_text("下载")
    assert fits(page)


def test_first_run_takes_the_first_build(engine: Chromium, tmp_path: Path) -> None:
    build = make_apk(tmp_path / "notes.apk", identifier="com.example.notes", name="Field Notes")
    with fenfa_server(tmp_path) as server:
        browser = Browser(engine, server.url)
        page = open_as_admin(browser, "/admin")
        page.get_by_role("button", name="Copy").first.click()
        expect(page.get_by_text("Copied").first).to_be_visible()
        page.get_by_label("Choose a build").set_input_files(build)
        expect(page.locator("#tray article")).to_contain_text("Field Notes")
        page.reload()
        concern = page.locator(".concerns li", has_text="Field Notes waits for you")
        concern.get_by_role("link", name="Look at it").click()
        expect(page.locator("main article.upload")).to_contain_text("Field Notes")
        browser.close()
    assert browser.errors == []
