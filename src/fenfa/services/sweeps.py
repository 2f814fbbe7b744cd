"""The sweep: finishes uploads that a crash interrupted and removes what belongs to nobody. Never a release's file."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from sqlalchemy import Connection, delete, or_, select, update

from fenfa.config import Config
from fenfa.db.tables import releases, settings, uploads
from fenfa.db.upserts import insert_missing
from fenfa.errors import FenfaError, Unavailable, Unreachable, UpstreamFailed
from fenfa.services import calls, devices, enrolments, jobs, recounts, retention
from fenfa.services.records import stamp
from fenfa.services.uploads import LOST, finish_upload, get_upload, mark_failed
from fenfa.services.uploads import Bench as UploadBench
from fenfa.storage.base import Storage, release_of
from fenfa.storage.local import file_sha256
from fenfa.storage.resumable import expired
from fenfa.storage.staging import Staging, sync_file
from fenfa.vocabulary import UploadState

_KEPT = timedelta(hours=24)  # how long the answer of an upload can be replayed, and how long one waits for a person
_GIVEN_UP = timedelta(days=7)
_TURN = "swept_at"
_EVERY = timedelta(minutes=50)  # less than the hour after which every server asks
GRACE = timedelta(hours=24)


class Bench(UploadBench, Protocol):
    """What a sweep needs beside what finishing an upload does; the runtime is one."""

    @property
    def config(self) -> Config: ...


@dataclass(frozen=True)
class Swept:
    """What one sweep did: uploads finished and dropped, files removed."""

    finished: int
    dropped: int
    removed: int


def sweep_in_turn(bench: Bench) -> Swept:
    """What this server holds; and, once an hour whoever is there, what all servers share. Blocks."""
    finished, dropped = _sweep_own(bench)
    is_our_turn = bench.database.write_now(take_turn, bench.clock())
    return Swept(finished, dropped, _sweep_shared(bench, GRACE) if is_our_turn else 0)


def sweep(bench: Bench, grace: timedelta) -> Swept:
    """`grace`: how young a file without a row may be and stay: the time in which a mistake can still be mended. Blocks."""
    finished, dropped = _sweep_own(bench)
    return Swept(finished, dropped, _sweep_shared(bench, grace))


def _sweep_own(bench: Bench) -> tuple[int, int]:
    bench.database.write_now(_forget_old, stamp(bench.clock() - _KEPT))  # rows first: what has none is dropped below
    finished, dropped = settle_staging(bench)
    dropped += _drop_expired(bench)
    dropped += bench.database.write_now(_fail_lost, bench.clock(), bench.staging)
    recounts.recount_due(bench.database, bench.clock())
    return finished, dropped


def _sweep_shared(bench: Bench, grace: timedelta) -> int:
    removed = _remove_litter(bench, grace)
    for forget in (jobs.forget_old, enrolments.forget_old, calls.forget_old, recounts.forget_visitors):
        bench.database.write_now(forget, bench.clock())
    bench.database.write_now(devices.forget_unused, bench.clock(), bench.config.udid_keep_days)
    bench.database.write_now(retention.give_up, bench.clock(), bench.config.events_keep_days)
    return removed


def take_turn(connection: Connection, now: datetime) -> bool:
    """True for one caller an hour, over all servers. One whose clock was put back does not wait for it."""
    insert_missing(connection, settings, [{"name": _TURN, "value": "", "updated_at": ""}])
    mine = settings.c.name == _TURN
    last = connection.scalar(select(settings.c.value).where(mine).with_for_update()) or ""
    if stamp(now - _EVERY) < last <= stamp(now):
        return False
    connection.execute(update(settings).where(mine).values(value=stamp(now)))
    return True


def settle_staging(bench: Bench) -> tuple[int, int]:
    """Finishes what was received and waits for nobody, such as what came while the store was down. How many were finished, and
    how many dropped. Blocks."""
    finished = dropped = 0
    for upload_id in bench.staging.abandoned():
        try:
            is_release = _finishes(bench, upload_id)
        except Unreachable:  # neither would the others come further
            break
        except Unavailable:  # the next one tries again
            continue
        if not is_release and _waits(bench, upload_id):
            continue
        finished, dropped = finished + is_release, dropped + (not is_release)
        bench.staging.path(upload_id).unlink(missing_ok=True)
    return finished, dropped


def _drop_expired(bench: Bench) -> int:
    """Uploads in pieces whose next piece has not come for a day."""
    over = list(expired(bench.staging.folder, (bench.clock() - _KEPT).timestamp()))
    for upload in over:
        upload.discard()
    return len(over)


def _waits(bench: Bench, upload_id: str) -> bool:
    """Whether a person may still say where it goes."""
    upload = bench.database.read_now(get_upload, upload_id)
    return upload is not None and upload["state"] == UploadState.PROPOSED


def _finishes(bench: Bench, upload_id: str) -> bool:
    """Whether the upload had been received whole and is a release now. A refusal is noted on its row."""
    upload = bench.database.read_now(get_upload, upload_id)
    if upload is None or upload["state"] != UploadState.RECEIVED:
        return False
    path = bench.staging.path(upload_id)
    if file_sha256(path) != upload["sha256"]:
        bench.database.write_now(mark_failed, stamp(bench.clock()), upload_id, LOST)
        return False
    sync_file(path)  # one that was on its way to a bucket was not waited for, and may go to the disk now
    try:
        finish_upload(bench, upload_id)
    except Unavailable:
        raise
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
    """A store that does not answer keeps its litter until the next sweep; the others are swept all the same."""
    removed, problem = 0, None
    for store in bench.storage.every():
        try:
            removed += _sweep_store(bench, store, (bench.clock() - grace).timestamp())
        except (Unavailable, UpstreamFailed) as error:
            problem = error
    if problem:
        raise problem
    return removed


def _sweep_store(bench: Bench, store: Storage, old: float) -> int:
    known = bench.database.read_now(_owned, store.name)
    litter = [o for o in store.objects() if o.stored_at <= old and release_of(o.key) not in known]
    for stored in litter:
        store.delete(stored.key)
    store.tidy(old)
    return len(litter)


def _owned(connection: Connection, store: str) -> set[str]:
    """The releases of the store, and those that clients bring there."""
    expected = select(uploads.c.release_id).where(uploads.c.state == UploadState.EXPECTED)
    return {
        *connection.scalars(select(releases.c.id).where(releases.c.storage == store)),
        *connection.scalars(expected),
    }


def _forget_old(connection: Connection, before: str) -> None:
    over = (uploads.c.updated_at < before, uploads.c.state != UploadState.RECEIVED)
    connection.execute(delete(uploads).where(*over))
