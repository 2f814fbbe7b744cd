"""The whole way, on every device, in both languages, with and without scripts: first run → login → a build of every platform →
its page → the right bytes → the download in the panel's log."""

import plistlib
import re
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.support import linux, pe
from tests.support.agents import AGENTS
from tests.support.browser import ADMIN, DEVICES, Browser, drop, log_in
from tests.support.packages import make_apk, make_ipa, zip_bytes
from tests.support.server import FenfaServer, query, wait_for

pytestmark = pytest.mark.journey
WIDE = DEVICES["desktop"]
VISITORS: dict[str, dict[str, Any]] = {
    "ios": DEVICES["iphone"],
    "android": DEVICES["android"],
    "macos": {"user_agent": AGENTS["mac"], **WIDE},
    "windows": {"user_agent": AGENTS["windows"], **WIDE},
    "linux": {"user_agent": AGENTS["fedora"], **WIDE},
}
FOR_ALL: dict[str, Any] = {"ProvisionsAllDevices": True, "ProvisionedDevices": None}
LANGUAGES = {"en-GB": ("Published", "Download"), "zh-CN": ("已发布", "下载")}


@pytest.fixture
def builds(tmp_path: Path) -> dict[str, Path]:
    """One for each platform, as that platform's tools name the app."""
    info = plistlib.dumps({"CFBundleIdentifier": "com.example.mac", "CFBundleName": "Mac", "CFBundleExecutable": "Mac"})
    made = {
        "ios": make_ipa(tmp_path / "phone.ipa", identifier="com.example.phone", name="Phone", profile=FOR_ALL),
        "android": make_apk(tmp_path / "robot.apk", identifier="com.example.robot", name="Robot"),
        "macos": tmp_path / "mac.zip",
        "windows": tmp_path / "window.exe",
        "linux": tmp_path / "penguin.deb",
    }
    made["macos"].write_bytes(
        zip_bytes({"Mac.app/Contents/Info.plist": info, "Mac.app/Contents/MacOS/Mac": b"\0" * 64})
    )
    made["windows"].write_bytes(pe.program(strings={"ProductName": "Window", "ProductVersion": "1.0"}))
    made["linux"].write_bytes(linux.deb({"./usr/bin/penguin": b"#!/bin/sh\n"}))
    return made


@pytest.mark.parametrize("locale", LANGUAGES)
@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without"])
def test_from_the_first_run_to_a_counted_download(
    browser: Browser, server: FenfaServer, builds: dict[str, Path], locale: str, scripts: bool
) -> None:
    panel = browser.open("/", locale=locale, java_script_enabled=scripts)
    log_in(panel)
    panel.wait_for_url("**/admin")
    publish = drop_and_publish if scripts else send_and_publish
    for file in builds.values():
        publish(panel, file, LANGUAGES[locale][0])
    for platform, slug in slugs(server).items():
        secure = platform == "ios"
        look = VISITORS[platform] | {"locale": locale, "java_script_enabled": scripts}
        page = browser.open(f"/products/{slug}", secure, **look)
        assert fetched(page, platform, LANGUAGES[locale][1]) == builds[platform].read_bytes()
        page.context.close()
    assert_logged(panel, server)


def drop_and_publish(panel: Page, file: Path, published: str) -> None:
    drop(panel, file)
    waiting = panel.locator("#cards [data-open] form").filter(has=panel.locator(".big"))
    waiting.locator(".big").click()
    expect(panel.locator("#cards .upload").filter(has_text=published)).to_have_count(1)
    panel.goto(panel.url)


def send_and_publish(panel: Page, file: Path, _published: str) -> None:
    panel.goto(f"{origin(panel)}/admin/upload")
    panel.locator("main input[type=file]").set_input_files(file)
    panel.locator("main button[type=submit]").click()
    panel.locator("main .big").click()
    expect(panel.locator("main .share")).to_be_visible()


def slugs(server: FenfaServer) -> dict[str, str]:
    """The product of each platform."""
    rows = query(server, "SELECT platform, slug FROM products JOIN variants ON product_id = products.id")
    assert {platform for platform, _ in rows} == set(VISITORS)
    return dict(rows)


def fetched(page: Page, platform: str, download: str) -> bytes:
    """What the page's one obvious button brings onto the device; an iPhone follows the manifest."""
    button = page.locator(".act a.big").first
    if platform != "ios":
        expect(button).to_contain_text(download)
        with page.expect_download() as caught:
            button.click()
        return caught.value.path().read_bytes()
    manifest = parse_qs(urlsplit(button.get_attribute("href") or "").query)["url"][0]
    items = plistlib.loads(plain(manifest))["items"][0]
    assert items["metadata"]["bundle-identifier"] == "com.example.phone"
    return plain(items["assets"][0]["url"])


def plain(address: str) -> bytes:
    """Fetched as the proxy would that speaks https."""
    secure = {"X-Forwarded-Proto": "https"}
    return httpx.get(re.sub("^https:", "http:", address), headers=secure).raise_for_status().content


def origin(page: Page) -> str:
    parts = urlsplit(page.url)
    return f"{parts.scheme}://{parts.netloc}"


def assert_logged(panel: Page, server: FenfaServer) -> None:
    """One download of each product, in the log as an admin sees it."""
    wait_for(lambda: query(server, "SELECT 1 FROM events WHERE type = 'download'")[len(VISITORS) - 1 :] or None)
    panel.goto(f"{origin(panel)}/admin/events?type=download")
    expect(panel.locator("#list .tag.download")).to_have_count(len(VISITORS))
    names = {product["name"] for product in products(server)}
    assert {name for name in names if panel.locator("#list td.what").filter(has_text=name).count() == 1} == names


def products(server: FenfaServer) -> list[dict[str, Any]]:
    answer = httpx.get(f"{server.url}/admin/api/products", headers={"X-Auth-Token": ADMIN})
    return list(answer.json()["data"]["items"])
