"""Runs our ASGI application under Granian's RSGI interface, where a file leaves the process without touching Python.

Three habits of Granian 2.8 shape this module; tests/web/test_rsgi.py pins each of them:

* `response_stream` has no backpressure and, if the application fails half-way, ends a chunked body as if it were whole.
  So a streamed answer is gathered first, in memory up to `GATHER` bytes and then in a nameless temporary file, and leaves
  with its exact length. An answer that failed half-way becomes a 500, or a 503 where an engine went away.
* A request body that was cut off ends like a complete one: see incoming.py.
* `response_file` opens the file after we have returned: see handles.py.
"""

import asyncio
import logging
import os
from collections.abc import Callable, Coroutine
from tempfile import SpooledTemporaryFile
from time import perf_counter
from typing import Any, NamedTuple, Protocol

from starlette.types import ASGIApp, Message, Scope

from fenfa.errors import Unavailable
from fenfa.web.access import request_ids
from fenfa.web.bodies import PULL_EXTENSION
from fenfa.web.files import FILE_EXTENSION
from fenfa.web.handles import Handles
from fenfa.web.incoming import Incoming

GATHER = 1024 * 1024
SMALL = 64 * 1024
INTERNAL_ERROR = b'{"ok": false, "error": {"code": "INTERNAL_ERROR", "message": "the server failed; its log says why"}}'
AWAY = (
    b'{"ok": false, "error": {"code": "UNAVAILABLE", "message": "the file broke off half-way; try again in a moment"}}'
)
_ASGI = {"version": "3.0", "spec_version": "2.4"}

log = logging.getLogger("fenfa.web")


class HeaderLookup(Protocol):
    def get(self, name: str, /) -> str | None: ...


Answer = tuple[int, list[tuple[str, str]], bytes]


class Asked(NamedTuple):
    """A request before any ASGI scope is built. `client` is the peer's `address:port`."""

    method: str
    path: str
    query: str
    headers: HeaderLookup
    client: str


FastPath = Callable[[Asked], Answer | Coroutine[None, None, Answer | None] | None]
"""The (status, headers, body) of a request, at once or to be awaited, or None to go on to the application. Names of headers are
lower case."""

RequestLog = Callable[[str, str, Scope | None, int, int, float], None]
"""(method, path, scope or None if answered by the fast path, status, bytes, seconds)."""


