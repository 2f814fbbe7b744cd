"""Public answers that are made once for every revision of a product."""

import gzip
from collections.abc import Callable
from typing import Any
from zlib import crc32

from starlette.requests import Request
from starlette.responses import Response

from fenfa import __version__
from fenfa.services.records import Record
from fenfa.web.cache import Key, Rendered
from fenfa.web.deps import runtime_of, urls_of
from fenfa.web.face import HINTS, VARY, Face
from fenfa.web.security import SECURITY_HEADERS
from fenfa.web.urls import Urls

Made = tuple[Record, bytes]
_OF_FACE = {"vary": VARY, "accept-ch": HINTS}


async def cached(
    request: Request, media_type: str, make: Callable[[Any, Urls], Made], face: Face | None = None
) -> Response:
    """`make(connection, urls)`, with one statement, gives the product's record and the body. 304 when the client has it.

    `face`: of whom the body depends on, beside product and address; it is packed for those who unpack.
    """
    urls = await urls_of(request)
    product, body = await runtime_of(request).database.read_one(make, urls)
    key = key_of(request.scope["path"], request.scope["query_string"].decode("latin-1"), urls, face)
    rendered = render(product, key, media_type, body, face)
    request.app.state.cache.keep(key, rendered)
    status, headers, body = rendered.for_client(request.headers.get("if-none-match"))
    return Response(body, status, dict(headers))


def key_of(path: str, query: str, urls: Urls, face: Face | None = None) -> Key:
    return path, query, urls.base, face.key if face else ""


def render(product: Record, key: Key, media_type: str, body: bytes, face: Face | None = None) -> Rendered:
    """The answer with every header that it will ever have, for the application and for the server's fast path alike."""
    etag = _etag(product, key)
    told = {"etag": etag, "cache-control": "no-cache", **(_OF_FACE if face else {}), **SECURITY_HEADERS}
    content = {"content-type": media_type}
    if face and face.has_gzip:
        body, content["content-encoding"] = gzip.compress(body, 6, mtime=0), "gzip"
    content["content-length"] = str(len(body))
    full, unchanged = (200, [*content.items(), *told.items()], body), (304, [*told.items()], b"")
    return Rendered(product["id"], product["revision"], etag, full, unchanged)


def _etag(product: Record, key: Key) -> str:
    """An answer is a function of the product's revision, the address and our own version."""
    place = crc32("\0".join((product["id"], *key, __version__)).encode(errors="replace"))
    return f'"{product["revision"]:x}-{place:08x}"'
