"""Uploads that wait for a person: kept, accepted once, refused without loss, discarded, swept."""

import threading
from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from fenfa.db.tables import audit, products, proposals, releases, uploads, variants
from fenfa.errors import Conflict, NotFound, StorageFull, Unavailable
from fenfa.inspectors.base import PackageInfo
from fenfa.runtime import Runtime
from fenfa.services.homes import UploadRequest, find_home
from fenfa.services.places import NEW
from fenfa.services.products import create_product
from fenfa.services.proposals import accept, discard, find_by_key, find_upload, open_proposal, waiting_proposals
from fenfa.services.records import Record, stamp
from fenfa.services.sweeps import Swept, sweep
from fenfa.storage.local import LocalStorage
from fenfa.storage.staging import Staging
from fenfa.vocabulary import Platform
from tests.services.parcels import (
    expected_files,
    files_of,
    make_variant,
    propose_upload,
    rows_of,
    send,
    set_upload,
    upload_row,
)
from tests.support.client import Clock

PACKAGE = PackageInfo("apk", Platform.ANDROID, "com.example.app", "Weather", "1.2", "7", icon_png=b"png")


@pytest.fixture
def bench(bench: Runtime) -> Runtime:
    return replace(bench, inspect=lambda _path, _name: PACKAGE)


class Full(LocalStorage):
    def put(self, staged: Path, key: str, sha256: str, meta: bytes, twins: Sequence[str] = ()) -> None:
        raise StorageFull("the disk is full")


def propose(bench: Runtime, **wanted: Any) -> str:
    return propose_upload(bench, PACKAGE, **wanted)


def chosen(**fields: Any) -> UploadRequest:
    given: dict[str, Any] = {"file_name": "app.apk", "actor": "tok_admin", "smart": True, "chosen": True}
    return UploadRequest(**given | fields)


def staged(bench: Runtime) -> list[str]:
    return sorted(path.name for path in bench.staging.folder.iterdir())


def assert_nothing_is_left(bench: Runtime) -> None:
    assert staged(bench) == []
    assert rows_of(bench, proposals) == []
    assert files_of(bench) == expected_files(bench)


def test_what_is_proposed(bench: Runtime) -> None:
    upload_id = propose(bench, key="tok:1")
    proposal = bench.database.read_now(open_proposal, upload_id)
    assert proposal.package == PACKAGE
    assert proposal.upload["state"] == "proposed"
    assert (proposal.places.best, proposal.request.file_name) == (NEW, "app.apk")
    (row,) = bench.database.read_now(waiting_proposals)
    assert (row["id"], row["package"]["name"]) == (upload_id, "Weather")
    assert bench.database.read_now(find_by_key, "tok:1") == upload_id
    assert bench.database.read_now(find_by_key, "tok:2") is None
    assert rows_of(bench, releases) == []


def test_a_new_product_of_a_chosen_name(bench: Runtime) -> None:
    upload_id = propose(bench)
    answer = accept(bench, upload_id, chosen(product={"name": "Wetter"}, variant={"arch": "arm64"}, changelog="new"))
    (product,), (variant,), (release,) = (rows_of(bench, table) for table in (products, variants, releases))
    assert (product["name"], product["slug"]) == ("Wetter", "wetter")
    assert (variant["identifier"], variant["arch"], variant["platform"]) == ("com.example.app", "arm64", "android")
    assert (release["version"], release["build"], release["changelog"]) == ("1.2", 7, "new")
    assert answer["created"] == {"product": product["id"], "variant": variant["id"]}
    assert rows_of(bench, audit)[0]["actor"] == "tok_admin"
    assert_nothing_is_left(bench)


def test_a_new_variant_of_a_product(bench: Runtime) -> None:
    product = bench.database.write_now(create_product, stamp(bench.clock()), {"name": "Weather"})
    answer = accept(bench, propose(bench), chosen(product_id=product))
    (variant,) = rows_of(bench, variants)
    assert variant["product_id"] == product
    assert answer["created"] == {"variant": variant["id"]}
    assert len(rows_of(bench, products)) == 1


def test_a_variant_for_another_app_when_a_person_says_so(bench: Runtime) -> None:
    variant = make_variant(bench, "android", identifier="com.other")
    accept(bench, propose(bench), chosen(variant_id=variant))
    (release,) = rows_of(bench, releases)
    assert release["variant_id"] == variant
    assert rows_of(bench, variants)[0]["identifier"] == "com.other"


