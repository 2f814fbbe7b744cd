"""The application: routes, middleware, error handlers, and what runs beside the requests."""

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.routing import Mount, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from fenfa.config import process_config
from fenfa.errors import FenfaError
from fenfa.runtime import Runtime, open_runtime
from fenfa.services.runner import Runner
from fenfa.services.sweeps import settle_staging, sweep_in_turn
from fenfa.services.traffic import record_events
from fenfa.web import admin, api, crawlers, errors, metrics, public, reference, resumable
from fenfa.web.api.catalog import Catalogs
from fenfa.web.assets import Assets
from fenfa.web.cache import ChangeMark, CommitCache, PageCache
from fenfa.web.cors import Cors
from fenfa.web.deps import PlainRoute
from fenfa.web.meter import Meter
from fenfa.web.public.downloads import SmallFiles
from fenfa.web.rates import CallRate
from fenfa.web.rsgi import Answer, Asked, FastPath
from fenfa.web.security import SECURITY_HEADERS
from fenfa.web.threads import in_far_thread, in_thread

FLUSH_SECONDS = 0.2
MOST_PAGES = 512
SWEEP_SECONDS = 3600
SETTLE_SECONDS = 15.0
JOB_SECONDS = 1.0
PERIODIC_SECONDS = 60.0
HAND_BACK = 5.0
"""Seconds that a running job gets at shutdown to end its step; after that, the next start takes it up where it was."""
log = logging.getLogger("fenfa.web")
Opener = Callable[[], Runtime]


def create_app(opener: Opener | None = None) -> FastAPI:
    """`opener` opens the runtime at start; by default from this process's environment and config.json."""
    app = FastAPI(
        title="Fenfa",
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        lifespan=_lifespan(opener or open_process_runtime),
        exception_handlers={
            FenfaError: errors.on_fenfa_error,
            HTTPException: errors.on_http_error,
            RequestValidationError: errors.on_invalid,
            Exception: errors.on_crash,
        },
    )
    app.router.routes.extend(Route(r.path, r.get_route_handler()) for r in _plain_routes())
    app.router.routes.extend([*public.ROUTES, *_FILES, *admin.ROUTES, *reference.ROUTES])
    for router in api.ROUTERS:  # last: to pass them all by costs three times what a download does
        app.include_router(router)
    app.add_middleware(Cors)
    app.add_middleware(SecurityHeaders)
    app.state.worker = 0
    app.state.draining = False
    return app


def _plain_routes() -> Iterator[PlainRoute]:
    """They stand in the reference by their routers, and before all others by themselves: the framework costs a tenth."""
    return (route for router in api.ROUTERS for route in router.routes if isinstance(route, PlainRoute))


def open_process_runtime() -> Runtime:
    named = os.environ.get("FENFA_CONFIG")
    return open_runtime(process_config(Path(named) if named else None))


class SecurityHeaders:
    """Adds the headers that every answer carries, unless the answer has its own."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._headers = [(name.encode(), value.encode()) for name, value in SECURITY_HEADERS.items()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                given = {name for name, _ in message["headers"]}
                message["headers"] = [*message["headers"], *(pair for pair in self._headers if pair[0] not in given)]
            await send(message)

        await self._app(scope, receive, send_with_headers if scope["type"] == "http" else send)


def _lifespan(opener: Opener) -> Callable[[FastAPI], Any]:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        runtime = opener()
        _equip(app, runtime)
        runner = Runner(runtime)
        tasks = [asyncio.create_task(_repeat(FLUSH_SECONDS, lambda: write_events(runtime, app.state.meter), "events"))]
        if app.state.worker <= 1:  # the first worker, or the only process
            tasks.append(asyncio.create_task(_repeat(SWEEP_SECONDS, lambda: _sweep(runtime), "sweep")))
            tasks.append(asyncio.create_task(_repeat(SETTLE_SECONDS, lambda: _settle(runtime), "settle")))
            tasks.append(asyncio.create_task(_repeat(JOB_SECONDS, lambda: _work(runner), "jobs")))
            enqueue = partial(in_thread, runner.enqueue_periodic)
            tasks.append(asyncio.create_task(_repeat(PERIODIC_SECONDS, enqueue, "periodic jobs")))
        try:
            yield
        finally:
            await in_thread(runner.stop, HAND_BACK)
            for task in tasks:
                task.cancel()
            with suppress(asyncio.CancelledError):
                await asyncio.gather(*tasks)
            await write_events(runtime, app.state.meter)
            app.state.meter.close()
            runtime.database.close()

    return lifespan


def _equip(app: FastAPI, runtime: Runtime) -> None:
    app.state.runtime = runtime
    app.state.probes = []
    app.state.meter = Meter(app.routes, runtime.config.data_dir, app.state.worker)
    app.state.noted = {}
    app.state.event_rate = CallRate(runtime.config.events_per_minute)
    mark = ChangeMark(runtime.database)
    app.state.downloads = CommitCache(runtime.database, mark)
    size = 0 if os.environ.get("FENFA_PAGE_CACHE") == "off" else MOST_PAGES
    app.state.cache = PageCache(runtime.database, mark, runtime.config, runtime.clock, size)
    app.state.small_files = SmallFiles(runtime, app.state.downloads)
    app.state.fast_path = _fast_path(app) if runtime.database.inline else app.state.cache.later_answer


def _fast_path(app: FastAPI) -> FastPath:
    cache, files = app.state.cache, app.state.small_files
    catalogs = Catalogs(app.state.runtime.database, cache)

    def answer(asked: Asked) -> Answer | None:
        try:
            return cache.answer(asked) or files.answer(asked) or catalogs.answer(asked)
        except FenfaError:
            return None  # the application meets it again, and knows how to say it
        except Exception:
            log.exception("the fast path failed", extra={"path": asked.path})
            return None

    return answer


async def _repeat(seconds: float, job: Callable[[], Coroutine[Any, Any, None]], name: str) -> None:
    """A failure, whatever it is, costs one round and not the job."""
    while True:
        await asyncio.sleep(seconds)
        try:
            await job()
        except Exception as error:
            log.error("background job failed", exc_info=error, extra={"route": name})


async def write_events(runtime: Runtime, meter: Meter | None = None) -> None:
    """Writes what waits in the buffer, after whoever writes already; events that cannot be written wait for the next round."""
    async with runtime.events.turn:
        drained = runtime.events.drain()
        if not drained:
            return
        try:
            written = await runtime.database.write(record_events, drained)
        except FenfaError:  # the database is busy or full; anything else would fail again with the same events
            runtime.events.restore(drained)
            raise
    if meter:
        meter.count_events(written)


async def _sweep(runtime: Runtime) -> None:
    done = await in_far_thread(sweep_in_turn, runtime)
    if done.finished or done.dropped or done.removed:
        log.info("swept: %d finished, %d dropped, %d removed", done.finished, done.dropped, done.removed)


async def _settle(runtime: Runtime) -> None:
    """What came while the store was down becomes releases soon after it is back."""
    await in_far_thread(settle_staging, runtime)


async def _work(runner: Runner) -> None:
    while await in_thread(runner.run_next):
        pass


_FILES = (*crawlers.ROUTES, *metrics.ROUTES, *resumable.ROUTES, Mount("/static", Assets()))
