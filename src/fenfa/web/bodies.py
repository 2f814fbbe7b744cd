"""The body of a request for a thread that takes it in, where a server can: without a turn in the event loop for each piece."""

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from queue import SimpleQueue
from typing import TypeVar

from starlette.requests import ClientDisconnect, Request
from starlette.types import Message

T = TypeVar("T")
PULL_EXTENSION = "fenfa.request.pull"
"""In `extensions` of the ASGI scope: a `Pull`, instead of `receive`, where the server has one for this body."""

Pull = Callable[[], "Future[Message]"]
"""Asks for the next message, which must have come before the next one is asked for. From any thread."""


class Pieces:
    """The pieces of one body, in order; one is asked for ahead. Iterating blocks; it raises `ClientDisconnect` where the body
    breaks off, and `CancelledError` of `concurrent.futures` after `stop`."""

    def __init__(self, pull: Pull) -> None:
        self._pull = pull
        self._came: SimpleQueue[Future[Message] | None] = SimpleQueue()
        self._ask()

    def _ask(self) -> None:
        self._coming = self._pull()
        self._coming.add_done_callback(self._came.put)

    def __iter__(self) -> Iterator[bytes]:
        has_more = True
        while has_more:
            message = self._next()
            has_more = message.get("more_body", False)
            if has_more:
                self._ask()
            yield message.get("body", b"")

    def _next(self) -> Message:
        came = self._came.get()
        if came is None:
            raise CancelledError
        message = came.result()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        return message

    def stop(self) -> None:
        """From any thread; more than once does no harm."""
        self._coming.cancel()
        self._came.put(None)


def pieces_of(request: Request) -> Pieces:
    offered = request.scope.get("extensions") or {}
    return Pieces(offered.get(PULL_EXTENSION) or _by_the_loop(request))


async def take_in(pieces: Pieces, take: Callable[[Pieces], T], undo: Callable[[], None] = lambda: None) -> T:
    """What `take` gives of them, in a thread of its own. Where it raises, or this is cancelled, `undo` is done after it there."""
    thread = ThreadPoolExecutor(1, "receive")
    try:
        return await asyncio.wrap_future(thread.submit(take, pieces))
    except BaseException:
        pieces.stop()
        await asyncio.shield(asyncio.wrap_future(thread.submit(undo)))
        raise
    finally:
        thread.shutdown(wait=False)


def _by_the_loop(request: Request) -> Pull:
    loop = asyncio.get_running_loop()

    async def receive() -> Message:
        return await request.receive()

    return lambda: asyncio.run_coroutine_threadsafe(receive(), loop)
