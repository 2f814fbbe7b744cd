"""Devices that people registered: the list, and the page of each, where alone its UDID is told whole."""

from collections.abc import Callable, Container, Mapping
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from fenfa.services import devices
from fenfa.services.devices import AppleState
from fenfa.services.records import Page as Slice
from fenfa.services.variants import list_all_variants
from fenfa.vocabulary import Platform
from fenfa.web.admin.device import masked
from fenfa.web.admin.panel import Page, link_of, page_of, panel_route, show
from fenfa.web.deps import runtime_of
from fenfa.web.fields import day, line
from fenfa.web.i18n import marked

PATH = "/admin/devices"


def one_of(words: Container[str]) -> Callable[[str], str]:
    """A check that lets these words through and no others."""

    def check(text: str) -> str:
        return text if text in words else ""

    return check


_VERIFIED = {"yes": True, "no": False}
APPLE_STATES = {
    AppleState.NONE: marked("not registered"),
    AppleState.ENABLED: marked("registered"),
    AppleState.PROCESSING: marked("Apple processes it"),
    AppleState.DISABLED: marked("disabled at Apple"),
}
_CHECKS = {
    "q": line,
    "variant_id": line,
    "from": day,
    "to": day,
    "apple": one_of(APPLE_STATES),
    "verified": one_of(_VERIFIED),
}


async def devices_page(request: Request) -> Response:
    database = runtime_of(request).database
    asked = asked_filters(request.query_params)
    apple, verified = AppleState(asked["apple"]) if asked["apple"] else None, _VERIFIED.get(asked["verified"])
    days = asked["from"], asked["to"]
    query = devices.devices_query(asked["q"], asked["variant_id"], None, *days, apple, verified)
    page = page_of(request)
    listed = await database.read(devices.list_devices, query, page)
    variants = await database.read(list_all_variants, Slice(1000), Platform.IOS)
    given = {name: value for name, value in asked.items() if value}
    if verified is not None:
        given["verified"] = str(verified).lower()
    return await show(
        request,
        "admin/devices.html",
        devices=[device | {"udid": masked(device["udid"])} for device in listed.items],
        listed={"items": listed.items, "total": listed.total, "page": page},
        variants=variants.items,
        asked=asked,
        csv=f"/admin/exports/ios_devices.csv?{urlencode(given)}".rstrip("?"),
        portal=f"/admin/exports/apple_devices.txt?{urlencode(given)}".rstrip("?"),
        apple_states=APPLE_STATES,
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
