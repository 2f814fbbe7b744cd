"""The lifespan protocol of ASGI: startup before the first request, shutdown after the last."""

import asyncio
from typing import Any

from starlette.types import ASGIApp, Message


class Lifespan:
    """Runs the application's lifespan in a task of its own. `startup` raises what the application raised."""

    def __init__(self, app: ASGIApp) -> None:
        self.state: dict[str, Any] = {}
        self._app = app
        self._orders: asyncio.Queue[Message] = asyncio.Queue()
        self._replies: asyncio.Queue[Message] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None

    async def startup(self) -> None:
        scope = {"type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.0"}, "state": self.state}
        self._task = asyncio.ensure_future(self._app(scope, self._orders.get, self._replies.put))
        await self._ask("lifespan.startup")

    async def shutdown(self) -> None:
        await self._ask("lifespan.shutdown")

    async def _ask(self, order: str) -> None:
        assert self._task
        await self._orders.put({"type": order})
        reply = asyncio.ensure_future(self._replies.get())
        await asyncio.wait({reply, self._task}, return_when=asyncio.FIRST_COMPLETED)
        if not reply.done():
            reply.cancel()
            self._task.result()
            raise RuntimeError(f"the application left during {order}")
        if reply.result()["type"] != f"{order}.complete":
            await self._task  # Starlette raises the reason after telling that it failed
            raise RuntimeError(reply.result().get("message") or f"{order} failed")
