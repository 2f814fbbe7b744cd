"""The life of an upload, from bytes that are durable in staging to a release.

`receive` notes the upload in the database once every byte is on the disk, or in memory where a bucket gets them meanwhile.
`finish_upload` inspects the package, links it to its final place and commits the release; it may be repeated, so a sweep after a
crash finishes what was received. Nothing is acknowledged before that commit.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

from sqlalchemy import Connection, delete, insert, select, update

from fenfa.db.engine import Database
from fenfa.db.tables import proposals, uploads, variants
from fenfa.errors import (
    Conflict,
    FenfaError,
    NotFound,
    Sentence,
    StoreUnreachable,
    Unavailable,
    Unreachable,
    UpstreamFailed,
)
from fenfa.inspectors.base import Distant, PackageInfo
from fenfa.services import audit, packages
from fenfa.services.ahead import Ahead
from fenfa.services.beats import beating
from fenfa.services.homes import Home, UploadRequest, find_home, hold_home, remove_unused
from fenfa.services.icons import set_icon
from fenfa.services.products import get_product
from fenfa.services.records import Record, stamp
from fenfa.services.releases import find_same_bytes, get_release, insert_release, latest_package, meta_json
from fenfa.services.stores import Stores
from fenfa.services.variants import get_variant
from fenfa.storage.base import Storage, release_key, safe_file_name
from fenfa.storage.staging import Staging
from fenfa.vocabulary import UploadState, file_type, new_id

LOST = Sentence("its bytes were lost; upload it again")
AGAIN = Sentence("it was sent again")
BEAT = 15.0
"""Seconds between two signs of life of whoever finishes an upload."""
SILENT = timedelta(seconds=4 * BEAT)
STALLED = Sentence("the store did not answer; it will be finished once it does")


_HOMES = 4


class _HomeGone(NotFound):
    """What the package found was another upload's, which failed and took it back: there is a new one to be found or made."""


class Bench(Protocol):
    """What finishing an upload needs; the runtime is one."""

    @property
    def database(self) -> Database: ...
    @property
    def storage(self) -> Stores: ...
    @property
    def staging(self) -> Staging: ...
    @property
    def clock(self) -> Callable[[], datetime]: ...
    @property
    def inspect(self) -> Callable[[Path | Distant, str], PackageInfo]: ...


@dataclass(frozen=True)
class Parcel:
    """The bytes of an upload: what an inspector reads, and the store of the release. `key`: it lies there under this one
    already, and stays the sender's to remove; empty: it is a staged file that is copied there, or goes there `ahead`."""

    storage: Storage
    file: Path | Distant
    key: str = ""
    ahead: Ahead | None = None


def receive(
    connection: Connection,
    now: str,
    upload_id: str,
    request: UploadRequest,
    size: int,
    sha256: str,
    key: str | None,
    state: UploadState = UploadState.RECEIVED,
    staged_by: str = "",
    release_id: str = "",
) -> None:
    """Notes an upload whose bytes are durable. `key` is the client's idempotency key, `staged_by` the `Staging.name`;
    `release_id` is drawn here unless it was before."""
    row = {
        "id": upload_id,
        "state": state,
        "idempotency_key": key,
        "request": asdict(request),
        "file_name": request.file_name,
        "size_bytes": size,
        "sha256": sha256,
        "release_id": release_id or new_id("rel"),
        "staged_by": staged_by,
        "created_at": now,
        "updated_at": now,
    }
    connection.execute(insert(uploads).values(row))


def find_replay(connection: Connection, now: datetime, key: str, sha256: str, request: UploadRequest) -> Record | None:
    """The answer that an earlier upload with this idempotency key got; None: there was none that succeeded.

    One that waits for an engine, or whose server is silent, gives way to the bytes that come now: only one can be committed.
    """
    row = connection.execute(select(uploads).where(uploads.c.idempotency_key == key)).mappings().first()
    if row is None:
        return None
    if row["sha256"] != sha256 or row["request"] != asdict(request):
        raise Conflict("this idempotency key was used for another upload; send a new one")
    if row["state"] == UploadState.READY:
        return dict(row["answer"])
    is_left = row["error"] or row["updated_at"] < stamp(now - SILENT)
    if row["state"] == UploadState.EXPECTED or (row["state"] == UploadState.RECEIVED and is_left):
        mark_failed(connection, row["updated_at"], row["id"], AGAIN)
    elif row["state"] != UploadState.FAILED and not row["error"]:
        message = "an upload with this idempotency key is being finished; ask again in a moment"
        raise Unavailable(message, retry_after=int(BEAT))
    connection.execute(update(uploads).where(uploads.c.id == row["id"]).values(idempotency_key=None))
    return None


