"""Files: `/d/:releaseID`. The release is looked up, the file opened, the download noted, and then the bytes leave."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from starlette.requests import Request
from starlette.routing import Route
from starlette.types import ASGIApp

from fenfa.services.records import Record
from fenfa.services.releases import find_visible_release
from fenfa.services.visibility import PUBLIC
from fenfa.vocabulary import CONTENT_TYPES, EventType
from fenfa.web.cache import CommitCache
from fenfa.web.deps import runtime_of
from fenfa.web.files import FileAnswer, Plan, content_disposition
from fenfa.web.visits import event_of

_PROBE = 2  # bytes: download managers ask for one or two to see whether ranges work


@dataclass(frozen=True)
class Download:
    """A release that the public may have, and what its answers have in common. `subject` names it in events."""

    subject: Record
    storage_key: str
    size: int
    etag: str
    modified: float
    content_type: str
    headers: Mapping[str, str]


async def download(request: Request) -> ASGIApp:
    runtime = runtime_of(request)
    downloads: CommitCache[Download] = request.app.state.downloads
    found = await downloads.get(request.path_params["release_id"], find_download)
    path = runtime.storage.path(found.storage_key)
    assert path is not None
    answer = FileAnswer(
        request.scope,
        path,
        size=found.size,
        etag=found.etag,
        modified=found.modified,
        content_type=found.content_type,
        headers=found.headers,
    )
    if _counts(answer.plan, found.size):
        is_part = answer.plan.status == 206
        runtime.events.add(event_of(request, runtime, EventType.DOWNLOAD, found.subject, is_part=is_part))
    return answer


def find_download(connection: Any, release_id: str) -> Download:
    release = find_visible_release(connection, release_id, PUBLIC)
    return Download(
        subject={"release_id": release_id} | {name: release[name] for name in ("product_id", "app_id", "variant_id")},
        storage_key=release["storage_key"],
        size=release["size_bytes"],
        etag=f'"sha256-{release["sha256"]}"',
        modified=datetime.fromisoformat(release["created_at"]).timestamp(),
        content_type=CONTENT_TYPES.get(release["file_ext"], "application/octet-stream"),
        headers=_headers(release),
    )


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
