"""The product page, and the old address that leads to it."""

from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from fenfa.errors import NotFound
from fenfa.services.catalog import open_catalog
from fenfa.services.variants import find_app
from fenfa.services.visibility import PUBLIC
from fenfa.web.answers import Made, cached
from fenfa.web.deps import runtime_of, settings_of
from fenfa.web.face import face_of
from fenfa.web.pages import render_text
from fenfa.web.urls import Urls
from fenfa.web.views import catalog_view

PLATFORM_NAMES = {"ios": "iOS", "android": "Android", "macos": "macOS", "windows": "Windows", "linux": "Linux"}


async def product_page(request: Request) -> Response:
    slug = request.path_params["slug"]
    wanted, variant = request.query_params.get("r", ""), request.query_params.get("variant", "")
    face, organization = face_of(request.headers), (await settings_of(request))["organization"]

    def make(connection: Any, urls: Urls) -> Made:
        catalog = open_catalog(connection, slug, PUBLIC)
        view = catalog_view(catalog, urls)
        values = {
            "organization": organization,
            "platforms": PLATFORM_NAMES,
            "link": urls.page(catalog.product["slug"]),
        }
        shown = _selected(view["variants"], wanted, variant)
        text = render_text(
            "public/product.html", face, product=view["product"], variants=shown, wanted=wanted, **values
        )
        return catalog.product, text.encode()

    return await cached(request, "text/html; charset=utf-8", make, face.key)


async def app_page(request: Request) -> Response:
    app = await runtime_of(request).database.read(find_app, request.path_params["app_id"], PUBLIC)
    query = f"?{request.url.query}" if request.url.query else ""
    return RedirectResponse(f"/products/{app['product_slug']}{query}", 301)


def _selected(variants: list[dict[str, Any]], release_id: str, variant_id: str) -> list[dict[str, Any]]:
    """The variants with the `shown` release of each; those that the link asks for come first. An unknown one: NotFound."""
    chosen = [_with_shown(variant, release_id) for variant in variants]
    if release_id and not any(v["shown"] and v["shown"]["id"] == release_id for v in chosen):
        raise NotFound("this release is no longer here")
    if variant_id and not any(v["id"] == variant_id for v in chosen):
        raise NotFound("this variant is no longer here")
    return sorted(chosen, key=lambda v: not _is_wanted(v, release_id, variant_id))


def _with_shown(variant: dict[str, Any], release_id: str) -> dict[str, Any]:
    asked = [release for release in variant["releases"] if release["id"] == release_id]
    return variant | {"shown": asked[0] if asked else variant["latest_release"]}


def _is_wanted(variant: dict[str, Any], release_id: str, variant_id: str) -> bool:
    shown = variant["shown"]
    return variant["id"] == variant_id or bool(release_id and shown and shown["id"] == release_id)


ROUTES = (Route("/products/{slug}", product_page), Route("/apps/{app_id}", app_page))
