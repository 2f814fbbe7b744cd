"""The sweep: finishes what was received, drops what was not, removes litter, and never a release's file."""

import os
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from fenfa.db.tables import releases, uploads
from fenfa.runtime import Runtime
from fenfa.services.sweeps import Swept, sweep, sweep_in_turn, take_turn
from fenfa.storage.base import release_key
from fenfa.storage.staging import Staging
from fenfa.vocabulary import new_id
from tests.services.parcels import (
    expected_files,
    files_of,
    make_variant,
    publish,
    rows_of,
    send,
    set_upload,
    stage,
    upload_row,
)
from tests.support.client import Clock

HOUR = timedelta(hours=1)
NONE = timedelta(0)


@pytest.fixture
def clock() -> Clock:
    """Files carry the machine's time, so the sweep's clock starts there."""
    clock = Clock()
    clock.move(seconds=time.time() + 1 - clock.now.timestamp())
    return clock


def litter(bench: Runtime, *parts: str, age: float = 0) -> Path:
    """A file below `uploads` that belongs to nobody."""
    path = bench.staging.folder.parent.joinpath("uploads", *parts)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"litter")
    for one in (path, path.parent):
        os.utime(one, (time.time() - age, time.time() - age))
    return path


def test_nothing_to_do(bench: Runtime) -> None:
    publish(bench)
    for grace in (NONE, HOUR):
        assert sweep(bench, grace) == Swept(0, 0, 0)
    assert files_of(bench) == expected_files(bench)


@pytest.mark.parametrize("grace", [NONE, HOUR])
def test_received_upload_whose_server_died_is_finished(bench: Runtime, grace: timedelta) -> None:
    upload_id, staged = send(bench, b"content", version="3")
    staged.close()  # as the kernel does when the process is gone
    assert sweep(bench, grace) == Swept(1, 0, 0)
    (row,) = rows_of(bench, releases)
    assert (row["version"], upload_row(bench, upload_id)["state"]) == ("3", "ready")
    assert list(bench.staging.folder.iterdir()) == []
    assert files_of(bench) == expected_files(bench)


def test_upload_that_is_linked_but_not_committed_is_finished(bench: Runtime) -> None:
    """As after kill -9 between link and commit, with a draft of meta.json beside the file."""
    variant = make_variant(bench)
    upload_id, staged = send(bench, variant_id=variant)
    release = upload_row(bench, upload_id)["release_id"]
    with bench.database.reading() as connection:
        product = connection.exec_driver_sql("SELECT product_id FROM variants").scalar_one()
    path = bench.storage.local.path(release_key(product, variant, release, "app.tar.gz"))
    assert path is not None
    path.parent.mkdir(parents=True)
    path.hardlink_to(staged.path)
    (path.parent / ".meta.json.4711").write_bytes(b"{")
    staged.close()
    assert sweep(bench, NONE).finished == 1
    bench.clock.move(seconds=2)  # type: ignore[attr-defined]  # the tests' clock
    sweep(bench, NONE)
    assert files_of(bench) == expected_files(bench)


@pytest.mark.parametrize("grace", [NONE, HOUR])
def test_upload_that_is_being_written_is_left_alone(bench: Runtime, grace: timedelta) -> None:
    _, unfinished = stage(bench, b"half")
    _, received = send(bench)
    assert sweep(bench, grace) == Swept(0, 0, 0)
    assert unfinished.path.exists()
    assert received.path.exists()


def test_half_an_upload_is_dropped(bench: Runtime) -> None:
    _, staged = stage(bench, b"half")
    staged.close()
    assert sweep(bench, HOUR) == Swept(0, 1, 0)
    assert list(bench.staging.folder.iterdir()) == []


def test_refused_upload_is_dropped_with_its_reason(bench: Runtime) -> None:
    upload_id, staged = send(bench, variant_id="var_nobody")
    staged.close()
    assert sweep(bench, NONE) == Swept(0, 1, 0)
    assert (upload_row(bench, upload_id)["state"], upload_row(bench, upload_id)["error"]) == (
        "failed",
        "variant not found",
    )


@pytest.mark.parametrize("grace", [NONE, HOUR])
def test_lost_bytes_fail_the_upload(bench: Runtime, grace: timedelta) -> None:
    upload_id, staged = send(bench)
    staged.discard()
    assert sweep(bench, grace) == Swept(0, 1, 0)
    assert upload_row(bench, upload_id)["error"] == "its bytes were lost; upload it again"


@pytest.mark.parametrize("content", [b"Bytes", b"byte", b""])
def test_changed_bytes_fail_the_upload(bench: Runtime, content: bytes) -> None:
    upload_id, staged = send(bench, b"bytes")
    staged.path.write_bytes(content)
    staged.close()
    assert sweep(bench, NONE) == Swept(0, 1, 0)
    assert upload_row(bench, upload_id)["state"] == "failed"
    assert rows_of(bench, releases) == []


def test_file_without_a_row_goes_after_the_grace(bench: Runtime) -> None:
    key = release_key(new_id("prd"), new_id("var"), new_id("rel"), "app.zip")
    path = litter(bench, *key.split("/")[1:])
    (path.parent / "meta.json").write_bytes(b"{}")
    assert sweep(bench, HOUR) == Swept(0, 0, 0)
    bench.clock.move(hours=2)  # type: ignore[attr-defined]  # the tests' clock
    assert sweep(bench, HOUR) == Swept(0, 0, 1)
    assert files_of(bench) == set()


