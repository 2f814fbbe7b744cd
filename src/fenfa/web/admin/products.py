"""The list of products, and the page of each: what it is, its variants, its icon, its end."""

from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from fenfa.errors import BadInput, BadPackage, Conflict, TooLarge
from fenfa.services import apple_teams, icons, products, releases, variants
from fenfa.services.losses import count_losses
from fenfa.services.products import ProductOrder
from fenfa.services.records import Page as Slice
from fenfa.services.records import Record
from fenfa.vocabulary import PLATFORM_NAMES
from fenfa.web.admin.deletion import confirm_deletion, names_match
from fenfa.web.admin.panel import Page, back_to, link_of, page_of, panel_route, show
from fenfa.web.deps import change, now_of, runtime_of, urls_of
from fenfa.web.fields import line
from fenfa.web.forms import checked, files_of, form_of, problem_of
from fenfa.web.i18n import marked
from fenfa.web.schemas import ProductChange, ProductDraft
from fenfa.web.threads import in_thread
from fenfa.web.upkeep import remove
from fenfa.web.urls import own_path
from fenfa.web.views import product_view
from fenfa.web.words import variant_title

MAX_ICON = 4 * 1024 * 1024
_FEW = 5  # releases of each variant that the page of a product shows
_STATES = {"published": True, "unpublished": False}
_FIELDS = ("name", "slug", "description", "apple_team_id")


async def list_products(request: Request) -> Response:
    query, urls = request.query_params, await urls_of(request)
    q, order, state = _search(query.get("q", "")), _order(query.get("sort", "")), query.get("state", "")
    unit = products.list_products
    listed = await runtime_of(request).database.read(unit, page_of(request), q, order, _STATES.get(state))
    return await show(
        request,
        "admin/products.html",
        products=[product_view(product, urls) for product in listed.items],
        listed=listed,
        link=link_of(request),
        q=q,
        sort=order.value,
        state=state,
        base=urls.base,
        platforms=PLATFORM_NAMES,
    )


async def new_product(request: Request) -> Response:
    return await _draft(request, {"published": "1"}, {})


async def create_product(request: Request) -> Response:
    form = await form_of(request)
    given = {name: form[name] for name in _FIELDS if name in form} | {"published": form.get("published") == "1"}
    values, problems = checked(ProductDraft, {"name": "", **given})
    if not problems:
        try:
            product_id = await change(request, "product.create", "", products.create_product, now_of(request), values)
            return back_to(f"/admin/products/{product_id}", "created")
        except (BadInput, Conflict) as error:
            problems = {"slug": problem_of(request, error)}
    return await _draft(request, form, problems)


async def show_product(request: Request) -> Response:
    return await _product(request)


async def update_product(request: Request) -> Response:
    product_id = request.path_params["product_id"]
    await runtime_of(request).database.read(products.get_product, product_id)
    form = await form_of(request)
    values, problems = checked(ProductChange, {name: form[name] for name in _FIELDS if name in form})
    if not problems:
        unit, now = products.update_product, now_of(request)
        try:
            await change(request, "product.update", product_id, unit, now, product_id, values)
            return back_to(f"/admin/products/{product_id}?at=about", "saved")
        except (BadInput, Conflict) as error:
            problems = {"slug": problem_of(request, error)}
    return await _product(request, problems, form)


async def set_icon(request: Request) -> Response:
    """A file sets the icon; a form without one (`remove`) takes it away."""
    product_id = request.path_params["product_id"]
    runtime = runtime_of(request)
    await runtime.database.read(products.get_product, product_id)
    try:
        file = (await files_of(request, MAX_ICON)).get("icon", b"")
        if not file:
            raise BadInput("choose a picture first: PNG, JPEG or WebP")
        png = await in_thread(runtime.clean_icon, file)
    except (BadInput, BadPackage, TooLarge) as error:
        return await _product(request, {"icon": problem_of(request, error)})
    await change(request, "product.icon", product_id, icons.set_icon, now_of(request), product_id, png)
    return back_to(f"/admin/products/{product_id}?at=icon", "saved")


async def remove_icon(request: Request) -> Response:
    product_id = request.path_params["product_id"]
    await change(request, "product.icon", product_id, icons.remove_icon, product_id)
    return back_to(f"/admin/products/{product_id}?at=icon", "saved")


