"""The product page's data as JSON, by ID, slug or legacy app; cached as bytes by the product's revision."""

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from fenfa.services.catalog import open_catalog
from fenfa.services.variants import find_app
from fenfa.services.visibility import PUBLIC
from fenfa.web import examples
from fenfa.web.answers import cached
from fenfa.web.deps import PlainRoute
from fenfa.web.envelope import JSON, ok_bytes
from fenfa.web.examples import answers
from fenfa.web.urls import Urls
from fenfa.web.views import catalog_view

router = APIRouter(tags=["Public"], route_class=PlainRoute)
_ANSWERS = answers(examples.CATALOG, 404, refused=False)


@router.get("/api/products/slug/{slug}", summary="A product by slug", **_ANSWERS)
async def product_by_slug(request: Request, slug: str) -> Response:
    return await cached(request, JSON, lambda connection, urls: _catalog(connection, urls, slug))


@router.get("/api/products/{id_or_slug}", summary="A product by ID or slug", **_ANSWERS)
async def product(request: Request, id_or_slug: str) -> Response:
    """Published variants by their order, releases newest first. Holds no addresses, UDIDs or storage paths."""
    return await cached(request, JSON, lambda connection, urls: _catalog(connection, urls, id_or_slug))


@router.get("/api/apps/{app_id}", summary="The product of a legacy app", **_ANSWERS)
async def product_of_legacy_app(request: Request, app_id: str) -> Response:
    def make(connection: Any, urls: Urls) -> tuple[dict[str, Any], bytes]:
        return _catalog(connection, urls, find_app(connection, app_id, PUBLIC)["product_id"])

    return await cached(request, JSON, make)


def _catalog(connection: Any, urls: Urls, id_or_slug: str) -> tuple[dict[str, Any], bytes]:
    catalog = open_catalog(connection, id_or_slug, PUBLIC)
    return catalog.product, ok_bytes(catalog_view(catalog, urls))
