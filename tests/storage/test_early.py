"""Files that go on to their store while they come in."""

from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event

import pytest

from fenfa.storage.early import _KEPT, Early, _Memory, follow

CONTENT = b"abcdefgh"
PART = 3


class Store:
    """Notes what it is given; `made` is the object."""

    def __init__(self, failure: Exception | None = None) -> None:
        self.pieces: list[bytes] = []
        self.made: bytes | None = None
        self.error: BaseException | None = None
        self.began, self.over = Event(), Event()
        self._failure = failure

    def take(self, piece: memoryview) -> None:
        self.pieces.append(bytes(piece))

    def __call__(self, pieces: Iterator[memoryview]) -> None:
        try:
            for piece in pieces:
                self.take(piece)
                self.began.set()
                if self._failure:
                    raise self._failure
            self.made = b"".join(self.pieces)
        except BaseException as error:
            self.error = error
            raise
        finally:
            self.over.set()


@pytest.fixture
def begin(tmp_path: Path) -> Callable[[Store], Early]:
    (tmp_path / "a.part").write_bytes(CONTENT)

    def begin_early(store: Store) -> Early:
        early = follow(store, tmp_path / "a.part", PART)
        assert early
        return early

    return begin_early


def test_whole_parts_go_at_once_and_the_rest_at_the_end(begin: Callable[[Store], Early]) -> None:
    store = Store()
    early = begin(store)
    early.reach(2)
    early.reach(7)
    assert store.began.wait(10)
    assert not store.over.is_set()
    early.arrive(len(CONTENT))
    assert (store.pieces, store.made) == ([b"abc", b"def", b"gh"], CONTENT)


def test_a_file_of_whole_parts_has_no_rest(begin: Callable[[Store], Early]) -> None:
    store = Store()
    early = begin(store)
    early.reach(6)
    early.arrive(6)
    assert store.pieces == [b"abc", b"def"]


def test_given_up_makes_no_object(begin: Callable[[Store], Early]) -> None:
    store = Store()
    early = begin(store)
    early.reach(7)
    early.give_up()
    assert store.over.wait(10)
    assert (store.made, type(store.error).__name__) == (None, "_GivenUp")


def test_giving_up_after_all_came_changes_nothing(begin: Callable[[Store], Early]) -> None:
    store = Store()
    early = begin(store)
    early.arrive(len(CONTENT))
    early.give_up()
    assert store.made == CONTENT


def test_a_store_that_fails_is_nobodys_concern(begin: Callable[[Store], Early]) -> None:
    store = Store(OSError("gone"))
    early = begin(store)
    early.reach(7)
    assert store.over.wait(10)
    early.reach(8)
    early.arrive(8)
    assert store.made is None


def test_few_go_at_once(begin: Callable[[Store], Early], tmp_path: Path) -> None:
    on_the_way = [begin(Store()) for _ in range(4)]
    assert follow(Store(), tmp_path / "a.part", PART) is None
    for early in on_the_way:
        early.arrive(0)
    begin(Store()).arrive(0)


def test_what_a_store_still_holds_stays_as_it_is(begin: Callable[[Store], Early]) -> None:
    held: list[memoryview] = []
    keep = Store()
    keep.take = lambda piece: held.append(memoryview(piece))  # type: ignore[method-assign]
    begin(keep).arrive(len(CONTENT))
    assert b"".join(held) == CONTENT


def test_a_staged_file_that_ends_early_makes_no_object(begin: Callable[[Store], Early]) -> None:
    store = Store()
    begin(store).arrive(len(CONTENT) + 1)
    assert (store.made, type(store.error).__name__) == (None, "EOFError")


def test_memory_that_is_never_given_back_is_not_kept_for_ever() -> None:
    memory = _Memory(PART)
    views = [memory.lend(PART) for _ in range(2 * _KEPT)]
    assert (len(views), len(memory._all)) == (2 * _KEPT, _KEPT)


def test_memory_that_came_back_is_used_again(begin: Callable[[Store], Early]) -> None:
    seen: list[object] = []
    look = Store()
    look.take = lambda piece: seen.append(piece.obj)  # type: ignore[method-assign]
    begin(look).arrive(len(CONTENT))
    assert seen[2] is seen[0]  # while the store asks for the next it still has the one before
