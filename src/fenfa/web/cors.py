"""Uploads by script from pages of other origins: those of the settings, exactly, and no others.

They send a token, never a cookie: credentials are not allowed. A browser keeps the answer from every other page.
"""

from collections.abc import Iterator
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from fenfa.errors import FenfaError
from fenfa.services.settings import Settings
from fenfa.web.deps import settings_of

_ROUTES = ("/upload", "/smart-upload", "/admin/api/smart-upload")
_BELOW = "/uploads/"
_PORTS = {"http": 80, "https": 443}
_PREFLIGHT = {
    "access-control-allow-methods": "POST, PATCH, HEAD, DELETE, OPTIONS",
    "access-control-allow-headers": "Authorization, X-Auth-Token, Content-Type, Idempotency-Key, Tus-Resumable, Upload-Length, "
    "Upload-Metadata, Upload-Offset, Upload-Checksum",
    "access-control-max-age": "600",
}
_EXPOSED = (
    "Location, Retry-After, Tus-Resumable, Tus-Version, Tus-Extension, Tus-Max-Size, Tus-Checksum-Algorithm, Upload-Offset, "
    "Upload-Length, Upload-Metadata, Upload-Expires"
)


class Cors:
    """Answers preflights of allowed origins, and marks all other answers on the routes of uploads."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not (scope["path"] in _ROUTES or scope["path"].startswith(_BELOW)):
            await self._app(scope, receive, send)
            return
        marks, asks = {"vary": "Origin"}, Headers(scope=scope)
        origin = await _allowed_origin(scope, asks)
        if origin:
            marks |= {"access-control-allow-origin": origin, "access-control-expose-headers": _EXPOSED}
        if origin and scope["method"] == "OPTIONS" and "access-control-request-method" in asks:
            await Response(status_code=204, headers=marks | _PREFLIGHT)(scope, receive, send)
            return
        added = [(name.encode(), value.encode()) for name, value in marks.items()]

        async def send_marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *added]
            await send(message)

        await self._app(scope, receive, send_marked)


async def _allowed_origin(scope: Scope, asks: Headers) -> str:
    """The origin that the request names, if it is allowed; while the settings cannot be read, none is."""
    said = asks.getlist("origin")
    if len(said) != 1:
        return ""
    try:
        return said[0] if said[0] in origins(await settings_of(Request(scope))) else ""
    except FenfaError:
        return ""


def origins(settings: Settings) -> set[str]:
    """As a browser writes them: lower case, without the scheme's own port."""
    return set(_written(settings))


def _written(settings: Settings) -> Iterator[str]:
    for url in (settings["primary_domain"], *(settings["secondary_domains"] or ()), settings["upload_domain"]):
        parts = urlsplit(str(url).lower())
        if parts.scheme in _PORTS:
            yield f"{parts.scheme}://{parts.netloc.removesuffix(f':{_PORTS[parts.scheme]}')}"
