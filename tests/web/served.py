"""A little application for the tests of the server: every route does one thing that a server can get wrong."""

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from fenfa.errors import Unavailable
from fenfa.web.bodies import Pieces, pieces_of
from fenfa.web.files import FileAnswer
from fenfa.web.rsgi import Answer, Asked

cut: list[str] = []


def folder() -> Path:
    return Path(os.environ["SERVED"])


async def show_scope(request: Request) -> Response:
    scope = {name: request.scope[name] for name in ("method", "path", "root_path", "scheme", "http_version", "type")}
    raw = [[name.decode(), value.decode()] for name, value in request.scope["headers"]]
    query, client, server = request.scope["query_string"].decode(), request.client, request.scope["server"]
    told = {"query": query, "headers": raw, "client": client, "server": server, "state": dict(request.scope["state"])}
    return JSONResponse({**scope, **told})


async def take(request: Request) -> Response:
    digest, size, parts = hashlib.sha256(), 0, 0
    try:
        async for part in request.stream():
            digest.update(part)
            size, parts = size + len(part), parts + bool(part)
    except ClientDisconnect:
        cut.append(request.url.path)
        return Response(status_code=499)
    return JSONResponse({"sha256": digest.hexdigest(), "size": size, "parts": parts})


async def take_in_thread(request: Request) -> Response:
    pieces = pieces_of(request)
    try:
        return JSONResponse(await asyncio.to_thread(take_pieces, pieces))
    except ClientDisconnect:
        cut.append(request.url.path)
        return Response(status_code=499)


def take_pieces(pieces: Pieces) -> dict[str, object]:
    digest, parts = hashlib.sha256(), list(pieces)
    for part in parts:
        digest.update(part)
    return {"sha256": digest.hexdigest(), "size": sum(map(len, parts)), "parts": len(list(filter(None, parts)))}


async def refuse_in_thread(request: Request) -> Response:
    """After the first piece, when the next one is asked for already."""
    pieces = pieces_of(request)
    await asyncio.to_thread(next, iter(pieces))
    pieces.stop()
    return JSONResponse({"refused": True}, 413)


async def stop(request: Request) -> Response:
    pieces = pieces_of(request)
    taking = asyncio.ensure_future(asyncio.to_thread(list, pieces))
    pieces.stop()
    ended = await asyncio.gather(taking, return_exceptions=True)
    return PlainTextResponse(type(ended[0]).__name__)


async def refuse(request: Request) -> Response:
    return JSONResponse({"refused": True}, 413)


async def show_cut(request: Request) -> Response:
    return JSONResponse(cut)


async def stream(request: Request) -> Response:
    async def parts() -> AsyncIterator[bytes]:
        for number in range(int(request.query_params["parts"])):
            if str(number) == request.query_params.get("fails"):
                raise RuntimeError("token fnf_upload_secret and 00008030001C2D3E4F50602E")
            yield bytes([number % 256]) * 100_000

    return StreamingResponse(parts(), media_type="application/octet-stream")


async def lie(request: Request) -> Response:
    return Response(b"four", headers={"content-length": "400"})


async def away(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"the first piece", "more_body": True})
    raise Unavailable("the store went away")


async def silent(scope: Scope, receive: Receive, send: Send) -> None:
    return


async def empty(request: Request) -> Response:
    return Response(status_code=204)


async def die(request: Request) -> Response:
    os._exit(9)


async def send_file(scope: Scope, receive: Receive, send: Send) -> None:
    request = Request(scope, receive)
    path = folder() / request.path_params["name"]
    size = int(request.query_params.get("size", path.stat().st_size))
    answer = FileAnswer(
        scope,
        path,
        size=size,
        etag='"sha256-x"',
        modified=1e9,
        content_type="application/x-test",
        headers={"x-own": "1"},
    )
    if "unlink" in request.query_params:
        path.unlink()
    await answer(scope, receive, send)


class Raw:
    """Starlette takes a plain ASGI callable as an endpoint only if it is no function."""

    def __init__(self, app: object) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.app(scope, receive, send)  # type: ignore[operator]


def answer_from_cache(asked: Asked) -> Answer | None:
    if asked.path != "/cached":
        return None
    told = f"{asked.method} {asked.query} {asked.headers.get('x-ask')}"
    return 200, [("content-type", "text/plain")], told.encode()


@asynccontextmanager
async def lifespan(app: Starlette) -> AsyncIterator[dict[str, str]]:
    yield {"opened": "yes"}
    (folder() / f"closed-{app.state.worker}").touch()


def create_app() -> Starlette:
    if "SERVED_BREAKS" in os.environ:
        raise RuntimeError("no database fnf_admin_secret")
    routes = [
        Route("/scope/{rest:path}", show_scope),
        Route("/take", take, methods=["POST"]),
        Route("/take-in-thread", take_in_thread, methods=["POST"]),
        Route("/refuse", refuse, methods=["POST"]),
        Route("/refuse-in-thread", refuse_in_thread, methods=["POST"]),
        Route("/stop", stop, methods=["POST"]),
        Route("/cut", show_cut),
        Route("/stream", stream),
        Route("/lie", lie),
        Route("/silent", Raw(silent)),
        Route("/away", Raw(away)),
        Route("/empty", empty),
        Route("/die", die),
        Route("/hi", lambda request: PlainTextResponse("hi")),
        Route("/pid", lambda request: PlainTextResponse(str(os.getpid()))),
        Route("/file/{name}", Raw(send_file)),
    ]
    app = Starlette(routes=routes, lifespan=lifespan)
    app.state.fast_path = answer_from_cache
    return app
