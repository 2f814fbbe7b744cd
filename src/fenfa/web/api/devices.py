"""Devices: the list for admins."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from fenfa.services import devices
from fenfa.services.devices import AppleState
from fenfa.vocabulary import Scope
from fenfa.web import examples
from fenfa.web.deps import Filtered, Paged, guarded, runtime_of
from fenfa.web.envelope import ok
from fenfa.web.examples import answers
from fenfa.web.fields import Line

router = APIRouter(prefix="/admin/api", tags=["Devices"], route_class=guarded(Scope.ADMIN))


def device_query(
    wanted: Filtered,
    q: Line = "",
    apple: Annotated[AppleState | None, Query(description="none, enabled, disabled or processing")] = None,
    verified: Annotated[bool | None, Query(description="whether it proved that it exists")] = None,
) -> object:
    return devices.devices_query(q, wanted.variant_id, wanted.app_id, wanted.start, wanted.end, apple, verified)


@router.get("/ios_devices", summary="List devices", **answers(examples.listed(examples.DEVICE), 400))
async def list_devices(request: Request, page: Paged, query: Annotated[object, Depends(device_query)]) -> Response:
    listed = await runtime_of(request).database.read(devices.list_devices, query, page)  # type: ignore[arg-type]
    return ok({"items": listed.items, "total": listed.total})
