"""Uploading in the panel as people do it: files dropped on any page, several at once, cancelled, refused, cut off, and without
scripts."""

import os
import re
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Dialog, Locator, Page, expect

from tests.support.browser import DEVICES, Browser, drag, drop, fits, log_in
from tests.support.packages import make_apk, make_ipa
from tests.support.server import FenfaServer, assert_whole, query, wait_for

pytestmark = pytest.mark.journey
PASTE = """() => document.body.dispatchEvent(
  new ClipboardEvent("paste", { bubbles: true, cancelable: true, clipboardData: window.carried }))"""


@pytest.fixture
def apk(tmp_path: Path) -> Path:
    return make_apk(tmp_path / "weather.apk", name="Weather", version="2.1", build=7)


@pytest.fixture
def ipa(tmp_path: Path) -> Path:
    return make_ipa(tmp_path / "weather.ipa", name="Weather", version="2.1", build="7")


def enter(browser: Browser, path: str = "/admin", **options: Any) -> Page:
    page = browser.open("/admin/login", **options)
    log_in(page)
    page.goto(browser.base + path)
    return page


def card(page: Page, text: str) -> Locator:
    return page.locator("#cards .upload").filter(has_text=text)


def slow(page: Page, rate: float = 100_000) -> None:
    """From now on, so many bytes a second leave the browser."""
    limits = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": rate}
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    session.send("Network.emulateNetworkConditions", limits)


def heavy(path: Path, size: int = 600_000) -> Path:
    """A package that takes its time on a slow line."""
    return make_apk(path, identifier=f"com.example.{path.stem}", name=path.stem, files={"assets/x": os.urandom(size)})


def released(server: FenfaServer) -> list[tuple[str, str, str]]:
    """(product, platform, file) of every release."""
    return query(
        server,
        "SELECT products.name, platform, file_name FROM releases JOIN variants ON variants.id = variant_id "
        "JOIN products ON products.id = product_id ORDER BY releases.seq",
    )


def assert_nothing_is_left(server: FenfaServer) -> None:
    wait_for(lambda: not list((server.data / "staging").iterdir()) or None)
    assert query(server, "SELECT id FROM uploads WHERE state != 'ready'") == []


def test_a_dropped_build_has_a_link_two_clicks_later(browser: Browser, server: FenfaServer, apk: Path) -> None:
    page = enter(browser)
    drag(page, apk)
    assert page.get_by_text("Drop to upload").is_visible()
    drop(page, apk)
    assert page.get_by_text("Drop to upload").is_hidden()
    waiting = card(page, "Makes the product Weather")
    expect(waiting).to_contain_text("2.1 (7)")
    assert released(server) == []
    waiting.get_by_role("button", name="Publish").click()
    shared = card(page, "Published for Android")
    link = shared.get_by_role("link", name="/products/weather").first.get_attribute("href") or ""
    assert shared.get_by_role("button", name="Copy the link").get_attribute("data-copy") == link
    assert shared.get_by_role("img", name="QR code of the page").is_visible()
    shared.get_by_text("Send builds from CI").click()
    shared.get_by_text("curl", exact=True).click()
    assert f"{server.url}/smart-upload" in shared.locator("pre").first.inner_text()
    page.goto(link)
    assert page.get_by_role("heading", level=1).inner_text() == "Weather"
    assert released(server) == [("Weather", "android", "weather.apk")]
    assert_whole(server, {})


def test_two_at_once_become_two_variants_of_one_product(
    browser: Browser, server: FenfaServer, apk: Path, ipa: Path
) -> None:
    page = enter(browser)
    drop(page, ipa, apk)
    expect(page.locator("#cards [data-open]")).to_have_count(2)
    first = card(page, "iOS")
    first.get_by_role("button", name="Publish").click()
    expect(card(page, "Published for iOS")).to_contain_text("Install link")
    other = card(page, "Weather, new for Android")  # what the first one made is where the second goes
    other.get_by_role("button", name="Publish").click()
    expect(card(page, "Published for Android")).to_be_visible()
    assert released(server) == [("Weather", "ios", "weather.ipa"), ("Weather", "android", "weather.apk")]
    assert len(query(server, "SELECT id FROM products")) == 1


def test_values_can_be_changed_in_the_tray(browser: Browser, server: FenfaServer, apk: Path) -> None:
    page = enter(browser)
    drop(page, apk)
    waiting = card(page, "Makes the product")
    waiting.get_by_text("Makes the product").click()
    waiting.get_by_label("Name").fill("Wetter")
    waiting.get_by_label("Build").fill("seven")
    waiting.get_by_label("What is new").fill("- Radar")
    browser.expect_error(400)
    waiting.get_by_role("button", name="Publish").click()
    refused = card(page, "Must be a whole number")
    assert refused.get_by_label("Name").input_value() == "Wetter"
    refused.get_by_label("Build").fill("70")
    refused.get_by_role("button", name="Publish").click()
    expect(card(page, "Wetter 2.1 (70)")).to_be_visible()
    assert query(server, "SELECT build, changelog FROM releases") == [(70, "- Radar")]


