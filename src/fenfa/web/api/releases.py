"""Releases: read, change, move, delete, and what each changed."""

from dataclasses import asdict
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from fenfa.services import releases
from fenfa.services.comparison import compare
from fenfa.services.installability import find_known_device, judge_release, list_known_devices
from fenfa.services.records import Record
from fenfa.vocabulary import Scope
from fenfa.web import examples
from fenfa.web.deps import Paged, guarded, now_of, runtime_of, urls_of
from fenfa.web.envelope import ok, single
from fenfa.web.examples import answers
from fenfa.web.fields import Line
from fenfa.web.schemas import ReleaseChange, ReleaseMove
from fenfa.web.upkeep import edit_release, rehome_release, remove
from fenfa.web.verdicts import verdict_view
from fenfa.web.views import release_view

router = APIRouter(prefix="/admin/api", tags=["Releases"], route_class=guarded(Scope.ADMIN))
_EXAMPLE = examples.single("release", examples.RELEASE)


@router.get("/releases/{release_id}", summary="Read a release", **answers(_EXAMPLE, 404))
async def read_release(request: Request, release_id: str) -> Response:
    release = await runtime_of(request).database.read(releases.get_release, release_id)
    return single("release", release_view(release))


@router.put("/releases/{release_id}", summary="Change a release", **answers(_EXAMPLE, 400, 404))
async def update_release(request: Request, release_id: str, body: ReleaseChange) -> Response:
    return single("release", release_view(await edit_release(request, release_id, body.changes())))


@router.post("/releases/{release_id}/move", summary="Move a release", **answers(_EXAMPLE, 400, 404, 409))
async def move_release(request: Request, release_id: str, body: ReleaseMove) -> Response:
    """To another variant of the same platform. ID, links, file and download count stay; past events stay where they were."""
    return single("release", release_view(await rehome_release(request, release_id, body.variant_id)))


@router.get(
    "/releases/{release_id}/changes", summary="Compare a release with the one before", **answers(examples.CHANGES, 404)
)
async def release_changes(request: Request, release_id: str) -> Response:
    """What differs from the variant's build before it: `was` and `now` of single values, `added` and `removed` of lists."""
    return ok(await runtime_of(request).database.read(_changes, release_id))


@router.get(
    "/releases/{release_id}/installability",
    summary="Tell which devices can install a release",
    **answers(examples.INSTALLABILITY, 400, 404),
)
async def read_installability(request: Request, release_id: str, page: Paged, device: Line = "") -> Response:
    """Of all known devices, newest first, or of one `device`, by its ID or UDID; of a UDID that nobody has enrolled, the build's
    profile alone is looked at. `installable_count` counts all, whatever the page shows. What does not block may be none at all."""
    release, found = await runtime_of(request).database.read(_release_and_devices, release_id, device)
    is_https = (await urls_of(request)).base.startswith("https:")
    verdicts = judge_release(release, found, now_of(request), is_https)
    shown = [verdict_view(verdict) for verdict in verdicts[page.offset : page.offset + page.limit]]
    count = sum(verdict.is_installable for verdict in verdicts)
    return ok({"items": shown, "total": len(verdicts), "installable_count": count})


@router.delete("/releases/{release_id}", summary="Delete a release", **answers({"deleted": True}, 404))
async def delete_release(request: Request, release_id: str) -> Response:
    """The row first, then the file; downloads that have begun are completed."""
    await remove(request, "release.delete", release_id, releases.delete_release)
    return ok({"deleted": True})


def _release_and_devices(connection: Any, release_id: str, device: str) -> tuple[Record, list[Record]]:
    release = releases.get_release(connection, release_id)
    return release, [find_known_device(connection, device)] if device else list_known_devices(connection)


def _changes(connection: Any, release_id: str) -> Record:
    release = releases.get_release(connection, release_id)
    before = releases.previous_release(connection, release)
    if before is None:
        return {"previous": None, "changes": []}
    named = {name: before[name] for name in ("id", "version", "build", "created_at")}
    return {"previous": named, "changes": [asdict(change) for change in compare(before, release)]}
