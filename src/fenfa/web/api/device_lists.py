"""Lists of devices in the developer portal's text format, in and out."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from starlette.responses import PlainTextResponse, Response

from fenfa.errors import BadInput
from fenfa.services import device_lists
from fenfa.services.records import Record
from fenfa.vocabulary import Scope
from fenfa.web.api.devices import device_query
from fenfa.web.deps import change, guarded, now_of, runtime_of
from fenfa.web.envelope import ok
from fenfa.web.examples import answers

import_router = APIRouter(prefix="/admin/api", tags=["Devices"], route_class=guarded(Scope.ADMIN))
export_router = APIRouter(prefix="/admin/exports", tags=["Exports"], route_class=guarded(Scope.ADMIN))
_IMPORTED = {"created": 2, "known": 1, "problems": [{"line": 5, "reason": "the first column is no device ID (UDID)"}]}
_TEXT: dict[str, Any] = {
    "response_class": PlainTextResponse,
    "responses": {200: {"description": "text, UTF-8", "content": {"text/plain": {"schema": {"type": "string"}}}}},
}


@import_router.post(
    "/devices/import",
    summary="Import a list of devices",
    openapi_extra={"requestBody": {"required": True, "content": {"text/plain": {}}}},
    **answers(_IMPORTED, 400, 413),
)
async def import_list(request: Request) -> Response:
    """The body is the text that Apple's portal takes for many devices: device ID, name and platform, with tabs between them."""
    data = await request.body()
    if not data:
        raise BadInput("send the list itself as the body")
    imported: list[Record] = []

    def unit(connection: Any) -> str:
        imported.append(device_lists.import_text(connection, now_of(request), data))
        return f"{imported[-1]['created']} devices"

    await change(request, "device.import", "", unit)
    return ok(imported[-1])


@export_router.get("/apple_devices.txt", summary="Export devices for Apple's portal", **_TEXT)
async def export_list(request: Request, query: Annotated[Any, Depends(device_query)]) -> Response:
    """The form in which Apple's portal takes many devices at once; at most 100 of them in one file."""
    text = await runtime_of(request).database.read(device_lists.export_text, query)
    headers = {"content-disposition": 'attachment; filename="apple_devices.txt"', "cache-control": "no-store"}
    return PlainTextResponse(text, headers=headers)
