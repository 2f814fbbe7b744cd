"""Lists, statistics and exports over ten million events, on SQLite and PostgreSQL: the slowest answers of each route."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx

from bench import client
from bench.crowd import DAYS, Place, fill, on_postgresql, on_sqlite
from bench.files import make_zip
from bench.plan import MB, BenchError, Plan, median
from bench.processes import Peak, apart
from bench.server import ADMIN_TOKEN, UPLOAD_TOKEN, Server, serve
from bench.table import Figure
from tests.support.postgresql import running_postgresql

PRODUCTS, RELEASES = 20, 300
ANSWER_MS = 100
MEMORY_MB = 30
ROWS_A_SECOND = 50_000
PATIENCE = 3600
_HEADERS = {"X-Auth-Token": ADMIN_TOKEN}


def measure(plan: Plan) -> Iterator[Figure]:
    for name in ("SQLite", "PostgreSQL"):
        room = plan.room(f"events-{name}")
        with _environment(name) as environment:
            with serve(plan, room, **environment) as server:
                places = _publish(server, make_zip(room / "app.zip", 4096))
            url = environment.get("FENFA_DATABASE_URL")
            engine = on_postgresql(url) if url else on_sqlite(room / "data" / "fenfa.db")
            fill(engine, places, plan.scale.events)
            engine.close()
            started = time.perf_counter()
            with serve(plan, room, PATIENCE, **environment) as server:
                millions = plan.scale.events / 1e6
                yield Figure(f"events, {name}, first count", (time.perf_counter() - started) / millions, "s/million")
                yield from _routes(plan, name, server, places)
                yield from _export(name, server)


@contextmanager
def _environment(name: str) -> Iterator[dict[str, str]]:
    """The server's environment; events are kept for ever, and those of this measurement are as old as a year."""
    kept = {"FENFA_EVENTS_KEEP_DAYS": "0"}
    if name == "SQLite":
        yield kept
        return
    with running_postgresql() as postgresql:
        yield kept | {"FENFA_DATABASE_URL": postgresql.create()}


def _publish(server: Server, package: Path) -> list[Place]:
    """Products of two variants each, and releases in turn; the oldest first."""
    variants: list[dict[str, str]] = []
    for number in range(PRODUCTS):
        product = server.ask("POST", "/admin/api/products", name=f"Product {number}", published=True)["id"]
        path = f"/admin/api/products/{product}/variants"
        platforms = ("linux", "windows" if number % 2 else "macos")
        variants.extend({"product_id": product, **server.ask("POST", path, platform=one)} for one in platforms)
    places = []
    for number in range(RELEASES):
        variant = variants[number * 7 % len(variants)]
        release = client.upload(server.port, UPLOAD_TOKEN, variant["id"], package).release_id
        places.append(Place(variant["product_id"], variant["legacy_app_id"], variant["id"], release))
    return places


def _routes(plan: Plan, name: str, server: Server, places: list[Place]) -> Iterator[Figure]:
    with httpx.Client(base_url=server.url, headers=_HEADERS, timeout=client.TIMEOUT) as http:
        for told, path in _asked(places).items():
            slow = slowest([_milliseconds(http, path) for _ in range(plan.scale.asks)])
            yield Figure(f"events, {name}, {told}, p95", slow, "ms", at_most=ANSWER_MS)


def _asked(places: list[Place]) -> dict[str, str]:
    """What people ask for: of what is new, of what is old and rare, and of everything."""
    new, old = places[-2], places[0]
    today = datetime.now(UTC).date()
    year = f"from={today - timedelta(days=363)}&to={today}"
    month = f"from={today - timedelta(days=230)}&to={today - timedelta(days=201)}"
    page, listed, stats = "/admin/events", "/admin/api/events", "/admin/api"
    return {
        "log": page,
        "log, a type": f"{page}?type=click",
        "log, a product": f"{page}?product_id={new.product_id}",
        "log, an old release": f"{page}?release_id={old.release_id}",
        "log, a platform": f"{page}?platform=linux",
        "log, a month": f"{page}?{month}",
        "log, a year back": f"{page}?before={today - timedelta(days=365)}T12:00:00.000Z_1",
        "list": listed,
        "list, 1,000": f"{listed}?limit=1000",
        "list, a variant": f"{listed}?variant_id={new.variant_id}&type=visit",
        "list, an old release": f"{listed}?release_id={old.release_id}",
        "list, an application": f"{listed}?app_id={new.app_id}",
        "list, a platform": f"{listed}?platform=windows&type=download",
        "list, a month": f"{listed}?{month}",
        "list, half way": f"{listed}?offset=5000000",
        "list, half way by mark": f"{listed}?before={today - timedelta(days=200)}T12:00:00.000Z_1",
        "dashboard": "/admin",
        "dashboard, a year": "/admin?days=364",
        "statistics, everything": "/admin/statistics",
        "statistics, everything, a year": f"/admin/statistics?{year}",
        "statistics, a product, a year": f"/admin/statistics?product_id={new.product_id}&{year}",
        "statistics, a variant": f"{stats}/variants/{new.variant_id}/stats?days=366",
        "statistics, a product": f"{stats}/products/{new.product_id}/stats?{year}",
        "statistics, a release": f"{stats}/releases/{new.release_id}/stats?{year}",
        "about": "/admin/about",
        "metrics": "/metrics",
    }


def _milliseconds(http: httpx.Client, path: str) -> float:
    started = time.perf_counter()
    answer = http.get(path)
    if answer.status_code != 200:
        raise BenchError(f"{path} was answered with {answer.status_code}: {answer.text[:300]}")
    return (time.perf_counter() - started) * 1000


def slowest(times: list[float]) -> float:
    """The 95th percentile."""
    return sorted(times)[min(len(times) - 1, len(times) * 95 // 100)]


def _export(name: str, server: Server) -> Iterator[Figure]:
    """The million events of forty days, newest first."""
    today = datetime.now(UTC).date()
    path = f"/admin/exports/events.csv?from={today - timedelta(days=DAYS // 10 - 1)}&to={today}"
    idle, rates = server.tree.pss_bytes(), []
    with Peak(server.tree) as peak:
        for _ in range(3):
            rows, seconds = apart(export, server.url + path)
            rates.append(rows / seconds)
    told = f"events, {name}, export"
    yield Figure(
        f"{told}, {rows:,} rows", median(rates), "rows/s", ROWS_A_SECOND, "what we require", ratio_at_least=1.0
    )
    yield Figure(f"{told}, memory over idle", (peak.bytes - idle) / MB, "MB", at_most=MEMORY_MB)


def export(url: str) -> tuple[int, float]:
    """Rows and seconds."""
    started, lines = time.perf_counter(), 0
    with httpx.stream("GET", url, headers=_HEADERS, timeout=client.TIMEOUT) as answer:
        answer.raise_for_status()
        for chunk in answer.iter_raw():
            lines += chunk.count(b"\n")
    return lines - 1, time.perf_counter() - started
