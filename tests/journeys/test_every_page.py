"""What holds for every page, whatever it shows: nobody is shut out, nothing sticks out, nothing comes from elsewhere."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import Page

from tests.support.browser import DEVICES, Browser, fits, log_in
from tests.support.server import fenfa_server
from tests.support.site import Site, furnish

pytestmark = pytest.mark.journey
SIZES: dict[str, dict[str, Any]] = {
    "wide": {"viewport": {"width": 1440, "height": 900}},
    "middle": {"viewport": {"width": 768, "height": 1024}},
    "phone": DEVICES["iphone"] | {"viewport": {"width": 360, "height": 780}},
}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    room: Path = tmp_path_factory.mktemp("site")
    with fenfa_server(room) as server:
        yield furnish(server.url, room)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_nobody_is_shut_out(engine: Chromium, site: Site, theme: str) -> None:
    browser = Browser(engine, site.base)
    found = [problem for page in _walk(browser, site, color_scheme=theme) for problem in _violations(page)]
    browser.close()
    assert found == []
    assert browser.errors == []


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("locale", ["en-GB", "zh-CN"])
def test_nothing_sticks_out(engine: Chromium, site: Site, size: str, locale: str) -> None:
    browser = Browser(engine, site.base)
    wide = [page.url for page in _walk(browser, site, locale=locale, **SIZES[size]) if not fits(page)]
    browser.close()
    assert wide == []
    assert browser.errors == []


def test_every_page_is_in_the_visitors_language(engine: Chromium, site: Site) -> None:
    browser = Browser(engine, site.base)
    for page in _walk(browser, site, locale="zh-CN"):
        if not page.url.endswith("/docs"):  # the API's reference is English, as the API is
            assert page.locator("html").get_attribute("lang") == "zh-CN"
            assert _has_chinese(page.title() + page.locator("main").inner_text()), page.url
    browser.close()


def _walk(browser: Browser, site: Site, **options: Any) -> Iterator[Page]:
    """Every page in one browser, logged in; the login page first."""
    page = browser.open("/admin/login", **options)
    yield page
    log_in(page)
    for address in site.pages():
        page.goto(site.base + address)
        yield page


def _violations(page: Page) -> list[str]:
    results = Axe().run(page).response["violations"]
    return [f"{page.url}: {one['id']}: {node['html'][:120]}" for one in results for node in one["nodes"]]


def _has_chinese(text: str) -> bool:
    return any("\u4e00" <= letter <= "\u9fff" for letter in text)
