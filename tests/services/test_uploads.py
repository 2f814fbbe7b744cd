"""The life of an upload: received, finished, repeated, refused, and what a failure leaves behind."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from fenfa.db.tables import audit, products, releases, uploads, variants
from fenfa.errors import BadInput, BadPackage, Conflict, NotFound, StorageFull, Unavailable
from fenfa.inspectors.base import Distant, PackageInfo
from fenfa.runtime import Runtime
from fenfa.services.homes import UploadRequest, check_request, remove_unused
from fenfa.services.icons import get_icon
from fenfa.services.products import delete_product
from fenfa.services.records import stamp
from fenfa.services.releases import delete_release, find_same_bytes, insert_release, meta_json
from fenfa.services.uploads import _beat, find_replay, finish_upload
from fenfa.storage.local import LocalStorage
from fenfa.vocabulary import Platform
from tests.services import parcels
from tests.services.parcels import files_of, make_variant, publish, rows_of, send, upload_row
from tests.support.client import Clock
from tests.support.server import wait_for

ANDROID = replace(parcels.PACKAGE, platform=Platform.ANDROID)


def reading(package: PackageInfo) -> Callable[[Path | Distant, str], PackageInfo]:
    return lambda _path, _name: package


class Full(LocalStorage):
    """A disk that fills up when the file is already linked."""

    def put(self, staged: Path, key: str, sha256: str, meta: bytes, twins: Sequence[str] = ()) -> None:
        super().put(staged, key, sha256, meta, twins)
        raise StorageFull("the disk is full")


class Broken(LocalStorage):
    def put(self, staged: Path, key: str, sha256: str, meta: bytes, twins: Sequence[str] = ()) -> None:
        super().put(staged, key, sha256, meta, twins)
        raise OSError(5, "Input/output error")


def root_of(bench: Runtime) -> Path:
    return bench.staging.folder.parent


def test_upload_becomes_a_release(bench: Runtime) -> None:
    variant = make_variant(bench)
    row = publish(bench, b"content", variant_id=variant, version="1.0", build=3, channel="beta", changelog="new")
    assert (row["variant_id"], row["version"], row["build"], row["channel"]) == (variant, "1.0", 3, "beta")
    assert (row["size_bytes"], row["file_name"], row["file_ext"]) == (7, "app.tar.gz", "tar.gz")
    path = bench.storage.local.path(row["storage_key"])
    assert path is not None
    assert path.read_bytes() == b"content"
    home = {"product_id": row["storage_key"].split("/")[1], "platform": "linux", "identifier": ""}
    assert (path.parent / "meta.json").read_bytes() == meta_json(home | row)
    (upload,) = rows_of(bench, uploads)
    assert (upload["state"], upload["release_id"], upload["error"]) == ("ready", row["id"], "")
    (note,) = rows_of(bench, audit)
    assert (note["actor"], note["action"], note["target"]) == ("tests", "release.upload", row["id"])


def test_finishing_twice_gives_the_same_answer(bench: Runtime) -> None:
    upload_id, staged = send(bench)
    assert finish_upload(bench, upload_id) == finish_upload(bench, upload_id)
    staged.discard()
    assert finish_upload(bench, upload_id)["warnings"] == []
    assert len(rows_of(bench, releases)) == 1


def test_unknown_upload_is_not_found(bench: Runtime) -> None:
    with pytest.raises(NotFound, match="upload not found"):
        finish_upload(bench, "upl_nobody")


def test_same_bytes_share_one_inode(bench: Runtime) -> None:
    first, second = publish(bench, b"same"), publish(bench, b"same")
    paths = [bench.storage.local.path(row["storage_key"]) for row in (first, second)]
    assert paths[0] is not None
    assert paths[1] is not None
    assert paths[0].samefile(paths[1])
    assert sorted(find_twins(bench, first)) == sorted([first["storage_key"], second["storage_key"]])


def find_twins(bench: Runtime, row: dict[str, str]) -> list[str]:
    return bench.database.read_now(find_same_bytes, "local", row["sha256"])


@pytest.mark.parametrize(
    "name", ["../../etc/passwd.deb", "/etc/cron.d/x.deb", "..\\..\\x.deb", "meta.json.deb", "é\u202e.deb"]
)
def test_nothing_of_the_client_leads_out_of_the_folder(bench: Runtime, name: str) -> None:
    row = publish(bench, file_name=name, version="/../../x", channel="../x", min_os="../../x")
    assert set(row["storage_key"].split("/")[:1]) == {"uploads"}
    assert row["storage_key"].count("/") == 4
    assert ".." not in row["storage_key"].split("/")
    assert files_of(bench) == parcels.expected_files(bench)


def test_package_fills_what_was_not_given(bench: Runtime) -> None:
    reads = replace(bench, inspect=reading(replace(ANDROID, min_os="21", warnings=["unsigned"])))
    variant = make_variant(bench, "android")
    row = publish(reads, variant_id=variant, file_name="app.apk", version="9")
    assert (row["version"], row["build"], row["min_os"]) == ("9", 7, "21")
    assert row["package"]["identifier"] == "com.example.app"
    assert "icon_png" not in row["package"]
    (upload,) = rows_of(bench, uploads)
    assert upload["answer"]["warnings"] == ["unsigned"]


def test_file_type_must_fit_the_platform(bench: Runtime) -> None:
    variant = make_variant(bench, "ios")
    request = UploadRequest("app.apk", "tests", variant)
    with pytest.raises(BadInput, match=r"\.apk does not fit the platform ios"):
        bench.database.read_now(check_request, request)
    with pytest.raises(NotFound, match="variant not found"):
        bench.database.read_now(check_request, replace(request, variant_id="var_nobody"))


def test_smart_upload_finds_its_variant(bench: Runtime) -> None:
    reads = replace(bench, inspect=reading(ANDROID))
    variant = make_variant(bench, "android", identifier="com.example.app")
    assert publish(reads, smart=True, file_name="app.apk")["variant_id"] == variant


def test_smart_upload_without_a_home_is_not_found(bench: Runtime) -> None:
    reads = replace(bench, inspect=reading(ANDROID))
    upload_id, _ = send(bench, smart=True, file_name="app.apk")
    with pytest.raises(NotFound, match=r"platform android and identifier com\.example\.app"):
        finish_upload(reads, upload_id)
    assert upload_row(bench, upload_id)["state"] == "failed"


def test_smart_upload_with_two_homes_is_a_conflict(bench: Runtime) -> None:
    reads = replace(bench, inspect=reading(ANDROID))
    two = [make_variant(bench, "android", identifier="com.example.app") for _ in range(2)]
    upload_id, _ = send(bench, smart=True, file_name="app.apk")
    with pytest.raises(Conflict) as refused:
        finish_upload(reads, upload_id)
    assert all(variant in refused.value.message for variant in two)


def test_smart_upload_of_another_package_is_a_conflict(bench: Runtime) -> None:
    reads = replace(bench, inspect=reading(ANDROID))
    variant = make_variant(bench, "android", identifier="com.example.other")
    upload_id, _ = send(bench, smart=True, variant_id=variant, file_name="app.apk")
    with pytest.raises(Conflict, match=r"com\.example\.app.*com\.example\.other"):
        finish_upload(reads, upload_id)
    plain = publish(reads, variant_id=variant, file_name="app.apk")
    (answer,) = (row["answer"] for row in rows_of(bench, uploads) if row["release_id"] == plain["id"])
    assert "com.example.other" in answer["warnings"][0]


def test_smart_upload_that_may_create_makes_its_home(bench: Runtime) -> None:
    reads = replace(bench, inspect=reading(replace(ANDROID, icon_png=b"png")))
    row = publish(reads, smart=True, create=True, file_name="app.apk")
    (product,), (variant,) = rows_of(bench, products), rows_of(bench, variants)
    assert (product["name"], variant["identifier"], variant["installer_type"]) == ("Example", "com.example.app", "apk")
    assert row["variant_id"] == variant["id"]
    assert bench.database.read_now(get_icon, product["id"])["png"] == b"png"
    (upload,) = rows_of(bench, uploads)
    assert upload["answer"]["created"] == {"product": product["id"], "variant": variant["id"]}
    assert publish(reads, b"next", smart=True, create=True, file_name="app.apk")["variant_id"] == variant["id"]


def test_package_that_cannot_say_what_it_is_needs_a_variant(bench: Runtime) -> None:
    upload_id, _ = send(bench, smart=True, create=True, file_name="app.zip")
    with pytest.raises(BadPackage, match="send variant_id as well"):
        finish_upload(replace(bench, inspect=reading(PackageInfo("zip", None))), upload_id)


def test_smart_upload_names_a_nameless_variant(bench: Runtime) -> None:
    reads = replace(bench, inspect=reading(ANDROID))
    variant = make_variant(bench, "android")
    publish(reads, smart=True, variant_id=variant, file_name="app.apk")
    assert rows_of(bench, variants)[0]["identifier"] == "com.example.app"


@pytest.mark.parametrize("storage", [Full, Broken])
def test_failure_leaves_nothing_half_there(bench: Runtime, storage: type[LocalStorage]) -> None:
    failing = replace(bench, storage=replace(bench.storage, local=storage(root_of(bench))), inspect=reading(ANDROID))
    upload_id, staged = send(bench, smart=True, create=True, file_name="app.apk")
    with pytest.raises((StorageFull, OSError)):
        finish_upload(failing, upload_id)
    staged.discard()
    assert upload_row(bench, upload_id)["state"] == "failed"
    assert rows_of(bench, products) == rows_of(bench, releases) == []
    assert files_of(bench) == set()


def test_failure_keeps_a_product_that_another_upload_found(bench: Runtime) -> None:
    """Two uploads of a new package at once: the first made the product, the second used it, the first fails."""
    reads = replace(bench, inspect=reading(ANDROID))

    class Overtaken(LocalStorage):
        def put(self, staged: Path, key: str, sha256: str, meta: bytes, twins: Sequence[str] = ()) -> None:
            publish(reads, b"second", smart=True, create=True, file_name="app.apk")
            raise StorageFull("the disk is full")

    upload_id, _ = send(bench, b"first", smart=True, create=True, file_name="app.apk")
    with pytest.raises(StorageFull):
        finish_upload(replace(reads, storage=replace(bench.storage, local=Overtaken(root_of(bench)))), upload_id)
    assert len(rows_of(bench, products)) == len(rows_of(bench, releases)) == 1
    assert files_of(bench) == parcels.expected_files(bench)


def test_variant_that_is_deleted_meanwhile_is_not_found(bench: Runtime) -> None:
    class Deleting(LocalStorage):
        def put(self, staged: Path, key: str, sha256: str, meta: bytes, twins: Sequence[str] = ()) -> None:
            super().put(staged, key, sha256, meta, twins)
            bench.database.write_now(delete_product, key.split("/")[1])

    upload_id, _ = send(bench)
    with pytest.raises(NotFound, match="variant not found"):
        finish_upload(replace(bench, storage=replace(bench.storage, local=Deleting(root_of(bench)))), upload_id)
    assert rows_of(bench, releases) == []
    assert files_of(bench) == set()


def test_home_that_its_maker_took_back_is_made_again(bench: Runtime) -> None:
    """A first upload of the app made it, this one found it, and then the first one failed."""
    reads = replace(bench, inspect=reading(ANDROID))
    first, again = publish(reads, b"first", smart=True, create=True, file_name="app.apk"), count()

    class Overtaken(LocalStorage):
        def put(self, staged: Path, key: str, sha256: str, meta: bytes, twins: Sequence[str] = ()) -> None:
            super().put(staged, key, sha256, meta, twins)
            if next(again) == 0:
                bench.database.write_now(delete_product, first["storage_key"].split("/")[1])

    upload_id, _ = send(bench, b"second", smart=True, create=True, file_name="app.apk")
    local = Overtaken(root_of(bench))
    answer = finish_upload(replace(reads, storage=replace(bench.storage, local=local)), upload_id)
    assert next(again) == 2
    assert set(answer["created"]) == {"product", "variant"}
    assert [row["id"] for row in rows_of(bench, releases)] == [answer["release_id"]]


def test_home_is_not_taken_back_from_a_release_that_is_being_committed(bench: Runtime) -> None:
    """Whose client is told that it is there, a moment later."""
    row = publish(replace(bench, inspect=reading(ANDROID)), smart=True, create=True, file_name="app.apk")
    created = {"product": row["storage_key"].split("/")[1], "variant": row["variant_id"]}
    bench.database.write_now(delete_release, row["id"])
    with ThreadPoolExecutor(1) as pool:
        with bench.database.writing() as connection:
            insert_release(connection, created["product"], {name: row[name] for name in row if name != "seq"})
            taken_back = pool.submit(bench.database.write_now, remove_unused, created)
            if not bench.database.inline:
                wait_for(lambda: bench.database.read_now(somebody_waits))
        taken_back.result()
    assert [kept["id"] for kept in rows_of(bench, releases)] == [row["id"]]


def somebody_waits(connection: Connection) -> bool | None:
    """For a lock of PostgreSQL's."""
    waits = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    return connection.scalar(text(waits)) is not None or None


