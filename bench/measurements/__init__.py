"""What is measured, in the order in which it runs. Each module's `measure` takes a plan and gives figures."""

from collections.abc import Callable, Iterator

from bench.measurements import (
    downloads,
    events,
    memory,
    pages,
    paint,
    parsing,
    peers,
    postgresql,
    s3,
    small_downloads,
    stalled,
    startup,
    uploads,
)
from bench.plan import Plan
from bench.table import Figure

MEASUREMENTS: dict[str, Callable[[Plan], Iterator[Figure]]] = {
    "startup": startup.measure,
    "memory": memory.measure,
    "parsing": parsing.measure,
    "peers": peers.measure,
    "pages": pages.measure,
    "paint": paint.measure,
    "postgresql": postgresql.measure,
    "small-downloads": small_downloads.measure,
    "downloads": downloads.measure,
    "stalled": stalled.measure,
    "uploads": uploads.measure,
    "s3": s3.measure,
    "events": events.measure,
}
