"""Held files: the same bytes whatever happens to the name, and nothing stays open for good."""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from fenfa.web.handles import PIECES, Handles

pytestmark = pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="elsewhere the name itself is served")


def run(check: Callable[[Handles], None]) -> None:
    async def body() -> None:
        handles = Handles()
        try:
            check(handles)
        finally:
            handles.close()
        assert len(handles) == 0

    asyncio.run(body())


def test_an_opened_path_outlives_its_name(tmp_path: Path) -> None:
    stored = tmp_path / "stored"
    stored.write_bytes(b"content")

    def check(handles: Handles) -> None:
        opened = handles.open(stored)
        stored.unlink()
        assert Path(opened).read_bytes() == b"content"

    run(check)


def test_one_file_is_opened_once(tmp_path: Path) -> None:
    stored = tmp_path / "stored"
    stored.touch()

    def check(handles: Handles) -> None:
        assert handles.open(stored) == handles.open(stored)
        assert len(handles) == 1

    run(check)


def test_numbers_are_high_and_not_taken_again_soon(tmp_path: Path) -> None:
    def check(handles: Handles) -> None:
        numbers = []
        for name in "abc":
            (tmp_path / name).touch()
            numbers.append(int(Path(handles.open(tmp_path / name)).name))
            handles.close()
        with open(os.devnull, "rb") as ordinary:
            assert ordinary.fileno() < min(numbers)
        assert numbers == sorted(set(numbers))

    run(check)


def test_a_nameless_file_is_taken_over() -> None:
    def check(handles: Handles) -> None:
        reading, writing = os.pipe()
        opened = handles.adopt(reading)
        os.write(writing, b"x")
        os.close(writing)
        assert Path(opened).read_bytes() == b"x"

    run(check)


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    def check(handles: Handles) -> None:
        with pytest.raises(FileNotFoundError):
            handles.open(tmp_path / "missing")

    run(check)


def test_cached_pieces_are_the_files_bytes(tmp_path: Path) -> None:
    stored = tmp_path / "stored"
    stored.write_bytes(bytes(range(256)))

    def check(handles: Handles) -> None:
        opened = handles.open(stored)
        for start in range(PIECES + 5):
            pieces = [handles.cached(opened, start, start + 10) for _ in range(2)]
            assert pieces == [bytes(range(start, start + 10))] * 2 or pieces == [None] * 2  # a disk may not say

    run(check)


def test_a_piece_beyond_the_file_is_no_piece(tmp_path: Path) -> None:
    stored = tmp_path / "stored"
    stored.write_bytes(b"short")
    run(lambda handles: check_none(handles, stored))


def check_none(handles: Handles, stored: Path) -> None:
    assert handles.cached(handles.open(stored), 0, 100) is None


def test_handles_are_closed_when_nobody_used_them_for_a_while(tmp_path: Path) -> None:
    stored = tmp_path / "stored"
    stored.touch()

    async def body() -> None:
        handles = Handles(hold=0.01)
        number = int(Path(handles.open(stored)).name)
        async with asyncio.timeout(10):
            while len(handles):
                await asyncio.sleep(0)
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(number)

    asyncio.run(body())