def test_a_hostile_file_is_refused_in_words(browser: Browser, server: FenfaServer, tmp_path: Path) -> None:
    broken, notes = tmp_path / "broken.apk", tmp_path / "notes.txt"
    broken.write_bytes(b"PK\x03\x04" + os.urandom(2000))
    notes.write_bytes(b"hello")
    page = enter(browser)
    browser.expect_error(422)
    browser.expect_error(400)
    drop(page, broken, notes)
    expect(card(page, "broken.apk")).to_contain_text("not a zip")
    expect(card(page, "notes.txt")).to_contain_text("This file type is not known")
    assert page.locator("#tray-said").inner_text()
    card(page, "broken.apk").get_by_role("button", name="Close").click()
    card(page, "notes.txt").get_by_role("button", name="Close").click()
    assert page.locator("#tray").is_hidden()
    assert_nothing_is_left(server)


def test_a_slow_upload_tells_and_can_be_cancelled(browser: Browser, server: FenfaServer, tmp_path: Path) -> None:
    page = enter(browser)
    slow(page)
    drop(page, *(heavy(tmp_path / f"{name}.apk") for name in ("one", "two", "three")))
    expect(card(page, "three.apk")).to_contain_text("Waits for its turn")
    expect(card(page, "one.apk")).to_contain_text(re.compile(r"[\d.]+ MB of 0\.6 MB · [\d.]+ MB/s · \d+ sec left"))
    progress = card(page, "one.apk").get_by_role("progressbar", name="Sent")
    assert 0 < float(progress.get_attribute("value") or 0) < 100
    server.staged()
    for name in ("three", "one", "two"):
        card(page, f"{name}.apk").get_by_role("button", name="Cancel").click()
    assert page.locator("#tray").is_hidden()
    assert_nothing_is_left(server)
    assert query(server, "SELECT id FROM uploads") == []


