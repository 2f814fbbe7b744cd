"""The body of a request under Granian, as messages of ASGI."""

import asyncio
from collections.abc import Iterable
from concurrent.futures import Future
from contextlib import suppress
from typing import Any

from starlette.types import Message

from fenfa.web.loops import AtOnce

LINGER_BYTES, LINGER_SECONDS = 256 * 1024 * 1024, 10.0


class Incoming:
    """`receive` for the event loop; `pull` for any thread, if `is_counted`. One at a time.

    A body that was cut off ends like a complete one. A declared length is therefore counted; a chunked body is whole only when
    exactly one empty chunk precedes the end (a second one means a cut, or trailers, which we do not take)."""

    __slots__ = ("_left", "_proto", "_pulled", "_stream", "is_counted")

    def __init__(self, headers: Iterable[tuple[bytes, bytes]], proto: Any) -> None:
        self._proto = proto
        self._stream: Any = None
        self._pulled: Future[Message] | None = None
        self._left = body_length(headers)  # None: nobody knows; -1: its end was told
        self.is_counted = self._left is not None

    @property
    def unread(self) -> bool:
        return self._left not in (0, -1)

    async def receive(self) -> Message:
        if self._left == -1:
            await self._proto.client_disconnect()
            return {"type": "http.disconnect"}
        if not self.unread:
            return self._end()
        if self._pulled is not None:  # Granian must not be asked again before it has answered
            pulled, self._pulled = self._pulled, None
            return await asyncio.wrap_future(pulled)
        return await (self._receive_counted() if self.is_counted else self._receive_chunked())

    async def _receive_counted(self) -> Message:
        return self._counted(await self._next_chunk())

    def _counted(self, chunk: bytes | None) -> Message:
        if not chunk:
            return self._cut_off()
        self._left = (self._left or 0) - len(chunk) or -1
        return _part(chunk, more=self._left > 0)

    async def _receive_chunked(self) -> Message:
        chunk = await self._next_chunk()
        if chunk:
            return _part(chunk, more=True)
        if await self._next_chunk() is not None:
            return self._cut_off()
        return self._end()

    def pull(self) -> "Future[Message]":
        """The next message, told by a thread of Granian's. It cannot be cancelled: what comes is left to `receive`."""
        pulled: Future[Message] = Future()
        pulled.set_running_or_notify_cancel()
        if self.unread:
            self._pulled = pulled
            self._chunks().__anext__().add_done_callback(AtOnce(lambda coming: self._tell(pulled, coming)))
        else:
            pulled.set_result(self._end())
        return pulled

    def _tell(self, pulled: "Future[Message]", coming: Any) -> None:
        try:
            pulled.set_result(self._counted(coming.result()))
        except Exception as error:
            pulled.set_exception(error)

    def _chunks(self) -> Any:
        if self._stream is None:
            self._stream = aiter(self._proto)
        return self._stream

    async def _next_chunk(self) -> bytes | None:
        try:
            chunk: bytes = await self._chunks().__anext__()
        except StopAsyncIteration:  # raised by the call, not the wait, which the built-in `anext` would let through
            return None
        return chunk

    def _end(self) -> Message:
        self._left = -1
        return _part(b"", more=False)

    def _cut_off(self) -> Message:
        self._left = -1
        return {"type": "http.disconnect"}

    async def linger(self) -> None:
        """Swallow what the client still sends after an early answer: closing at once would destroy the answer on its way
        to a client that reads only when it has sent everything."""
        swallowed = 0
        with suppress(TimeoutError):
            async with asyncio.timeout(LINGER_SECONDS):
                while self.unread and swallowed < LINGER_BYTES:
                    swallowed += len((await self.receive()).get("body", b""))


def body_length(headers: Iterable[tuple[bytes, bytes]]) -> int | None:
    """The length of the request body that is to come, or None for a chunked one."""
    length = 0
    for name, value in headers:
        if name == b"transfer-encoding":
            return None
        if name == b"content-length":
            length = int(value)
    return length


def _part(body: bytes, *, more: bool) -> Message:
    return {"type": "http.request", "body": body, "more_body": more}
