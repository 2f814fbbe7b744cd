"""Events: what public pages report, and the list for admins."""

import json
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import ValidationError
from pydantic_core import from_json
from starlette.responses import Response

from fenfa.errors import BadInput, NotFound
from fenfa.services import events, releases, variants
from fenfa.services.records import Record
from fenfa.services.visibility import PUBLIC, require_visible
from fenfa.vocabulary import EventType, Scope
from fenfa.web import examples
from fenfa.web.deps import Filtered, Paged, guarded, runtime_of
from fenfa.web.envelope import ok
from fenfa.web.examples import answers
from fenfa.web.fields import Line
from fenfa.web.schemas import EventDraft
from fenfa.web.security import client_address
from fenfa.web.threads import in_thread
from fenfa.web.visits import event_of

MAX_EVENT = 8 * 1024
public_router = APIRouter(tags=["Events"])
admin_router = APIRouter(prefix="/admin/api", tags=["Events"], route_class=guarded(Scope.ADMIN))
Before = Annotated[Line, Query(description="the `next` of an earlier page; goes with no `offset`")]
_BODY = {"content": {"application/json": {"schema": EventDraft.model_json_schema()}}, "required": True}


@public_router.post(
    "/events",
    summary="Report a visit or a click",
    openapi_extra={"requestBody": _BODY},
    **answers({"recorded": True}, 400, 429, status=201, refused=False),
)
async def report_event(request: Request) -> Response:
    """At least one of the three IDs; at most 8 KiB, and 60 a minute from one address."""
    runtime = runtime_of(request)
    address = client_address(request.scope, runtime.config.trusted_proxies)
    request.app.state.event_rate.count(address, runtime.clock().timestamp())
    draft = _draft(await _body(request))
    record = await runtime.database.read(_subject, draft)
    runtime.events.add(event_of(request, runtime, draft.type, record, extra=draft.extra))
    return ok({"recorded": True}, 201)


@admin_router.get(
    "/events",
    summary="List events",
    **answers(examples.listed(examples.EVENT) | {"next": "2026-11-02T09:30:00.000Z_4711"}, 400),
)
async def list_events(request: Request, page: Paged, wanted: Filtered, before: Before = "") -> Response:
    """Newest first. `next` is the `before` of the page that follows, null where there is none: so read, no event is left out and
    none comes twice, whatever happens meanwhile."""
    listed = await in_thread(runtime_of(request).database.read_now, events.list_events, wanted, page, before)
    marks = [row.pop("mark") for row in listed.items]
    return ok(
        {
            "items": listed.items,
            "total": listed.total,
            "next": marks[-1] if marks and len(marks) == page.limit else None,
        }
    )


async def _body(request: Request) -> bytes:
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_EVENT:
            raise BadInput(f"an event is at most {MAX_EVENT} bytes")
    return body


def _draft(body: bytes) -> EventDraft:
    try:
        draft = EventDraft.model_validate(from_json(body, allow_inf_nan=False))
        json.dumps(draft.extra, allow_nan=False)  # 1e999 is read as infinity, which no JSON can say
    except ValidationError as error:
        field = ".".join(map(str, error.errors()[0]["loc"])) or "the body"
        raise BadInput(f"{field} is missing or not of its kind") from None
    except ValueError:
        raise BadInput("the body is not valid JSON") from None
    if draft.type == EventType.DOWNLOAD:
        raise BadInput("type must be visit or click; downloads are counted by the server")
    if not (draft.variant_id or draft.release_id or draft.app_id):
        raise BadInput("one of variant_id, release_id and app_id is required")
    return draft


def _subject(connection: Any, draft: EventDraft) -> Record:
    """The IDs of the thing that was visited; an ID that is unknown or not public: BadInput."""
    try:
        if draft.release_id:
            found = require_visible(releases.get_release(connection, draft.release_id), PUBLIC, "release not found")
            found = found | {"release_id": draft.release_id}
        else:
            variant = variants.find_variant(connection, draft.variant_id or draft.app_id)
            found = require_visible(variant, PUBLIC, "variant not found") | {
                "variant_id": variant["id"],
                "release_id": "",
            }
    except NotFound as error:
        raise BadInput(error.message) from None
    return {name: found[name] for name in ("product_id", "app_id", "variant_id", "release_id")}
