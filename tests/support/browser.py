"""A real browser: the system's Chromium, driven by Playwright.

Every page that `Browser` opens is watched: a console error, a crash of a script, a violation of the content security
policy or a request to another host fails the test that caused it.
"""

import base64
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import BrowserContext, ConsoleMessage, Page, Request, Route, sync_playwright

PATIENCE = 30.0
FLAGS = (
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
DEVICES: dict[str, dict[str, Any]] = {
    "iphone": {
        "user_agent": "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
        "Version/18.5 Mobile/15E148 Safari/604.1",
        "viewport": {"width": 390, "height": 844},
        "has_touch": True,
    },
    "android": {
        "user_agent": "Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) "
        "Chrome/140.0.0.0 Mobile Safari/537.36",
        "viewport": {"width": 360, "height": 800},
        "has_touch": True,
    },
    "desktop": {"viewport": {"width": 1440, "height": 900}},
}
DRAG = """([names, contents]) => {
  window.carried = new DataTransfer();
  names.forEach((name, i) => carried.items.add(new File([Uint8Array.from(atob(contents[i]), (c) => c.charCodeAt(0))], name)));
  document.body.dispatchEvent(new DragEvent("dragover", { bubbles: true, cancelable: true, dataTransfer: carried }));
}"""
DROP = """() => document.body.dispatchEvent(
  new DragEvent("drop", { bubbles: true, cancelable: true, dataTransfer: window.carried }))"""
ADMIN, UPLOAD = "dev-admin-token", "dev-upload-token"


@dataclass
class Browser:
    """Opens pages and notes what they must not do. `errors` must be empty at the end of a test."""

    chromium: Chromium
    base: str
    contexts: list[BrowserContext] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    expected: list[str] = field(default_factory=list)

    def open(self, path: str, behind_https: bool = False, **options: Any) -> Page:
        """A page in a fresh profile. `options` go to the browser's context: a device of `DEVICES`, `color_scheme` …
        `behind_https`: the server is told that it stands behind a proxy that speaks https."""
        context = self.chromium.new_context(**options)
        self.contexts.append(context)
        if behind_https:
            context.set_extra_http_headers({"X-Forwarded-Proto": "https"})
            context.route(re.compile(r"^https://127\.0\.0\.1"), _fetch_plainly)
        context.set_default_timeout(10_000)
        context.on("console", self._note_console)
        context.on("weberror", lambda error: self.errors.append(f"script: {error.error}"))
        context.on("request", self._note_request)
        page = context.new_page()
        page.goto(self.base + path)
        return page

    def expect_error(self, status: int) -> None:
        """The browser itself writes a refused page load to the console; this one is meant."""
        self.expected.append(f"the server responded with a status of {status}")

    def close(self) -> None:
        for context in self.contexts:
            context.close()

    def _note_console(self, message: ConsoleMessage) -> None:
        meant = any(text in message.text for text in self.expected)
        if message.type in ("error", "warning") and not meant:
            self.errors.append(f"console: {message.text}")

    def _note_request(self, request: Request) -> None:
        if urlsplit(request.url).netloc != urlsplit(self.base).netloc and not request.url.startswith("data:"):
            self.errors.append(f"another host: {request.url}")


def _fetch_plainly(route: Route) -> None:
    """What the proxy would do."""
    route.fulfill(response=route.fetch(url=route.request.url.replace("https:", "http:", 1)))


@contextmanager
def watched(engine: Chromium, base: str) -> Iterator[Browser]:
    """A browser for the server at `base`. What its pages must not do fails the test at its end."""
    opened = Browser(engine, base)
    try:
        yield opened
    finally:
        opened.close()
    assert opened.errors == []


def find_chromium() -> str:
    names = ("chromium", "chromium-browser", "google-chrome")
    found = os.environ.get("CHROMIUM") or next((path for name in names if (path := shutil.which(name))), None)
    assert found, "no Chromium here: run tools/install-test-packages, or set CHROMIUM to its path"
    return found


@contextmanager
def chromium() -> Iterator[Chromium]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=list(FLAGS))
        try:
            yield browser
        finally:
            browser.close()


def log_in(page: Page, token: str = ADMIN) -> None:
    """On the login page, in any language."""
    page.locator("#token").fill(token)
    page.locator("main form button[type=submit]").click()


def drag(page: Page, *files: Path) -> None:
    """Carries the files over the page, without letting go of them."""
    contents = [base64.b64encode(file.read_bytes()).decode() for file in files]
    page.evaluate(DRAG, [[file.name for file in files], contents])


def drop(page: Page, *files: Path) -> None:
    drag(page, *files)
    page.evaluate(DROP)


def fits(page: Page) -> bool:
    """Whether the page is no wider than the screen."""
    return bool(page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"))


def send(base: str, file: Path, token: str = ADMIN, **fields: str) -> dict[str, Any]:
    """`data` of a smart upload that makes its own product."""
    with file.open("rb") as opened:
        answer = httpx.post(
            f"{base}/smart-upload",
            headers={"X-Auth-Token": token},
            data={"create": "1", **fields},
            files={"app_file": (file.name, opened)},
            timeout=PATIENCE,
        )
    assert answer.status_code == 201, answer.text
    return dict(answer.json()["data"])