def get_upload(connection: Connection, upload_id: str) -> Record | None:
    row = connection.execute(select(uploads).where(uploads.c.id == upload_id)).mappings().first()
    return dict(row) if row else None


def finish_upload(bench: Bench, upload_id: str, ahead: Ahead | None = None) -> Record:
    """Makes the release; gives `{release_id, warnings, created}`. Blocks. The staged file is the caller's to discard."""
    upload = bench.database.read_now(get_upload, upload_id)
    if upload is None or upload["state"] == UploadState.EXPECTED:
        raise NotFound("upload not found")
    if upload["state"] == UploadState.READY:
        return dict(upload["answer"])
    try:
        with beating(BEAT, lambda: bench.database.write_now(_beat, stamp(bench.clock()), upload_id), "upload"):
            storage = ahead.storage if ahead else bench.storage.current()
            return make_release(bench, upload, Parcel(storage, bench.staging.path(upload_id), ahead=ahead))
    except Unreachable:  # the bytes are kept: whoever comes next finishes it
        with suppress(Unavailable):
            bench.database.write_now(_note_stalled, upload_id)
        raise
    except Exception as error:
        reason = error.message if isinstance(error, FenfaError) else "the server failed"
        bench.database.write_now(_give_up, stamp(bench.clock()), upload_id, reason)
        raise


def mark_failed(connection: Connection, now: str, upload_id: str, reason: str) -> bool:
    """False: it is a release already. (A commit can succeed although its answer is lost.)"""
    values = {"state": UploadState.FAILED, "error": reason, "updated_at": now}
    unfinished = (uploads.c.id == upload_id, uploads.c.state != UploadState.READY)
    return bool(connection.execute(update(uploads).where(*unfinished).values(values)).rowcount)


def _beat(connection: Connection, now: str, upload_id: str) -> None:
    unfinished = (uploads.c.id == upload_id, uploads.c.state == UploadState.RECEIVED)
    connection.execute(update(uploads).where(*unfinished).values(updated_at=now))


def _note_stalled(connection: Connection, upload_id: str) -> None:
    unfinished = (uploads.c.id == upload_id, uploads.c.state == UploadState.RECEIVED)
    connection.execute(update(uploads).where(*unfinished).values(error=STALLED))


def _give_up(connection: Connection, now: str, upload_id: str, reason: str) -> None:
    """A person who chose may choose again, without sending the bytes again; anybody else is told why, and that is it."""
    if connection.scalar(select(proposals.c.upload_id).where(proposals.c.upload_id == upload_id)) is None:
        mark_failed(connection, now, upload_id, reason)
    else:
        values = {"state": UploadState.PROPOSED, "error": reason, "updated_at": now}
        unfinished = (uploads.c.id == upload_id, uploads.c.state == UploadState.RECEIVED)
        connection.execute(update(uploads).where(*unfinished).values(values))


def make_release(bench: Bench, upload: Record, parcel: Parcel) -> Record:
    """What `finish_upload` does, of bytes that lie anywhere; whatever stops it leaves the upload as it was."""
    request = UploadRequest(**upload["request"])
    package = bench.inspect(parcel.file, request.file_name)
    for _ in range(_HOMES - 1):
        with suppress(_HomeGone):
            return _bring_home(bench, upload, parcel, request, package)
    return _bring_home(bench, upload, parcel, request, package)


def _bring_home(bench: Bench, upload: Record, parcel: Parcel, request: UploadRequest, package: PackageInfo) -> Record:
    home = bench.database.write_now(find_home, stamp(bench.clock()), upload["id"], request, package)
    try:
        release = _release_row(bench, parcel, upload, request, package, home.variant)
        _publish(bench, parcel, release, home.variant)
        return bench.database.write_now(_commit, upload, request, package, home, release)
    except BaseException as error:
        _take_back(bench, parcel, upload, home, is_reachable=not isinstance(error, StoreUnreachable))
        raise


