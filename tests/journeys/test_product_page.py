"""The product page as people meet it: on every device, in both languages, with and without scripts, light and quick."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import Page

from tests.support.agents import AGENTS
from tests.support.browser import DEVICES, Browser, fits
from tests.support.packages import make_ipa
from tests.support.server import FenfaServer, fenfa_server, wait_for
from tests.support.site import ADMIN, LONG_NAME, Site, furnish, send

pytestmark = pytest.mark.journey
PHONE = {"viewport": {"width": 360, "height": 780}, "has_touch": True}
WIDE = {"viewport": {"width": 1440, "height": 900}}
VISITORS: dict[str, dict[str, Any]] = {
    "iphone": DEVICES["iphone"],
    "android": DEVICES["android"],
    "mac": {"user_agent": AGENTS["mac"], **WIDE},
    "windows": {"user_agent": AGENTS["windows"], **WIDE},
    "linux": {"user_agent": AGENTS["fedora"], **WIDE},
}
BUTTONS = {
    "en-GB": {"android": "Download for Android", "mac": "Download for macOS, Apple silicon"}
    | {"windows": "Download for Windows", "linux": "Download for Linux"},
    "zh-CN": {"android": "下载 Android 版", "mac": "下载 macOS 版（Apple 芯片）"}
    | {"windows": "下载 Windows 版", "linux": "下载 Linux 版"},
}
MANY = 200
LIGHT = 40 * 1024
FOR_ALL: dict[str, Any] = {"ProvisionsAllDevices": True, "ProvisionedDevices": None}
WATCH_SHIFTS = """window.shifts = [];
new PerformanceObserver(list => list.getEntries().forEach(e => window.shifts.push(e.value)))
  .observe({ type: "layout-shift", buffered: true });"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FenfaServer]:
    with fenfa_server(tmp_path_factory.mktemp("page")) as started:
        yield started


@pytest.fixture(scope="module")
def site(server: FenfaServer, tmp_path_factory: pytest.TempPathFactory) -> Site:
    room = tmp_path_factory.mktemp("builds")
    made = furnish(server.url, room)
    with httpx.Client(base_url=server.url, headers=ADMIN, timeout=60) as client:
        _states(client, room)
    _multiply(server, "field-notes")
    return made


@pytest.fixture
def browser(engine: Chromium, site: Site) -> Iterator[Browser]:
    opened = Browser(engine, site.base)
    try:
        yield opened
    finally:
        opened.close()
    assert opened.errors == []


def _states(client: httpx.Client, room: Path) -> None:
    """A product for each thing that a page has to say."""
    past = datetime.now(UTC).replace(tzinfo=None) - timedelta(days=3)
    for identifier, name, profile, least in (
        ("com.example.crew", "Crew", FOR_ALL, "15.0"),
        ("com.example.gone", "Gone", {**FOR_ALL, "ExpirationDate": past}, "15.0"),
        ("com.example.new", "New", FOR_ALL, "99.0"),
        ("com.example.store", "Store", {"ProvisionedDevices": None}, "15.0"),
        ("com.example.long", LONG_NAME, FOR_ALL, "15.0"),
    ):
        file = make_ipa(room / "state.ipa", identifier=identifier, name=name, min_os=least, profile=profile)
        send(client, file, create="1", changelog="- One\n- Two")
    client.post("/admin/api/products", json={"name": "Empty"}).raise_for_status()


def _multiply(server: FenfaServer, slug: str) -> None:
    """As many releases as somebody has after a year, straight into the database: uploading them is tested elsewhere."""
    with closing(sqlite3.connect(server.data / "fenfa.db")) as connection, connection:
        connection.row_factory = sqlite3.Row
        newest = connection.execute(
            "SELECT r.* FROM releases r JOIN variants v ON v.id = r.variant_id JOIN products p ON p.id = v.product_id "
            "WHERE p.slug = ? ORDER BY r.seq DESC LIMIT 1",
            (slug,),
        ).fetchone()
        for number in range(31, MANY + 1):
            row = dict(newest) | {"seq": None, "id": f"rel_{number:026d}", "version": f"2.{number}", "build": number}
            row |= {"changelog": f"- Change number {number}\n- Another one that takes a few more words to tell"}
            names = ", ".join(row)
            connection.execute(f"INSERT INTO releases ({names}) VALUES ({', '.join('?' * len(row))})", [*row.values()])
        connection.execute("UPDATE products SET revision = revision + 1")


