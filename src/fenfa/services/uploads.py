"""The life of an upload, from bytes that are durable in staging to a release.

`receive` notes the upload in the database once every byte is on the disk. `finish_upload` inspects the package, links it to its
final place and commits the release; it may be repeated, so a sweep after a crash finishes what was received. Nothing is
acknowledged before that commit.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from sqlalchemy import Connection, insert, select, update

from fenfa.db.engine import Database
from fenfa.db.tables import uploads, variants
from fenfa.errors import BadPackage, Conflict, FenfaError, NotFound
from fenfa.inspectors.base import PackageInfo
from fenfa.services import audit, packages
from fenfa.services.icons import set_icon
from fenfa.services.products import count_product, create_product, delete_product, get_product
from fenfa.services.records import Record, stamp
from fenfa.services.releases import find_same_bytes, get_release, insert_release, latest_package, meta_json
from fenfa.services.variants import create_variant, get_variant, match_variants
from fenfa.storage.base import Storage, release_key, safe_file_name
from fenfa.storage.staging import Staging
from fenfa.vocabulary import UploadState, file_type, new_id


class Bench(Protocol):
    """What finishing an upload needs; the runtime is one."""

    @property
    def database(self) -> Database: ...
    @property
    def storage(self) -> Storage: ...
    @property
    def staging(self) -> Staging: ...
    @property
    def clock(self) -> Callable[[], datetime]: ...
    @property
    def inspect(self) -> Callable[[Path, str], PackageInfo]: ...


@dataclass(frozen=True)
class UploadRequest:
    """What the client asked for, checked. None: not given. `smart`: the package decides; `create`: and may make its home."""

    file_name: str
    actor: str
    variant_id: str | None = None
    smart: bool = False
    create: bool = False
    version: str | None = None
    build: int | None = None
    channel: str | None = None
    min_os: str | None = None
    changelog: str | None = None
    icon_png: str | None = None  # hexadecimal, already re-encoded
    warnings: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _Home:
    """Where a release goes, and what was made for it."""

    variant: Record
    created: Record


def check_request(connection: Connection, request: UploadRequest) -> None:
    """Refuses before inspection what can be refused: an unknown variant, a file type that its platform does not take."""
    if request.variant_id is not None:
        variant = get_variant(connection, request.variant_id)
        packages.require_taken(file_type(request.file_name), variant["platform"])


def receive(
    connection: Connection, now: str, upload_id: str, request: UploadRequest, size: int, sha256: str, key: str | None
) -> None:
    """Notes an upload whose bytes are durable. `key` is the client's idempotency key."""
    row = {
        "id": upload_id,
        "state": UploadState.RECEIVED,
        "idempotency_key": key,
        "request": asdict(request),
        "file_name": request.file_name,
        "size_bytes": size,
        "sha256": sha256,
        "release_id": new_id("rel"),
        "created_at": now,
        "updated_at": now,
    }
    connection.execute(insert(uploads).values(row))


def find_replay(connection: Connection, key: str, sha256: str, request: UploadRequest) -> Record | None:
    """The answer that an earlier upload with this idempotency key got; None: there was none that succeeded."""
    row = connection.execute(select(uploads).where(uploads.c.idempotency_key == key)).mappings().first()
    if row is None:
        return None
    if row["sha256"] != sha256 or row["request"] != asdict(request):
        raise Conflict("this idempotency key was used for another upload; send a new one")
    if row["state"] == UploadState.FAILED:
        connection.execute(update(uploads).where(uploads.c.id == row["id"]).values(idempotency_key=None))
        return None
    if row["state"] != UploadState.READY:
        raise Conflict("an upload with this idempotency key is being finished; ask again in a moment")
    return dict(row["answer"])


def get_upload(connection: Connection, upload_id: str) -> Record | None:
    row = connection.execute(select(uploads).where(uploads.c.id == upload_id)).mappings().first()
    return dict(row) if row else None


def finish_upload(bench: Bench, upload_id: str) -> Record:
    """Makes the release; gives `{release_id, warnings, created}`. Blocks. The staged file is the caller's to discard."""
    upload = bench.database.read_now(get_upload, upload_id)
    if upload is None:
        raise NotFound("upload not found")
    if upload["state"] == UploadState.READY:
        return dict(upload["answer"])
    try:
        return _finish(bench, upload, UploadRequest(**upload["request"]))
    except Exception as error:
        reason = error.message if isinstance(error, FenfaError) else "the server failed"
        bench.database.write_now(mark_failed, stamp(bench.clock()), upload_id, reason)
        raise


