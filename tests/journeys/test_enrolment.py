"""An iPhone in a real browser: the page asks to register it, the device answers, the status turns, and the page installs."""

import re
from collections.abc import Iterator
from urllib.parse import urljoin

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.support.browser import DEVICES, Browser, send
from tests.support.device_ca import device, respond
from tests.support.packages import make_ipa
from tests.support.server import FenfaServer, fenfa_server

pytestmark = pytest.mark.journey
LISTED, STRANGER = "00008110-00000000000A000A", "00008110-00000000000B000B"
SECURE = {"X-Forwarded-Proto": "https"}
WORDS = {
    "en-GB": ("Register this iPhone", "Install on this iPhone", "The team makes a new build"),
    "zh-CN": ("登记这台 iPhone", "安装到这台 iPhone", "开发团队制作新的构建，完成后显示在这里"),
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FenfaServer]:
    with fenfa_server(tmp_path_factory.mktemp("enrolment")) as started:
        yield started


@pytest.fixture(scope="module")
def product(server: FenfaServer, tmp_path_factory: pytest.TempPathFactory) -> str:
    profile = {"ProvisionedDevices": [LISTED]}
    file = make_ipa(tmp_path_factory.mktemp("build") / "weather.ipa", name="Weather", profile=profile)
    return str(send(server.url, file)["urls"]["page"]).removeprefix(server.url)


@pytest.mark.parametrize("locale", WORDS)
def test_from_the_profile_to_the_install_button(browser: Browser, product: str, locale: str) -> None:
    register, install, _ = WORDS[locale]
    page = browser.open(product, behind_https=True, locale=locale, **DEVICES["iphone"])
    expect(page.locator(".act a.big").first).to_contain_text(register)
    assert answered(page, LISTED) == [False, True]
    button = page.locator(".act a.big").first
    expect(button).to_contain_text(install)
    assert (button.get_attribute("href") or "").startswith("itms-services://?action=download-manifest&url=https")
    assert page.get_by_text(register).count() == 0


@pytest.mark.parametrize("locale", WORDS)
def test_a_device_that_the_build_does_not_list_is_told(browser: Browser, product: str, locale: str) -> None:
    page = browser.open(product, behind_https=True, locale=locale, **DEVICES["iphone"])
    assert answered(page, STRANGER) == [False, True]
    expect(page.locator(".note").first).to_contain_text(WORDS[locale][2])
    assert STRANGER not in page.content()


def answered(page: Page, udid: str) -> list[bool]:
    """Opens the page that the device is led to after its reply; gives what the status said before and after it."""
    link = page.locator("a[href*='/udid/profile.mobileconfig']").first.get_attribute("href") or ""
    profile = fetched(page, link)
    before = is_bound(page, link)
    address, reply = respond(profile.encode(), device(), UDID=udid)
    answer = httpx.post(re.sub("^https:", "http:", address), content=reply, headers=SECURE)
    assert answer.status_code == 301
    page.goto(urljoin(page.url, answer.headers["location"]))
    return [before, is_bound(page, link)]


def is_bound(page: Page, link: str) -> bool:
    return '"bound":true' in fetched(page, link.replace("profile.mobileconfig", "status")).replace(" ", "")


def fetched(page: Page, path: str) -> str:
    """With the browser's cookies."""
    return str(page.evaluate("path => fetch(path).then(answer => answer.text())", path))
