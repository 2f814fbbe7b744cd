"""Variants: change, delete; the lists of iOS variants and legacy apps."""

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from fenfa.services import variants
from fenfa.services.releases import list_releases
from fenfa.vocabulary import Platform, Scope
from fenfa.web import examples
from fenfa.web.deps import Paged, change, guarded, now_of, runtime_of
from fenfa.web.envelope import ok, single
from fenfa.web.examples import answers
from fenfa.web.schemas import VariantChange
from fenfa.web.upkeep import remove
from fenfa.web.views import app_view, release_view, variant_view

router = APIRouter(prefix="/admin/api", tags=["Variants"], route_class=guarded(Scope.ADMIN))


@router.get(
    "/variants/{variant_id}",
    summary="Read a variant",
    **answers(examples.single("variant", examples.VARIANT), 404),
)
async def read_variant(request: Request, variant_id: str) -> Response:
    return single("variant", variant_view(await runtime_of(request).database.read(variants.get_variant, variant_id)))


@router.put(
    "/variants/{variant_id}",
    summary="Change a variant",
    **answers(examples.single("variant", examples.VARIANT), 400, 404),
)
async def update_variant(request: Request, variant_id: str, body: VariantChange) -> Response:
    unit = variants.update_variant
    await change(request, "variant.update", variant_id, unit, now_of(request), variant_id, body.changes())
    return single("variant", variant_view(await runtime_of(request).database.read(variants.get_variant, variant_id)))


@router.delete("/variants/{variant_id}", summary="Delete a variant", **answers({"deleted": True}, 404))
async def delete_variant(request: Request, variant_id: str) -> Response:
    """Its releases, device bindings and files go with it."""
    await remove(request, "variant.delete", variant_id, variants.delete_variant)
    return ok({"deleted": True})


@router.get("/ios_variants", summary="List iOS variants", **answers(examples.listed(examples.IOS_VARIANT), 400))
async def list_ios_variants(request: Request, page: Paged) -> Response:
    listed = await runtime_of(request).database.read(variants.list_all_variants, page, Platform.IOS)
    names = ("id", "identifier", "display_name", "product_id", "product_name")
    return ok({"items": [{name: v[name] for name in names} for v in listed.items], "total": listed.total})


@router.get("/apps", tags=["Apps"], summary="List legacy apps", **answers(examples.listed(examples.APP), 400))
async def list_apps(request: Request, page: Paged) -> Response:
    """The view of older clients: one app a variant."""
    listed = await runtime_of(request).database.read(variants.list_all_variants, page)
    return ok({"items": [app_view(v) for v in listed.items], "total": listed.total})


@router.get(
    "/apps/{app_id}",
    tags=["Apps"],
    summary="Read a legacy app",
    **answers(examples.APP | {"releases": [examples.RELEASE]}, 404),
)
async def read_app(request: Request, app_id: str) -> Response:
    return ok(await runtime_of(request).database.read(_whole_app, app_id))


def _whole_app(connection: Any, app_id: str) -> dict[str, Any]:
    variant = variants.find_variant(connection, app_id)
    app = app_view(variant)
    return {**app, "app": app, "releases": [release_view(r) for r in list_releases(connection, [variant["id"]])]}
