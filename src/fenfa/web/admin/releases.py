"""The page of a release: its words, what its package holds, what it changed, its home, its end."""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from fenfa.errors import BadInput, Conflict, NotFound
from fenfa.services import releases, variants
from fenfa.services.comparison import compare
from fenfa.services.installability import cover
from fenfa.services.records import Page as Slice
from fenfa.services.records import Record
from fenfa.vocabulary import Platform
from fenfa.web.admin.anatomy import anatomy, told_changes
from fenfa.web.admin.deletion import confirm_deletion
from fenfa.web.admin.panel import back_to, panel_route, show
from fenfa.web.admin.share import share_of
from fenfa.web.deps import now_of, runtime_of, urls_of
from fenfa.web.fields import checked_build
from fenfa.web.forms import checked, form_of, problem_of
from fenfa.web.schemas import ReleaseChange
from fenfa.web.upkeep import edit_release, rehome_release, remove
from fenfa.web.verdicts import coverage_view
from fenfa.web.words import variant_title

_LINES = ("version", "channel", "min_os", "changelog")
_FIELDS = ("build", *_LINES)
_MOST_HOMES = 1000


async def show_release(request: Request) -> Response:
    return await _release(request)


async def update_release(request: Request) -> Response:
    """With `preview`, nothing is saved: the page again with the changelog as people will see it."""
    release_id = request.path_params["release_id"]
    await runtime_of(request).database.read(releases.get_release, release_id)
    form = await form_of(request)
    values, problems = _checked(request, form)
    if problems or "preview" in form:
        return await _release(request, problems, form)
    await edit_release(request, release_id, values)
    return back_to(f"/admin/releases/{release_id}?at=about", "saved")


async def move_release(request: Request) -> Response:
    release_id = request.path_params["release_id"]
    await runtime_of(request).database.read(releases.get_release, release_id)
    try:
        await rehome_release(request, release_id, (await form_of(request)).get("variant_id", ""))
    except (Conflict, NotFound) as error:
        return await _release(request, {"variant_id": problem_of(request, error)})
    return back_to(f"/admin/releases/{release_id}", "moved")


async def ask_deletion(request: Request) -> Response:
    release = await runtime_of(request).database.read(releases.get_release, request.path_params["release_id"])
    variant = await runtime_of(request).database.read(variants.get_variant, release["variant_id"])
    crumbs = [("/admin/products", ""), (f"/admin/products/{release['product_id']}", release["product_name"])]
    crumbs.append((f"/admin/variants/{variant['id']}", variant_title(variant)))
    crumbs.append((f"/admin/releases/{release['id']}", release["version"] or release["file_name"]))
    losses = {"releases": 1, "size_bytes": release["size_bytes"], "downloads": release["download_count"]}
    return await confirm_deletion(request, crumbs, f"{release['product_name']} {release['version']}", losses)


async def delete_release(request: Request) -> Response:
    release = await runtime_of(request).database.read(releases.get_release, request.path_params["release_id"])
    await remove(request, "release.delete", release["id"], releases.delete_release)
    return back_to(f"/admin/variants/{release['variant_id']}", "deleted")


def _checked(request: Request, form: dict[str, str]) -> tuple[Record, dict[str, str]]:
    values, problems = checked(ReleaseChange, {name: form[name] for name in _LINES if name in form})
    if "build" in form:
        try:
            values["build"] = checked_build(form["build"]) or 0
        except BadInput as error:
            problems["build"] = problem_of(request, error)
    return values, problems


async def _release(
    request: Request, problems: dict[str, str] | None = None, form: dict[str, str] | None = None
) -> Response:
    urls, database = await urls_of(request), runtime_of(request).database
    release, variant, before, homes = await database.read(_whole, request.path_params["release_id"])
    covered = await database.read(cover, release, now_of(request))
    sent = {name: value for name, value in (form or {}).items() if name in _FIELDS}
    return await show(
        request,
        "admin/release.html",
        400 if problems else 200,
        release=release,
        variant=variant,
        title=variant_title(variant),
        place=f"{release['product_name']} · {variant_title(variant)}",
        icon_url=urls.icon(release["product_id"], release["product_icon_sha256"]),
        before=before,
        changes=told_changes(compare(before, release)) if before else [],
        anatomy=anatomy(release),
        coverage=coverage_view(covered),
        homes=[(home["id"], f"{home['product_name']} · {variant_title(home)}") for home in homes],
        form={name: release[name] for name in _FIELDS} | {"build": release["build"] or ""} | sent,
        preview=sent.get("changelog") if form and "preview" in form else None,
        problems=problems or {},
        actions=urls.of_release(release["id"], release["product_slug"], release["platform"]),
        share=share_of(variant, urls, release["id"]),
        at=request.query_params.get("at", ""),
    )


def _whole(connection: Any, release_id: str) -> tuple[Record, Record, Record | None, list[Record]]:
    """The release, its variant, the release before it, and the variants that it may be moved to."""
    release = releases.get_release(connection, release_id)
    variant = variants.get_variant(connection, release["variant_id"])
    listed = variants.list_all_variants(connection, Slice(_MOST_HOMES), Platform(release["platform"]))
    homes = sorted(listed.items, key=lambda home: (home["product_id"] != variant["product_id"], home["product_name"]))
    others = [home for home in homes if home["id"] != variant["id"]]
    return release, variant, releases.previous_release(connection, release), others


ROUTES = (
    panel_route("/admin/releases/{release_id}", show_release),
    panel_route("/admin/releases/{release_id}", update_release, "POST"),
    panel_route("/admin/releases/{release_id}/move", move_release, "POST"),
    panel_route("/admin/releases/{release_id}/delete", ask_deletion),
    panel_route("/admin/releases/{release_id}/delete", delete_release, "POST"),
)
