"""Requests to App Store Connect: one at a time, bounded in time and size, to one host, tried again where that helps."""

import json
import random
import re
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any

import httpx

from fenfa.apple.keys import Signer
from fenfa.apple.refusals import explain
from fenfa.errors import AppleBusy, UpstreamFailed

TRIES = 4
PATIENCE = 5.0
"""Seconds that are waited here before another try; whoever is asked to wait for longer gets the error."""
SECONDS = 10.0
MAX_ANSWER = 4 * 1024 * 1024
Hold = Callable[[], AbstractContextManager[object]]


class Wire:
    """`hold` is entered around each request, so that it can keep others from asking meanwhile. `wait` sleeps; `seconds` is how
    long Apple may be silent, and half of how long an answer may take."""

    def __init__(
        self,
        base: str,
        signer: Signer,
        clock: Callable[[], datetime],
        hold: Hold,
        wait: Callable[[float], None] = time.sleep,
        seconds: float = SECONDS,
        patience: float = PATIENCE,
    ) -> None:
        self._base = httpx.URL(base)
        self._signer, self._clock, self._hold, self._wait = signer, clock, hold, wait
        self._seconds, self._patience = seconds, patience
        self._http = httpx.Client(timeout=seconds, follow_redirects=False)
        self.requests_left: int | None = None
        """Of this hour, as Apple last said."""

    def close(self) -> None:
        self._http.close()

    def ask(
        self, method: str, path: str, params: dict[str, str] | None = None, body: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """The JSON of the answer. `path` may be a link that Apple gave. Safe to repeat is up to the caller."""
        request = self._http.build_request(method, self._url(path), params=params, json=body)
        for attempt in range(1, TRIES):
            try:
                return self._once(request)
            except AppleBusy as error:
                soon = random.uniform(0.1, 0.4 * 2**attempt)  # noqa: S311 - spread, not secrecy
                pause = max(soon, float(error.retry_after or 0)) if error.asked else soon
                if pause > self._patience:
                    raise
                self._wait(pause)
        return self._once(request)

    def _url(self, path: str) -> httpx.URL:
        url = self._base.join(path)
        if (url.scheme, url.netloc) != (self._base.scheme, self._base.netloc):
            raise UpstreamFailed("Apple's answer leads to another host; nothing was sent there")
        return url

    def _once(self, request: httpx.Request) -> dict[str, Any]:
        request.headers["authorization"] = f"Bearer {self._signer.token(self._clock)}"
        with self._hold():
            status, headers, content = self._exchange(request)
        self._note_limit(headers.get("x-rate-limit", ""))
        document = _parsed(content)
        if status not in (200, 201):
            raise explain(status, headers, document, self._clock())
        if not isinstance(document, dict):
            raise _unreadable()
        return document

    def _exchange(self, request: httpx.Request) -> tuple[int, httpx.Headers, bytes]:
        deadline = time.monotonic() + 2 * self._seconds
        content = bytearray()
        try:
            response = self._http.send(request, stream=True)
            try:
                for chunk in response.iter_bytes():
                    content += chunk
                    _check(len(content), deadline)
            finally:
                response.close()
        except httpx.TransportError:
            raise _silent() from None
        except httpx.DecodingError:
            raise _unreadable() from None
        return response.status_code, response.headers, bytes(content)

    def _note_limit(self, told: str) -> None:
        if match := re.search(r"user-hour-rem:(\d{1,9})", told):
            self.requests_left = int(match[1])


def _silent() -> AppleBusy:
    return AppleBusy("Apple cannot be reached, or does not answer", retry_after=5)


def _unreadable() -> AppleBusy:
    return AppleBusy("Apple's answer cannot be read; try again later", retry_after=5)


def _check(size: int, deadline: float) -> None:
    if size > MAX_ANSWER:
        raise UpstreamFailed("Apple's answer is larger than any list of devices")
    if time.monotonic() > deadline:
        raise _silent()


def _parsed(content: bytes) -> Any:
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        return None