def file_behind(page: Page) -> bytes:
    with page.expect_download() as caught:
        page.locator(".act a.big").first.click()
    return caught.value.path().read_bytes()


def stored_file(site: Site, page: Page) -> bytes:
    link = page.locator(".act a.big").first.get_attribute("href") or ""
    return httpx.get(f"{site.base}/d/{link.rpartition('/')[2]}").raise_for_status().content


# every device


@pytest.mark.parametrize("locale", BUTTONS)
@pytest.mark.parametrize("visitor", ["android", "mac", "windows", "linux"])
def test_computers_and_android_download(browser: Browser, site: Site, visitor: str, locale: str) -> None:
    page = browser.open("/products/weather", locale=locale, **VISITORS[visitor])
    assert page.locator(".act a.big").inner_text().startswith(BUTTONS[locale][visitor])
    assert file_behind(page) == stored_file(site, page)
    assert page.locator("#after").is_visible()
    assert fits(page)


@pytest.mark.parametrize(("locale", "label"), [("en-GB", "Install on this iPhone"), ("zh-CN", "安装到这台 iPhone")])
def test_an_iphone_installs(browser: Browser, site: Site, locale: str, label: str) -> None:
    page = browser.open("/products/crew", behind_https=True, locale=locale, **VISITORS["iphone"])
    install = page.get_by_role("link", name=label)
    address = parse_qs(urlsplit(install.get_attribute("href") or "").query)["url"][0]
    assert address.startswith("https://")
    manifest = httpx.get(address.replace("https:", "http:")).text
    assert "com.example.crew" in manifest
    file = httpx.get(manifest.partition("<string>http")[2].partition("</string>")[0].join(("http", "")))
    assert file.content.startswith(b"PK")
    install.evaluate("link => link.addEventListener('click', event => event.preventDefault())")
    install.click()
    assert page.locator("#after").is_visible()
    assert page.locator(".next").is_visible()


def test_an_iphone_registers_first(browser: Browser) -> None:
    page = browser.open("/products/weather", behind_https=True, **VISITORS["iphone"])
    link = page.get_by_role("link", name="Register this iPhone").get_attribute("href") or ""
    assert httpx.get(browser.base + link).headers["content-type"] == "application/x-apple-aspen-config"
    assert page.get_by_role("link", name="Already registered: install").is_visible()


def test_an_ipad_says_that_it_is_a_mac(browser: Browser) -> None:
    page = browser.open("/robots.txt", behind_https=True, has_touch=True, viewport={"width": 820, "height": 1180})
    tools = page.context.new_cdp_session(page)
    tools.send("Emulation.setUserAgentOverride", {"userAgent": AGENTS["mac"], "platform": "MacIntel"})
    tools.send("Emulation.setTouchEmulationEnabled", {"enabled": True, "maxTouchPoints": 5})
    page.goto(f"{browser.base}/products/crew")
    page.get_by_role("link", name="Install on this iPad").wait_for()
    assert [cookie["name"] for cookie in page.context.cookies()] == ["fenfa_touch"]
    page.reload()
    assert page.get_by_role("link", name="Install on this iPad").is_visible()


def test_the_browser_inside_an_app_leads_out(browser: Browser) -> None:
    page = browser.open("/products/crew", behind_https=True, user_agent=AGENTS["wechat"], **PHONE)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    assert "The browser inside WeChat cannot install apps" in page.locator(".note").first.inner_text()
    page.locator(".act button.copy").click()
    page.get_by_text("Copied. Now paste it").wait_for()
    assert page.evaluate("navigator.clipboard.readText()") == f"{browser.base}/products/crew".replace("http:", "https:")
    assert fits(page)