def test_failure_after_the_commit_does_not_undo_it(bench: Runtime) -> None:
    """The commit succeeded, but whoever asked for it was told otherwise."""
    upload_id, staged = send(bench)
    answer = finish_upload(bench, upload_id)
    parcels.set_upload(bench, upload_id, state="received")
    with pytest.raises(Conflict):
        finish_upload(bench, upload_id)
    staged.discard()
    assert [row["id"] for row in rows_of(bench, releases)] == [answer["release_id"]]
    assert files_of(bench) == parcels.expected_files(bench)


def replay(bench: Runtime, upload_id: str, key: str = "tok_1:k", **changed: str) -> dict[str, object] | None:
    """What the same upload gets when it is sent again, perhaps with something changed."""
    row = upload_row(bench, upload_id)
    digest = changed.pop("sha256", row["sha256"])
    return bench.database.write_now(find_replay, bench.clock(), key, digest, UploadRequest(**row["request"] | changed))


def test_idempotency_key_gives_the_first_answer(bench: Runtime) -> None:
    upload_id, _ = send(bench, b"bytes", key="tok_1:k")
    with pytest.raises(Unavailable, match="is being finished") as refused:
        replay(bench, upload_id)
    assert refused.value.retry_after
    answer = finish_upload(bench, upload_id)
    assert replay(bench, upload_id) == answer
    assert replay(bench, upload_id, key="tok_2:k") is None
    for changed in ({"sha256": "0" * 64}, {"version": "2"}):
        with pytest.raises(Conflict, match="used for another upload"):
            replay(bench, upload_id, **changed)