def test_rests_without_an_object_go_after_the_grace(bench: Runtime) -> None:
    """What kill -9 leaves in the middle of a deletion or before the link: meta.json, drafts, empty folders."""
    publish(bench)
    litter(bench, "prd_aaaaaaaa", "var_aaaaaaaa", "rel_aaaaaaaa", "meta.json")
    litter(bench, "prd_aaaaaaaa", "var_aaaaaaaa", "rel_bbbbbbbb", ".meta.json.12")
    litter(bench, "prd_bbbbbbbb", "var_aaaaaaaa", "rel_aaaaaaaa", "x").unlink()
    sweep(bench, HOUR)
    assert len(files_of(bench)) == 5
    bench.clock.move(hours=2)  # type: ignore[attr-defined]  # the tests' clock
    sweep(bench, HOUR)
    sweep(bench, HOUR)
    assert files_of(bench) == expected_files(bench)


def test_draft_beside_a_release_goes_and_the_release_stays(bench: Runtime) -> None:
    path = bench.storage.local.path(publish(bench)["storage_key"])
    assert path is not None
    litter(bench, *path.parent.parts[-3:], ".meta.json.99", age=7200)
    sweep(bench, HOUR)
    assert files_of(bench) == expected_files(bench)


def test_what_is_not_ours_is_left_alone(bench: Runtime) -> None:
    mine = [litter(bench, "README"), litter(bench, "prd_x", "notes.txt"), litter(bench, "a", "b", "c", "d", "deep.txt")]
    bench.clock.move(hours=2)  # type: ignore[attr-defined]  # the tests' clock
    assert sweep(bench, NONE) == Swept(0, 0, 0)
    assert all(path.exists() for path in mine)


def test_release_keeps_its_file_whatever_its_age(bench: Runtime) -> None:
    rows = [publish(bench, bytes([n % 3])) for n in range(9)]
    bench.clock.move(days=400)  # type: ignore[attr-defined]  # the tests' clock
    assert sweep(bench, NONE) == Swept(0, 0, 0)
    assert all((path := bench.storage.local.path(row["storage_key"])) and path.exists() for row in rows)


def test_settled_uploads_are_forgotten_after_a_day(bench: Runtime) -> None:
    publish(bench)
    waiting, staged = send(bench)
    bench.clock.move(hours=23)  # type: ignore[attr-defined]  # the tests' clock
    sweep(bench, HOUR)
    assert len(rows_of(bench, uploads)) == 2
    bench.clock.move(hours=2)  # type: ignore[attr-defined]  # the tests' clock
    sweep(bench, HOUR)
    assert [row["id"] for row in rows_of(bench, uploads)] == [waiting]
    staged.discard()


def test_upload_that_was_finished_just_now_is_not_failed(bench: Runtime) -> None:
    upload_id, staged = send(bench)
    set_upload(bench, upload_id, state="ready", answer={})
    staged.close()
    assert sweep(bench, NONE).dropped == 1
    assert upload_row(bench, upload_id)["state"] == "ready"


def other_server(bench: Runtime, tmp_path: Path) -> Runtime:
    """A second one on the same database, with a staging folder of its own."""
    return replace(bench, staging=Staging(tmp_path / "other" / "staging"))


def test_what_another_server_holds_is_left_to_it(bench: Runtime, tmp_path: Path) -> None:
    upload_id, staged = send(bench)
    staged.close()
    other = other_server(bench, tmp_path)
    assert sweep(other, HOUR) == Swept(0, 0, 0)
    assert upload_row(bench, upload_id)["state"] == "received"
    assert sweep(bench, HOUR) == Swept(1, 0, 0)


def test_a_server_that_does_not_come_back_is_given_up(bench: Runtime, clock: Clock, tmp_path: Path) -> None:
    upload_id, staged = send(bench)
    staged.discard()
    other = other_server(bench, tmp_path)
    clock.move(days=6)
    assert sweep(other, HOUR).dropped == 0
    clock.move(days=2)
    assert sweep(other, HOUR).dropped == 1
    assert upload_row(bench, upload_id)["state"] == "failed"


def test_what_servers_share_is_swept_by_one_of_them_an_hour(bench: Runtime, clock: Clock, tmp_path: Path) -> None:
    """Each sees to its own staging all the same."""
    other = other_server(bench, tmp_path)

    def leave() -> None:
        for part in ("a", "b"):
            litter(bench, f"prd_{part * 8}", "var_aaaaaaaa", "rel_aaaaaaaa", "app.zip")
        for server in (bench, other):
            stage(server, b"half")[1].close()

    clock.move(days=2)
    leave()
    assert [sweep_in_turn(server) for server in (bench, other)] == [Swept(0, 1, 2), Swept(0, 1, 0)]
    leave()
    assert [sweep_in_turn(server) for server in (other, bench)] == [Swept(0, 1, 0), Swept(0, 1, 0)]
    clock.move(hours=1)
    assert [sweep_in_turn(server) for server in (other, bench)] == [Swept(0, 0, 2), Swept(0, 0, 0)]


def test_a_turn_is_one_servers_however_many_ask(bench: Runtime, clock: Clock) -> None:
    def ask(_: int) -> bool:
        return bench.database.write_now(take_turn, clock())

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(ask, range(8))) == [False] * 7 + [True]
    clock.move(hours=-2)
    assert ask(0)
    assert not ask(0)


def test_a_staging_folder_keeps_its_name(tmp_path: Path) -> None:
    first, again, other = (Staging(tmp_path / name / "staging") for name in ("a", "a", "b"))
    assert first.name == again.name != other.name
