"""A worker process: loads the application and serves it on the socket it inherited, until SIGTERM and the drain after it."""

import asyncio
import gc
import logging
import resource
import signal
from collections.abc import Callable
from importlib import import_module
from typing import Any

from fenfa.web import logs
from fenfa.web.access import RequestLog
from fenfa.web.engines import ENGINES, Engine
from fenfa.web.lifespan import Lifespan
from fenfa.web.loops import Loop
from fenfa.web.rsgi import RequestLog as Told
from fenfa.web.supervisor import NEVER_STARTED, Options

LAST_WORDS = 5.0
"""Seconds in which requests that outlived the drain may tidy up."""

log = logging.getLogger("fenfa.worker")


def work(options: Options, listener: int, number: int, lifeline: int) -> int:
    """Serve until told to end; the exit code. Ends without closing the loop: what still runs by then is not waited for."""
    logs.configure(number)
    raise_file_limit()
    return Loop().run_until_complete(run(options, listener, number, lifeline))


async def run(options: Options, listener: int, number: int, lifeline: int) -> int:
    gc.disable()  # modules make many objects and hardly any garbage: looking for it is a fifth of the start
    try:
        app = load(options.factory)
        app.state.worker = number
        lifespan = Lifespan(app)
        await lifespan.startup()
    except Exception:
        log.critical("the application cannot start", exc_info=True)
        return NEVER_STARTED
    gc.collect()
    gc.set_threshold(20_000, 20, 20)  # a page makes hundreds of short-lived objects and no cycles
    gc.enable()
    gc.freeze()  # what the start made stays, so the collector need not look at it again
    request_log = RequestLog(number) if options.request_log else None
    engine = ENGINES[options.server](app, listener, lifespan.state, watched_by(app, request_log))
    await serve(app, engine, options.drain, lifeline)
    await lifespan.shutdown()
    if request_log:
        request_log.flush()
    return 0


def watched_by(app: Any, request_log: RequestLog | None) -> Told | None:
    """Who hears of every request: the application's counters, and the log."""
    meter: Told | None = getattr(app.state, "meter", None)
    if meter is None or request_log is None:
        return meter or request_log

    def tell(*told: Any) -> None:
        meter(*told)
        request_log(*told)

    return tell


async def serve(app: Any, engine: Engine, drain: float, lifeline: int) -> None:
    serving = asyncio.ensure_future(engine.serve())
    ended = asyncio.Event()
    on_end(lifeline, ended.set)
    await asyncio.wait({serving, asyncio.ensure_future(ended.wait())}, return_when=asyncio.FIRST_COMPLETED)
    app.state.draining = True
    engine.stop()
    await asyncio.wait({serving}, timeout=drain)
    await engine.cancel(LAST_WORDS)


def load(factory: str) -> Any:
    module, _, name = factory.partition(":")
    return getattr(import_module(module), name)()


def raise_file_limit() -> None:
    """Every connection and download takes a descriptor; 1,024, the usual soft limit, is few."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 65_536 if hard == resource.RLIM_INFINITY else min(hard, 65_536)
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def on_end(lifeline: int, end: Callable[[], None]) -> None:
    """Call `end` at SIGTERM, and when the supervisor is no more."""
    loop = asyncio.get_running_loop()

    def supervisor_gone() -> None:
        loop.remove_reader(lifeline)
        end()

    loop.add_signal_handler(signal.SIGTERM, end)
    loop.add_reader(lifeline, supervisor_gone)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})  # one that came during the start is told now
