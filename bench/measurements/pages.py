"""The product's JSON with 24 releases, made anew and from the cache, and its page from the cache."""

from collections.abc import Iterator
from pathlib import Path

import httpx

from bench.files import make_zip
from bench.nginx import nginx
from bench.plan import Plan, median, take_turns
from bench.server import Server, serve
from bench.table import Figure
from bench.wrk import load

RELEASES = 24
CONNECTIONS = 8
SLUG = "pages"


def measure(plan: Plan) -> Iterator[Figure]:
    room, root = plan.room("pages"), plan.room("pages/root")
    json, page = f"/api/products/{SLUG}", f"/products/{SLUG}"
    with serve(plan, room) as server:
        publish(server, SLUG, make_zip(room / "app.zip", 4096))
        yield _beside_nginx(plan, server, json, root, "product JSON, cached", 60)
        yield _beside_nginx(plan, server, page, root, "product page, cached", 60)
    with serve(plan, room, FENFA_PAGE_CACHE="off") as server:
        yield _beside_nginx(plan, server, json, root, "product JSON, uncached", 350)
        yield _beside_nginx(plan, server, page, root, "product page, uncached", None)


def publish(server: Server, slug: str, source: Path) -> None:
    variant = server.create_variant(slug)
    for _ in range(RELEASES):
        server.upload(variant, source)


def _beside_nginx(plan: Plan, server: Server, path: str, root: Path, name: str, at_most: int | None) -> Figure:
    """CPU a request; nginx serves the same bytes from a file."""
    (root / "answer").write_bytes(httpx.get(server.url + path).raise_for_status().content)
    seconds = plan.scale.load_seconds
    with nginx(root.parent, root) as peer:
        load(server.tree, server.url + path, CONNECTIONS, 1)
        ours, limits = take_turns(
            plan.scale.rounds,
            lambda: load(server.tree, server.url + path, CONNECTIONS, seconds).cpu_micros,
            lambda: load(peer.tree, f"{peer.url}/answer", CONNECTIONS, seconds).cpu_micros,
        )
    return Figure(f"{name}, CPU", median(ours), "µs/request", median(limits), "nginx", at_most=at_most)
