"""Public answers that are made once for every revision of a product."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, NamedTuple
from zlib import crc32

from starlette.requests import Request
from starlette.responses import Response

from fenfa import __version__
from fenfa.web.cache import OF_BODY, Key, PageCache
from fenfa.web.deps import runtime_of, urls_of
from fenfa.web.encoding import packed
from fenfa.web.face import FACE_HEADERS, look_of
from fenfa.web.files import names_tag
from fenfa.web.security import SECURITY_HEADERS
from fenfa.web.urls import Urls

PAGE = "text/html; charset=utf-8"


class Made(NamedTuple):
    """A product's record and the body that was made of it. `until`: when the body stops being true by itself."""

    product: dict[str, Any]
    body: bytes
    until: datetime | None = None


async def cached(request: Request, media_type: str, make: Callable[[Any, Urls], Made]) -> Response:
    """`make(connection, urls)`, with one statement, gives the product's record and the body. 304 when the client has it.

    A page differs by the visitor's look, and leaves compressed if they take that; other answers depend on their address.
    """
    urls = await urls_of(request)
    made: Made = await runtime_of(request).database.read_one(make, urls)
    look = look_of(request.headers) if media_type == PAGE else ""
    key = (request.scope["path"], request.scope["query_string"].decode("latin-1"), urls.base, look)
    etag = _etag(made, key)
    headers = {"content-type": media_type, "etag": etag, "cache-control": "no-cache"}
    body, headers = _encoded(made.body, headers, look)
    pages: PageCache = request.app.state.cache
    if pages.size:
        full = {**headers, "content-length": str(len(body)), **SECURITY_HEADERS}
        pages.keep(key, made.product, etag, (200, list(full.items()), body), made.until)
    if names_tag(request.headers.get("if-none-match", ""), etag):
        return Response(status_code=304, headers={n: v for n, v in headers.items() if n not in OF_BODY})
    return Response(body, headers=headers)


def _encoded(body: bytes, headers: dict[str, str], look: str) -> tuple[bytes, dict[str, str]]:
    if not look:
        return body, headers
    if not look.endswith("gzip"):
        return body, headers | FACE_HEADERS
    return packed(body), headers | FACE_HEADERS | {"content-encoding": "gzip"}


def _etag(made: Made, key: Key) -> str:
    """An answer is a function of the product's revision, the address, our own version, and of what time has passed."""
    place = crc32("\0".join((made.product["id"], *key, __version__, str(made.until))).encode(errors="replace"))
    return f'"{made.product["revision"]:x}-{place:08x}"'
