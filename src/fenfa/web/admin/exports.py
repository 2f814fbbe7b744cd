"""Exports: each list as CSV, with its filters. The files themselves come from `web/api/exports.py`."""

from starlette.requests import Request
from starlette.responses import Response

from fenfa.services.products import list_products
from fenfa.services.records import Page as Slice
from fenfa.services.variants import list_all_variants
from fenfa.vocabulary import PLATFORM_NAMES, Platform
from fenfa.web.admin.panel import Page, panel_route, show
from fenfa.web.deps import runtime_of
from fenfa.web.i18n import marked

_ALL = Slice(1000)


async def exports_page(request: Request) -> Response:
    database = runtime_of(request).database
    products = await database.read(list_products, _ALL)
    variants = await database.read(list_all_variants, _ALL, Platform.IOS)
    named = [(p["id"], p["name"]) for p in products.items]
    return await show(
        request,
        "admin/exports.html",
        products=sorted(named, key=lambda pair: pair[1].casefold()),
        platforms=list(PLATFORM_NAMES.items()),
        variants=variants.items,
    )


PAGE = Page(
    "/admin/exports", marked("Exports"), "download", "x", (panel_route("/admin/exports", exports_page),), in_menu=False
)
