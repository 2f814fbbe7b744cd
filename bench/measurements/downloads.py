"""Large downloads, whole and in ranges, at 1 and 64 connections, beside nginx with sendfile on the same file."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from bench import client
from bench.files import make_zip
from bench.nginx import Nginx, nginx
from bench.plan import GB, MB, Plan, Scale, median, take_turns
from bench.processes import Peak, apart, cpu_of
from bench.server import Server, serve
from bench.table import Figure

CPU_SECONDS_PER_GB = 0.55
MEMORY_MB = 60
CONNECTIONS = (1, 64)
MANNERS: dict[str, Callable[[int, int], list[client.Range]]] = {"whole": client.wholes, "ranges": client.ranges}


@dataclass(frozen=True)
class Cost:
    rate: float
    cpu_per_gb: float
    peak_bytes: int


def measure(plan: Plan) -> Iterator[Figure]:
    room = plan.room("downloads")
    root = plan.room("downloads/root")
    source = make_zip(root / "app.zip", plan.scale.download)
    with serve(plan, room) as server, nginx(room, root) as peer:
        idle = server.tree.pss_bytes()
        release = server.upload(server.create_variant("downloads"), source).release_id
        for manner, parts in MANNERS.items():
            for connections in CONNECTIONS:
                work = parts(plan.scale.download, volume(plan.scale, connections))
                ours, limits = take_turns(
                    plan.scale.rounds,
                    lambda: fetch(server, f"/d/{release}", connections, work),  # noqa: B023 - called at once
                    lambda: fetch(peer, "/app.zip", connections, work),  # noqa: B023
                )
                yield from _figures(f"download {manner}, {connections} conn.", connections, ours, limits, idle)


def volume(scale: Scale, connections: int) -> int:
    """A single connection needs less to be measured well."""
    return scale.fetched if connections > 1 else scale.fetched // 8


def fetch(server: Server | Nginx, path: str, connections: int, parts: list[client.Range]) -> Cost:
    with Peak(server.tree) as peak, cpu_of(server.tree) as cpu:
        fetched = apart(client.fetch, server.port, path, connections, parts)
    return Cost(fetched.rate / MB, cpu.seconds / fetched.bytes * GB, peak.bytes)


def _figures(name: str, connections: int, ours: list[Cost], limits: list[Cost], idle: int) -> Iterator[Figure]:
    required = CPU_SECONDS_PER_GB if connections > 1 else None
    yield Figure(name, median([c.rate for c in ours]), "MB/s", median([c.rate for c in limits]), "nginx")
    yield Figure(
        f"{name}, CPU",
        median([c.cpu_per_gb for c in ours]),
        "s/GB",
        median([c.cpu_per_gb for c in limits]),
        "nginx",
        at_most=required,
    )
    over = (max(c.peak_bytes for c in ours) - idle) / MB
    yield Figure(f"{name}, memory over idle", over, "MB", at_most=MEMORY_MB)
