"""Uploads that wait for a person: their bytes are durable, their package was read, and where they go is open.

`propose` notes one, `open_proposal` says where it could go, `accept` makes the release of what was chosen. One that nobody
takes up is swept after a day. Whoever works on one holds its file in staging (`Staging.claimed`), so that accepting twice,
discarding and sweeping at the same moment come one after the other.
"""

from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from fenfa.db.tables import proposals, uploads
from fenfa.errors import NotFound, Sentence, Unavailable
from fenfa.inspectors.base import PackageInfo
from fenfa.services.homes import UploadRequest
from fenfa.services.places import Places, find_places
from fenfa.services.records import Record, fetch_all, fetch_one, stamp
from fenfa.services.uploads import LOST, Bench, finish_upload, get_upload, mark_failed, receive
from fenfa.storage.local import file_sha256
from fenfa.vocabulary import Platform, UploadState

_GONE = Sentence("this upload is not here any more: it was discarded, or waited for more than a day")


@dataclass(frozen=True)
class Proposal:
    """An upload with what its package says, and the places where it may go."""

    upload: Record
    request: UploadRequest
    package: PackageInfo
    places: Places


def propose(
    connection: Connection,
    now: str,
    upload_id: str,
    request: UploadRequest,
    size: int,
    sha256: str,
    key: str | None,
    package: PackageInfo,
    staged_by: str = "",
) -> None:
    """Notes an upload whose bytes outlast a power cut. `request` may name the variant or product that was open."""
    lost = (uploads.c.idempotency_key == key, uploads.c.state == UploadState.FAILED)
    connection.execute(update(uploads).where(*lost).values(idempotency_key=None))
    receive(connection, now, upload_id, request, size, sha256, key, UploadState.PROPOSED, staged_by)
    said = asdict(package)
    row = {"upload_id": upload_id, "icon_png": said.pop("icon_png"), "package": said}
    connection.execute(insert(proposals).values(row))


def find_by_key(connection: Connection, key: str) -> str | None:
    """The ID of the upload that came with this idempotency key, unless its bytes were lost since."""
    known = (uploads.c.idempotency_key == key, uploads.c.state != UploadState.FAILED)
    return connection.scalar(select(uploads.c.id).where(*known))


def waiting_proposals(connection: Connection) -> list[Record]:
    """The newest first, each with the `package` that it holds."""
    query = select(uploads, proposals.c.package).join(proposals, proposals.c.upload_id == uploads.c.id)
    waiting = query.where(uploads.c.state == UploadState.PROPOSED)
    return fetch_all(connection, waiting.order_by(uploads.c.created_at.desc(), uploads.c.id))


def find_upload(connection: Connection, upload_id: str) -> Record:
    """In whatever state it is; `NotFound` for people."""
    upload = get_upload(connection, upload_id)
    if upload is None:
        raise NotFound(_GONE)
    return upload


def open_proposal(connection: Connection, upload_id: str) -> Proposal:
    query = select(proposals).where(proposals.c.upload_id == upload_id)
    found, upload = fetch_one(connection, query, _GONE), find_upload(connection, upload_id)
    platform = found["package"]["platform"]
    known = found["package"] | {"platform": Platform(platform) if platform else None}
    package = PackageInfo(**known, icon_png=found["icon_png"])
    request = UploadRequest(**upload["request"])
    return Proposal(upload, request, package, find_places(connection, request, package, upload["sha256"]))


def accept(bench: Bench, upload_id: str, request: UploadRequest) -> Record:
    """Makes the release of what a person chose; gives what `finish_upload` gives. Blocks.

    After a refusal, or when the disk is full, the upload waits as before, and may be accepted otherwise.
    """
    with bench.staging.claimed(upload_id) as is_there:
        upload = bench.database.read_now(find_upload, upload_id)
        if upload["state"] == UploadState.READY:
            return dict(upload["answer"])
        if upload["staged_by"] not in ("", bench.staging.name):
            raise Unavailable("another server holds the bytes of this upload; try again, or upload it again")
        if not is_there or file_sha256(bench.staging.path(upload_id)) != upload["sha256"]:
            bench.database.write_now(mark_failed, stamp(bench.clock()), upload_id, LOST)
            raise NotFound(LOST)
        bench.database.write_now(_choose, stamp(bench.clock()), upload_id, request)
        answer = finish_upload(bench, upload_id)
        bench.staging.path(upload_id).unlink(missing_ok=True)
        return answer


def discard(bench: Bench, upload_id: str) -> None:
    """Leaves nothing of an upload that is no release. Blocks."""
    with bench.staging.claimed(upload_id):
        if bench.database.write_now(_forget, upload_id):
            bench.staging.path(upload_id).unlink(missing_ok=True)


def _choose(connection: Connection, now: str, upload_id: str, request: UploadRequest) -> None:
    """One that a crash interrupted keeps what was chosen for it then."""
    values: dict[str, Any] = {"state": UploadState.RECEIVED, "request": asdict(request), "error": "", "updated_at": now}
    waiting = (uploads.c.id == upload_id, uploads.c.state == UploadState.PROPOSED)
    connection.execute(update(uploads).where(*waiting).values(values))


def _forget(connection: Connection, upload_id: str) -> bool:
    undone = (uploads.c.id == upload_id, uploads.c.state.in_((UploadState.PROPOSED, UploadState.FAILED)))
    return bool(connection.execute(delete(uploads).where(*undone)).rowcount)
