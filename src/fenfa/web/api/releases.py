"""Releases: read, change, delete."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from fenfa.services import releases
from fenfa.services.packages import bare_os_version
from fenfa.vocabulary import Scope
from fenfa.web import examples
from fenfa.web.api.removal import remove
from fenfa.web.deps import change, guarded, now_of, runtime_of
from fenfa.web.envelope import ok, single
from fenfa.web.examples import answers
from fenfa.web.schemas import ReleaseChange
from fenfa.web.threads import in_thread
from fenfa.web.views import release_view

router = APIRouter(prefix="/admin/api", tags=["Releases"], route_class=guarded(Scope.ADMIN))
_EXAMPLE = examples.single("release", examples.RELEASE)


@router.get("/releases/{release_id}", summary="Read a release", **answers(_EXAMPLE, 404))
async def read_release(request: Request, release_id: str) -> Response:
    release = await runtime_of(request).database.read(releases.get_release, release_id)
    return single("release", release_view(release))


@router.put("/releases/{release_id}", summary="Change a release", **answers(_EXAMPLE, 400, 404))
async def update_release(request: Request, release_id: str, body: ReleaseChange) -> Response:
    values = body.changes()
    if "min_os" in values:
        values["min_os"] = bare_os_version(values["min_os"])
    unit = releases.update_release
    release = await change(request, "release.update", release_id, unit, now_of(request), release_id, values)
    await in_thread(runtime_of(request).storage.put_meta, release["storage_key"], releases.meta_json(release))
    return single("release", release_view(release))


@router.delete("/releases/{release_id}", summary="Delete a release", **answers({"deleted": True}, 404))
async def delete_release(request: Request, release_id: str) -> Response:
    """The row first, then the file; downloads that have begun are completed."""
    await remove(request, "release.delete", release_id, releases.delete_release)
    return ok({"deleted": True})