class Bridge:
    """The RSGI application. `state` is what the lifespan of the ASGI application left for its requests."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        state: dict[str, Any] | None = None,
        fast_path: FastPath | None = None,
        request_log: RequestLog | None = None,
    ) -> None:
        self.app = app
        self.state = state if state is not None else {}
        self.fast_path = fast_path
        self.request_log = request_log
        self.handles = Handles()
        self.extensions = {FILE_EXTENSION: {"open": self.handles.open}}
        self.ids = request_ids()
        self.live: set[asyncio.Task[Any]] = set()

    async def __rsgi__(self, scope: Any, proto: Any) -> None:
        began, method, path = perf_counter(), scope.method, scope.path
        if self.fast_path:
            said = self.fast_path(Asked(method, path, scope.query_string, scope.headers, scope.client))
            answer = said if said is None or isinstance(said, tuple) else await said
            if answer:
                proto.response_bytes(*answer)
                if self.request_log:
                    sent = 0 if method == "HEAD" else len(answer[2])
                    self.request_log(method, path, None, answer[0], sent, perf_counter() - began)
                return
        await self._exchange(scope, proto, began)

    async def _exchange(self, rsgi: Any, proto: Any, began: float) -> None:
        scope = asgi_scope(rsgi, {**self.state, "request_id": next(self.ids)}, self.extensions)
        exchange = Exchange(scope, proto, self.handles)
        if exchange.incoming.is_counted:
            scope["extensions"] = {**self.extensions, PULL_EXTENSION: exchange.incoming.pull}
        task = asyncio.current_task()
        assert task
        self.live.add(task)
        failure: BaseException | None = None
        try:
            await self.app(scope, exchange.incoming.receive, exchange.send)
        except Exception as error:
            log_failure(scope)
            failure = error if isinstance(error, Unavailable) else error.__cause__  # as Starlette wraps it
        finally:
            self.live.discard(task)
        if not exchange.status:
            exchange.fail(failure)
        if self.request_log:
            taken = perf_counter() - began
            self.request_log(scope["method"], scope["path"], scope, exchange.status, exchange.sent, taken)
        if exchange.incoming.unread:
            await exchange.incoming.linger()

    async def cancel(self, patience: float) -> None:
        """Cut off every request still in the application, and wait for it to tidy up."""
        for task in self.live:
            task.cancel()
        if self.live:
            await asyncio.wait(self.live, timeout=patience)


def log_failure(scope: Scope) -> None:
    known = {"method": scope["method"], "path": scope["path"], "request_id": scope["state"]["request_id"]}
    log.exception("request failed", extra=known)


def asgi_scope(rsgi: Any, state: dict[str, Any], extensions: dict[str, Any]) -> Scope:
    """No `raw_path`: RSGI decodes the path and keeps nothing else. Header values that are not ASCII never arrive."""
    return {
        "type": "http",
        "asgi": _ASGI,
        "http_version": rsgi.http_version,
        "method": rsgi.method,
        "scheme": rsgi.scheme,
        "path": rsgi.path,
        "root_path": "",
        "query_string": rsgi.query_string.encode("latin-1"),
        "headers": [(name.encode("latin-1"), value.encode("latin-1")) for name, value in rsgi.headers.items()],
        "client": address(rsgi.client),
        "server": address(rsgi.server),
        "state": state,
        "extensions": extensions,
    }


def address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    return host.strip("[]"), int(port)


class Exchange:
    """One request and its answer: what comes in, and the `send` of ASGI over an RSGI protocol object.

    `status` stays 0 until the answer is handed to Granian; `sent` is the length of its body.
    """

    __slots__ = ("_gathered", "_handles", "_proto", "_scope", "_start", "incoming", "sent", "status")

    def __init__(self, scope: Scope, proto: Any, handles: Handles) -> None:
        self._scope, self._proto, self._handles = scope, proto, handles
        self.incoming = Incoming(scope["headers"], proto)
        self._start: Message | None = None
        self._gathered: SpooledTemporaryFile[bytes] | None = None
        self.status = 0
        self.sent = 0

    async def send(self, message: Message) -> None:
        kind = message["type"]
        if kind == "http.response.start":
            self._start = message
        elif kind == "http.response.body":
            self._take(message.get("body", b""), more=message.get("more_body", False))
        elif kind == "fenfa.response.file":
            self._send_file(message["path"], message["start"], message["end"])
        else:
            raise RuntimeError(f"this server does not know {kind}")

    def _take(self, body: bytes, *, more: bool) -> None:
        if not more and self._gathered is None:
            self._send_bytes(body)
            return
        if self._gathered is None:
            self._gathered = SpooledTemporaryFile(max_size=GATHER)  # noqa: SIM115 - closed once the answer is out
        self._gathered.write(body)
        if not more:
            self._send_gathered(self._gathered)

    def _send_gathered(self, gathered: "SpooledTemporaryFile[bytes]") -> None:
        size = gathered.tell()
        if size <= GATHER:
            gathered.seek(0)
            self._send_bytes(gathered.read())
            return
        gathered.flush()
        path = self._handles.adopt(os.dup(gathered.fileno()))
        gathered.close()
        self._send_file(path, 0, size)

    def _send_bytes(self, body: bytes) -> None:
        status, headers = self._head(len(body))
        self._proto.response_bytes(status, headers, body)
        self.status, self.sent = status, 0 if self._scope["method"] == "HEAD" else len(body)

    def _send_file(self, path: str, start: int, end: int) -> None:
        small = self._handles.cached(path, start, end) if end - start <= SMALL else None
        if small is not None:
            self._send_bytes(small)
            return
        status, headers = self._head(end - start)
        self._proto.response_file_range(status, headers, path, start, end)
        self.status, self.sent = status, end - start

    def _head(self, length: int) -> tuple[int, list[tuple[str, str]]]:
        """Status and headers, with a Content-Length that is there and true."""
        if self._start is None or self.status:
            raise RuntimeError("an answer has one start, then its body")
        headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in self._start["headers"]]
        declared = next((value for name, value in headers if name.lower() == "content-length"), None)
        if self._scope["method"] == "HEAD" or self._start["status"] in {204, 304}:
            return self._start["status"], headers
        if declared is None:
            headers.append(("content-length", str(length)))
        elif declared != str(length):
            raise RuntimeError(f"the answer has {length} bytes and declares {declared}")
        return self._start["status"], headers

    def fail(self, failure: BaseException | None) -> None:
        """A store that went away half-way comes back; anything else is a bug."""
        is_away = isinstance(failure, Unavailable)
        status, body = (503, AWAY) if is_away else (500, INTERNAL_ERROR)
        headers = [("content-type", "application/json"), ("content-length", str(len(body)))]
        headers += [("retry-after", str(Unavailable.retry_after))] if is_away else []
        self._proto.response_bytes(status, headers, body)
        self.status, self.sent = status, len(body)
