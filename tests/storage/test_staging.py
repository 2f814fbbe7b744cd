"""Staging: a file of one writer, its limit, its reserve, its lock."""

import hashlib
import multiprocessing
import os
import stat
import threading
from pathlib import Path
from typing import Any

import pytest

from fenfa.errors import StorageFull, TooLarge
from fenfa.storage.staging import WRITE_BACK, StagedFile, Staging


@pytest.fixture
def staging(tmp_path: Path) -> Staging:
    return Staging(tmp_path / "staging")


def test_bytes_are_counted_hashed_and_kept(staging: Staging) -> None:
    staged = staging.create("upl_1", 100)
    for piece in (b"con", bytearray(b"te"), memoryview(b"nt"), b""):
        staged.write(piece)
    staged.seal()
    assert (staged.size, staged.sha256) == (7, hashlib.sha256(b"content").hexdigest())
    assert staging.path("upl_1").read_bytes() == b"content"
    staged.discard()
    assert not staging.path("upl_1").exists()


@pytest.mark.parametrize("size", [1, WRITE_BACK - 1, WRITE_BACK, 2 * WRITE_BACK + 7])
def test_a_piece_may_have_any_size(staging: Staging, size: int) -> None:
    data = os.urandom(size)
    file = staging.create("upl_large", 10**9)
    file.write(b"before")
    file.write(data)
    file.write(bytearray(b"after"))
    file.seal()
    assert file.path.read_bytes() == b"before" + data + b"after"
    assert (file.size, file.sha256) == (size + 11, hashlib.sha256(b"before" + data + b"after").hexdigest())
    file.discard()


def test_reserve_is_cut_off(staging: Staging) -> None:
    staged = staging.create("upl_1", 1 << 20)
    staged.reserve(1 << 20, 0)
    assert staged.path.stat().st_size == 1 << 20
    staged.write(b"content")
    staged.seal()
    assert staged.path.stat().st_size == 7
    assert staged.path.stat().st_blocks * 512 <= 8192
    staged.reserve(0, 0)
    staged.discard()


@pytest.mark.parametrize(("size", "floor"), [(1 << 60, 0), (1, 1 << 60), (0, 1 << 60)])
def test_reserve_that_does_not_fit_is_refused(staging: Staging, size: int, floor: int) -> None:
    staged = staging.create("upl_1", 1 << 62)
    with pytest.raises(StorageFull):
        staged.reserve(size, floor)
    assert staged.path.stat().st_size == 0
    staged.discard()


def test_limit_is_exact(staging: Staging) -> None:
    staged = staging.create("upl_1", 7)
    staged.write(b"content")
    with pytest.raises(TooLarge, match="limit of 7 bytes"):
        staged.write(b"!")
    assert staged.size == 7
    staged.discard()


def test_file_is_private_and_never_somebody_elses(staging: Staging) -> None:
    staged = staging.create("upl_1", 7)
    assert stat.S_IMODE(staged.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(staging.folder.stat().st_mode) == 0o700
    with pytest.raises(FileExistsError):
        staging.create("upl_1", 7)
    staging.path("upl_2").symlink_to(staging.folder / "elsewhere")
    with pytest.raises(FileExistsError):
        staging.create("upl_2", 7)
    staged.discard()
    staged.discard()
    staged.close()


def test_abandoned_are_those_without_a_writer(staging: Staging) -> None:
    held, left = staging.create("upl_1", 7), staging.create("upl_2", 7)
    left.close()
    assert list(staging.abandoned()) == ["upl_2"]
    held.close()
    assert list(staging.abandoned()) == ["upl_1", "upl_2"]


def hold(folder: Path, ready: Any) -> None:
    staged = Staging(folder).create("upl_1", 7)
    ready.set()
    threading.Event().wait(60)
    staged.close()


def test_lock_dies_with_its_process(staging: Staging) -> None:
    context = multiprocessing.get_context("spawn")
    ready = context.Event()
    process = context.Process(target=hold, args=(staging.folder, ready))
    process.start()
    assert ready.wait(30)
    assert list(staging.abandoned()) == []
    process.kill()
    process.join()
    assert list(staging.abandoned()) == ["upl_1"]


def test_sweep_and_writers_do_not_step_on_each_other(staging: Staging) -> None:
    """A file that is not locked yet looks abandoned for a moment: its writer must not end up with a file without a name."""
    done = threading.Event()

    def sweep() -> None:
        while not done.is_set():
            for upload_id in staging.abandoned():
                staging.path(upload_id).unlink(missing_ok=True)

    sweeper = threading.Thread(target=sweep)
    sweeper.start()
    try:
        for number in range(2000):
            staged = staging.create(f"upl_{number}", 7)
            assert os.fstat(staged._fd).st_nlink == 1
            assert staged.path.exists()
            staged.discard()
    finally:
        done.set()
        sweeper.join()


def test_write_after_close_is_an_error(staging: Staging) -> None:
    staged: StagedFile = staging.create("upl_1", 7)
    staged.close()
    with pytest.raises(OSError, match="Bad file descriptor"):
        staged.write(b"x")


def test_claimed_waits_until_nobody_else_has_the_file(staging: Staging) -> None:
    staged, order = staging.create("upl_1", 7), list[str]()

    def claim() -> None:
        with staging.claimed("upl_1") as is_there:
            order.append(f"claimed {is_there}")

    waiting = threading.Thread(target=claim)
    waiting.start()
    assert list(staging.abandoned()) == []
    order.append("closed")
    staged.close()
    waiting.join()
    assert order == ["closed", "claimed True"]


def test_claimed_is_not_abandoned(staging: Staging) -> None:
    staging.create("upl_1", 7).close()
    with staging.claimed("upl_1") as is_there:
        assert is_there
        assert list(staging.abandoned()) == []
    assert list(staging.abandoned()) == ["upl_1"]


def test_what_is_gone_is_not_there(staging: Staging) -> None:
    with staging.claimed("upl_1") as is_there:
        assert not is_there
    staged, found = staging.create("upl_1", 7), list[bool]()

    def claim() -> None:
        with staging.claimed("upl_1") as is_there:
            found.append(is_there)

    waiting = threading.Thread(target=claim)
    with staging.path("upl_1").open() as still_open:
        waiting.start()
        staged.discard()  # whether the other waits already or has yet to come: the file is gone for it
        waiting.join()
        assert os.fstat(still_open.fileno()).st_nlink == 0
    assert found == [False]
