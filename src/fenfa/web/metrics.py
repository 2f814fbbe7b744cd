"""`/metrics`: what the server counts, in the OpenMetrics text format. No ID, name, address or token is ever a label."""

import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from fenfa import __version__
from fenfa.errors import NotFound
from fenfa.inspectors.slots import count_taken
from fenfa.runtime import Runtime
from fenfa.services.gauges import count_releases, count_states
from fenfa.vocabulary import Scope
from fenfa.web.deps import runtime_of
from fenfa.web.meter import BOUNDS, BYTES, CLASSES, SUM, Totals
from fenfa.web.security import authenticate, client_address, is_trusted
from fenfa.web.threads import in_thread

CONTENT_TYPE = "application/openmetrics-text; version=1.0.0; charset=utf-8"
_PROXIED = ("x-forwarded-for", "x-forwarded-host", "x-real-ip", "forwarded", "via")
Sample = tuple[str, float]


async def metrics(request: Request) -> Response:
    runtime = runtime_of(request)
    await _require_reader(request, runtime)
    states = await runtime.database.read(count_states)
    releases = await runtime.database.read(count_releases)
    places = await in_thread(_measure, runtime)
    lines = [
        *_of_requests(request.app.state.meter.totals()),
        *_states("fenfa_uploads", "Uploads by state.", states["uploads"]),
        *_states("fenfa_jobs", "Background jobs by state.", states["jobs"]),
        *_family("fenfa_releases", "gauge", "Releases.", [("", releases)]),
        *places,
        *_family("fenfa_build", "info", "The version that runs.", [(f'_info{{version="{__version__}"}}', 1)]),
        "# EOF\n",
    ]
    return Response("\n".join(lines), headers={"content-type": CONTENT_TYPE, "cache-control": "no-store"})


async def _require_reader(request: Request, runtime: Runtime) -> None:
    """Networks of the setting without a token, unless a proxy speaks for somebody it does not name; others with one."""
    config = runtime.config
    if config.metrics == ("off",):
        raise NotFound("not found")
    is_near = is_trusted(client_address(request.scope, config.trusted_proxies), config.metrics)
    is_vague = "x-forwarded-for" not in request.headers and any(name in request.headers for name in _PROXIED)
    if not is_near or is_vague:
        await authenticate(request, runtime, Scope.ADMIN)


def _measure(runtime: Runtime) -> list[str]:
    folder = Path(runtime.config.data_dir)
    disk, readers = shutil.disk_usage(folder), count_taken(folder.absolute() / "readers")
    return [
        *_family("fenfa_storage_free_bytes", "gauge", "Free space on the disk of the data folder.", [("", disk.free)]),
        *_family("fenfa_storage_size_bytes", "gauge", "Size of the disk of the data folder.", [("", disk.total)]),
        *_family("fenfa_parsers_busy", "gauge", "Package readers at work.", [("", readers)]),
    ]


def _of_requests(totals: Totals) -> Iterator[str]:
    routes = totals.routes.items()
    requests = [
        (f'_total{{route="{route}",status="{number + 1}xx"}}', counts[number])
        for route, counts in routes
        for number in range(CLASSES)
        if counts[number]
    ]
    yield from _family("fenfa_http_requests", "counter", "Answers by route and class of status.", requests)
    sent = [(f'_total{{route="{route}"}}', counts[BYTES]) for route, counts in routes]
    yield from _family("fenfa_http_response_bytes", "counter", "Bytes of answers' bodies.", sent)
    taken = [sample for route, counts in routes for sample in _histogram(route, counts)]
    told = "Seconds from a request's head to its answer being handed to the network."
    yield from _family("fenfa_http_request_duration_seconds", "histogram", told, taken)
    events = [(f'_total{{type="{kind}"}}', number) for kind, number in totals.events.items()]
    yield from _family("fenfa_events", "counter", "Visits, clicks and downloads written.", events)
    errors = [(f'_total{{level="{level}"}}', number) for level, number in totals.failures.items()]
    yield from _family("fenfa_errors", "counter", "Errors in the log, by level.", errors)


def _histogram(route: str, counts: list[float]) -> Iterator[Sample]:
    below = 0.0
    for bound, number in zip((*map(str, BOUNDS), "+Inf"), counts[CLASSES:SUM], strict=True):
        below += number
        yield f'_bucket{{route="{route}",le="{bound}"}}', below
    yield f'_count{{route="{route}"}}', below
    yield f'_sum{{route="{route}"}}', counts[SUM]


def _states(name: str, told: str, states: dict[str, int]) -> Iterator[str]:
    return _family(name, "gauge", told, [(f'{{state="{state}"}}', number) for state, number in states.items()])


def _family(name: str, kind: str, told: str, samples: Iterable[Sample]) -> Iterator[str]:
    yield f"# TYPE {name} {kind}"
    yield f"# HELP {name} {told}"
    for suffix, value in samples:
        yield f"{name}{suffix} {value:.9g}" if value != int(value) else f"{name}{suffix} {int(value)}"


ROUTES = (Route("/metrics", metrics, methods=["GET"]),)
