"""CSV exports, streamed."""

from collections.abc import Callable, Iterator
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from starlette.responses import StreamingResponse

from fenfa.services import exports
from fenfa.vocabulary import Scope
from fenfa.web.api.devices import device_query
from fenfa.web.deps import Filtered, guarded, runtime_of
from fenfa.web.threads import in_thread

router = APIRouter(prefix="/admin/exports", tags=["Exports"], route_class=guarded(Scope.ADMIN))
_CSV: dict[str, Any] = {
    "response_class": StreamingResponse,
    "responses": {200: {"description": "CSV, UTF-8", "content": {"text/csv": {"schema": {"type": "string"}}}}},
}


@router.get("/releases.csv", summary="Export releases", **_CSV)
async def export_releases(request: Request, wanted: Filtered) -> StreamingResponse:
    return await _csv("releases.csv", exports.csv_chunks(runtime_of(request).database, exports.releases_query(wanted)))


@router.get("/events.csv", summary="Export events", **_CSV)
async def export_events(request: Request, wanted: Filtered) -> StreamingResponse:
    return await _csv("events.csv", exports.event_chunks(runtime_of(request).database, wanted))


@router.get("/ios_devices.csv", summary="Export devices", **_CSV)
async def export_devices(request: Request, query: Annotated[Any, Depends(device_query)]) -> StreamingResponse:
    return await _csv(
        "ios_devices.csv", exports.csv_chunks(runtime_of(request).database, exports.devices_export_query(query))
    )


async def _csv(name: str, chunks: Iterator[bytes]) -> StreamingResponse:
    first = await in_thread(_next, chunks.__next__)  # a database error is an error, not a file that stops short
    headers = {"content-disposition": f'attachment; filename="{name}"', "cache-control": "no-store"}

    async def stream() -> Any:
        chunk = first
        while chunk is not None:
            yield chunk
            chunk = await in_thread(_next, chunks.__next__)

    return StreamingResponse(stream(), media_type="text/csv; charset=utf-8", headers=headers)


def _next(step: Callable[[], bytes]) -> bytes | None:
    try:
        return step()
    except StopIteration:
        return None