def test_copying_works_on_plain_http_too(browser: Browser) -> None:
    page = browser.open("/robots.txt", **VISITORS["windows"])
    page.add_init_script("Object.defineProperty(navigator, 'clipboard', { value: undefined });")
    page.goto(f"{browser.base}/products/weather")
    page.get_by_text("What is in this file").click()
    page.locator(".facts .copy").first.click()
    page.evaluate("document.body.append(document.createElement('textarea'))")
    page.locator("textarea").press("Control+V")
    digest = page.locator(".facts .mono").first.inner_text()
    assert page.locator("textarea").input_value() == digest
    assert len(digest) == 64


def test_without_scripts(browser: Browser, site: Site) -> None:
    page = browser.open("/products/weather", java_script_enabled=False, **VISITORS["windows"])
    page.get_by_text("Not for this device?").click()
    assert page.locator(".others li").count() == 5
    page.get_by_text("What is in this file").click()
    assert page.locator(".facts").get_by_text("SHA-256").is_visible()
    assert page.locator(".copy:visible").count() == 0
    assert file_behind(page) == stored_file(site, page)
    page.goto(f"{site.base}/products/field-notes")
    page.get_by_text("Show 190 older releases").click()
    page.locator(".older summary", has_text="1.7 (7)").click()
    page.locator(".older details[open]").get_by_role("link", name="What is new in it").click()
    assert "Change number 7" in page.locator("main").inner_text()
    page.get_by_role("link", name=f"Go to 2.{MANY}").click()
    assert f"Change number {MANY}" in page.locator("main").inner_text()


# what is reported


def events_since(site: Site, mark: int, count: int) -> list[dict[str, Any]]:
    """The events beyond the first `mark`, oldest first, once there are `count` of them."""

    def look() -> list[dict[str, Any]] | None:
        answer = httpx.get(f"{site.base}/admin/api/events", params={"limit": 50}, headers=ADMIN).json()["data"]
        fresh = answer["items"][: max(0, answer["total"] - mark)]
        return list(reversed(fresh)) if len(fresh) >= count else None

    return wait_for(look)


def count_events(site: Site) -> int:
    answer = httpx.get(f"{site.base}/admin/api/events", params={"limit": 1}, headers=ADMIN)
    return int(answer.json()["data"]["total"])


def test_a_visit_and_a_click_become_events(browser: Browser, site: Site) -> None:
    mark = count_events(site)
    page = browser.open("/products/weather", **VISITORS["linux"])
    [visit] = events_since(site, mark, 1)
    assert (visit["type"], visit["ua"]) == ("visit", AGENTS["fedora"])
    file_behind(page)
    kinds = {event["type"]: event for event in events_since(site, mark + 1, 2)}
    assert set(kinds) == {"click", "download"}
    assert kinds["click"]["extra"] == {"button": "download"}
    assert kinds["click"]["release_id"] == kinds["download"]["release_id"] == visit["release_id"]


@pytest.mark.parametrize("wish", ["doNotTrack: { value: '1' }", "globalPrivacyControl: { value: true }"])
def test_who_asks_not_to_be_followed_is_not(browser: Browser, wish: str) -> None:
    page = browser.open("/robots.txt", **VISITORS["windows"])
    page.add_init_script(f"Object.defineProperties(navigator, {{ {wish} }});")
    sent: list[str] = []
    page.on("request", lambda request: sent.append(urlsplit(request.url).path))
    page.goto(f"{browser.base}/products/weather")
    file_behind(page)
    assert "/products/weather" in sent
    assert "/events" not in sent


# light and quick


