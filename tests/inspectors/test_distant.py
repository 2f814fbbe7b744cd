"""Packages that lie elsewhere: they tell the same as a file does, and no more of them is fetched than their readers need."""

import io
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from itertools import groupby
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fenfa.errors import BadPackage, StoreUnreachable
from fenfa.inspectors import INSPECTORS, find_inspector, inspect
from fenfa.inspectors.base import PackageInfo
from fenfa.inspectors.distant import BLOCK, MOST, DistantPath, Feeder
from tests.inspectors.fixtures import FOLDER, Entry, entries, entry_name
from tests.support.packages import make_ipa
from tests.support.readers import own_readers

ALL = entries(*(one.format for one in INSPECTORS))
LARGEST = [
    max(some, key=lambda one: (FOLDER / one["file"]).stat().st_size) for _, some in groupby(ALL, lambda e: e["format"])
]
ASK = """
import socket
line = path._channel._socket
def ask(start, count):
    line.sendall(struct.pack('>QL', start, count))
    return line.recv(count, socket.MSG_WAITALL)
"""


class Shelf:
    """A distant file that counts what is fetched of it."""

    def __init__(self, data: bytes) -> None:
        self.data, self.size = data, len(data)
        self.fetched: list[tuple[int, int]] = []

    def read(self, start: int, count: int) -> bytes:
        self.fetched.append((start, count))
        return self.data[start : start + count]

    @property
    def bytes_fetched(self) -> int:
        return sum(count for _, count in self.fetched)


Run = Callable[[Shelf, str], bytes]


@contextmanager
def fed(shelf: Shelf) -> Iterator[DistantPath]:
    """A path in this process, as a child has it."""
    feeder = Feeder(shelf, 30)

    def feed() -> None:
        while feeder.feed():
            pass

    thread = threading.Thread(target=feed)
    thread.start()
    path = DistantPath.of(feeder.theirs.fileno(), shelf.size)
    try:
        yield path
    finally:
        path._channel._socket.close()
        thread.join()
        feeder._ours.close()
        feeder.theirs.detach()


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    """What a child says that this code takes over."""
    with own_readers(tmp_path) as readers:
        yield lambda shelf, code: readers.run(ASK + code, shelf)


def told(read: Callable[[], PackageInfo]) -> Any:
    """What comes out, be it a refusal."""
    try:
        return read()
    except BadPackage as error:
        return error.message
    except Exception as error:  # a damaged file; what becomes of it is the child's matter
        return type(error)


@pytest.mark.parametrize("entry", ALL, ids=entry_name)
def test_tells_the_same_as_a_file(entry: Entry) -> None:
    inspector, file = find_inspector(entry["file"]), FOLDER / entry["file"]
    assert inspector
    reader = import_module(inspector.module)
    with fed(Shelf(file.read_bytes())) as path:
        assert told(lambda: reader.inspect(path)) == told(lambda: reader.inspect(file))


@pytest.mark.parametrize("entry", LARGEST, ids=entry_name)
def test_a_child_tells_the_same_as_of_a_file(entry: Entry) -> None:
    file = FOLDER / entry["file"]
    shelf = Shelf(file.read_bytes())
    assert told(lambda: inspect(shelf, file.name)) == told(lambda: inspect(file, file.name))


def test_only_what_is_needed_is_fetched(tmp_path: Path) -> None:
    assets = {f"Payload/Example.app/assets-{number}.bin": Random(number).randbytes(8 << 20) for number in range(4)}
    file = make_ipa(tmp_path / "large.ipa", files=assets)
    shelf = Shelf(file.read_bytes())
    assert inspect(shelf, "large.ipa") == inspect(file, "large.ipa")
    assert shelf.size > 32 << 20
    assert shelf.bytes_fetched < 1 << 20
    assert len(shelf.fetched) < 10


def test_reading_on_and_on_takes_larger_and_larger_stretches() -> None:
    shelf = Shelf(Random(1).randbytes(20 << 20))
    with fed(shelf) as path, path.open("rb") as file:
        pieces = iter(lambda: file.read(30_000), b"")
        assert b"".join(pieces) == shelf.data
    assert len(shelf.fetched) < 20
    assert max(count for _, count in shelf.fetched) == MOST
    assert shelf.bytes_fetched == shelf.size


PLACES = st.integers(0, 5 * BLOCK + 100)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 5 * BLOCK), st.lists(st.tuples(PLACES, st.integers(0, 3 * BLOCK)), max_size=20))
def test_it_reads_as_a_file_does(size: int, steps: list[tuple[int, int]]) -> None:
    data = Random(size).randbytes(size)
    plain = io.BytesIO(data)
    with fed(Shelf(data)) as path, path.open("rb") as file:
        for place, count in steps:
            assert file.seek(place) == plain.seek(place)
            assert file.read(count) == plain.read(count)
            assert file.tell() == plain.tell()
        assert (file.seek(0, 2), file.read()) == (size, b"")


def test_what_was_fetched_is_not_fetched_again() -> None:
    shelf = Shelf(bytes(3 * BLOCK))
    with fed(shelf) as path:
        for _ in range(3):
            with path.open("rb") as file:
                file.seek(-10, 2)
                assert len(file.read()) == 10
                assert file.seek(5, 1) == shelf.size + 5
                assert file.read(1) == b""
    assert shelf.fetched == [(2 * BLOCK, BLOCK)]


def test_a_store_that_goes_away_is_no_fault_of_the_package() -> None:
    class Gone(Shelf):
        def read(self, start: int, count: int) -> bytes:
            raise StoreUnreachable("the object store does not answer")

    class Short(Shelf):
        def read(self, start: int, count: int) -> bytes:
            return super().read(start, count)[:-1]

    for shelf in (Gone(bytes(BLOCK)), Short(bytes(BLOCK))):
        with pytest.raises(StoreUnreachable):
            inspect(shelf, "app.ipa")


@pytest.mark.parametrize(
    "code",
    [
        "ask(90, 20)",
        "ask(2**64 - 1, 1)",
        "ask(0, 101)",
        f"ask(0, {MOST + 1})",
    ],
)
def test_a_child_that_was_taken_over_gets_nothing_beyond_the_file(run: Run, code: str) -> None:
    shelf = Shelf(bytes(100))
    with pytest.raises(BadPackage, match="more than there is"):
        run(shelf, code)
    assert all(start + count <= 100 for start, count in shelf.fetched)


def test_a_reader_that_goes_in_circles_is_ended(run: Run) -> None:
    shelf = Shelf(bytes(MOST))
    with pytest.raises(BadPackage, match="more than there is"):
        run(shelf, f"while True: ask(0, {MOST})")
    assert len(shelf.fetched) < 20


def test_a_child_that_breaks_off_costs_itself(run: Run) -> None:
    shelf = Shelf(b"content")
    assert run(shelf, "line.send(b'half'); line.close(); print('bye')") == b"bye\n"
    assert run(shelf, "line.sendall(struct.pack('>QL', 0, 7)); line.close(); print('bye')") == b"bye\n"
    assert run(shelf, "print(ask(0, 7))") == b"b'content'\n"
