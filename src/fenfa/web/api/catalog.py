"""The product page's data as JSON, by ID, slug or legacy app; cached as bytes by the product's revision."""

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from fenfa.db.engine import Database
from fenfa.services.catalog import open_catalog
from fenfa.services.variants import find_app
from fenfa.services.visibility import PUBLIC
from fenfa.web import examples
from fenfa.web.answers import Made, cached, key_of, render
from fenfa.web.cache import PageCache
from fenfa.web.deps import PlainRoute
from fenfa.web.envelope import JSON, ok_bytes
from fenfa.web.examples import answers
from fenfa.web.rsgi import Answer, Asked
from fenfa.web.urls import Urls, urls_for
from fenfa.web.views import catalog_view

router = APIRouter(tags=["Public"], route_class=PlainRoute)
_ANSWERS = answers(examples.CATALOG, 404, refused=False)
_PRODUCTS = "/api/products/"


@router.get("/api/products/slug/{slug}", summary="A product by slug", **_ANSWERS)
async def product_by_slug(request: Request, slug: str) -> Response:
    return await cached(request, JSON, lambda connection, urls: _catalog(connection, urls, slug))


@router.get("/api/products/{id_or_slug}", summary="A product by ID or slug", **_ANSWERS)
async def product(request: Request, id_or_slug: str) -> Response:
    """Published variants by their order, releases newest first. Holds no addresses, UDIDs or storage paths."""
    return await cached(request, JSON, lambda connection, urls: _catalog(connection, urls, id_or_slug))


@router.get("/api/apps/{app_id}", summary="The product of a legacy app", **_ANSWERS)
async def product_of_legacy_app(request: Request, app_id: str) -> Response:
    def make(connection: Any, urls: Urls) -> Made:
        return _catalog(connection, urls, find_app(connection, app_id, PUBLIC)["product_id"])

    return await cached(request, JSON, make)


class Catalogs:
    """Product JSON on the server's fast path: a scope for the application, its routing and its errors cost as much again as
    the answer itself."""

    def __init__(self, database: Database, cache: PageCache) -> None:
        self._database, self._cache = database, cache

    def answer(self, asked: Asked) -> Answer | None:
        """None: ask the application, which knows proxies. An error is said there too."""
        wanted = _wanted(asked)
        base = self._cache.plain_base(asked.headers) if wanted else ""
        if not base:
            return None
        urls = urls_for(self._cache.settings(), base)
        key = key_of(asked.path, asked.query, urls)
        rendered = render(self._database.read_one_inline(_catalog, urls, wanted), key, JSON)
        self._cache.keep(key, rendered)
        return rendered.for_client(asked.headers.get("if-none-match"))


def _wanted(asked: Asked) -> str:
    """The ID or slug; empty if the request is for something else."""
    if asked.method != "GET" or not asked.path.startswith(_PRODUCTS):
        return ""
    rest = asked.path.removeprefix(_PRODUCTS).removeprefix("slug/")
    return "" if "/" in rest else rest


def _catalog(connection: Any, urls: Urls, id_or_slug: str) -> Made:
    catalog = open_catalog(connection, id_or_slug, PUBLIC)
    return Made(catalog.product, ok_bytes(catalog_view(catalog, urls)))
