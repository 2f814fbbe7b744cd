"""Files: `/d/:releaseID`. The release is looked up, the file opened, the download noted, and then the bytes leave."""

import base64
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

from starlette.requests import Request
from starlette.routing import Route
from starlette.types import ASGIApp

from fenfa.errors import NotFound
from fenfa.runtime import Runtime
from fenfa.services.records import Record
from fenfa.services.releases import find_visible_release
from fenfa.services.stores import Stores
from fenfa.services.visibility import PUBLIC
from fenfa.storage.base import Address, content_disposition, pieces
from fenfa.vocabulary import CONTENT_TYPES, EventType
from fenfa.web.cache import CommitCache
from fenfa.web.deps import runtime_of
from fenfa.web.files import Elsewhere, FileAnswer, Plan
from fenfa.web.rsgi import Answer, Asked
from fenfa.web.security import SECURITY_HEADERS, is_proxied
from fenfa.web.visits import event_of, made_event

SMALL = 64 * 1024
_MOST_SMALL = 128
_SPECIAL = (
    "range",
    "if-none-match",
    "if-range",
    "if-match",
    "if-modified-since",
    "if-unmodified-since",
    "x-forwarded-for",
)
_PROBE = 2  # bytes: download managers ask for one or two to see whether ranges work


@dataclass(frozen=True)
class Download:
    """A release that the public may have, and what its answers have in common. `subject` names it in events, `address` the
    store that it lies in."""

    subject: Record
    address: Address
    storage_key: str
    size: int
    etag: str
    modified: float
    content_type: str
    headers: Mapping[str, str]


async def download(request: Request) -> ASGIApp:
    runtime, release_id = runtime_of(request), request.path_params["release_id"]
    downloads: CommitCache[Download] = request.app.state.downloads
    find = partial(find_download, runtime.storage)
    found = await downloads.get(release_id, find)
    try:
        answer = await _opened(request, runtime, found)
    except (FileNotFoundError, NotFound) as error:
        await runtime.database.read(find, release_id)  # deleted since it was looked up: then it is not found
        raise FileNotFoundError("the stored file is missing") from error
    if _counts(answer.plan, found.size):
        is_part = answer.plan.status == 206
        runtime.events.add(event_of(request, runtime, EventType.DOWNLOAD, found.subject, is_part=is_part))
    return answer


async def _opened(request: Request, runtime: Runtime, found: Download) -> FileAnswer:
    store = runtime.storage.open(found.address)
    path = store.path(found.storage_key)
    answer = FileAnswer(
        request.scope,
        path if path or runtime.config.proxy_downloads else Elsewhere(store.link(found.storage_key)),
        size=found.size,
        etag=found.etag,
        modified=found.modified,
        content_type=found.content_type,
        headers=found.headers,
        accel=_accel(request, runtime, found.storage_key) if path else "",
        pieces=partial(pieces, store, found.storage_key),
    )
    await answer.begin()
    if path and found.size <= SMALL and answer.plan.status == 200:
        request.app.state.small_files.learn(found, path, answer.final_headers())
    return answer


def _accel(request: Request, runtime: Runtime, key: str) -> str:
    """Where a trusted nginx finds the file by itself; empty: we send it."""
    config = runtime.config
    if not config.accel_prefix or not is_proxied(request.scope, config.trusted_proxies):
        return ""
    return f"{config.accel_prefix.rstrip('/')}/{quote(key)}"


class SmallFiles:
    """Small files, whole, from memory: the answers that the server gives before it builds a scope for the application."""

    def __init__(self, runtime: Runtime, downloads: CommitCache[Download]) -> None:
        self._runtime, self._downloads = runtime, downloads
        self._known: OrderedDict[str, Answer] = OrderedDict()

    def learn(self, found: Download, path: Path, headers: Mapping[str, str]) -> None:
        """`headers` are those of the whole file's answer."""
        if found.storage_key not in self._known:
            every = {**SECURITY_HEADERS, **headers}
            self._known[found.storage_key] = (200, list(every.items()), path.read_bytes())
            if len(self._known) > _MOST_SMALL:
                self._known.popitem(last=False)

    def answer(self, asked: Asked) -> Answer | None:
        """None: ask the application, which knows ranges, conditions and proxies."""
        if asked.method != "GET" or not asked.path.startswith("/d/"):
            return None
        found = self._downloads.peek(asked.path[3:])
        known = self._known.get(found.storage_key) if found else None
        if known is None or any(asked.headers.get(name) for name in _SPECIAL):
            return None
        assert found is not None
        address, agent = asked.client.rpartition(":")[0].strip("[]"), asked.headers.get("user-agent") or ""
        self._runtime.events.add(made_event(self._runtime, EventType.DOWNLOAD, found.subject, address, agent, extra={}))
        return known


def find_download(stores: Stores, connection: Any, release_id: str) -> Download:
    release = find_visible_release(connection, release_id, PUBLIC)
    return Download(
        address=stores.address_of(connection, release["storage"]),
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
