"""Uploads that go past the server: a client puts its file into the bucket itself, and the server makes the release of it.

`begin` notes what will come and where it may be put, `finish` looks whether it came and reads no more of it than an inspector
needs. Both may be repeated. The object lies under its last key from the start, so nothing is copied; while its upload is expected
the sweep lets it be, and the day after it is litter like any other.
"""

from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import Connection, select

from fenfa.db.tables import uploads
from fenfa.errors import (
    BadInput,
    BadPackage,
    Collided,
    Conflict,
    NotFound,
    NotOffered,
    TooLarge,
    Unavailable,
    UpstreamFailed,
)
from fenfa.services.homes import UploadRequest, check_request
from fenfa.services.records import Record, stamp
from fenfa.services.settings import Settings
from fenfa.services.uploads import Bench, Parcel, find_replay, get_upload, make_release, mark_failed, receive
from fenfa.services.variants import get_variant
from fenfa.services.verification import stored_sha256
from fenfa.storage.base import Placed, Storage, release_key
from fenfa.vocabulary import UploadState, new_id

if TYPE_CHECKING:  # an installation without a bucket carries none of what speaks to one
    from fenfa.storage.direct import Direct, Grant

LARGEST = 5 * 10**9
"""Bytes; what a bucket takes in one request."""
GRANTED = timedelta(hours=1)
_STORE = "sto_"
_FINAL = (BadInput, BadPackage, Conflict, NotFound, TooLarge)
"""What trying again does not change."""


@dataclass(frozen=True)
class Opening:
    """An upload that is expected, and how its bytes come into the bucket until `expires_at`."""

    upload_id: str
    grant: "Grant"
    expires_at: str


def may_offer(settings: Settings) -> bool:
    """Whether builds go to a bucket whose key can sign; that the bucket checks what it is given is known once it was asked."""
    return settings["storage_type"] == "s3" and bool(settings["s3_access_key"]) and "://" not in settings["s3_bucket"]


def begin(bench: Bench, request: UploadRequest, size: int, sha256: str, key: str | None) -> Opening:
    """With the idempotency key of an upload that was begun already, that one again. Blocks."""
    storage, now = bench.storage.current(), bench.clock()
    if size > LARGEST:
        raise NotOffered(
            "a direct upload has at most {limit} bytes; send the file to /uploads/resumable", limit=LARGEST
        )
    if not _door(storage).heeds():
        raise NotOffered("the bucket does not check what it is given; send the file to /upload or /smart-upload")
    upload = bench.database.write_now(_note, now, storage.name, request, size, sha256, key)
    parcel = _parcel_of(bench, upload)
    seconds = int(GRANTED.total_seconds())
    grant = _door(parcel.storage).grant(parcel.key, upload["size_bytes"], upload["sha256"], seconds)
    return Opening(upload["id"], grant, stamp(now + GRANTED))


def find_direct(connection: Connection, upload_id: str) -> Record:
    """In whatever state it is."""
    upload = get_upload(connection, upload_id)
    if upload is None or not upload["staged_by"].startswith(_STORE):
        raise NotFound("upload not found")
    return upload


def finish(bench: Bench, upload_id: str) -> Record:
    """Makes the release; gives what `finish_upload` gives. Blocks. Repeat it after `Unavailable`, `UpstreamFailed`, `Collided`."""
    upload = bench.database.read_now(find_direct, upload_id)
    if upload["state"] == UploadState.READY:
        return dict(upload["answer"])
    if upload["state"] == UploadState.FAILED:
        reason = upload["error"]
        raise BadPackage(reason)
    parcel = _parcel_of(bench, upload)
    arrival = _door(parcel.storage).arrival(parcel.key)
    if arrival is None:
        raise Conflict("the file is not in the bucket yet; put it to the url that you were given, then finish")
    try:
        _require_announced(parcel, upload, arrival.size, arrival.sha256)
        return make_release(bench, upload, parcel)
    except Collided:
        raise
    except _FINAL as error:
        if bench.database.write_now(mark_failed, stamp(bench.clock()), upload_id, error.message):
            with suppress(Unavailable, UpstreamFailed):  # after the row: an object that stays is litter for the sweep
                parcel.storage.delete(parcel.key)
            raise
        return finish(bench, upload_id)  # another made a release of it meanwhile


def _note(
    connection: Connection, now: datetime, store: str, request: UploadRequest, size: int, sha256: str, key: str | None
) -> Record:
    check_request(connection, request)
    known = _find_begun(connection, now, key, sha256, request) if key else None
    if known is None:
        upload_id = new_id("upl")
        receive(connection, stamp(now), upload_id, request, size, sha256, key, UploadState.EXPECTED, staged_by=store)
        known = find_direct(connection, upload_id)
    return known


def _find_begun(connection: Connection, now: datetime, key: str, sha256: str, request: UploadRequest) -> Record | None:
    row = connection.execute(select(uploads).where(uploads.c.idempotency_key == key)).mappings().first()
    if row is None:  # one that comes at this moment collides; it must not be taken for one to be replaced
        return None
    is_direct = row["staged_by"].startswith(_STORE) and row["state"] != UploadState.FAILED
    if is_direct and row["sha256"] == sha256 and row["request"] == asdict(request):
        return dict(row)
    if find_replay(connection, now, key, sha256, request) is not None:
        raise Conflict("this idempotency key was used for another upload; send a new one")
    return None


def _parcel_of(bench: Bench, upload: Record) -> Parcel:
    storage = bench.storage.of(upload["staged_by"])
    key = bench.database.read_now(_key_of, upload)
    return Parcel(storage, Placed(storage, key, upload["size_bytes"]), key)


def _key_of(connection: Connection, upload: Record) -> str:
    """Where nobody knows yet where it goes, the upload stands for product and variant."""
    product_id = variant_id = upload["id"]
    if upload["request"]["variant_id"]:
        variant_id = upload["request"]["variant_id"]
        product_id = get_variant(connection, variant_id)["product_id"]
    return release_key(product_id, variant_id, upload["release_id"], upload["file_name"])


def _door(storage: Storage) -> "Direct":
    if storage.direct is None:
        raise NotOffered("direct uploads need a bucket with an access key; send the file to /upload or /smart-upload")
    return storage.direct


def _require_announced(parcel: Parcel, upload: Record, size: int, sha256: str) -> None:
    if size != upload["size_bytes"]:
        raise BadInput("the file is not as long as was announced; begin a new upload")
    if (sha256 or stored_sha256(parcel.storage, parcel.key, size)) != upload["sha256"]:
        raise BadInput("the file is not what its sha256 says; send it again")
