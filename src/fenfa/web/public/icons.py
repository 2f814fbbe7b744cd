"""Icons: by product or by legacy app."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from fenfa.services import icons, products, variants
from fenfa.services.records import Record
from fenfa.services.visibility import PUBLIC, require_visible
from fenfa.web.deps import runtime_of
from fenfa.web.files import names_tag

_MISSING = "icon not found"


async def product_icon(request: Request) -> Response:
    return await _icon(request, request.path_params["product_id"])


async def app_icon(request: Request) -> Response:
    """Takes a legacy app's ID, and a product's as well."""
    any_id = request.path_params["any_id"]
    if any_id.startswith("prd_"):
        return await _icon(request, any_id)
    app = await runtime_of(request).database.read(variants.find_app, any_id, PUBLIC)
    return await _icon(request, app["product_id"])


async def _icon(request: Request, product_id: str) -> Response:
    database = runtime_of(request).database
    require_visible(await database.read(products.get_product, product_id), PUBLIC, _MISSING)
    icon: Record = await database.read(icons.get_icon, product_id)
    etag = f'"{icon["sha256"]}"'
    headers = {"etag": etag, "cache-control": "public, max-age=3600"}
    if names_tag(request.headers.get("if-none-match", ""), etag):
        return Response(status_code=304, headers=headers)
    return Response(icon["png"], media_type="image/png", headers=headers)


ROUTES = (Route("/icon/products/{product_id}", product_icon), Route("/icon/{any_id}", app_icon))
