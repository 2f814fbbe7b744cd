"""Health: whether the process is of use at all, and whether it may be sent requests."""

import asyncio
from collections.abc import Awaitable, Callable
from time import monotonic, perf_counter
from typing import Any

from fastapi import APIRouter, FastAPI, Request
from pydantic_core import to_json
from starlette.responses import Response

from fenfa.errors import FenfaError, Unavailable
from fenfa.runtime import Runtime
from fenfa.services.health import Rehearsed, ping, rehearse, require_usable_schema
from fenfa.web.deps import PlainRoute, runtime_of
from fenfa.web.envelope import JSON, ok
from fenfa.web.examples import answers
from fenfa.web.threads import in_far_thread, in_thread

router = APIRouter(tags=["Health"], route_class=PlainRoute)
_PROBE_SECONDS = 5
_PATIENCE = 3.0
_EXAMPLE = {name: {"ok": True, "ms": 0.4} for name in ("serving", "database", "schema", "storage", "space")}


@router.get("/healthz", summary="Health", **answers({"status": "ok"}, refused=False))
async def health(request: Request) -> Response:
    """503 while the database or the storage does not answer."""
    runtime = runtime_of(request)
    await runtime.database.read(ping)
    await _probe_storage(request.app)
    return ok({"status": "ok"})


@router.get("/readyz", summary="Readiness", **answers({"status": "ready", "checks": _EXAMPLE}, refused=False))
async def readiness(request: Request) -> Response:
    """Whether a load balancer may send requests here: 503 names each check that fails, also while the server is ending.
    The database must take a write, which is rolled back, and be at this version's schema; the storage must be writable, with
    space left."""
    checks = {name: await _tried(check, request.app) for name, check in _CHECKS.items()}
    failed = {name: said["error"] for name, said in checks.items() if not said["ok"]}
    if not failed:
        return ok({"status": "ready", "checks": checks})
    message = "not ready: " + "; ".join(f"{name}: {said}" for name, said in failed.items())
    error = {"code": Unavailable.code, "message": message}
    body = to_json({"ok": False, "error": error, "data": {"status": "not ready", "checks": checks}})
    headers = {"cache-control": "no-store", "retry-after": str(Unavailable.retry_after)}
    return Response(body, 503, media_type=JSON, headers=headers)


async def _tried(check: Callable[[FastAPI], Awaitable[None]], app: FastAPI) -> dict[str, Any]:
    began, said = perf_counter(), ""
    try:
        await check(app)
    except FenfaError as error:
        said = error.message
    taken = round((perf_counter() - began) * 1000, 2)
    return {"ok": not said, "ms": taken} | ({"error": said} if said else {})


async def _require_serving(app: FastAPI) -> None:
    if app.state.draining:
        raise Unavailable("the server is ending")


async def _rehearse_write(app: FastAPI) -> None:
    try:
        await app.state.runtime.database.write(rehearse)
    except Rehearsed:
        return


async def _require_schema(app: FastAPI) -> None:
    await app.state.runtime.database.read(require_usable_schema)


async def _probe_storage(app: FastAPI) -> None:
    """At most every five seconds, and once at a time: it writes to the disk, or asks a store far away, which may be long in
    answering. Nobody waits for that."""
    probes: list[asyncio.Task[float]] = app.state.probes
    if not probes or _is_over(probes[0]):
        probes[:] = [asyncio.create_task(in_far_thread(_probe, app.state.runtime))]
    done, _ = await asyncio.wait(probes, timeout=_PATIENCE)
    if not done:
        raise Unavailable("the storage does not answer; try again in a moment")
    probes[0].result()


def _probe(runtime: Runtime) -> float:
    """When it answered."""
    runtime.storage.current().probe()
    return monotonic()


def _is_over(probe: asyncio.Task[float]) -> bool:
    """Whether its word counts no more: that of a failure is for those who waited for it."""
    return probe.done() and (bool(probe.exception()) or monotonic() - probe.result() >= _PROBE_SECONDS)


async def _require_space(app: FastAPI) -> None:
    runtime = app.state.runtime
    await in_thread(runtime.staging.require_room, 0, runtime.config.min_free_bytes)


_CHECKS = {
    "serving": _require_serving,
    "database": _rehearse_write,
    "schema": _require_schema,
    "storage": _probe_storage,
    "space": _require_space,
}
