"""Uploads as the web hands them over: bytes sealed in staging, and the row that says so."""

from hashlib import sha256
from typing import Any

from sqlalchemy import select, update

from fenfa.db.tables import releases, uploads
from fenfa.inspectors.base import PackageInfo
from fenfa.runtime import Runtime
from fenfa.services.homes import UploadRequest
from fenfa.services.products import create_product
from fenfa.services.proposals import propose
from fenfa.services.records import Record, fetch_all, stamp
from fenfa.services.uploads import finish_upload, receive
from fenfa.services.variants import create_variant
from fenfa.storage.staging import StagedFile
from fenfa.vocabulary import new_id

PACKAGE = PackageInfo(
    format="apk", platform=None, identifier="com.example.app", name="Example", version="1.2", build="7"
)


def make_variant(bench: Runtime, platform: str = "linux", **values: Any) -> str:
    with bench.database.writing() as connection:
        product = create_product(connection, stamp(bench.clock()), {"name": "MyApp"})
        return create_variant(connection, stamp(bench.clock()), product, {"platform": platform} | values)


def stage(bench: Runtime, content: bytes) -> tuple[str, StagedFile]:
    """A sealed file in staging that its writer still holds."""
    upload_id = new_id("upl")
    staged = bench.staging.create(upload_id, 1 << 30)
    staged.write(content)
    staged.seal()
    return upload_id, staged


def send(bench: Runtime, content: bytes = b"bytes", key: str | None = None, **wanted: Any) -> tuple[str, StagedFile]:
    """A received upload; without `variant_id` or `smart` it goes to a new variant."""
    if not wanted.get("smart") and "variant_id" not in wanted:
        wanted["variant_id"] = make_variant(bench)
    given: dict[str, Any] = {"file_name": "app.tar.gz", "actor": "tests"}
    request = UploadRequest(**given | wanted)
    upload_id, staged = stage(bench, content)
    digest = sha256(content).hexdigest()
    bench.database.write_now(
        receive, stamp(bench.clock()), upload_id, request, len(content), digest, key, staged_by=staged.holder
    )
    return upload_id, staged


def propose_upload(
    bench: Runtime, package: PackageInfo = PACKAGE, content: bytes = b"bytes", key: str | None = None, **wanted: Any
) -> str:
    """The ID of an upload that waits for a person."""
    given: dict[str, Any] = {"file_name": "app.apk", "actor": "tests", "smart": True}
    request = UploadRequest(**given | wanted)
    upload_id, staged = stage(bench, content)
    staged.keep()
    now, digest = stamp(bench.clock()), sha256(content).hexdigest()
    bench.database.write_now(propose, now, upload_id, request, len(content), digest, key, package, staged.holder)
    staged.close()
    return upload_id


def publish(bench: Runtime, content: bytes = b"bytes", **wanted: Any) -> Record:
    """The row of a release that was uploaded whole."""
    upload_id, staged = send(bench, content, **wanted)
    answer = finish_upload(bench, upload_id)
    staged.discard()
    (row,) = (row for row in rows_of(bench, releases) if row["id"] == answer["release_id"])
    return row


def rows_of(bench: Runtime, table: Any) -> list[Record]:
    return bench.database.read_now(fetch_all, select(table))


def upload_row(bench: Runtime, upload_id: str) -> Record:
    return next(row for row in rows_of(bench, uploads) if row["id"] == upload_id)


def set_upload(bench: Runtime, upload_id: str, **values: Any) -> None:
    statement = update(uploads).where(uploads.c.id == upload_id).values(values)
    bench.database.write_now(lambda connection: connection.execute(statement))


def files_of(bench: Runtime) -> set[str]:
    """Every file and every empty folder below `uploads`."""
    root = bench.storage.local.path("uploads/x")
    assert root is not None
    paths = [p for p in root.parent.rglob("*") if p.is_file() or not any(p.iterdir())]
    return {str(p.relative_to(root.parent.parent)) for p in paths}


def expected_files(bench: Runtime) -> set[str]:
    keys = [row["storage_key"] for row in rows_of(bench, releases)]
    return {path for key in keys for path in (key, key.rpartition("/")[0] + "/meta.json")}
