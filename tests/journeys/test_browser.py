"""What people do in a browser, from the first run to the installed build."""

from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Page

from tests.support.browser import ADMIN, DEVICES, UPLOAD, Browser, fits, log_in, send
from tests.support.packages import make_apk
from tests.support.server import wait_for

pytestmark = pytest.mark.journey


def download_bytes(page: Page, link: str) -> bytes:
    with page.expect_download() as caught:
        page.get_by_role("link", name=link).first.click()
    return caught.value.path().read_bytes()


def test_from_first_run_to_counted_download(browser: Browser, tmp_path: Path) -> None:
    build = make_apk(tmp_path / "app.apk", name="Weather", version="2.1", build=7)
    page = browser.open("/")
    assert page.url.endswith("/admin/login")
    log_in(page)
    assert page.url.endswith("/admin")
    assert "fenfa upload" in page.locator("pre").first.inner_text()

    sent = send(browser.base, build)
    page.reload()
    page.get_by_role("link", name="Weather").first.click()
    assert page.get_by_role("heading", level=1).inner_text() == "Weather"
    page.goto(sent["urls"]["page"])
    assert "2.1 (7)" in page.locator("main").inner_text()
    assert download_bytes(page, "Download for Android") == build.read_bytes()
    assert downloads_of(browser.base) == 1


def downloads_of(base: str) -> int:
    """The count of the only product, once the event has been written."""

    def look() -> int | None:
        answer = httpx.get(f"{base}/admin/api/products", headers={"X-Auth-Token": ADMIN})
        return int(answer.json()["data"]["items"][0]["download_count"]) or None

    return wait_for(look)


def test_wrong_token_is_refused(browser: Browser) -> None:
    browser.expect_error(401)
    page = browser.open("/admin/login")
    for token, reason in (("dev-admin-tokem", "not valid"), (UPLOAD, "use an admin token")):
        log_in(page, token)
        assert reason in page.get_by_role("alert").inner_text()
    page.goto(f"{browser.base}/admin")
    assert page.url.endswith("/admin/login")


def test_logging_out_ends_the_session(browser: Browser) -> None:
    page = browser.open("/admin/login")
    log_in(page)
    page.get_by_role("button", name="Log out").click()
    page.goto(f"{browser.base}/admin")
    assert page.url.endswith("/admin/login")


def test_everything_works_without_scripts(browser: Browser, tmp_path: Path) -> None:
    build = make_apk(tmp_path / "app.apk", name="Weather")
    sent = send(browser.base, build)
    page = browser.open("/admin/login", java_script_enabled=False)
    log_in(page)
    assert page.get_by_role("link", name="Weather").first.is_visible()
    page.goto(sent["urls"]["page"])
    page.get_by_text("What is in this file").click()
    assert page.get_by_text("SHA-256").is_visible()
    assert download_bytes(page, "Download for Android") == build.read_bytes()


def test_api_reference_reads_well(browser: Browser) -> None:
    page = browser.open("/docs", **DEVICES["android"])
    page.get_by_text("Upload a build", exact=True).click()
    assert page.locator("details[open]").get_by_text("Needs a token.").is_visible()
    assert fits(page)