def test_leaving_the_page_is_asked_back(browser: Browser, tmp_path: Path) -> None:
    page = enter(browser)
    slow(page, 20_000)
    drop(page, heavy(tmp_path / "one.apk"))
    expect(card(page, "one.apk")).to_contain_text("MB of")
    asked: list[str] = []

    def stay(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.dismiss()

    page.on("dialog", stay)
    page.locator("h1").first.click()  # browsers ask back only on pages that were used
    with page.expect_event("dialog"):
        page.close(run_before_unload=True)
    assert asked == ["beforeunload"]


def test_a_lost_connection_is_tried_again(browser: Browser, server: FenfaServer, tmp_path: Path) -> None:
    """The server dies while the file comes, and is there again a moment later."""
    page = enter(browser)
    browser.expected += ["ERR_CONNECTION", "ERR_EMPTY_RESPONSE"]
    slow(page)
    drop(page, heavy(tmp_path / "one.apk"))
    expect(card(page, "one.apk")).to_contain_text("MB of")
    server.kill()
    card(page, "The connection was lost").get_by_role("button", name="Try again").click()
    expect(card(page, "The connection was lost")).to_be_visible()
    start_again(server)
    card(page, "one.apk").get_by_role("button", name="Try again").click()
    expect(card(page, "Makes the product one")).to_be_visible(timeout=30_000)
    assert len(list((server.data / "staging").iterdir())) == 1


def start_again(server: FenfaServer) -> None:
    """At the same address."""
    server.arguments = ("--port", server.url.rpartition(":")[2])
    server.start()


def test_who_is_logged_out_logs_in_and_goes_on(browser: Browser, server: FenfaServer, apk: Path) -> None:
    page = enter(browser)
    other = page.context.new_page()
    other.goto(f"{browser.base}/admin")
    other.get_by_role("button", name="Log out").click()
    drop(page, apk)
    expect(card(page, "weather.apk")).to_contain_text("You are logged out")
    log_in(other)
    card(page, "weather.apk").get_by_role("button", name="Try again").click()
    expect(card(page, "Makes the product Weather")).to_be_visible()


def test_what_waits_is_there_on_the_next_page_and_after_a_crash(
    browser: Browser, server: FenfaServer, apk: Path, ipa: Path
) -> None:
    page = enter(browser)
    drop(page, apk, ipa)
    expect(page.locator("#cards [data-open]")).to_have_count(2)
    server.kill()
    start_again(server)
    page.goto(f"{browser.base}/admin/upload")
    assert page.get_by_role("heading", name="Waiting for you").is_visible()
    page.goto(f"{browser.base}/admin")
    card(page, "iOS").get_by_role("button", name="Discard").click()
    expect(page.locator("#cards [data-open]")).to_have_count(1)
    card(page, "Android").get_by_role("button", name="Publish").click()
    expect(card(page, "Published for Android")).to_be_visible()
    assert_nothing_is_left(server)
    page.goto(f"{browser.base}/admin")
    assert page.locator("#tray").is_hidden()


def test_pasted_and_chosen_files(browser: Browser, server: FenfaServer, apk: Path, ipa: Path) -> None:
    page = enter(browser, "/admin/upload")
    drag(page, apk)
    page.evaluate(PASTE)
    expect(card(page, "Android")).to_contain_text("Makes the product Weather")
    page.get_by_label("Choose a build").set_input_files([ipa, apk])
    expect(page.locator("#cards [data-open]")).to_have_count(3)


def test_a_text_that_is_pasted_is_left_alone(browser: Browser) -> None:
    page = enter(browser)
    page.evaluate("navigator.clipboard.writeText('x').catch(() => {})")
    page.evaluate("document.body.dispatchEvent(new ClipboardEvent('paste', { clipboardData: new DataTransfer() }))")
    assert page.locator("#tray").is_hidden()


def test_dropped_where_a_product_is_open(browser: Browser, server: FenfaServer, apk: Path) -> None:
    product = server.client.post("/admin/api/products", json={"name": "Forecasts"}).json()["data"]
    page = enter(browser, f"/admin/upload?to={product['id']}")
    drop(page, apk)
    card(page, "Forecasts, new for Android").get_by_role("button", name="Publish").click()
    expect(card(page, "Published for Android")).to_be_visible()
    assert released(server) == [("Forecasts", "android", "weather.apk")]


def test_several_that_fit_must_be_chosen_among(browser: Browser, server: FenfaServer, apk: Path) -> None:
    for name in ("Stable", "Nightly"):
        product = server.client.post("/admin/api/products", json={"name": name}).json()["data"]
        draft = {"platform": "android", "identifier": "com.example.app"}
        server.client.post(f"/admin/api/products/{product['id']}/variants", json=draft).raise_for_status()
    page = enter(browser)
    drop(page, apk)
    waiting = card(page, "Choose where it goes")
    waiting.get_by_role("button", name="Publish").click()
    assert released(server) == []  # the browser asks for a choice first
    waiting.get_by_label("Nightly · Android").check()
    waiting.get_by_role("button", name="Publish").click()
    expect(card(page, "Published for Android")).to_be_visible()
    assert released(server) == [("Nightly", "android", "weather.apk")]


@pytest.mark.parametrize("locale", ["en-GB", "zh-CN"])
def test_everything_without_scripts(browser: Browser, server: FenfaServer, apk: Path, locale: str) -> None:
    page = enter(browser, "/admin/upload", java_script_enabled=False, locale=locale)
    page.locator("main input[type=file]").set_input_files(apk)
    page.locator("main button[type=submit]").click()
    assert "/admin/uploads/upl_" in page.url
    page.locator("main textarea").fill("- Radar")
    page.locator("main .big").click()
    assert page.locator("main .share a[href*='/products/weather']").count() == 2
    assert page.locator("main .share .qr svg").is_visible()
    assert released(server) == [("Weather", "android", "weather.apk")]

    broken = apk.with_name("broken.apk")
    broken.write_bytes(b"PK\x03\x04")
    browser.expect_error(422)
    page.goto(f"{browser.base}/admin/upload")
    page.locator("main input[type=file]").set_input_files(broken)
    page.locator("main button[type=submit]").click()
    assert page.get_by_role("alert").is_visible()

    page.locator("main input[type=file]").set_input_files(apk)
    page.locator("main button[type=submit]").click()
    page.locator("main header form button").click()
    assert page.url.endswith("/admin/upload?done=discarded")
    assert_nothing_is_left(server)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("locale", ["en-GB", "zh-CN"])
def test_nobody_is_shut_out_of_the_tray(
    browser: Browser, tmp_path: Path, apk: Path, ipa: Path, theme: str, locale: str
) -> None:
    phone = DEVICES["iphone"] | {"viewport": {"width": 360, "height": 780}}
    page = enter(browser, locale=locale, color_scheme=theme, **phone)
    broken = tmp_path / "broken.apk"
    broken.write_bytes(b"PK\x03\x04")
    browser.expect_error(422)
    drop(page, ipa, apk, broken)
    expect(page.locator("#cards [data-open]")).to_have_count(2)
    expect(page.locator("#cards [role=alert]")).to_have_count(1)
    page.locator("#cards .more summary").first.click()
    assert violations(page) == []
    assert fits(page)
    page.locator("#cards form .big").first.click()
    page.locator("#cards .share .ci > summary").click()
    page.locator("#cards .ci details summary").first.click()
    assert violations(page) == []
    assert fits(page)


def violations(page: Page) -> list[str]:
    results = Axe().run(page).response["violations"]
    return [f"{one['id']}: {node['html'][:160]}" for one in results for node in one["nodes"]]
