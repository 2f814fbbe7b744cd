"""How soon a visitor sees the product's page: its first contentful paint in Chromium, nothing cached, beside a page of one line."""

from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import Browser

from bench.files import make_zip
from bench.nginx import nginx
from bench.plan import Plan, median, take_turns
from bench.server import serve
from bench.table import Figure
from tests.support.browser import chromium

SLUG = "paint"
ROUNDS = 9
FIRST_PAINT = "performance.getEntriesByName('first-contentful-paint')[0].startTime"


def measure(plan: Plan) -> Iterator[Figure]:
    room, root = plan.room("paint"), plan.room("paint/root")
    _write_line(root)
    with serve(plan, room) as server, nginx(root.parent, root) as peer, chromium() as browser:
        server.upload(server.create_variant(SLUG), make_zip(room / "app.zip", 4096))
        ours, limits = take_turns(
            ROUNDS,
            lambda: first_paint(browser, f"{server.url}/products/{SLUG}"),
            lambda: first_paint(browser, f"{peer.url}/line.html"),
        )
    yield Figure("product page, first paint", median(ours), "ms", median(limits), "a page of one line", at_most=300)


def first_paint(browser: Browser, address: str) -> float:
    """Milliseconds since the navigation began, in a fresh profile."""
    context = browser.new_context()
    page = context.new_page()
    page.goto(address, wait_until="networkidle")
    paint = float(page.evaluate(FIRST_PAINT))
    context.close()
    return paint


def _write_line(root: Path) -> None:
    (root / "line.html").write_text("<!doctype html><title>One line</title><p>One line")
