"""Texts that try to become script, in every field that takes one and inside packages: none of them runs anywhere.

The browser here ignores the content security policy, so that what would run does run.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import BrowserContext, Dialog

from tests.support.browser import log_in
from tests.support.packages import make_apk, make_ipa
from tests.support.payloads import PAYLOADS
from tests.support.server import FenfaServer, fenfa_server
from tests.support.site import Site

pytestmark = pytest.mark.journey
LINE = 255
SHARE = 3  # payloads that fit into one line
GROUPS = ["\t".join(PAYLOADS[i : i + SHARE]).replace("\t", " ")[:LINE] for i in range(0, len(PAYLOADS), SHARE)]
PACKAGES = 20  # products that get their texts from a package instead of a form


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FenfaServer]:
    with fenfa_server(tmp_path_factory.mktemp("hostile")) as started:
        yield started


@pytest.fixture(scope="module")
def sites(server: FenfaServer) -> list[Site]:
    """One for each product: what its pages are called."""
    packaged = [_from_package(server, number) for number in range(PACKAGES)]
    return packaged + [_from_forms(server, text, number) for number, text in enumerate(GROUPS)]


@pytest.mark.long
def test_no_text_becomes_script(engine: Chromium, server: FenfaServer, sites: list[Site]) -> None:
    context = engine.new_context(bypass_csp=True)
    ran: list[str] = []
    _watch(context, ran)
    page = context.new_page()
    page.goto(f"{server.url}/admin/login")
    log_in(page)
    shared = {address for address in sites[0].pages() if not _own(address, sites[0])}
    own = {address for number, site in enumerate(sites) for address in _share(site, number)}
    for address in sorted(shared | own):
        page.goto(server.url + address, wait_until="domcontentloaded")
        assert page.url.startswith(server.url), f"{address} led away to {page.url}"
        page.evaluate("new Promise(done => setTimeout(done))")
    context.close()
    assert ran == []


def test_no_query_becomes_script(engine: Chromium, server: FenfaServer, sites: list[Site]) -> None:
    context = engine.new_context(bypass_csp=True)
    ran: list[str] = []
    _watch(context, ran)
    page = context.new_page()
    page.goto(f"{server.url}/admin/login")
    log_in(page)
    for number, address in enumerate(sites[0].pages()):
        hostile = httpx.QueryParams(
            dict.fromkeys(("q", "next", "done", "r", "variant", "from", "type"), GROUPS[number])
        )
        page.goto(f"{server.url}{address}?{hostile}", wait_until="domcontentloaded")
        page.evaluate("new Promise(done => setTimeout(done))")
    context.close()
    assert ran == []


def _share(site: Site, number: int) -> list[str]:
    """The pages about this product: the public one, and of the panel's every eighth, another one for each product."""
    own = [address for address in site.pages() if _own(address, site)]
    return [address for place, address in enumerate(own) if "/admin" not in address or place % 8 == number % 8]


def _watch(context: BrowserContext, ran: list[str]) -> None:
    """Notes every dialog, which is what the payloads open when they run."""

    def note(dialog: Dialog) -> None:
        ran.append(f"{dialog.page.url if dialog.page else ''}: {dialog.message}")
        dialog.dismiss()

    context.on("dialog", note)


def _from_forms(server: FenfaServer, text: str, number: int) -> Site:
    prose = "\n\n".join(PAYLOADS[number * SHARE : (number + 1) * SHARE])
    draft = {"name": text, "description": prose}
    product = _made(server.client.post("/admin/api/products", json=draft))
    variant = {"platform": ("ios", "android", "macos", "windows", "linux")[number % 5]}
    variant |= dict.fromkeys(("display_name", "identifier", "arch", "installer_type", "min_os"), text)
    made = _made(server.client.post(f"/admin/api/products/{product['id']}/variants", json=variant))
    site = Site(server.url, _ids(product) | {"variant_id": made["id"]} | _page_of_newest(made["platform"]))
    visit = {"type": "visit", "variant_id": made["id"], "extra": {"button": text}}
    _made(server.client.post("/events", json=visit, headers={"User-Agent": text.strip()}))
    return site


def _from_package(server: FenfaServer, number: int) -> Site:
    text = GROUPS[number]
    folder = Path(server.folder)
    if number % 2:
        file = make_apk(
            folder / f"{number}.apk", identifier=f"com.example.n{number}", name=text, version=text, permissions=(text,)
        )
    else:
        profile = {"Name": text, "TeamName": text, "AppIDName": text}
        file = make_ipa(
            folder / f"{number}.ipa", identifier=f"com.example.n{number}", name=text, version=text, profile=profile
        )
    fields = {"create": "1", "channel": text, "changelog": "\n\n".join(PAYLOADS[number::PACKAGES])}
    hostile_name = f"{text.replace('/', '')[:80]}{file.suffix}"
    waiting = server.client.post("/admin/upload", files={"app_file": (hostile_name, file.read_bytes())})
    sent = _made(
        server.client.post("/smart-upload", data=fields, files={"app_file": (hostile_name, file.read_bytes())})
    )
    product = _made(server.client.get(f"/admin/api/products/{sent['app']['product_id']}"))["product"]
    ids = {"variant_id": sent["app"]["variant_id"], "release_id": sent["release"]["id"], "app_id": sent["app"]["id"]}
    ids["upload_id"] = waiting.headers["location"].rpartition("/")[2]
    return Site(server.url, _ids(product) | ids | {"any_id": ids["app_id"]} | _page_of_newest(sent["app"]["platform"]))


def _ids(product: dict[str, Any]) -> dict[str, str]:
    return {"product_id": product["id"], "slug": product["id"], "id_or_slug": product["id"]}


def _page_of_newest(platform: str) -> dict[str, str]:
    """The newest build of iOS is a page, that of every other platform a file."""
    return {"platform": platform} if platform == "ios" else {}


def _own(address: str, site: Site) -> bool:
    return any(value in address for value in site.ids.values() if "_" in value)


def _made(answer: httpx.Response) -> dict[str, Any]:
    assert answer.is_success, answer.text
    return dict(answer.json()["data"])
