"""The first page after the login."""

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from fenfa.services import products
from fenfa.services.records import Page as Slice
from fenfa.web.admin.panel import Page, panel_route, show
from fenfa.web.deps import runtime_of, urls_of
from fenfa.web.i18n import marked
from fenfa.web.views import product_view

_MOST = 1000


async def dashboard(request: Request) -> Response:
    listed = await runtime_of(request).database.read(products.list_products, Slice(_MOST))
    urls = await urls_of(request)
    shown = [(product_view(p, urls), urls.page(p["slug"])) for p in listed.items]
    return await show(request, "admin/dashboard.html", products=shown, total=listed.total, base=urls.base)


async def home(_request: Request) -> Response:
    return RedirectResponse("/admin", 303)


PAGE = Page("/admin", marked("Dashboard"), "home", "d", (Route("/", home), panel_route("/admin", dashboard)))