async def publish(request: Request) -> Response:
    """Of a product or a variant: `published` 1 or 0; `back` is the page that asked."""
    any_id, form = next(iter(request.path_params.values())), await form_of(request)
    published = form.get("published") == "1"
    action = "publish" if published else "unpublish"
    await change(request, action, any_id, products.set_published, now_of(request), any_id, published)
    return RedirectResponse(own_path(form.get("back", ""), "/admin/products"), 303)


async def ask_deletion(request: Request) -> Response:
    return await _deletion(request)


async def delete_product(request: Request) -> Response:
    product_id = request.path_params["product_id"]
    product = await runtime_of(request).database.read(products.get_product, product_id)
    if not names_match((await form_of(request)).get("name", ""), product["name"]):
        problem = problem_of(request, BadInput("this is not the product's name; nothing was deleted"))
        return await _deletion(request, {"name": problem})
    await remove(request, "product.delete", product_id, products.delete_product)
    return back_to("/admin/products", "deleted")


async def _draft(request: Request, form: dict[str, str], problems: dict[str, str]) -> Response:
    return await show(request, "admin/product_new.html", 400 if problems else 200, form=form, problems=problems)


async def _product(
    request: Request, problems: dict[str, str] | None = None, form: dict[str, str] | None = None
) -> Response:
    urls, unit = await urls_of(request), _whole
    database = runtime_of(request).database
    product, shown = await database.read(unit, request.path_params["product_id"])
    teams = await database.read(apple_teams.list_teams)
    values = {name: product[name] for name in _FIELDS} | {
        name: v for name, v in (form or {}).items() if name in _FIELDS
    }
    return await show(
        request,
        "admin/product.html",
        400 if problems else 200,
        product=product_view(product, urls),
        place=product["name"],
        variants=shown,
        platforms=PLATFORM_NAMES,
        teams=[(team["id"], team["name"]) for team in teams if not team["is_default"]],
        form=values,
        problems=problems or {},
        base=urls.base,
        page=urls.page(product["slug"]),
        code=urls.short_page(product),
        at=request.query_params.get("at", ""),
    )


def _whole(connection: Any, product_id: str) -> tuple[Record, list[Record]]:
    """The product, and its variants with their `title`, their newest `releases` and how many there are."""
    product = products.count_product(connection, product_id)
    found = variants.list_variants(connection, product_id)
    for variant in found:
        variant["title"] = variant_title(variant | {"product_name": product["name"]})
        listed = releases.list_recent(connection, variant["id"], Slice(_FEW))
        variant |= {"releases": listed.items, "release_count": listed.total}
    return product, found


async def _deletion(request: Request, problems: dict[str, str] | None = None) -> Response:
    product_id, database = request.path_params["product_id"], runtime_of(request).database
    product = await database.read(products.get_product, product_id)
    losses = await database.read(count_losses, product_id)
    crumbs = [("/admin/products", ""), (f"/admin/products/{product_id}", product["name"])]
    return await confirm_deletion(request, crumbs, product["name"], losses, problems, is_named=True)


def _search(text: str) -> str:
    """What can be searched for; nothing where it cannot be a text."""
    try:
        return line(text)
    except ValueError:
        return ""


def _order(text: str) -> ProductOrder:
    return ProductOrder(text) if text in set(ProductOrder) else ProductOrder.NEWEST


PAGE = Page(
    "/admin/products",
    marked("Products"),
    "box",
    "p",
    (
        panel_route("/admin/products", list_products),
        panel_route("/admin/products/new", new_product),
        panel_route("/admin/products/new", create_product, "POST"),
        panel_route("/admin/products/{product_id}", show_product),
        panel_route("/admin/products/{product_id}", update_product, "POST"),
        panel_route("/admin/products/{product_id}/icon", set_icon, "POST"),
        panel_route("/admin/products/{product_id}/icon/remove", remove_icon, "POST"),
        panel_route("/admin/products/{product_id}/published", publish, "POST"),
        panel_route("/admin/products/{product_id}/delete", ask_deletion),
        panel_route("/admin/products/{product_id}/delete", delete_product, "POST"),
    ),
    also=("/admin/variants", "/admin/releases"),
)