def test_a_nameless_variant_gets_its_name(bench: Runtime) -> None:
    accept(bench, propose(bench), chosen(variant_id=make_variant(bench, "android")))
    assert rows_of(bench, variants)[0]["identifier"] == "com.example.app"


def test_accepting_twice_makes_one_release(bench: Runtime) -> None:
    upload_id = propose(bench)
    first = accept(bench, upload_id, chosen(product={"name": "One"}))
    assert accept(bench, upload_id, chosen(product={"name": "Two"})) == first
    assert len(rows_of(bench, releases)) == len(rows_of(bench, products)) == 1


def test_accepting_at_the_same_moment_makes_one_release(bench: Runtime) -> None:
    upload_id = propose(bench)
    answers: list[Record] = []
    threads = [
        threading.Thread(
            target=lambda name=name: answers.append(accept(bench, upload_id, chosen(product={"name": name})))
        )
        for name in ("One", "Two", "Three")
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers[0] == answers[1] == answers[2]
    assert len(rows_of(bench, releases)) == len(rows_of(bench, products)) == 1
    assert_nothing_is_left(bench)


def test_a_full_disk_costs_nothing(bench: Runtime) -> None:
    upload_id = propose(bench)
    root = bench.staging.folder.parent
    with pytest.raises(StorageFull):
        accept(
            replace(bench, storage=replace(bench.storage, local=Full(root))), upload_id, chosen(product={"name": "One"})
        )
    assert (upload_row(bench, upload_id)["state"], upload_row(bench, upload_id)["error"]) == (
        "proposed",
        "the disk is full",
    )
    assert rows_of(bench, products) == rows_of(bench, releases) == []
    accept(bench, upload_id, chosen(product={"name": "Two"}))
    assert [row["name"] for row in rows_of(bench, products)] == ["Two"]
    assert_nothing_is_left(bench)


def test_a_failed_variant_leaves_its_product_alone(bench: Runtime) -> None:
    product = bench.database.write_now(create_product, stamp(bench.clock()), {"name": "Weather"})
    with pytest.raises(StorageFull):
        accept(
            replace(bench, storage=replace(bench.storage, local=Full(bench.staging.folder.parent))),
            propose(bench),
            chosen(product_id=product),
        )
    assert rows_of(bench, variants) == []
    assert len(rows_of(bench, products)) == 1


def test_a_refused_choice_may_be_made_otherwise(bench: Runtime) -> None:
    upload_id = propose(bench)
    with pytest.raises(NotFound, match="variant not found"):
        accept(bench, upload_id, chosen(variant_id="var_nobody"))
    with pytest.raises(NotFound, match="product not found"):
        accept(bench, upload_id, chosen(product_id="prd_nobody"))
    bench.database.write_now(create_product, stamp(bench.clock()), {"name": "x", "slug": "taken"})
    with pytest.raises(Conflict, match="is taken"):
        accept(bench, upload_id, chosen(product={"name": "x", "slug": "taken"}))
    accept(bench, upload_id, chosen(product={"name": "x"}))
    assert_nothing_is_left(bench)


@pytest.mark.parametrize("content", [b"other", b""])
def test_damaged_bytes_never_become_a_release(bench: Runtime, content: bytes) -> None:
    upload_id = propose(bench, key="tok:1")
    bench.staging.path(upload_id).write_bytes(content)
    with pytest.raises(NotFound, match="bytes were lost"):
        accept(bench, upload_id, chosen(product={"name": "x"}))
    assert upload_row(bench, upload_id)["state"] == "failed"
    assert rows_of(bench, releases) == []
    assert bench.database.read_now(find_by_key, "tok:1") is None
    assert propose(bench, key="tok:1") != upload_id


def test_missing_bytes_never_become_a_release(bench: Runtime) -> None:
    upload_id = propose(bench)
    bench.staging.path(upload_id).unlink()
    with pytest.raises(NotFound, match="bytes were lost"):
        accept(bench, upload_id, chosen(product={"name": "x"}))


def test_discarding_leaves_nothing(bench: Runtime) -> None:
    upload_id = propose(bench)
    discard(bench, upload_id)
    discard(bench, upload_id)
    assert rows_of(bench, uploads) == []
    assert_nothing_is_left(bench)
    with pytest.raises(NotFound, match="not here any more"):
        accept(bench, upload_id, chosen(product={"name": "x"}))
    with pytest.raises(NotFound, match="not here any more"):
        bench.database.read_now(open_proposal, upload_id)


def test_a_release_is_not_discarded(bench: Runtime) -> None:
    upload_id = propose(bench)
    accept(bench, upload_id, chosen(product={"name": "x"}))
    discard(bench, upload_id)
    assert bench.database.read_now(find_upload, upload_id)["state"] == "ready"
    assert len(rows_of(bench, releases)) == 1


def test_an_upload_that_nobody_proposed_cannot_be_accepted_or_discarded(bench: Runtime) -> None:
    upload_id, file = send(bench)
    file.close()
    discard(bench, upload_id)
    assert upload_row(bench, upload_id)["state"] == "received"


# the sweep, and what a crash leaves to it

GRACE = timedelta(hours=24)


def test_the_sweep_keeps_what_waits_for_a_day(bench: Runtime, clock: Clock) -> None:
    upload_id = propose(bench)
    clock.move(hours=23, minutes=59)
    assert sweep(bench, GRACE) == Swept(0, 0, 0)
    assert staged(bench) == [f"{upload_id}.part"]
    clock.move(minutes=2)
    assert sweep(bench, GRACE) == Swept(0, 1, 0)
    assert rows_of(bench, uploads) == []
    assert_nothing_is_left(bench)


def test_accepted_before_a_crash_is_finished_by_the_sweep(bench: Runtime) -> None:
    upload_id = propose(bench)
    choose(bench, upload_id, chosen(product={"name": "Weather"}))
    assert sweep(bench, GRACE) == Swept(1, 0, 0)
    assert [row["name"] for row in rows_of(bench, products)] == ["Weather"]
    assert upload_row(bench, upload_id)["state"] == "ready"
    assert_nothing_is_left(bench)


def test_a_crash_after_the_product_was_made_makes_no_second_one(bench: Runtime) -> None:
    """The transaction that makes the home is over, the one that makes the release never began."""
    upload_id, request = propose(bench), chosen(product={"name": "Weather"})
    choose(bench, upload_id, request)
    bench.database.write_now(find_home, stamp(bench.clock()), upload_id, request, PACKAGE)
    assert sweep(bench, GRACE) == Swept(1, 0, 0)
    (product,) = rows_of(bench, products)
    answer = upload_row(bench, upload_id)["answer"]
    assert answer["created"]["product"] == product["id"]
    assert_nothing_is_left(bench)


def test_accepting_again_after_a_crash_gives_what_was_chosen_then(bench: Runtime) -> None:
    upload_id = propose(bench)
    choose(bench, upload_id, chosen(product={"name": "First"}))
    accept(bench, upload_id, chosen(product={"name": "Second"}))
    assert [row["name"] for row in rows_of(bench, products)] == ["First"]


def test_refused_by_the_sweep_it_waits_for_another_choice(bench: Runtime) -> None:
    upload_id = propose(bench)
    choose(bench, upload_id, chosen(variant_id="var_nobody"))
    assert sweep(bench, GRACE) == Swept(0, 0, 0)
    assert (upload_row(bench, upload_id)["state"], upload_row(bench, upload_id)["error"]) == (
        "proposed",
        "variant not found",
    )
    accept(bench, upload_id, chosen(product={"name": "x"}))
    assert_nothing_is_left(bench)


def test_one_whose_bytes_are_gone_is_failed(bench: Runtime) -> None:
    upload_id = propose(bench)
    bench.staging.path(upload_id).unlink()
    assert sweep(bench, GRACE).dropped == 1
    assert upload_row(bench, upload_id)["state"] == "failed"


def test_the_sweep_waits_for_nobody_who_accepts(bench: Runtime) -> None:
    """It passes over what somebody works on."""
    upload_id = propose(bench)
    choose(bench, upload_id, chosen(product={"name": "x"}))
    with bench.staging.claimed(upload_id) as is_there:
        assert is_there
        assert sweep(bench, GRACE) == Swept(0, 0, 0)
    assert sweep(bench, GRACE) == Swept(1, 0, 0)


def choose(bench: Runtime, upload_id: str, request: UploadRequest) -> None:
    """As `accept` leaves it when the power goes right after."""
    set_upload(bench, upload_id, state="received", request=asdict(request))


def test_another_server_cannot_finish_what_it_does_not_hold(bench: Runtime, tmp_path: Path) -> None:
    upload_id = propose_upload(bench)
    other = replace(bench, staging=Staging(tmp_path / "other" / "staging"))
    with pytest.raises(Unavailable, match="another server holds the bytes"):
        accept(other, upload_id, UploadRequest(file_name="app.apk", actor="tests"))
    assert upload_row(bench, upload_id)["state"] == "proposed"
