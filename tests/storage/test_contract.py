"""The storage contract, over every back end."""

import threading
from collections.abc import Sequence
from pathlib import Path

import httpx
import pytest

from fenfa.errors import NotFound
from fenfa.storage import BACKENDS
from fenfa.storage.base import Address, Storage, release_key, release_of
from fenfa.storage.local import LocalStorage, file_sha256
from tests.support.seaweedfs import SeaweedFS

KEY = release_key("prd_aaaaaaaa", "var_aaaaaaaa", "rel_aaaaaaaa", "app.apk")
OTHER = release_key("prd_aaaaaaaa", "var_aaaaaaaa", "rel_bbbbbbbb", "app.apk")


@pytest.fixture(params=sorted(BACKENDS))
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Storage:
    if request.param == "local":
        return BACKENDS["local"](Address(folder=tmp_path))
    server: SeaweedFS = request.getfixturevalue("seaweedfs")
    return BACKENDS[request.param](server.bucket())


def put(storage: Storage, staged: Path, key: str, meta: bytes, twins: Sequence[str] = ()) -> None:
    storage.put(staged, key, file_sha256(staged), meta, twins)


def folders(tmp_path: Path) -> list[Path]:
    """What a local store has left below its root; a bucket has no folders."""
    return list(tmp_path.glob("uploads/*"))


@pytest.fixture
def staged(tmp_path: Path) -> Path:
    path = tmp_path / "staged.part"
    path.write_bytes(b"content")
    return path


def read(storage: Storage, key: str) -> bytes:
    """As a browser gets it: the file, or what the link leads to."""
    path = storage.path(key)
    return httpx.get(storage.link(key)).raise_for_status().content if path is None else path.read_bytes()


def keys(storage: Storage) -> list[str]:
    return sorted(stored.key for stored in storage.objects())


def test_put_object_is_there_and_stays_when_staging_goes(storage: Storage, staged: Path) -> None:
    put(storage, staged, KEY, b"{}")
    staged.unlink()
    assert read(storage, KEY) == b"content"
    (stored,) = storage.objects()
    assert (stored.key, stored.size, release_of(stored.key)) == (KEY, 7, "rel_aaaaaaaa")


@pytest.mark.parametrize(
    ("start", "size", "part"), [(0, 7, b"content"), (0, 99, b"content"), (2, 3, b"nte"), (5, 9, b"nt"), (7, 1, b"")]
)
def test_read_gives_a_part(storage: Storage, staged: Path, start: int, size: int, part: bytes) -> None:
    put(storage, staged, KEY, b"{}")
    assert storage.read(KEY, start, size) == part


def test_read_of_nothing_says_so(storage: Storage, staged: Path) -> None:
    put(storage, staged, KEY, b"{}")
    storage.delete(KEY)
    for key in (KEY, OTHER):
        with pytest.raises(NotFound, match="missing"):
            storage.read(key, 0, 1)


def test_put_may_be_repeated(storage: Storage, staged: Path) -> None:
    put(storage, staged, KEY, b"1")
    put(storage, staged, KEY, b"2")
    assert (read(storage, KEY), keys(storage)) == (b"content", [KEY])
    same = staged.with_name("same.part")
    same.write_bytes(b"content")
    put(storage, same, KEY, b"3")


def test_put_never_overwrites(storage: Storage, staged: Path) -> None:
    put(storage, staged, KEY, b"{}")
    staged.unlink()
    staged.write_bytes(b"another")
    with pytest.raises(FileExistsError):
        put(storage, staged, KEY, b"{}")
    assert read(storage, KEY) == b"content"


def test_deletion_leaves_nothing_and_may_be_repeated(storage: Storage, staged: Path, tmp_path: Path) -> None:
    put(storage, staged, KEY, b"{}")
    put(storage, staged, OTHER, b"{}")
    storage.delete(KEY)
    storage.delete(KEY)
    assert keys(storage) == [OTHER]
    assert read(storage, OTHER) == b"content"
    storage.delete(OTHER)
    assert keys(storage) == []
    assert folders(tmp_path) == []


def test_missing_object_is_fine_to_delete(storage: Storage) -> None:
    storage.delete(KEY)


def test_twins_hold_the_same_bytes_and_live_on_their_own(storage: Storage, staged: Path) -> None:
    put(storage, staged, KEY, b"{}")
    again = staged.with_name("again.part")
    again.write_bytes(b"content")
    put(storage, again, OTHER, b"{}", twins=[KEY])
    assert read(storage, KEY) == read(storage, OTHER) == b"content"
    storage.delete(KEY)
    assert read(storage, OTHER) == b"content"


def test_probe_leaves_nothing(storage: Storage, tmp_path: Path) -> None:
    storage.probe()
    assert folders(tmp_path) == []


@pytest.mark.parametrize(
    "key", ["", "x", "/etc/passwd", "uploads/../x", "uploads/a/../../x", "../uploads/x", "uploads/a\0b", "staging/x"]
)
def test_other_paths_are_no_keys(storage: Storage, key: str, staged: Path) -> None:
    with pytest.raises(ValueError, match="not a storage key"):
        storage.path(key)
    with pytest.raises(ValueError, match="not a storage key"):
        storage.delete(key)
    with pytest.raises(ValueError, match="not a storage key"):
        put(storage, staged, key, b"")


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
            for _ in range(150 if isinstance(storage, LocalStorage) else 10):
                put(storage, staged, key, b"{}")
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