def mark_failed(connection: Connection, now: str, upload_id: str, reason: str) -> None:
    """Unless it is a release already: a commit can succeed although its answer is lost."""
    values = {"state": UploadState.FAILED, "error": reason, "updated_at": now}
    unfinished = (uploads.c.id == upload_id, uploads.c.state != UploadState.READY)
    connection.execute(update(uploads).where(*unfinished).values(values))


def _finish(bench: Bench, upload: Record, request: UploadRequest) -> Record:
    staged = bench.staging.path(upload["id"])
    package = bench.inspect(staged, request.file_name)
    home = bench.database.write_now(_find_home, stamp(bench.clock()), request, package)
    try:
        release = _release_row(bench, upload, request, package, home.variant)
        _publish(bench, staged, release, home.variant)
        return bench.database.write_now(_commit, upload, request, package, home, release)
    except BaseException:
        _take_back(bench, upload, home)
        raise


def _find_home(connection: Connection, now: str, request: UploadRequest, package: PackageInfo) -> _Home:
    if request.variant_id is not None:
        variant = get_variant(connection, request.variant_id)
        packages.require_taken(file_type(request.file_name), variant["platform"])
        if request.smart:
            packages.require_agreement(package, variant)
        return _Home(variant, {})
    return _match_home(connection, now, request, package)


def _match_home(connection: Connection, now: str, request: UploadRequest, package: PackageInfo) -> _Home:
    name = packages.identity(package)
    if package.platform is None or not name:
        raise BadPackage("the package does not say what it is; send variant_id as well")
    found = match_variants(connection, package.platform, name)
    if len(found) > 1:
        several = ", ".join(f"{v['id']} ({v['product_name']})" for v in found)
        raise Conflict(
            "several variants are for {platform} {identifier}: {variants}; send variant_id as well",
            platform=package.platform,
            identifier=name,
            variants=several,
        )
    if found:
        return _Home(found[0], {})
    if not request.create:
        raise NotFound(
            "no variant is for platform {platform} and identifier {identifier}; "
            "make it first, or send create=1 with an admin token",
            platform=package.platform,
            identifier=name,
        )
    return _make_home(connection, now, request, package)


def _make_home(connection: Connection, now: str, request: UploadRequest, package: PackageInfo) -> _Home:
    product_id = create_product(connection, now, packages.product_values(package, request.file_name))
    values = packages.variant_values(package, file_type(request.file_name))
    variant_id = create_variant(connection, now, product_id, values)
    return _Home(get_variant(connection, variant_id), {"product": product_id, "variant": variant_id})


def _release_row(
    bench: Bench, upload: Record, request: UploadRequest, package: PackageInfo, variant: Record
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
        "storage": bench.storage.name,
        "storage_key": release_key(variant["product_id"], variant["id"], upload["release_id"], name),
        "package": packages.stored_form(package),
        "created_at": now,
        "updated_at": now,
    }


def _publish(bench: Bench, staged: Path, release: dict[str, Any], variant: Record) -> None:
    home = {name: variant[name] for name in ("product_id", "platform", "identifier")}
    twins = bench.database.read_now(find_same_bytes, bench.storage.name, release["sha256"])
    bench.storage.put(staged, release["storage_key"], meta_json(home | release), twins)


def _commit(
    connection: Connection,
    upload: Record,
    request: UploadRequest,
    package: PackageInfo,
    home: _Home,
    release: dict[str, Any],
) -> Record:
    now = release["updated_at"]
    variant = get_variant(connection, home.variant["id"])
    warnings = _warnings(connection, request, package, variant)
    insert_release(connection, variant["product_id"], release)
    _adopt(connection, now, request, package, variant)
    answer = {"release_id": release["id"], "warnings": warnings, "created": home.created}
    done = {"state": UploadState.READY, "answer": answer, "updated_at": now}
    connection.execute(update(uploads).where(uploads.c.id == upload["id"]).values(done))
    detail = {"sha256": release["sha256"], "warnings": warnings} | home.created
    audit.note(connection, now, request.actor, "release.upload", release["id"], detail)
    return answer


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


def _take_back(bench: Bench, upload: Record, home: _Home) -> None:
    """Undoes what an unfinished upload left, unless its release was committed after all."""
    try:
        bench.database.read_now(get_release, upload["release_id"])
    except NotFound:
        name = safe_file_name(upload["file_name"])
        product_id, variant_id = home.variant["product_id"], home.variant["id"]
        bench.storage.delete(release_key(product_id, variant_id, upload["release_id"], name))
        if home.created:
            bench.database.write_now(_delete_unused, product_id)


def _delete_unused(connection: Connection, product_id: str) -> None:
    """Unless another upload has found the product in the meantime."""
    if not count_product(connection, product_id)["release_count"]:
        delete_product(connection, product_id)
