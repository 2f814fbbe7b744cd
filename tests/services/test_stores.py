"""Several stores side by side: new builds go where the settings say, and each release is found where it went."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from fenfa.db.tables import releases, stores, uploads
from fenfa.errors import BadInput, NotFound, Unavailable
from fenfa.runtime import Runtime
from fenfa.services.homes import UploadRequest
from fenfa.services.records import stamp
from fenfa.services.reinspection import reinspect
from fenfa.services.rekeying import reseal
from fenfa.services.releases import delete_release, get_release, keep_meta
from fenfa.services.relocation import relocate
from fenfa.services.settings import load_settings, save_settings
from fenfa.services.stores import Stores, address_in, require_working
from fenfa.services.sweeps import GRACE, Swept, settle_staging, sweep
from fenfa.services.uploads import find_replay, finish_upload
from fenfa.services.verification import verify
from fenfa.storage.base import Address, Storage
from fenfa.storage.local import LocalStorage
from tests.services.parcels import expected_files, files_of, publish, rows_of, send, upload_row
from tests.support.seaweedfs import SeaweedFS, settings_of


@pytest.fixture
def address(seaweedfs: SeaweedFS) -> Address:
    return seaweedfs.bucket()


def use(bench: Runtime, address: Address | None, **changes: Any) -> None:
    """From here on, new builds go there."""
    wanted = settings_of(address) if address else {"storage_type": "local"}
    bench.database.write_now(save_settings, stamp(bench.clock()), bench.keys, wanted | changes)


def content(store: Storage, key: str) -> bytes:
    return store.read(key, 0, 1000)


def test_both_back_ends_serve_side_by_side(bench: Runtime, address: Address) -> None:
    first = publish(bench, b"on the disk")
    use(bench, address)
    second = publish(bench, b"in the bucket")
    use(bench, None)
    third = publish(bench, b"on the disk again")
    assert [row["storage"] for row in (first, third)] == ["local", "local"]
    assert content(bench.storage.of(second["storage"]), second["storage_key"]) == b"in the bucket"
    assert [finding.state for finding in verify(bench.database, bench.storage)] == ["ok"] * 3


def test_a_bucket_keeps_its_name_and_takes_new_keys(bench: Runtime, address: Address) -> None:
    use(bench, address)
    name = bench.storage.current().name
    use(bench, address, s3_access_key="other", s3_secret_key="other")
    assert bench.storage.current().name == name
    assert bench.database.read_now(bench.storage.address_of, name).access_key == "other"
    use(bench, replace(address, bucket="another"))
    assert bench.storage.current().name != name
    assert len(rows_of(bench, stores)) == 2


def test_replicas_that_meet_a_new_bucket_at_once_agree(bench: Runtime, address: Address) -> None:
    use(bench, address)
    others = [replace(bench.storage, _opened={}) for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        assert len({store.name for store in pool.map(Stores.current, others)}) == 1
    assert len(rows_of(bench, stores)) == 1


def test_another_replica_sees_the_change_at_once(bench: Runtime, address: Address) -> None:
    other = replace(bench.storage, _opened={})
    assert other.current().name == "local"
    use(bench, address)
    assert other.current().name == bench.storage.current().name != "local"


def test_keys_are_sealed_and_follow_a_new_secret(bench: Runtime, address: Address) -> None:
    use(bench, address)
    row = publish(bench)
    assert address.secret_key not in str(rows_of(bench, stores))
    assert bench.database.write_now(reseal, bench.keys) == 4
    assert content(bench.storage.of(row["storage"]), row["storage_key"]) == b"bytes"


def test_unknown_store_is_not_found(bench: Runtime) -> None:
    with pytest.raises(NotFound, match="restore the database"):
        bench.storage.of("sto_nobody00")


def test_settings_without_a_bucket_are_refused(bench: Runtime) -> None:
    settings = bench.database.read_now(load_settings, bench.config)
    with pytest.raises(BadInput, match="s3_bucket is required"):
        address_in(bench.keys, settings, {"storage_type": "s3"})


def test_a_store_is_tried_before_it_is_used(bench: Runtime, address: Address) -> None:
    require_working(address, bench.staging)
    with pytest.raises(BadInput, match=r"s3_bucket cannot be used \(write\): the object store refuses the access key"):
        require_working(replace(address, secret_key="wrong"), bench.staging)


def test_damage_in_a_bucket_is_found(bench: Runtime, address: Address, tmp_path: Path) -> None:
    use(bench, address)
    rows = [publish(bench, bytes([n]) * 9) for n in range(3)]
    store = bench.storage.current()
    (tmp_path / "x").write_bytes(b"another")
    store.delete(rows[0]["storage_key"])
    store.delete(rows[1]["storage_key"])
    store.put(tmp_path / "x", rows[1]["storage_key"], "0" * 64, b"{}")
    assert [finding.state for finding in verify(bench.database, bench.storage)] == ["missing", "corrupt", "ok"]
    assert [one.problem[:19] for one in reinspect(bench)] == ["its file is missing", "", ""]
    assert list(bench.staging.folder.iterdir()) == []


def test_meta_and_litter_of_a_bucket(bench: Runtime, address: Address) -> None:
    use(bench, address)
    row, gone = publish(bench), publish(bench, b"gone")
    keep_meta(bench.database, bench.storage, row["id"])
    bench.database.write_now(delete_release, gone["id"])
    assert [finding.state for finding in verify(bench.database, bench.storage)] == ["ok", "orphan"]
    bench.clock.move(days=4000)  # type: ignore[attr-defined]  # the tests' clock
    assert sweep(bench, GRACE) == Swept(0, 0, 1)
    assert [finding.state for finding in verify(bench.database, bench.storage)] == ["ok"]


DOWN = {"s3_endpoint": "http://127.0.0.1:1"}


def test_bytes_outlive_a_store_that_is_down(bench: Runtime, address: Address) -> None:
    use(bench, address, **DOWN)
    upload_id, staged = send(bench, b"kept")
    with pytest.raises(Unavailable, match="does not answer"):
        finish_upload(bench, upload_id)
    staged.close()
    assert settle_staging(bench) == (0, 0)
    assert (upload_row(bench, upload_id)["state"], staged.path.read_bytes()) == ("received", b"kept")
    use(bench, address)
    assert settle_staging(bench) == (1, 0)
    (row,) = rows_of(bench, releases)
    assert content(bench.storage.of(row["storage"]), row["storage_key"]) == b"kept"
    assert list(bench.staging.folder.iterdir()) == []


def test_an_upload_that_is_sent_again_takes_the_place_of_the_one_that_waits(bench: Runtime, address: Address) -> None:
    use(bench, address, **DOWN)
    first, staged = send(bench, b"kept", key="tok_1:k")
    with pytest.raises(Unavailable):
        finish_upload(bench, first)
    staged.close()
    use(bench, address)
    request = UploadRequest(**upload_row(bench, first)["request"])
    digest = upload_row(bench, first)["sha256"]
    assert bench.database.write_now(find_replay, bench.clock(), "tok_1:k", digest, request) is None
    second, again = send(bench, b"kept", key="tok_1:k", variant_id=request.variant_id)
    finish_upload(bench, second)
    again.discard()
    assert settle_staging(bench) == (0, 1)
    assert len(rows_of(bench, releases)) == 1
    assert {row["state"] for row in rows_of(bench, uploads)} == {"ready", "failed"}


def moved(bench: Runtime, kind: str) -> list[str]:
    return [one.problem for one in relocate(bench, bench.storage.named(kind))]


def test_builds_move_there_and_back(bench: Runtime, address: Address) -> None:
    use(bench, address, storage_type="local")
    for n in (1, 2, 2):
        publish(bench, bytes([n]) * 9)
    assert moved(bench, "s3") == [""] * 3
    assert moved(bench, "s3") == []
    assert files_of(bench) == set()
    assert {row["storage"] for row in rows_of(bench, releases)} == {bench.storage.named("s3").name}
    assert [finding.state for finding in verify(bench.database, bench.storage)] == ["ok"] * 3
    assert moved(bench, "local") == [""] * 3
    assert list(bench.storage.named("s3").objects()) == []
    assert files_of(bench) == expected_files(bench)
    assert [finding.state for finding in verify(bench.database, bench.storage)] == ["ok"] * 3
    assert list(bench.staging.folder.iterdir()) == []


def test_what_is_corrupt_or_missing_stays(bench: Runtime, address: Address) -> None:
    use(bench, address, storage_type="local")
    rows = [publish(bench, bytes([n]) * 9) for n in range(3)]
    paths = [bench.storage.local.path(row["storage_key"]) for row in rows]
    assert paths[0]
    assert paths[1]
    paths[0].write_bytes(b"corrupted")
    paths[1].unlink()
    assert [problem[:18] for problem in moved(bench, "s3")] == ["its file is corrup", "the stored file is", ""]


class Killed(BaseException):
    """As kill -9: nothing that follows runs, and nothing is tidied up."""


@pytest.mark.parametrize("step", ["put", "put_meta", "read", "delete"])
def test_a_move_that_was_killed_goes_on(bench: Runtime, address: Address, step: str) -> None:
    """Right after each request that changes or reads the bucket or, for `delete`, before the old copy goes."""
    use(bench, address, storage_type="local")
    row = publish(bench, b"content")

    class Dying(LocalStorage):
        def delete(self, key: str) -> None:
            raise Killed

    bucket = bench.storage.named("s3")

    class Cut:
        def __getattr__(self, name: str) -> Any:
            real = getattr(bucket, name)

            def call(*given: Any) -> Any:
                real(*given)
                raise Killed

            return call if name == step else real

    broken = replace(bench, storage=replace(bench.storage, local=Dying(bench.staging.folder.parent)))
    with pytest.raises(Killed):
        list(relocate(broken, cast(Storage, Cut() if step != "delete" else bucket)))
    found = bench.database.read_now(get_release, row["id"])
    assert content(bench.storage.of(found["storage"]), row["storage_key"]) == b"content"
    moved(bench, "s3")
    assert bench.database.read_now(get_release, row["id"])["storage"] == bucket.name
    assert content(bucket, row["storage_key"]) == b"content"
    assert [f.state for f in verify(bench.database, bench.storage) if f.state != "orphan"] == ["ok"]
