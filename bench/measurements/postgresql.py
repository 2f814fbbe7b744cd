"""The product's JSON with 24 releases from a server on PostgreSQL, beside SQLite, as users get it, at 32 connections."""

from collections.abc import Iterator

from bench.files import make_zip
from bench.measurements.pages import publish
from bench.plan import Plan, median, take_turns
from bench.server import serve
from bench.table import Figure
from bench.wrk import load
from tests.support.postgresql import running_postgresql

CONNECTIONS = 32
MILLISECONDS = 2.0
SLUG = "postgresql"


def measure(plan: Plan) -> Iterator[Figure]:
    room, other, seconds = plan.room("postgresql"), plan.room("postgresql-beside"), plan.scale.load_seconds
    source, path = make_zip(room / "app.zip", 4096), f"/api/products/{SLUG}"
    with running_postgresql() as postgresql:
        url = postgresql.create()
        with serve(plan, room, FENFA_DATABASE_URL=url) as server, serve(plan, other) as beside:
            for one in (server, beside):
                publish(one, SLUG, source)
                load(one.tree, one.url + path, CONNECTIONS, 1)
            ours, limits = take_turns(
                plan.scale.rounds,
                lambda: load(server.tree, server.url + path, CONNECTIONS, seconds),
                lambda: load(beside.tree, beside.url + path, CONNECTIONS, seconds),
            )
    name, millis = "product JSON, PostgreSQL", ([run.median_millis for run in runs] for runs in (ours, limits))
    yield Figure(f"{name}, median", median(next(millis)), "ms", median(next(millis)), "SQLite", at_most=MILLISECONDS)
    rates = [median([run.rate for run in runs]) for runs in (ours, limits)]
    yield Figure(name, rates[0], "requests/s", rates[1], "SQLite")
