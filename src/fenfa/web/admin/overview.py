"""The first page after the login: every product with its link."""

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from fenfa.errors import ScopeMissing, Unauthenticated
from fenfa.services import products, sessions
from fenfa.services.records import Page
from fenfa.vocabulary import Scope
from fenfa.web.deps import runtime_of, settings_of, urls_of
from fenfa.web.pages import render
from fenfa.web.security import authenticate, session_cookie
from fenfa.web.views import product_view

_MOST = 1000


async def overview(request: Request) -> Response:
    runtime = runtime_of(request)
    try:
        await authenticate(request, runtime, Scope.ADMIN)
    except (Unauthenticated, ScopeMissing):
        return RedirectResponse("/admin/login", 303)
    await runtime.database.write(sessions.touch_session, runtime.clock(), session_cookie(request))
    listed = await runtime.database.read(products.list_products, Page(_MOST))
    urls = await urls_of(request)
    return render(
        request,
        "admin/overview.html",
        organization=(await settings_of(request))["organization"],
        products=[(product_view(p, urls), urls.page(p["slug"])) for p in listed.items],
        total=listed.total,
        base=urls.base,
    )


async def home(_request: Request) -> Response:
    return RedirectResponse("/admin", 303)


ROUTES = (Route("/", home), Route("/admin", overview))