def test_idempotency_key_of_a_failure_is_free_again(bench: Runtime) -> None:
    upload_id, _ = send(bench, key="tok_1:k")
    with pytest.raises(OSError, match="Input/output error"):
        finish_upload(replace(bench, storage=replace(bench.storage, local=Broken(root_of(bench)))), upload_id)
    assert replay(bench, upload_id) is None
    send(bench, key="tok_1:k")


def test_idempotency_key_of_a_server_that_fell_silent_is_free_again(bench: Runtime, clock: Clock) -> None:
    """It was killed, and may come back: then of the two uploads only one becomes a release."""
    silent, old = send(bench, key="tok_1:k")
    clock.move(seconds=45)
    with pytest.raises(Unavailable, match="is being finished"):
        replay(bench, silent)
    clock.move(seconds=45)
    assert replay(bench, silent) is None
    with pytest.raises(Conflict, match="sent again"):
        finish_upload(bench, silent)
    again, new = send(bench, key="tok_1:k")
    assert finish_upload(bench, again) == replay(bench, again)
    assert len(rows_of(bench, releases)) == 1
    old.discard()
    new.discard()


def test_whoever_finishes_an_upload_is_not_silent(bench: Runtime, clock: Clock) -> None:
    upload_id, staged = send(bench, key="tok_1:k")
    clock.move(hours=1)
    bench.database.write_now(_beat, stamp(bench.clock()), upload_id)
    with pytest.raises(Unavailable, match="is being finished"):
        replay(bench, upload_id)
    staged.discard()


def test_idempotency_key_that_comes_twice_at_once_is_a_conflict(bench: Runtime) -> None:
    send(bench, key="k")
    with pytest.raises(Conflict, match="at the same moment"):
        send(bench, key="k")
