"""R8: every changed, cut or missing file is found, and nothing else."""

import os
import random
from dataclasses import replace

import pytest

from fenfa.db.tables import releases, uploads
from fenfa.runtime import Runtime
from fenfa.services.releases import delete_release
from fenfa.services.stores import Stores
from fenfa.services.verification import Finding, verify
from fenfa.storage.base import StoredObject
from fenfa.storage.local import LocalStorage
from tests.services.parcels import make_variant, publish, rows_of, send

BLOBS = int(os.environ.get("FENFA_VERIFY_BLOBS", "20"))


def wrong(bench: Runtime) -> dict[str, str]:
    """State by release, without those that are well."""
    found = list(verify(bench.database, bench.storage))
    return {finding.release_id: finding.state for finding in found if finding.state != "ok"}


def path_of(bench: Runtime, row: dict[str, str]) -> os.PathLike[str]:
    path = bench.storage.local.path(row["storage_key"])
    assert path is not None
    return path


def test_one_flipped_bit_is_found(bench: Runtime) -> None:
    dice = random.Random(8)
    variant = make_variant(bench)
    rows = [publish(bench, dice.randbytes(dice.randrange(1, 100_000)), variant_id=variant) for _ in range(BLOBS)]
    assert wrong(bench) == {}
    bad = rows[::2]
    for row in bad:
        flip(path_of(bench, row), dice.randrange(int(row["size_bytes"]) * 8))
    assert wrong(bench) == {row["id"]: "corrupt" for row in bad}


def flip(path: os.PathLike[str], bit: int) -> None:
    with open(path, "r+b") as file:
        file.seek(bit // 8)
        byte = file.read(1)[0]
        file.seek(bit // 8)
        file.write(bytes([byte ^ 1 << bit % 8]))


@pytest.mark.parametrize(
    ("change", "state"), [("cut", "corrupt"), ("grow", "corrupt"), ("remove", "missing"), ("folder", "missing")]
)
def test_other_damage_is_found(bench: Runtime, change: str, state: str) -> None:
    good, row = publish(bench, b"good"), publish(bench, b"content")
    path = bench.storage.local.path(row["storage_key"])
    assert path is not None
    if change in ("cut", "grow"):
        os.truncate(path, 6 if change == "cut" else 8)
    else:
        path.unlink()
    if change == "folder":
        path.mkdir()
    assert wrong(bench) == {row["id"]: state}
    assert [f.state for f in verify(bench.database, bench.storage, good["id"])] == ["ok"]
    assert [f.state for f in verify(bench.database, bench.storage, row["id"])] == [state]


def test_file_without_a_row_is_an_orphan(bench: Runtime) -> None:
    row = publish(bench)
    bench.database.write_now(delete_release, row["id"])
    (finding,) = verify(bench.database, bench.storage)
    assert finding == Finding("orphan", row["id"], row["storage_key"], 5)
    assert list(verify(bench.database, bench.storage, "rel_nobody")) == []


def with_local(bench: Runtime, local: LocalStorage) -> Stores:
    return replace(bench.storage, local=local)


def test_release_that_is_deleted_meanwhile_is_not_missing(bench: Runtime) -> None:
    class Deleting(LocalStorage):
        """Before the first file is looked at, everything is deleted."""

        def path(self, key: str):  # type: ignore[no-untyped-def]  # as the contract's
            while rows := rows_of(bench, releases):
                bench.database.write_now(delete_release, rows[0]["id"])
                super().delete(rows[0]["storage_key"])
            return super().path(key)

    for n in range(3):
        publish(bench, bytes([n]))
    assert list(verify(bench.database, with_local(bench, Deleting(bench.staging.folder.parent)))) == []


def test_upload_on_its_way_is_no_orphan(bench: Runtime) -> None:
    upload_id, staged = send(bench)

    class Linked(LocalStorage):
        """Lists the file of the upload that is not committed yet."""

        def objects(self):  # type: ignore[no-untyped-def]  # as the contract's
            release = next(row["release_id"] for row in rows_of(bench, uploads) if row["id"] == upload_id)
            yield StoredObject(f"uploads/prd_00000000/var_00000000/{release}/app.zip", 5, 0)

    assert list(verify(bench.database, with_local(bench, Linked(bench.staging.folder.parent)))) == []
    staged.discard()


def test_bytes_that_share_an_inode_rot_and_heal_together(bench: Runtime) -> None:
    rows = [publish(bench, b"same") for _ in range(2)]
    flip(path_of(bench, rows[0]), 3)
    assert wrong(bench) == {row["id"]: "corrupt" for row in rows}
    publish(bench, b"same")
    assert wrong(bench) == {}
