"""Files: `/d/:releaseID`. The release is looked up, the file opened, the download noted, and then the bytes leave."""

import base64
from datetime import datetime

from starlette.requests import Request
from starlette.routing import Route
from starlette.types import ASGIApp

from fenfa.services.records import Record
from fenfa.vocabulary import CONTENT_TYPES, EventType
from fenfa.web.cache import ReleaseCache
from fenfa.web.deps import runtime_of
from fenfa.web.files import FileAnswer, Plan, content_disposition
from fenfa.web.visits import event_of

_PROBE = 2  # bytes: download managers ask for one or two to see whether ranges work


async def download(request: Request) -> ASGIApp:
    runtime = runtime_of(request)
    releases: ReleaseCache = request.app.state.releases
    release = await releases.find(request.path_params["release_id"])
    path = runtime.storage.path(release["storage_key"])
    assert path is not None
    answer = FileAnswer(
        request.scope,
        path,
        size=release["size_bytes"],
        etag=f'"sha256-{release["sha256"]}"',
        modified=datetime.fromisoformat(release["created_at"]).timestamp(),
        content_type=CONTENT_TYPES.get(release["file_ext"], "application/octet-stream"),
        headers=_headers(release),
    )
    if _counts(answer.plan, release["size_bytes"]):
        subject = release | {"release_id": release["id"]}
        is_part = answer.plan.status == 206
        runtime.events.add(event_of(request, runtime, EventType.DOWNLOAD, subject, is_part=is_part))
    return answer


def _counts(plan: Plan, size: int) -> bool:
    """A download begins where the first byte goes out, unless it is a probe."""
    return plan.begins and (plan.end > _PROBE or plan.end == size)


def _headers(release: Record) -> dict[str, str]:
    digest = base64.b64encode(bytes.fromhex(release["sha256"])).decode()
    return {
        "content-disposition": content_disposition(release["file_name"]),
        "repr-digest": f"sha-256=:{digest}:",
        "cache-control": "private, no-transform",
        "content-security-policy": "sandbox",
        "x-content-type-options": "nosniff",
    }


ROUTES = (Route("/d/{release_id}", download, methods=["GET", "HEAD"]),)
