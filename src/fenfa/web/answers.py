"""Public answers that are made once for every revision of a product."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, NamedTuple
from zlib import crc32

from starlette.requests import Request
from starlette.responses import Response

from fenfa import __version__
from fenfa.services.records import Record
from fenfa.services.settings import load_settings
from fenfa.web.cache import Key, Rendered, said_key
from fenfa.web.deps import runtime_of, settings_of, urls_of
from fenfa.web.encoding import packed
from fenfa.web.face import FACE_HEADERS, look_of
from fenfa.web.security import SECURITY_HEADERS, client_scheme
from fenfa.web.urls import Urls

PAGE = "text/html; charset=utf-8"


class Made(NamedTuple):
    """A product's record and the body that was made of it. `until`: when the body stops being true by itself."""

    product: Record
    body: bytes
    until: datetime | None = None


async def cached(request: Request, media_type: str, make: Callable[[Any, Urls], Made]) -> Response:
    """`make(connection, urls)`, with one statement, gives the product's record and the body. 304 when the client has it.

    A page differs by the visitor's look, and leaves compressed if they take that; other answers depend on their address.
    """
    found = await kept(request, media_type)
    if found is not None:
        return found
    look = look_of(request.headers) if media_type == PAGE else ""
    urls = await urls_of(request)
    made: Made = await runtime_of(request).database.read_one(make, urls)
    key = key_of(request.scope["path"], request.scope["query_string"].decode("latin-1"), urls, look)
    rendered = render(made, key, media_type)
    is_marked = runtime_of(request).database.inline
    if is_marked or await _are_settled(request):
        request.app.state.cache.keep(key if is_marked else _asked(request, look), rendered)
    return _answer(request, rendered)


async def kept(request: Request, media_type: str) -> Response | None:
    """The answer that was made before, where no fast path has given it already."""
    if runtime_of(request).database.inline:
        return None
    look = look_of(request.headers) if media_type == PAGE else ""
    rendered = await request.app.state.cache.current(_asked(request, look))
    return _answer(request, rendered) if rendered else None


def _answer(request: Request, rendered: Rendered) -> Response:
    status, headers, body = rendered.for_client(request.headers.get("if-none-match"))
    return Response(body, status, dict(headers))


async def own(request: Request, make: Callable[[Any, Urls], Made]) -> Response:
    """A page for this browser alone: made anew each time, and kept nowhere."""
    urls = await urls_of(request)
    made: Made = await runtime_of(request).database.read(make, urls)
    _, headers, body = render(made, key_of("", "", urls, look_of(request.headers)), PAGE).full
    told = {name: value for name, value in headers if name != "etag"} | {"cache-control": "no-store"}
    return Response(body, headers=told)


def _asked(request: Request, look: str) -> Key:
    scheme = client_scheme(request.scope, runtime_of(request).config.trusted_proxies)
    query = request.scope["query_string"].decode("latin-1")
    return said_key(request.scope["path"], query, scheme, request.headers.get("host"), look)


async def _are_settled(request: Request) -> bool:
    """Whether the settings of this answer still were the settings when its product was read."""
    runtime = runtime_of(request)
    return await runtime.database.read(load_settings, runtime.config) == await settings_of(request)


def key_of(path: str, query: str, urls: Urls, look: str = "") -> Key:
    return path, query, urls.base, look


def render(made: Made, key: Key, media_type: str) -> Rendered:
    """The answer with every header that it will ever have, for the application and for the server's fast path alike."""
    body, look, etag = made.body, key[3], _etag(made, key)
    told = {"etag": etag, "cache-control": "no-cache", **(FACE_HEADERS if look else {}), **SECURITY_HEADERS}
    content = {"content-type": media_type}
    if look.endswith("gzip"):
        body, content["content-encoding"] = packed(body), "gzip"
    content["content-length"] = str(len(body))
    full, unchanged = (200, [*content.items(), *told.items()], body), (304, [*told.items()], b"")
    return Rendered(made.product["id"], made.product["revision"], made.until, etag, full, unchanged)


def _etag(made: Made, key: Key) -> str:
    """An answer is a function of the product's revision, the address, our own version, and of what time has passed."""
    place = crc32("\0".join((made.product["id"], *key, __version__, str(made.until))).encode(errors="replace"))
    return f'"{made.product["revision"]:x}-{place:08x}"'
