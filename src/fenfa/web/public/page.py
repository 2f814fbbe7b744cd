"""The product page, the links to the latest build of a platform, and the old address that leads to the page."""

from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from fenfa.errors import NotFound
from fenfa.services.catalog import Catalog, open_catalog
from fenfa.services.doctor import Target
from fenfa.services.variants import find_app
from fenfa.services.visibility import PUBLIC
from fenfa.vocabulary import Platform
from fenfa.web.answers import PAGE, Made, cached
from fenfa.web.deps import now_of, runtime_of, settings_of, urls_of
from fenfa.web.face import Face, face_of
from fenfa.web.pages import render_text
from fenfa.web.public.offers import arrange, same_arch
from fenfa.web.urls import Urls
from fenfa.web.views import catalog_view

FEW = 20  # releases of the history that are shown unasked


async def product_page(request: Request) -> Response:
    face, organization = face_of(request.headers), (await settings_of(request))["organization"]
    query, now = request.query_params, now_of(request)

    def make(connection: Any, urls: Urls) -> Made:
        catalog = open_catalog(connection, request.path_params["slug"], PUBLIC)
        values = {"organization": organization, "path": f"{request.url.path}?{request.url.query}".rstrip("?")}
        values |= page_values(catalog, urls, face, now, query.get("r", ""), query.get("variant", ""))
        values["most"] = None if query.get("all") else FEW
        return Made(catalog.product, render_text("public/product.html", face, **values).encode())

    return await cached(request, PAGE, make)


def page_values(catalog: Catalog, urls: Urls, face: Face, now: str, release_id: str, variant_id: str) -> dict[str, Any]:
    """What the template shows."""
    view = catalog_view(catalog, urls)
    visitor = face.visitor
    target = Target(visitor.platform, now, visitor.os_version, visitor.family, is_https=urls.base.startswith("https:"))
    shelf = arrange(view["variants"], catalog.releases, visitor, target, release_id, variant_id)
    return {
        "product": view["product"],
        "shelf": shelf,
        "visitor": visitor,
        "link": urls.page(catalog.product["slug"]),
        "short_link": urls.short_page(catalog.product),
        "qr_of": urls.qr,
    }


async def latest_release(request: Request) -> Response:
    """The newest build of a platform: its file, or for iOS the page that installs it."""
    params, channel = request.path_params, request.query_params.get("channel")
    if params["platform"] not in set(Platform):
        raise NotFound("this platform is not known; it is one of ios, android, macos, windows and linux")
    catalog = await runtime_of(request).database.read(open_catalog, params["slug"], PUBLIC)
    release = _newest(catalog, params["platform"], params.get("arch", ""), channel)
    links = (await urls_of(request)).of_release(release["id"], catalog.product["slug"], params["platform"])
    goal = links["release_page" if params["platform"] == Platform.IOS else "download"]
    return RedirectResponse(goal, 302, headers={"cache-control": "no-store"})


def _newest(catalog: Catalog, platform: str, arch: str, channel: str | None) -> dict[str, Any]:
    homes = [v for v in catalog.variants if v["platform"] == platform and (not arch or same_arch(v["arch"], arch))]
    found = [
        release
        for home in homes
        for release in catalog.releases[home["id"]]
        if channel is None or release["channel"] == channel
    ]
    if not found:
        raise NotFound("there is no such build yet")
    return max(found, key=lambda release: int(release["seq"]))


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
