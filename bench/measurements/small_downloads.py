"""4 KB downloads, each with lookup, visibility, count and event, beside nginx serving the same 4 KB from a file."""

import time
from collections.abc import Iterator

from bench.files import make_zip
from bench.nginx import nginx
from bench.plan import Plan, median, take_turns
from bench.server import Server, serve
from bench.table import Figure
from bench.wrk import Load, load

CONNECTIONS = 32
SETTLE_SECONDS = 3
"""Events are written in batches; this is more than enough for the last one."""


def measure(plan: Plan) -> Iterator[Figure]:
    room, seconds = plan.room("small-downloads"), plan.scale.load_seconds
    source = make_zip(plan.room("small-downloads/root") / "app.zip", 4096)
    with serve(plan, room) as server, nginx(room, source.parent) as peer:
        variant = server.create_variant("small-downloads")
        url = f"{server.url}/d/{server.upload(variant, source).release_id}"
        warm_up = load(server.tree, url, CONNECTIONS, 1)
        ours, limits = take_turns(
            plan.scale.rounds,
            lambda: load(server.tree, url, CONNECTIONS, seconds),
            lambda: load(peer.tree, f"{peer.url}/app.zip", CONNECTIONS, seconds),
        )
        yield from _figures(ours, limits)
        yield _miscounted(server, variant, [warm_up, *ours])


def _figures(ours: list[Load], limits: list[Load]) -> Iterator[Figure]:
    rate, limit = median([run.rate for run in ours]), median([run.rate for run in limits])
    yield Figure("download 4 KB", rate, "requests/s", limit, "nginx", ratio_at_least=0.2)
    cpu, cpu_limit = median([run.cpu_micros for run in ours]), median([run.cpu_micros for run in limits])
    yield Figure("download 4 KB, CPU", cpu, "µs/request", cpu_limit, "nginx")


def _miscounted(server: Server, variant: str, runs: list[Load]) -> Figure:
    """wrk hangs up on the requests that are in flight when its time is over; they may count or not."""
    time.sleep(SETTLE_SECONDS)
    counted = server.ask("GET", f"/admin/api/variants/{variant}/stats")["totals"]["downloads"]
    completed, in_flight = sum(run.requests for run in runs), CONNECTIONS * len(runs)
    return Figure("download 4 KB, miscounted", miscount(counted, completed, in_flight), "downloads", at_most=0)


def miscount(counted: int, completed: int, in_flight: int) -> int:
    return max(completed - counted, counted - completed - in_flight, 0)
