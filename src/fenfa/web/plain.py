"""What the RSGI bridge does around the application, for any ASGI server: the fast path, the state and the request log."""

from time import perf_counter
from typing import Any

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from fenfa.web.access import request_ids
from fenfa.web.rsgi import Answer, Asked, FastPath, RequestLog, log_failure


class Plain:
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
        self.ids = request_ids()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        watched = Watched(send)
        scope = {**scope, "state": {**self.state, "request_id": next(self.ids)}}
        began = perf_counter()
        answer = await self._answer_fast(scope)
        try:
            if answer:
                await send_answer(answer, watched)
            else:
                await self.app(scope, receive, watched)
        except Exception:
            log_failure(scope)
            raise
        finally:
            if self.request_log:
                logged = None if answer else scope
                taken = perf_counter() - began
                self.request_log(scope["method"], scope["path"], logged, watched.status, watched.sent, taken)

    async def _answer_fast(self, scope: Scope) -> Answer | None:
        if not self.fast_path:
            return None
        query = scope["query_string"].decode("latin-1")
        client = "{}:{}".format(*scope["client"]) if scope.get("client") else ""
        answer = self.fast_path(Asked(scope["method"], scope["path"], query, Headers(scope=scope), client))
        return answer if answer is None or isinstance(answer, tuple) else await answer


class Watched:
    """A `send` that remembers the status and counts the bytes."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.status = 500
        self.sent = 0

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
        elif message["type"] == "http.response.body":
            self.sent += len(message.get("body", b""))
        await self._send(message)


async def send_answer(answer: Answer, send: Send) -> None:
    status, headers, body = answer
    raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]
    await send({"type": "http.response.start", "status": status, "headers": raw})
    await send({"type": "http.response.body", "body": body})
