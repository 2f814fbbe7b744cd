"""The two HTTP servers that can run the application, behind one face."""

import asyncio
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from socket import socket
from typing import Any, Protocol

from starlette.types import ASGIApp

from fenfa.web.rsgi import RequestLog

HEAD_SECONDS = 15
"""For a whole request head, and for the silence between two requests: Granian has one setting for both."""
MOST_CONNECTIONS = 16_384
"""Stalled downloads hold a connection each; Granian accepts no more than this, so the API would starve at few."""
BUFFER = 512 * 1024
"""The most that one read of a fast upload takes, and the most that waits in here for a client that stopped reading its download:
Granian has one setting for both. Less wakes its threads more often; of more, each finds little in the processor's cache."""
FILE_THREADS = 4
"""Threads that open and read files. Granian's default of 512 costs memory; more than these only wake each other in turn."""


class Engine(Protocol):
    async def serve(self) -> None:
        """Accept and answer until stopped and drained."""

    def stop(self) -> None:
        """Accept nothing more and let `serve` end once every answer is out."""

    async def cancel(self, patience: float) -> None:
        """Cut off the requests that are still in the application."""


class GranianEngine:
    def __init__(self, app: Any, listener: int, state: dict[str, Any], request_log: RequestLog | None) -> None:
        from fenfa.web.rsgi import Bridge

        fast_path = getattr(app.state, "fast_path", None)
        self._bridge = Bridge(app, state=state, fast_path=fast_path, request_log=request_log)
        self._server = granian_server(self._bridge, listener)

    async def serve(self) -> None:
        await self._server.serve()

    def stop(self) -> None:
        self._server.stop()

    async def cancel(self, patience: float) -> None:
        await self._bridge.cancel(patience)


def granian_server(bridge: Any, listener: int) -> Any:
    from granian import net
    from granian.constants import HTTPModes, Interfaces
    from granian.http import HTTP1Settings
    from granian.log import LogLevels
    from granian.server.embed import Server

    holder: Any = vars(net)["SocketHolder"]  # its stub knows no constructor

    class Inherited(Server):
        """Granian on a socket that is open already; its own would be shared through SO_REUSEPORT."""

        def _init_shared_socket(self) -> None:
            backlog = (4096,) if sys.platform == "linux" else ()
            self._shd: Any = holder(listener, False, *backlog)
            self._sfd: Any = listener

    return Inherited(
        bridge,
        interface=Interfaces.RSGI,
        http=HTTPModes.http1,
        websockets=False,
        backpressure=MOST_CONNECTIONS,
        runtime_blocking_threads=FILE_THREADS,
        http1_settings=HTTP1Settings(header_read_timeout=HEAD_SECONDS * 1000, max_buffer_size=BUFFER),
        log_level=LogLevels.error,
        log_dictconfig={"formatters": {}, "handlers": {}, "loggers": {}},
    )


class UvicornEngine:
    def __init__(self, app: Any, listener: int, state: dict[str, Any], request_log: RequestLog | None) -> None:
        from fenfa.web.plain import Plain

        plain = Plain(app, state=state, fast_path=getattr(app.state, "fast_path", None), request_log=request_log)
        self._server = uvicorn_server(plain)
        self._socket = socket(fileno=listener)

    async def serve(self) -> None:
        await self._server.serve([self._socket])

    def stop(self) -> None:
        self._server.should_exit = True

    async def cancel(self, patience: float) -> None:
        tasks = self._server.server_state.tasks
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=patience)


def uvicorn_server(app: ASGIApp) -> Any:
    from uvicorn import Config, Server

    class Unsignalled(Server):
        """uvicorn without its signal handlers: the worker has its own."""

        @contextmanager
        def capture_signals(self) -> Generator[None, None, None]:
            yield

    settings: dict[str, Any] = {"lifespan": "off", "log_config": None, "access_log": False, "server_header": False}
    return Unsignalled(Config(app, timeout_keep_alive=HEAD_SECONDS, proxy_headers=False, **settings))


ENGINES: dict[str, Callable[[Any, int, dict[str, Any], RequestLog | None], Engine]] = {
    "granian": GranianEngine,
    "uvicorn": UvicornEngine,
}
