"""Products: list, create, read, change, icon, delete; and publishing, which takes any ID."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from fenfa.errors import BadInput, TooLarge
from fenfa.services import icons, products, variants
from fenfa.services.products import ProductOrder
from fenfa.services.releases import list_releases
from fenfa.vocabulary import Scope
from fenfa.web import examples
from fenfa.web.deps import Paged, change, guarded, now_of, runtime_of, urls_of
from fenfa.web.envelope import ok, single
from fenfa.web.examples import answers
from fenfa.web.fields import Line
from fenfa.web.schemas import ProductChange, ProductDraft, VariantDraft
from fenfa.web.threads import in_thread
from fenfa.web.upkeep import remove
from fenfa.web.views import product_view, release_view, variant_view

MAX_ICON = 4 * 1024 * 1024
router = APIRouter(prefix="/admin/api", tags=["Products"], route_class=guarded(Scope.ADMIN))
icon_router = APIRouter(prefix="/admin/api", tags=["Products"], route_class=guarded(Scope.ADMIN, max_body=None))


@router.get("/products", summary="List products", **answers(examples.listed(examples.COUNTED_PRODUCT), 400))
async def list_products(
    request: Request,
    page: Paged,
    q: Annotated[Line, Query(description="looks in names and slugs")] = "",
    sort: Annotated[ProductOrder, Query(description="newest, name, downloads or last_release")] = ProductOrder.NEWEST,
    published: Annotated[bool | None, Query(description="true or false alone")] = None,
) -> Response:
    listed = await runtime_of(request).database.read(products.list_products, page, q, sort, published)
    urls = await urls_of(request)
    return ok({"items": [product_view(p, urls) for p in listed.items], "total": listed.total})


@router.post(
    "/products",
    summary="Create a product",
    **answers(examples.single("product", examples.PRODUCT), 400, 409, status=201),
)
async def create_product(request: Request, draft: ProductDraft) -> Response:
    values = {"description": "", "published": True} | draft.changes()
    product_id = await change(request, "product.create", "", products.create_product, now_of(request), values)
    return await _answer(request, product_id, 201)


@router.get("/products/{product_id}", summary="Read a product", **answers(examples.ADMIN_PRODUCT, 404))
async def read_product(request: Request, product_id: str) -> Response:
    return ok(await runtime_of(request).database.read(_whole, product_id, await urls_of(request)))


@router.put(
    "/products/{product_id}",
    summary="Change a product",
    **answers(examples.single("product", examples.PRODUCT), 400, 404, 409),
)
async def update_product(request: Request, product_id: str, body: ProductChange) -> Response:
    unit = products.update_product
    await change(request, "product.update", product_id, unit, now_of(request), product_id, body.changes())
    return await _answer(request, product_id)


@icon_router.put(
    "/products/{product_id}/icon",
    summary="Set a product's icon",
    openapi_extra={"requestBody": {"required": True, "content": {"image/png": {}, "image/jpeg": {}, "image/webp": {}}}},
    **answers(examples.single("product", examples.PRODUCT), 400, 404, 413, 422),
)
async def set_icon(request: Request, product_id: str) -> Response:
    """The body is the image itself: PNG, JPEG or WebP, at most 4 MiB."""
    runtime = runtime_of(request)
    await runtime.database.read(products.get_product, product_id)
    png = await in_thread(runtime.clean_icon, await _image(request))
    await change(request, "product.icon", product_id, icons.set_icon, now_of(request), product_id, png)
    return await _answer(request, product_id)


@router.delete(
    "/products/{product_id}/icon",
    summary="Remove a product's icon",
    **answers(examples.single("product", examples.PRODUCT | {"icon_url": ""}), 404),
)
async def remove_icon(request: Request, product_id: str) -> Response:
    """The next package that holds one brings its icon."""
    await change(request, "product.icon", product_id, icons.remove_icon, product_id)
    return await _answer(request, product_id)


@router.delete("/products/{product_id}", summary="Delete a product", **answers({"deleted": True}, 404))
async def delete_product(request: Request, product_id: str) -> Response:
    """Its variants, releases, device bindings and files go with it."""
    await remove(request, "product.delete", product_id, products.delete_product)
    return ok({"deleted": True})


@router.post(
    "/products/{product_id}/variants",
    tags=["Variants"],
    summary="Create a variant",
    **answers(examples.single("variant", examples.VARIANT), 400, 404, status=201),
)
async def create_variant(request: Request, product_id: str, draft: VariantDraft) -> Response:
    unit, values = variants.create_variant, draft.model_dump()
    variant_id = await change(request, "variant.create", "", unit, now_of(request), product_id, values)
    variant = await runtime_of(request).database.read(variants.get_variant, variant_id)
    return single("variant", variant_view(variant), 201)


@router.put(
    "/apps/{any_id}/publish", tags=["Apps"], summary="Publish", **answers({"id": "app_…", "published": True}, 404)
)
async def publish(request: Request, any_id: str) -> Response:
    """Takes a product (`prd_`), a variant (`var_`) or a legacy app (`app_`)."""
    return await _set_published(request, any_id, True)


@router.put(
    "/apps/{any_id}/unpublish", tags=["Apps"], summary="Unpublish", **answers({"id": "app_…", "published": False}, 404)
)
async def unpublish(request: Request, any_id: str) -> Response:
    """Its page, downloads, manifest and icon answer 404 from now on."""
    return await _set_published(request, any_id, False)


async def _set_published(request: Request, any_id: str, published: bool) -> Response:
    action = "publish" if published else "unpublish"
    await change(request, action, any_id, products.set_published, now_of(request), any_id, published)
    return ok({"id": any_id, "published": published})


async def _answer(request: Request, product_id: str, status: int = 200) -> Response:
    product = await runtime_of(request).database.read(products.count_product, product_id)
    return single("product", product_view(product, await urls_of(request)), status)


def _whole(connection: Any, product_id: str, urls: Any) -> dict[str, Any]:
    product = product_view(products.count_product(connection, product_id), urls)
    found = variants.list_variants(connection, product_id)
    shown: dict[str, Any] = {v["id"]: variant_view(v) | {"releases": []} for v in found}
    for release in list_releases(connection, list(shown)):
        shown[release["variant_id"]]["releases"].append(release_view(release))
    return {**product, "product": product, "variants": list(shown.values())}


async def _image(request: Request) -> bytes:
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_ICON:
            raise TooLarge(f"the icon is larger than {MAX_ICON} bytes")
    if not body:
        raise BadInput("send the image itself as the body: PNG, JPEG or WebP")
    return body
