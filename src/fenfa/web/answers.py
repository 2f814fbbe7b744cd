"""Public answers that are made once for every revision of a product."""

import hashlib
from collections.abc import Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from fenfa.web.cache import PageCache
from fenfa.web.deps import runtime_of, urls_of
from fenfa.web.files import names_tag
from fenfa.web.security import SECURITY_HEADERS
from fenfa.web.urls import Urls

Made = tuple[dict[str, Any], bytes]


async def cached(request: Request, media_type: str, make: Callable[[Any, Urls], Made]) -> Response:
    """`make(connection, urls)` gives the product's record and the body. Answers 304 when the client has it already."""
    urls = await urls_of(request)
    product, body = await runtime_of(request).database.read(make, urls)
    etag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    headers = {"content-type": media_type, "etag": etag, "cache-control": "no-cache"}
    _keep(request, urls.base, product, etag, headers, body)
    if names_tag(request.headers.get("if-none-match", ""), etag):
        del headers["content-type"]
        return Response(status_code=304, headers=headers)
    return Response(body, headers=headers)


def _keep(
    request: Request, base: str, product: dict[str, Any], etag: str, headers: dict[str, str], body: bytes
) -> None:
    pages: PageCache = request.app.state.cache
    key = (request.scope["path"], request.scope["query_string"].decode("latin-1"), base)
    full = {**headers, "content-length": str(len(body)), **SECURITY_HEADERS}
    pages.keep(key, product["id"], product["revision"], etag, (200, list(full.items()), body))
