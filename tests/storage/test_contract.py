"""The storage contract, over every back end."""

import os
import threading
from pathlib import Path

import pytest

from fenfa.errors import NotFound
from fenfa.storage import BACKENDS
from fenfa.storage.base import Storage, release_key, release_of

KEY = release_key("prd_aaaaaaaa", "var_aaaaaaaa", "rel_aaaaaaaa", "app.apk")
OTHER = release_key("prd_aaaaaaaa", "var_aaaaaaaa", "rel_bbbbbbbb", "app.apk")


@pytest.fixture(params=sorted(BACKENDS))
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Storage:
    return BACKENDS[request.param](tmp_path)


@pytest.fixture
def staged(tmp_path: Path) -> Path:
    path = tmp_path / "staged.part"
    path.write_bytes(b"content")
    return path


def read(storage: Storage, key: str) -> bytes:
    path = storage.path(key)
    assert path is not None
    return path.read_bytes()


def keys(storage: Storage) -> list[str]:
    return sorted(stored.key for stored in storage.objects())


def test_put_object_is_there_and_stays_when_staging_goes(storage: Storage, staged: Path) -> None:
    storage.put(staged, KEY, b"{}")
    staged.unlink()
    assert read(storage, KEY) == b"content"
    (stored,) = storage.objects()
    assert (stored.key, stored.size, release_of(stored.key)) == (KEY, 7, "rel_aaaaaaaa")


@pytest.mark.parametrize(
    ("start", "size", "part"), [(0, 7, b"content"), (0, 99, b"content"), (2, 3, b"nte"), (5, 9, b"nt"), (7, 1, b"")]
)
def test_read_gives_a_part(storage: Storage, staged: Path, start: int, size: int, part: bytes) -> None:
    storage.put(staged, KEY, b"{}")
    assert storage.read(KEY, start, size) == part


def test_read_of_nothing_says_so(storage: Storage, staged: Path) -> None:
    storage.put(staged, KEY, b"{}")
    storage.delete(KEY)
    for key in (KEY, OTHER):
        with pytest.raises(NotFound, match="missing"):
            storage.read(key, 0, 1)


def test_put_may_be_repeated(storage: Storage, staged: Path) -> None:
    storage.put(staged, KEY, b"1")
    storage.put(staged, KEY, b"2")
    assert (read(storage, KEY), keys(storage)) == (b"content", [KEY])
    same = staged.with_name("same.part")
    same.write_bytes(b"content")
    storage.put(same, KEY, b"3")


def test_put_never_overwrites(storage: Storage, staged: Path) -> None:
    storage.put(staged, KEY, b"{}")
    staged.unlink()
    staged.write_bytes(b"another")
    with pytest.raises(FileExistsError):
        storage.put(staged, KEY, b"{}")
    assert read(storage, KEY) == b"content"


def test_deletion_leaves_nothing_and_may_be_repeated(storage: Storage, staged: Path, tmp_path: Path) -> None:
    storage.put(staged, KEY, b"{}")
    storage.put(staged, OTHER, b"{}")
    storage.delete(KEY)
    storage.delete(KEY)
    assert keys(storage) == [OTHER]
    assert read(storage, OTHER) == b"content"
    storage.delete(OTHER)
    assert keys(storage) == []
    assert list((tmp_path / "uploads").iterdir()) == []


def test_missing_object_is_fine_to_delete(storage: Storage) -> None:
    storage.delete(KEY)


def test_twins_hold_the_same_bytes_and_live_on_their_own(storage: Storage, staged: Path) -> None:
    storage.put(staged, KEY, b"{}")
    again = staged.with_name("again.part")
    again.write_bytes(b"content")
    storage.put(again, OTHER, b"{}", twins=[KEY])
    assert read(storage, KEY) == read(storage, OTHER) == b"content"
    storage.delete(KEY)
    assert read(storage, OTHER) == b"content"


def test_probe_leaves_nothing(storage: Storage, tmp_path: Path) -> None:
    storage.probe()
    assert list((tmp_path / "uploads").iterdir()) == []


@pytest.mark.parametrize(
    "key", ["", "x", "/etc/passwd", "uploads/../x", "uploads/a/../../x", "../uploads/x", "uploads/a\0b", "staging/x"]
)
def test_other_paths_are_no_keys(storage: Storage, key: str, staged: Path) -> None:
    with pytest.raises(ValueError, match="not a storage key"):
        storage.path(key)
    with pytest.raises(ValueError, match="not a storage key"):
        storage.delete(key)
    with pytest.raises(ValueError, match="not a storage key"):
        storage.put(staged, key, b"")


@pytest.mark.parametrize(
    "bad", ["", "..", "prd", "prd_", "prd_../../x", "PRD_aaaaaaaa", "prd_aaaaaaaa/x", "prd_aaaaaaaa\n"]
)
def test_key_is_made_of_ids_alone(bad: str) -> None:
    for place in range(3):
        product, variant, release = (
            bad if n == place else f"{kind}_aaaaaaaa" for n, kind in enumerate(("prd", "var", "rel"))
        )
        with pytest.raises(ValueError, match="not an ID"):
            release_key(product, variant, release, "app.apk")


def test_uploads_and_deletions_of_one_product_at_once(storage: Storage, staged: Path) -> None:
    """A deletion prunes folders while an upload makes them."""
    failures: list[BaseException] = []

    def work(number: int) -> None:
        key = release_key("prd_aaaaaaaa", "var_aaaaaaaa", f"rel_aaaaaaa{number}", "app.apk")
        try:
            for _ in range(150):
                storage.put(staged, key, b"{}")
                storage.delete(key)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert keys(storage) == []


def test_tidy_removes_only_old_rests(storage: Storage, staged: Path, tmp_path: Path) -> None:
    storage.put(staged, KEY, b"{}")
    rest = tmp_path / "uploads" / "prd_bbbbbbbb" / "var_aaaaaaaa" / "rel_aaaaaaaa"
    rest.mkdir(parents=True)
    (rest / "meta.json").write_bytes(b"{}")
    storage.tidy(0)
    assert rest.exists()
    for folder in (rest, *rest.parents[:2]):
        os.utime(folder, (100, 100))
    for _ in range(3):  # a folder that lost its last child is young again
        storage.tidy(2**33)
    assert not rest.parents[1].exists()
    assert keys(storage) == [KEY]