def _release_row(
    bench: Bench, parcel: Parcel, upload: Record, request: UploadRequest, package: PackageInfo, variant: Record
) -> dict[str, Any]:
    now = stamp(bench.clock())
    name = safe_file_name(request.file_name)
    return packages.release_fields(package, asdict(request)) | {
        "id": upload["release_id"],
        "variant_id": variant["id"],
        "file_name": name,
        "file_ext": file_type(request.file_name),
        "size_bytes": upload["size_bytes"],
        "sha256": upload["sha256"],
        "storage": parcel.storage.name,
        "storage_key": parcel.key or release_key(variant["product_id"], variant["id"], upload["release_id"], name),
        "package": packages.stored_form(package),
        "created_at": now,
        "updated_at": now,
    }


def _publish(bench: Bench, parcel: Parcel, release: dict[str, Any], variant: Record) -> None:
    home = {name: variant[name] for name in ("product_id", "platform", "identifier")}
    storage, key, meta = parcel.storage, release["storage_key"], meta_json(home | release)
    if isinstance(parcel.file, Path):
        if parcel.ahead:
            parcel.ahead.arrive(key, release["size_bytes"])
        twins = bench.database.read_now(find_same_bytes, storage.name, release["sha256"])
        storage.put(parcel.file, key, release["sha256"], meta, twins)
    else:
        storage.put_meta(key, meta)


def _commit(
    connection: Connection,
    upload: Record,
    request: UploadRequest,
    package: PackageInfo,
    home: Home,
    release: dict[str, Any],
) -> Record:
    now = release["updated_at"]
    variant = _held_variant(connection, request, home)
    warnings = _warnings(connection, request, package, variant)
    answer = {"release_id": release["id"], "warnings": warnings, "created": home.created}
    done = {"state": UploadState.READY, "answer": answer, "error": "", "updated_at": now}
    mine = (uploads.c.id == upload["id"], uploads.c.state.in_((UploadState.EXPECTED, UploadState.RECEIVED)))
    if not connection.execute(update(uploads).where(*mine).values(done)).rowcount:  # first: two may finish it at once
        raise Conflict(AGAIN)
    insert_release(connection, variant["product_id"], release)
    _adopt(connection, now, request, package, variant)
    connection.execute(delete(proposals).where(proposals.c.upload_id == upload["id"]))
    detail = {"sha256": release["sha256"], "warnings": warnings} | home.created
    audit.note(connection, now, request.actor, "release.upload", release["id"], detail)
    return answer


def _held_variant(connection: Connection, request: UploadRequest, home: Home) -> Record:
    hold_home(connection, home.variant["id"])
    try:
        return get_variant(connection, home.variant["id"])
    except NotFound as error:
        raise error if request.variant_id else _HomeGone(error.message) from None


def _adopt(connection: Connection, now: str, request: UploadRequest, package: PackageInfo, variant: Record) -> None:
    """The icon, and with a smart upload the identifier of a variant that has none."""
    identifier = packages.identity(package)
    if request.smart and identifier and not variant["identifier"]:
        connection.execute(update(variants).where(variants.c.id == variant["id"]).values(identifier=identifier))
    has_icon = get_product(connection, variant["product_id"])["icon_sha256"] is not None
    if request.icon_png:
        set_icon(connection, now, variant["product_id"], bytes.fromhex(request.icon_png))
    elif package.icon_png and (request.smart or not has_icon):
        set_icon(connection, now, variant["product_id"], package.icon_png)


def _warnings(connection: Connection, request: UploadRequest, package: PackageInfo, variant: Record) -> list[str]:
    """All that deserves a look, for the answer and the audit trail."""
    changed = packages.signer_change(package, latest_package(connection, variant["id"]))
    differs = packages.contradiction(package, variant)
    return [*request.warnings, *package.warnings, *filter(None, (differs, changed))]


def _take_back(bench: Bench, parcel: Parcel, upload: Record, home: Home, is_reachable: bool) -> None:
    """Undoes what an unfinished upload left, unless its release was committed after all. A store that is not reachable would
    be waited for in vain; what it has of the object is sent again under the same key."""
    try:
        bench.database.read_now(get_release, upload["release_id"])
    except NotFound:
        name = safe_file_name(upload["file_name"])
        product_id, variant_id = home.variant["product_id"], home.variant["id"]
        if is_reachable and not parcel.key:
            with suppress(Unavailable, UpstreamFailed):  # an object that stays is litter for the sweep
                parcel.storage.delete(release_key(product_id, variant_id, upload["release_id"], name))
        bench.database.write_now(remove_unused, home.created)
