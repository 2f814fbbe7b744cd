"""The request log: a line a request, cheap enough to leave on."""

import asyncio
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from itertools import count
from json.encoder import encode_basestring_ascii as quoted
from secrets import token_hex
from typing import Any

from fenfa.web.logs import redact, timestamp

FLUSH = 0.1
MOST_WAITING = 256


class RequestLog:
    """A line a request, past the logging module, which would cost five times as much. Lines wait up to `FLUSH` seconds
    and go out together: a write gives up the interpreter, and getting it back costs more than all the rest."""

    def __init__(self, worker: int = 0, descriptor: int = 2) -> None:
        self._descriptor = descriptor
        self._waiting: list[str] = []
        self._tail = f', "worker": {worker}}}\n' if worker else "}\n"
        self._people = os.isatty(descriptor)

    def __call__(
        self, method: str, path: str, scope: Mapping[str, Any] | None, status: int, sent: int, seconds: float
    ) -> None:
        if self._people:
            line = f"{time.strftime('%H:%M:%S')} {status} {method} {redact(path)} {seconds * 1000:.1f} ms {sent} B\n"
        else:
            line = self._line(method, redact(path), scope, status, sent, seconds)
        if not self._waiting:
            asyncio.get_running_loop().call_later(0 if self._people else FLUSH, self.flush)
        self._waiting.append(line)
        if len(self._waiting) >= MOST_WAITING:
            self.flush()

    def flush(self) -> None:
        lines, self._waiting = "".join(self._waiting), []
        with suppress(OSError):  # nobody reads the log; serving goes on
            os.write(self._descriptor, lines.encode("utf-8", "backslashreplace"))

    def _line(
        self, method: str, path: str, scope: Mapping[str, Any] | None, status: int, sent: int, seconds: float
    ) -> str:
        return (
            f'{{"ts": "{timestamp(time.time())}", "level": "info", "event": "request", "method": {quoted(method)}, '
            f'"path": {quoted(path)}{_whence(scope)}, "status": {status}, "ms": {seconds * 1000:.2f}, '
            f'"bytes": {sent}{self._tail}'
        )


def _whence(scope: Mapping[str, Any] | None) -> str:
    if scope is None:
        return ""
    route = getattr(scope.get("route"), "path", None)
    known = f', "route": {quoted(route)}' if route else ""
    request_id = scope["state"].get("request_id") if "state" in scope else None
    return f'{known}, "request_id": "{request_id}"' if request_id else known


def request_ids() -> Iterator[str]:
    """Short names of requests that tell processes apart."""
    process = token_hex(3)
    return (f"{process}-{number:x}" for number in count(1))
