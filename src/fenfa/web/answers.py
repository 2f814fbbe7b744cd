"""Public answers that are made once for every revision of a product."""

import gzip
from collections.abc import Callable
from typing import Any
from zlib import crc32

from starlette.requests import Request
from starlette.responses import Response

from fenfa import __version__
from fenfa.web.cache import Key, PageCache
from fenfa.web.deps import runtime_of, urls_of
from fenfa.web.face import HINTS, VARY, Face
from fenfa.web.files import names_tag
from fenfa.web.security import SECURITY_HEADERS
from fenfa.web.urls import Urls

Made = tuple[dict[str, Any], bytes]


async def cached(
    request: Request, media_type: str, make: Callable[[Any, Urls], Made], face: Face | None = None
) -> Response:
    """`make(connection, urls)`, with one statement, gives the product's record and the body. 304 when the client has it.

    `face`: of whom the body depends on, beside product and address; it is packed for those who unpack.
    """
    urls = await urls_of(request)
    product, body = await runtime_of(request).database.read_one(make, urls)
    look = face.key if face else ""
    key = (request.scope["path"], request.scope["query_string"].decode("latin-1"), urls.base, look)
    etag = _etag(product, key)
    headers = {"content-type": media_type, "etag": etag, "cache-control": "no-cache"}
    if face:
        headers |= {"vary": VARY, "accept-ch": HINTS}
    if face and face.has_gzip:
        body, headers["content-encoding"] = gzip.compress(body, 6, mtime=0), "gzip"
    pages: PageCache = request.app.state.cache
    if pages.size:
        full = {**headers, "content-length": str(len(body)), **SECURITY_HEADERS}
        pages.keep(key, product["id"], product["revision"], etag, (200, list(full.items()), body))
    if names_tag(request.headers.get("if-none-match", ""), etag):
        unchanged = {name: value for name, value in headers.items() if name not in ("content-type", "content-encoding")}
        return Response(status_code=304, headers=unchanged)
    return Response(body, headers=headers)


def _etag(product: dict[str, Any], key: Key) -> str:
    """An answer is a function of the product's revision, the address and our own version."""
    place = crc32("\0".join((product["id"], *key, __version__)).encode(errors="replace"))
    return f'"{product["revision"]:x}-{place:08x}"'
