"""The page of a variant: its releases, what is handed out of it, what it is for, its end."""

from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from fenfa.errors import BadInput, Conflict
from fenfa.services import products, releases, variants
from fenfa.services.losses import count_losses
from fenfa.services.records import Listed, Record
from fenfa.services.records import Page as Slice
from fenfa.vocabulary import PLATFORM_NAMES
from fenfa.web.admin.deletion import confirm_deletion
from fenfa.web.admin.panel import back_to, link_of, page_of, panel_route, show
from fenfa.web.admin.products import publish
from fenfa.web.admin.share import share_of
from fenfa.web.deps import change, now_of, runtime_of, urls_of
from fenfa.web.forms import checked, form_of, problem_of
from fenfa.web.schemas import VariantChange, VariantDraft
from fenfa.web.upkeep import remove
from fenfa.web.urls import own_path
from fenfa.web.words import variant_title

_FIELDS = ("platform", "display_name", "identifier", "arch", "installer_type", "min_os")
_STEPS = {"up": -1, "down": 1}


async def new_variant(request: Request) -> Response:
    return await _draft(request, {"published": "1", "platform": "ios"}, {})


async def create_variant(request: Request) -> Response:
    product_id, form = request.path_params["product_id"], await form_of(request)
    await runtime_of(request).database.read(products.get_product, product_id)
    given = {name: form[name] for name in _FIELDS if name in form} | {"published": form.get("published") == "1"}
    values, problems = checked(VariantDraft, given)
    if problems:
        return await _draft(request, form, problems)
    unit, now = variants.create_variant, now_of(request)
    variant_id = await change(request, "variant.create", "", unit, now, product_id, values)
    return back_to(f"/admin/variants/{variant_id}", "created")


async def show_variant(request: Request) -> Response:
    return await _variant(request)


async def update_variant(request: Request) -> Response:
    variant_id = request.path_params["variant_id"]
    await runtime_of(request).database.read(variants.get_variant, variant_id)
    form = await form_of(request)
    values, problems = checked(VariantChange, {name: form[name] for name in _FIELDS if name in form})
    if not problems:
        unit, now = variants.update_variant, now_of(request)
        try:
            await change(request, "variant.update", variant_id, unit, now, variant_id, values)
            return back_to(f"/admin/variants/{variant_id}?at=about", "saved")
        except Conflict as error:
            problems = {"platform": problem_of(request, error)}
    return await _variant(request, problems, form)


async def shift_variant(request: Request) -> Response:
    """One place up or down among the variants of its product."""
    variant_id, form = request.path_params["variant_id"], await form_of(request)
    variant = await runtime_of(request).database.read(variants.get_variant, variant_id)
    if form.get("step") not in _STEPS:
        raise BadInput("step must be up or down")
    unit, now = variants.shift_variant, now_of(request)
    await change(request, "variant.order", variant_id, unit, now, variant_id, _STEPS[form["step"]])
    return RedirectResponse(own_path(form.get("back", ""), f"/admin/products/{variant['product_id']}"), 303)


async def ask_deletion(request: Request) -> Response:
    variant_id, database = request.path_params["variant_id"], runtime_of(request).database
    variant = await database.read(variants.get_variant, variant_id)
    losses = await database.read(count_losses, variant_id)
    crumbs = [("/admin/products", ""), (f"/admin/products/{variant['product_id']}", variant["product_name"])]
    crumbs.append((f"/admin/variants/{variant_id}", variant_title(variant)))
    return await confirm_deletion(request, crumbs, variant_title(variant), losses)


async def delete_variant(request: Request) -> Response:
    variant_id = request.path_params["variant_id"]
    variant = await runtime_of(request).database.read(variants.get_variant, variant_id)
    await remove(request, "variant.delete", variant_id, variants.delete_variant)
    return back_to(f"/admin/products/{variant['product_id']}", "deleted")


async def _draft(request: Request, form: dict[str, str], problems: dict[str, str]) -> Response:
    product = await runtime_of(request).database.read(products.get_product, request.path_params["product_id"])
    values = {"product": product, "form": dict.fromkeys(_FIELDS, "") | form, "platforms": PLATFORM_NAMES}
    return await show(request, "admin/variant_new.html", 400 if problems else 200, problems=problems, **values)


async def _variant(
    request: Request, problems: dict[str, str] | None = None, form: dict[str, str] | None = None
) -> Response:
    urls, database = await urls_of(request), runtime_of(request).database
    variant, listed = await database.read(_whole, request.path_params["variant_id"], page_of(request))
    values = {name: variant[name] for name in _FIELDS} | {n: v for n, v in (form or {}).items() if n in _FIELDS}
    return await show(
        request,
        "admin/variant.html",
        400 if problems else 200,
        variant=variant,
        title=variant_title(variant),
        place=f"{variant['product_name']} · {variant_title(variant)}",
        listed=listed,
        link=link_of(request),
        share=share_of(variant, urls),
        page=urls.page(variant["product_slug"]),
        icon_url=urls.icon(variant["product_id"], variant["product_icon_sha256"]),
        form=values,
        problems=problems or {},
        platforms=PLATFORM_NAMES,
        at=request.query_params.get("at", ""),
    )


def _whole(connection: Any, variant_id: str, page: Slice) -> tuple[Record, Listed]:
    variant = variants.get_variant(connection, variant_id)
    return variant, releases.list_recent(connection, variant_id, page)


ROUTES = (
    panel_route("/admin/products/{product_id}/variants/new", new_variant),
    panel_route("/admin/products/{product_id}/variants/new", create_variant, "POST"),
    panel_route("/admin/variants/{variant_id}", show_variant),
    panel_route("/admin/variants/{variant_id}", update_variant, "POST"),
    panel_route("/admin/variants/{variant_id}/order", shift_variant, "POST"),
    panel_route("/admin/variants/{variant_id}/published", publish, "POST"),
    panel_route("/admin/variants/{variant_id}/delete", ask_deletion),
    panel_route("/admin/variants/{variant_id}/delete", delete_variant, "POST"),
)
