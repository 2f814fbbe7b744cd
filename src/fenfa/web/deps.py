"""What handlers ask for: the runtime, the URLs of this request, a page of a list, and changes with their audit line."""

from collections.abc import Callable, Coroutine
from typing import Annotated, Any

from fastapi import Depends, Query
from fastapi.routing import APIRoute
from pydantic import BeforeValidator
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message, Receive

from fenfa.errors import TooLarge
from fenfa.runtime import Runtime
from fenfa.services import audit
from fenfa.services.extents import EventFilter
from fenfa.services.records import Page, stamp
from fenfa.services.settings import Settings, load_settings
from fenfa.services.tokens import Identity
from fenfa.vocabulary import EventType, Platform, Scope
from fenfa.web.fields import Day, Line, checked_line
from fenfa.web.security import authenticate, client_scheme
from fenfa.web.urls import Urls, base_of, urls_for

MAX_JSON = 1024 * 1024
_Unsaid = BeforeValidator(lambda text: text or None)  # forms send the fields that nobody filled in as well
Handler = Callable[[Request], Coroutine[Any, Any, Response]]


def runtime_of(request: Request) -> Runtime:
    runtime: Runtime = request.app.state.runtime
    return runtime


def identity_of(request: Request) -> Identity:
    identity: Identity = request.state.identity
    return identity


def now_of(request: Request) -> str:
    return stamp(runtime_of(request).clock())


def idempotency_key(request: Request, key: str | None = None) -> str | None:
    """By which a repeated upload is known again, from its header unless it is given; it counts for its sender alone."""
    said = checked_line("Idempotency-Key", request.headers.get("idempotency-key", "") if key is None else key)
    return f"{identity_of(request).id}:{said}" if said else None


async def settings_of(request: Request) -> Settings:
    runtime = runtime_of(request)
    if runtime.database.inline:
        settings: Settings = request.app.state.cache.settings()
        return settings
    if not hasattr(request.state, "settings"):  # one answer is made of one state of them
        request.state.settings = await runtime.database.read(load_settings, runtime.config)
    known: Settings = request.state.settings
    return known


async def urls_of(request: Request) -> Urls:
    settings = await settings_of(request)
    scheme = client_scheme(request.scope, runtime_of(request).config.trusted_proxies)
    return urls_for(settings, base_of(settings, scheme, request.headers.get("host")))


async def change(request: Request, action: str, target: str, unit: Callable[..., Any], *args: Any) -> Any:
    """Runs the unit in one transaction with its line in the audit trail; an empty target is what the unit gives back."""
    runtime, identity = runtime_of(request), identity_of(request)

    def deed(connection: Any) -> Any:
        result = unit(connection, *args)
        audit.note(connection, stamp(runtime.clock()), identity.id, action, target or str(result), {})
        return result

    return await runtime.database.write(deed)


def guarded(scope: Scope, max_body: int | None = MAX_JSON) -> type[APIRoute]:
    """Routes that look at the token before anything else, and at most `max_body` bytes of the body after that.

    Bodies count as JSON whatever their Content-Type says: the Go version never asked for one.
    """

    class GuardedRoute(APIRoute):
        def get_route_handler(self) -> Handler:
            handle = super().get_route_handler()

            async def guarded_handle(request: Request) -> Response:
                request.state.identity = await authenticate(request, runtime_of(request), scope)
                return await handle(_limited(request, max_body) if max_body else request)

            return guarded_handle

    return GuardedRoute


class PlainRoute(APIRoute):
    """In the reference like any other, but called directly: for handlers that take the request and words of the path."""

    def get_route_handler(self) -> Handler:
        async def handle(request: Request) -> Response:
            response: Response = await self.endpoint(request, **request.path_params)
            return response

        return handle


def _limited(request: Request, limit: int) -> Request:
    others = [pair for pair in request.scope["headers"] if pair[0] != b"content-type"]
    scope = {**request.scope, "headers": [*others, (b"content-type", b"application/json")]}
    return Request(scope, _counted(request.receive, limit))


def _counted(receive: Receive, limit: int) -> Receive:
    seen = 0

    async def counted() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > limit:
            raise TooLarge(f"the body is larger than {limit} bytes")
        return message

    return counted


def page_query(
    limit: Annotated[int, Query(ge=0, le=1000, description="how many items, at most 1000")] = 100,
    offset: Annotated[int, Query(ge=0, le=2**62, description="how many items to pass over")] = 0,
) -> Page:
    return Page(limit, offset)


def event_filter(
    type: Annotated[EventType | None, _Unsaid, Query(description="visit, click or download")] = None,
    app_id: Line = "",
    variant_id: Line = "",
    release_id: Line = "",
    start: Annotated[Day, Query(alias="from", description="first day, YYYY-MM-DD")] = "",
    end: Annotated[Day, Query(alias="to", description="last day, YYYY-MM-DD")] = "",
    product_id: Line = "",
    platform: Annotated[Platform | None, _Unsaid, Query(description="ios, android, macos, windows or linux")] = None,
) -> EventFilter:
    return EventFilter(type, app_id, variant_id, release_id, start, end, product_id, platform)


Paged = Annotated[Page, Depends(page_query)]
Filtered = Annotated[EventFilter, Depends(event_filter)]
