"""Public answers that are made once for every revision of a product."""

import hashlib
from collections.abc import Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from fenfa.web.cache import PageCache
from fenfa.web.deps import base_url_of, runtime_of, settings_of
from fenfa.web.security import SECURITY_HEADERS
from fenfa.web.urls import Urls, urls_for

Made = tuple[dict[str, Any], bytes]


async def cached(request: Request, media_type: str, make: Callable[[Any, Urls], Made]) -> Response:
    """`make(connection, urls)` gives the product's record and the body. Answers 304 when the client has it already."""
    base = await base_url_of(request)
    product, body = await runtime_of(request).database.read(make, urls_for(await settings_of(request), base))
    etag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    headers = [("content-type", media_type), ("etag", etag), ("cache-control", "no-cache")]
    kept: PageCache = request.app.state.cache
    full = [*headers, ("content-length", str(len(body))), *SECURITY_HEADERS.items()]
    kept.keep((request.url.path, request.url.query, base), product["id"], product["revision"], etag, (200, full, body))
    if request.headers.get("if-none-match") == etag:
        return Response(status_code=304, headers=dict(headers[1:]))
    return Response(body, headers=dict(headers))
