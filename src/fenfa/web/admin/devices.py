"""Devices that people registered: the list, and the page of each, where alone its UDID is told whole."""

from collections.abc import Mapping
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from fenfa.services import devices
from fenfa.services.records import Page as Slice
from fenfa.services.variants import list_all_variants
from fenfa.vocabulary import Platform
from fenfa.web.admin.device import masked
from fenfa.web.admin.panel import Page, link_of, page_of, panel_route, show
from fenfa.web.deps import runtime_of
from fenfa.web.fields import day, line
from fenfa.web.i18n import marked

PATH = "/admin/devices"
_CHECKS = {"q": line, "variant_id": line, "from": day, "to": day}


async def devices_page(request: Request) -> Response:
    database = runtime_of(request).database
    asked = asked_filters(request.query_params)
    query = devices.devices_query(asked["q"], asked["variant_id"], None, asked["from"], asked["to"])
    page = page_of(request)
    listed = await database.read(devices.list_devices, query, page)
    variants = await database.read(list_all_variants, Slice(1000), Platform.IOS)
    given = {name: value for name, value in asked.items() if value}
    return await show(
        request,
        "admin/devices.html",
        devices=[device | {"udid": masked(device["udid"])} for device in listed.items],
        listed={"items": listed.items, "total": listed.total, "page": page},
        variants=variants.items,
        asked=asked,
        csv=f"/admin/exports/ios_devices.csv?{urlencode(given)}".rstrip("?"),
        link=link_of(request),
    )


def asked_filters(query: Mapping[str, str]) -> dict[str, str]:
    """A value that cannot be is left out: a list is no place for an error page."""
    return {name: _checked(name, query.get(name, "")) for name in _CHECKS}


def _checked(name: str, text: str) -> str:
    try:
        return _CHECKS[name](text)
    except ValueError:
        return ""


PAGE = Page(
    PATH,
    marked("Devices"),
    "phone",
    "v",
    (panel_route(PATH, devices_page),),
)
