"""The product page, and the old address that leads to it."""

from datetime import datetime
from typing import Any, NamedTuple

from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from fenfa.services import enrolments
from fenfa.services.catalog import Catalog, open_catalog
from fenfa.services.doctor import Target, end_of
from fenfa.services.records import Record, stamp
from fenfa.services.variants import find_app
from fenfa.services.visibility import PUBLIC
from fenfa.web.answers import PAGE, Made, cached, kept, own
from fenfa.web.deps import runtime_of, settings_of
from fenfa.web.enrolled import browser_of
from fenfa.web.face import Face, face_of
from fenfa.web.pages import render_text
from fenfa.web.public.offers import Shelf, Wish, arrange
from fenfa.web.urls import Urls
from fenfa.web.views import catalog_view

FEW, MOST = 10, 200  # releases of the history: shown at once, and unfolded from the same page


class Registration(NamedTuple):
    """What is known of the visitor's device: registered for the shown variant, and with Apple."""

    is_bound: bool
    is_at_apple: bool


async def product_page(request: Request) -> Response:
    face, query = face_of(request.headers), request.query_params
    if not face.is_device and (found := await kept(request, PAGE)):
        return found
    organization, now = (await settings_of(request))["organization"], runtime_of(request).clock()
    browser = browser_of(request) if face.is_device else ""

    def make(connection: Any, urls: Urls) -> Made:
        catalog = open_catalog(connection, request.path_params["slug"], PUBLIC)
        device = enrolments.device_of_browser(connection, now, browser) if browser else None
        target = target_of(urls, face, stamp(now), device)
        values = page_values(catalog, urls, face, target, query)
        values |= {"organization": organization, "path": f"{request.url.path}?{request.url.query}".rstrip("?")}
        values["is_listed"] = runtime_of(request).config.search_engines
        if device and values["shelf"].first:
            bound = enrolments.is_bound(connection, now, "", browser, values["shelf"].first.id)
            values["registration"] = Registration(bound, bool(device["apple_registered_at"]))
        text = render_text("public/product.html", face, **values)
        return Made(catalog.product, text.encode(), _end(catalog, target.now))

    return await (own(request, make) if face.is_device else cached(request, PAGE, make))


def page_values(catalog: Catalog, urls: Urls, face: Face, target: Target, query: QueryParams) -> dict[str, Any]:
    """What the template shows."""
    wish = Wish(query.get("r", ""), query.get("variant", ""))
    view = catalog_view(catalog, urls)
    shelf: Shelf = arrange(view, catalog.releases, face.visitor, target, wish)
    page, short = urls.page(catalog.product["slug"]), urls.short_page(catalog.product)
    own_query = f"?r={wish.release_id}" if wish.release_id else ""
    return {
        "product": view["product"],
        "shelf": shelf,
        "visitor": face.visitor,
        "page": page,
        "link": page + own_query,
        "short_link": short + own_query,
        "is_back": bool(query.get("udid_bound")),
        "registration": None,
        "qr_of": urls.qr,
        "few": FEW,
        "most": None if query.get("all") else MOST,
    }


def target_of(urls: Urls, face: Face, now: str, device: Record | None = None) -> Target:
    """The visitor's device, as the doctor wants it."""
    visitor, udid = face.visitor, device["udid"] if device else ""
    is_https = urls.base.startswith("https:")
    return Target(visitor.platform, now, visitor.os_version, visitor.family, udid, is_https, visitor.arch)


def _end(catalog: Catalog, now: str) -> datetime | None:
    """When the first of these builds stops being installable: what the page says then is no longer true."""
    ends = (end_of(release) for releases in catalog.releases.values() for release in releases)
    first = min((end for end in ends if end and end > now), default=None)
    return datetime.fromisoformat(first) if first else None


async def app_page(request: Request) -> Response:
    app = await runtime_of(request).database.read(find_app, request.path_params["app_id"], PUBLIC)
    query = f"?{request.url.query}" if request.url.query else ""
    return RedirectResponse(f"/products/{app['product_slug']}{query}", 301)


ROUTES = (Route("/products/{slug}", product_page), Route("/apps/{app_id}", app_page))