@pytest.mark.parametrize("visitor", ["iphone", "windows"])
@pytest.mark.parametrize("product", ["weather", "field-notes"])
def test_a_first_view_is_light_and_still(browser: Browser, product: str, visitor: str) -> None:
    page = browser.open("/docs", **VISITORS[visitor])
    page.add_init_script(WATCH_SHIFTS)
    tools = page.context.new_cdp_session(page)
    tools.send("Network.enable")
    tools.send("Network.setCacheDisabled", {"cacheDisabled": True})
    paths: dict[str, str] = {}
    sizes: dict[str, float] = {}
    tools.on("Network.requestWillBeSent", lambda e: paths.update({e["requestId"]: urlsplit(e["request"]["url"]).path}))
    tools.on("Network.loadingFinished", lambda e: sizes.update({e["requestId"]: e["encodedDataLength"]}))
    page.goto(f"{browser.base}/products/{product}", wait_until="networkidle")
    weights = {path: sizes[request] for request, path in paths.items() if request in sizes and "/icon/" not in path}
    assert sum(weights.values()) < LIGHT, weights
    assert page.evaluate("window.shifts") == []
    assert set(weights) - {"/events"} == {
        f"/products/{product}",
        *("/static/favicon.svg", "/static/fenfa.css", "/static/live.js", "/static/product.css"),
    }


def test_the_first_paint_waits_for_nothing(browser: Browser) -> None:
    """Some 80 ms where nothing else runs. The limit is for machines that are busy with other tests."""
    page = browser.open("/products/weather", **VISITORS["windows"])
    paints = []
    for _ in range(5):
        page.reload(wait_until="networkidle")
        paints.append(page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime"))
    assert min(paints) < 1000


def test_pictures_come_when_they_are_looked_at(browser: Browser) -> None:
    page = browser.open("/robots.txt", **VISITORS["android"])
    sent: list[str] = []
    page.on("request", lambda request: sent.append(urlsplit(request.url).path))
    page.goto(f"{browser.base}/products/field-notes", wait_until="networkidle")
    assert not [path for path in sent if path.startswith("/qr/")]
    with page.expect_response(lambda answer: "/qr/" in answer.url):
        page.locator(".history summary").nth(1).click()
    picture = page.locator(".history details[open] img")
    picture.wait_for()
    page.wait_for_function("document.querySelector('.history details[open] img').naturalWidth > 0")


def test_print_shows_the_code_and_no_buttons(browser: Browser) -> None:
    page = browser.open("/products/weather", **VISITORS["iphone"])
    assert not page.locator("aside .qr").is_visible()
    page.emulate_media(media="print")
    assert page.locator("aside .qr").is_visible()
    assert page.locator("aside .address").inner_text() == f"{browser.base}/products/weather"
    assert page.locator(".button:visible, .plain:visible").count() == 0


# everything that a page has to say


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("locale", ["en-GB", "zh-CN"])
def test_every_state_is_readable(browser: Browser, theme: str, locale: str) -> None:
    page = browser.open("/robots.txt", True, color_scheme=theme, locale=locale, user_agent=AGENTS["iphone"], **PHONE)
    problems: list[str] = []
    slugs = httpx.get(f"{browser.base}/admin/api/products", headers=ADMIN).json()["data"]["items"]
    for product in (one for one in slugs if one["published"]):
        page.goto(f"{browser.base}/products/{product['slug']}")
        page.evaluate("document.querySelectorAll('main > * details, .others').forEach(one => { one.open = true; })")
        found = Axe().run(page).response["violations"]
        problems += [f"{product['slug']}: {json.dumps(one['nodes'][0]['any'])[:300]}" for one in found]
        problems += [] if fits(page) else [f"{product['slug']} is wider than the screen"]
    assert problems == []


def test_dead_links_say_what_to_do(browser: Browser) -> None:
    browser.expect_error(404)
    page = browser.open("/products/nobody")
    assert "Product not found" in page.get_by_role("heading", level=1).inner_text()
    assert "ask whoever sent it" in page.locator("main").inner_text()
    page.goto(f"{browser.base}/products/weather?r=rel_removed")
    page.get_by_role("link", name="Go to the product's page").click()
    assert page.get_by_role("heading", level=1).inner_text() == "Weather"
