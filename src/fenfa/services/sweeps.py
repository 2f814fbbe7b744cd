"""The sweep: finishes uploads that a crash interrupted and removes what belongs to nobody. Never a release's file."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, or_, select

from fenfa.db.tables import releases, uploads
from fenfa.errors import FenfaError
from fenfa.services import calls, enrolments, jobs
from fenfa.services.records import stamp
from fenfa.services.uploads import LOST, Bench, finish_upload, get_upload, mark_failed
from fenfa.storage.base import release_of
from fenfa.storage.local import file_sha256
from fenfa.storage.staging import Staging
from fenfa.vocabulary import UploadState

_KEPT = timedelta(hours=24)  # how long the answer of an upload can be replayed, and how long one waits for a person
_GIVEN_UP = timedelta(days=7)
GRACE = timedelta(hours=24)


@dataclass(frozen=True)
class Swept:
    """What one sweep did: uploads finished and dropped, files removed."""

    finished: int
    dropped: int
    removed: int


def sweep(bench: Bench, grace: timedelta) -> Swept:
    """`grace`: how young a file without a row may be and stay: the time in which a mistake can still be mended. Blocks."""
    bench.database.write_now(_forget_old, stamp(bench.clock() - _KEPT))  # rows first: what has none is dropped below
    finished, dropped = _settle_staging(bench)
    dropped += bench.database.write_now(_fail_lost, bench.clock(), bench.staging)
    removed = _remove_litter(bench, grace)
    for forget in (jobs.forget_old, enrolments.forget_old, calls.forget_old):
        bench.database.write_now(forget, bench.clock())
    return Swept(finished, dropped, removed)


def _settle_staging(bench: Bench) -> tuple[int, int]:
    finished = dropped = 0
    for upload_id in bench.staging.abandoned():
        if _finishes(bench, upload_id):
            finished += 1
        elif _waits(bench, upload_id):
            continue
        else:
            dropped += 1
        bench.staging.path(upload_id).unlink(missing_ok=True)
    return finished, dropped


def _waits(bench: Bench, upload_id: str) -> bool:
    """Whether a person may still say where it goes."""
    upload = bench.database.read_now(get_upload, upload_id)
    return upload is not None and upload["state"] == UploadState.PROPOSED


def _finishes(bench: Bench, upload_id: str) -> bool:
    """Whether the upload had been received whole and is a release now. A refusal is noted on its row."""
    upload = bench.database.read_now(get_upload, upload_id)
    if upload is None or upload["state"] != UploadState.RECEIVED:
        return False
    if file_sha256(bench.staging.path(upload_id)) != upload["sha256"]:
        bench.database.write_now(mark_failed, stamp(bench.clock()), upload_id, LOST)
        return False
    try:
        finish_upload(bench, upload_id)
    except FenfaError:
        return False
    return True


def _fail_lost(connection: Connection, now: datetime, staging: Staging) -> int:
    """Uploads that wait for bytes which are no longer there. (One that is being finished keeps its bytes to the end.)
    Those of another server are its own matter, for a week: then it will not come back."""
    here = uploads.c.staged_by == staging.name
    query = select(uploads.c.id).where(uploads.c.state.in_((UploadState.PROPOSED, UploadState.RECEIVED)))
    query = query.where(or_(here, uploads.c.updated_at < stamp(now - _GIVEN_UP)))
    lost = [upload_id for upload_id in connection.scalars(query) if not staging.path(upload_id).exists()]
    for upload_id in lost:
        mark_failed(connection, stamp(now), upload_id, LOST)
    return len(lost)


def _remove_litter(bench: Bench, grace: timedelta) -> int:
    old = (bench.clock() - grace).timestamp()
    known = bench.database.read_now(_release_ids)
    litter = [o for o in bench.storage.objects() if o.stored_at <= old and release_of(o.key) not in known]
    for stored in litter:
        bench.storage.delete(stored.key)
    bench.storage.tidy(old)
    return len(litter)


def _release_ids(connection: Connection) -> set[str]:
    return set(connection.scalars(select(releases.c.id)))


def _forget_old(connection: Connection, before: str) -> None:
    over = (uploads.c.updated_at < before, uploads.c.state != UploadState.RECEIVED)
    connection.execute(delete(uploads).where(*over))
