"""The counters of one server, the same whichever of its workers is asked.

Each worker adds to numbers in a small file of its own, mapped into memory: an addition costs a fraction of a microsecond and
outlives a killed worker, and whoever is asked sums up all files. The routes are known at the start and alike in every worker, so a
number's place is its name.
"""

import logging
import mmap
import os
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from starlette.routing import BaseRoute, Route

from fenfa.vocabulary import EventType

BOUNDS = (0.001, 0.005, 0.025, 0.1, 0.25, 1.0, 2.5, 10.0)
"""Upper bounds of the classes of duration, in seconds; one more is for what took longer."""
CLASSES = 5  # 1xx to 5xx
SUM, BYTES = CLASSES + len(BOUNDS) + 1, CLASSES + len(BOUNDS) + 2
WIDTH = BYTES + 1
OTHER = "other"
EVENTS = tuple(EventType)
LEVELS = {logging.ERROR: "error", logging.CRITICAL: "critical"}
_FAST = {  # answers of the fast path, which asks no router; by all of the path but its last word
    "/d": "/d/{release_id}",
    "/products": "/products/{slug}",
    "/api/products": "/api/products/{id_or_slug}",
    "/api/products/slug": "/api/products/slug/{slug}",
    "/api/apps": "/api/apps/{app_id}",
}


def every_route(routes: Iterable[BaseRoute]) -> Iterator[BaseRoute]:
    for route in routes:
        included = getattr(route, "original_router", None)  # a router of FastAPI's stays a router
        if included is None:
            yield route
        else:
            yield from every_route(included.routes)


def _called(endpoint: Any, names: Iterable[str]) -> tuple[Any, frozenset[str]]:
    """By which a scope tells its route: Starlette leaves no other mark. One endpoint may stand behind several paths."""
    return endpoint, frozenset(names)


class Meter:
    """Hears of every request, see `RequestLog` in rsgi.py. `worker` 0 keeps its numbers to itself."""

    def __init__(self, routes: Iterable[BaseRoute], data_dir: str, worker: int) -> None:
        known = [route for route in every_route(routes) if isinstance(route, Route)]
        self._templates = {_called(route.endpoint, route.param_convertors): route.path for route in reversed(known)}
        self.routes = [*sorted({route.path for route in known}), OTHER]
        self._places = {route: number * WIDTH for number, route in enumerate(self.routes)}
        self._events = len(self.routes) * WIDTH
        self._levels = self._events + len(EVENTS)
        self._size = self._levels + len(LEVELS)
        self._folder, self._server = Path(data_dir).absolute() / "metrics", os.getppid()
        self._map = _mapped(self._file(worker), self._size * 8) if worker else bytearray(self._size * 8)
        self._numbers = memoryview(self._map).cast("d")
        self._listener = _Listener(self)
        logging.getLogger().addHandler(self._listener)

    def __call__(
        self, method: str, path: str, scope: Mapping[str, Any] | None, status: int, sent: int, seconds: float
    ) -> None:
        if status < 100:  # it ended without an answer, which has no class
            return
        if scope is None:
            route = _FAST.get(path.rpartition("/")[0], OTHER)
        else:
            route = self._templates.get(_called(scope.get("endpoint"), scope.get("path_params", ())), OTHER)
        place, numbers = self._places.get(route, self._places[OTHER]), self._numbers
        numbers[place + status // 100 - 1] += 1
        numbers[place + CLASSES + bisect_left(BOUNDS, seconds)] += 1
        numbers[place + SUM] += seconds
        numbers[place + BYTES] += sent

    def count_events(self, written: Mapping[EventType, int]) -> None:
        for kind, number in written.items():
            self._numbers[self._events + EVENTS.index(kind)] += number

    def count_failure(self, level: int) -> None:
        self._numbers[self._levels + (level >= logging.CRITICAL)] += 1

    def close(self) -> None:
        logging.getLogger().removeHandler(self._listener)

    def totals(self) -> "Totals":
        """Of all workers of this server."""
        every = [array("d", data) for data in self._read_all()]
        sums = [sum(column) for column in zip(*every, strict=True)]
        of_routes = {route: sums[place : place + WIDTH] for route, place in self._places.items()}
        events = dict(zip(EVENTS, sums[self._events : self._levels], strict=True))
        return Totals(of_routes, events, dict(zip(LEVELS.values(), sums[self._levels :], strict=True)))

    def _read_all(self) -> Iterator[bytes]:
        if isinstance(self._map, bytearray):
            yield bytes(self._map)
            return
        for file in self._folder.glob(f"{self._server}-{self._size}-*"):
            yield file.read_bytes()

    def _file(self, worker: int) -> Path:
        """A worker that replaces another goes on with its numbers; those of an earlier server are nobody's."""
        self._folder.mkdir(exist_ok=True, mode=0o750)
        for file in self._folder.iterdir():
            if not file.name.startswith(f"{self._server}-"):
                file.unlink(missing_ok=True)
        return self._folder / f"{self._server}-{self._size}-{worker}"


class Totals:
    """What all workers counted: of each route by place, events by type, log records by level."""

    def __init__(
        self, routes: dict[str, list[float]], events: dict[EventType, float], failures: dict[str, float]
    ) -> None:
        self.routes = {route: numbers for route, numbers in routes.items() if any(numbers)}
        self.events, self.failures = events, failures


class _Listener(logging.Handler):
    """Counts what is logged as an error, wherever it comes from."""

    def __init__(self, meter: Meter) -> None:
        super().__init__(logging.ERROR)
        self._meter = meter

    def emit(self, record: logging.LogRecord) -> None:
        self._meter.count_failure(record.levelno)


def _mapped(file: Path, size: int) -> mmap.mmap:
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        os.ftruncate(descriptor, size)
        return mmap.mmap(descriptor, size)
    finally:
        os.close(descriptor)
