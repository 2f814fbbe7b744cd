"""The product page, the links to the latest build of a platform, and the old address that leads to the page."""

from datetime import datetime
from typing import Any

from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from fenfa.errors import NotFound
from fenfa.services.arches import is_universal, plain_arch, plain_arches
from fenfa.services.catalog import Catalog, open_catalog
from fenfa.services.doctor import Target, end_of
from fenfa.services.variants import find_app
from fenfa.services.visibility import PUBLIC
from fenfa.vocabulary import Platform
from fenfa.web.answers import PAGE, Made, cached
from fenfa.web.deps import now_of, runtime_of, settings_of, urls_of
from fenfa.web.face import Face, face_of
from fenfa.web.pages import render_text
from fenfa.web.public.offers import Offer, Wish, arrange
from fenfa.web.urls import Urls
from fenfa.web.views import catalog_view

FEW, MOST = 10, 200  # releases of the history: shown at once, and unfolded from the same page


async def product_page(request: Request) -> Response:
    face, organization = face_of(request.headers), (await settings_of(request))["organization"]
    query, now = request.query_params, now_of(request)

    def make(connection: Any, urls: Urls) -> Made:
        catalog = open_catalog(connection, request.path_params["slug"], PUBLIC)
        values = {"organization": organization, "path": f"{request.url.path}?{request.url.query}".rstrip("?")}
        values |= page_values(catalog, urls, face, now, query)
        text = render_text("public/product.html", face, **values)
        return Made(catalog.product, text.encode(), _end(catalog, now))

    return await cached(request, PAGE, make)


def page_values(catalog: Catalog, urls: Urls, face: Face, now: str, query: QueryParams) -> dict[str, Any]:
    """What the template shows."""
    wish = Wish(query.get("r", ""), query.get("variant", ""))
    view = catalog_view(catalog, urls)
    shelf = arrange(view, catalog.releases, face.visitor, _target(urls, face, now), wish)
    page, short = urls.page(catalog.product["slug"]), urls.short_page(catalog.product)
    own = f"?r={wish.release_id}" if wish.release_id else ""
    return {
        "product": view["product"],
        "shelf": shelf,
        "visitor": face.visitor,
        "page": page,
        "link": page + own,
        "short_link": short + own,
        "is_bound": bool(query.get("udid_bound")),
        "qr_of": urls.qr,
        "few": FEW,
        "most": None if query.get("all") else MOST,
    }


def _target(urls: Urls, face: Face, now: str) -> Target:
    visitor, is_https = face.visitor, urls.base.startswith("https:")
    return Target(visitor.platform, now, visitor.os_version, visitor.family, is_https=is_https, arch=visitor.arch)


def _end(catalog: Catalog, now: str) -> datetime | None:
    """When the first of these builds stops being installable: what the page says then is no longer true."""
    ends = (end_of(release) for releases in catalog.releases.values() for release in releases)
    first = min((end for end in ends if end and end > now), default=None)
    return datetime.fromisoformat(first) if first else None


async def latest_release(request: Request) -> Response:
    """The newest build of a platform: its file, or for iOS the page that installs it."""
    params, channel = request.path_params, request.query_params.get("channel")
    if params["platform"] not in set(Platform):
        raise NotFound("this platform is not known; it is one of ios, android, macos, windows and linux")
    catalog = await runtime_of(request).database.read(open_catalog, params["slug"], PUBLIC)
    urls, face = await urls_of(request), face_of(request.headers)
    target = _target(urls, face, now_of(request))
    shelf = arrange(catalog_view(catalog, urls), catalog.releases, face.visitor, target, Wish())
    release = _newest(shelf.of(params["platform"]), params.get("arch", ""), channel)
    goal = release["actions"]["release_page" if params["platform"] == Platform.IOS else "download"]
    return RedirectResponse(goal, 302, headers={"cache-control": "no-store"})


def _newest(offers: list[Offer], arch: str, channel: str | None) -> dict[str, Any]:
    """Of the best variant that has one; without an architecture, that is the one whose button the page would show."""
    wanted = plain_arch(arch)
    exact = [offer for offer in offers if wanted in plain_arches(offer.variant["arch"])]
    for offer in [*exact, *(offer for offer in offers if is_universal(offer.variant["arch"]))] if arch else offers:
        for release in offer.variant["releases"]:
            if channel is None or release["channel"] == channel:
                return dict(release)
    raise NotFound("there is no such build yet")


async def app_page(request: Request) -> Response:
    app = await runtime_of(request).database.read(find_app, request.path_params["app_id"], PUBLIC)
    query = f"?{request.url.query}" if request.url.query else ""
    return RedirectResponse(f"/products/{app['product_slug']}{query}", 301)


ROUTES = (
    Route("/products/{slug}", product_page),
    Route("/products/{slug}/latest/{platform}", latest_release),
    Route("/products/{slug}/latest/{platform}/{arch}", latest_release),
    Route("/apps/{app_id}", app_page),
)
