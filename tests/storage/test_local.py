"""The local back end's own promises: hard links, meta.json, and an inode for equal bytes."""

import os
import resource
from collections.abc import Iterator
from pathlib import Path

import pytest

from fenfa.errors import StorageFull, Unavailable
from fenfa.storage.base import release_key
from fenfa.storage.local import LocalStorage, file_sha256

KEY = release_key("prd_aaaaaaaa", "var_aaaaaaaa", "rel_aaaaaaaa", "app.apk")
OTHER = release_key("prd_aaaaaaaa", "var_aaaaaaaa", "rel_bbbbbbbb", "app.apk")
SHA256 = "0" * 64  # the disk takes the file as it is; whoever staged it has hashed it


@pytest.fixture
def storage(tmp_path: Path) -> LocalStorage:
    return LocalStorage(tmp_path)


def make(path: Path, content: bytes = b"content") -> Path:
    path.write_bytes(content)
    return path


def test_object_is_the_staged_file_itself(storage: LocalStorage, tmp_path: Path) -> None:
    staged = make(tmp_path / "a.part")
    storage.put(staged, KEY, SHA256, b"{}")
    assert storage.path(KEY).samefile(staged)


def test_equal_bytes_share_an_inode(storage: LocalStorage, tmp_path: Path) -> None:
    storage.put(make(tmp_path / "a.part"), KEY, SHA256, b"{}")
    storage.put(make(tmp_path / "b.part"), OTHER, SHA256, b"{}", twins=[KEY])
    assert storage.path(OTHER).samefile(storage.path(KEY))


@pytest.mark.parametrize("damage", [b"Content", b"conten"])
def test_damaged_twin_is_healed(storage: LocalStorage, tmp_path: Path, damage: bytes) -> None:
    storage.put(make(tmp_path / "a.part"), KEY, SHA256, b"{}")
    storage.path(KEY).unlink()
    make(storage.path(KEY), damage)
    storage.put(make(tmp_path / "b.part"), OTHER, SHA256, b"{}", twins=[KEY])
    assert storage.path(OTHER).read_bytes() == storage.path(KEY).read_bytes() == b"content"
    assert sorted(path.name for path in storage.path(KEY).parent.iterdir()) == ["app.apk", "meta.json"]


def test_twin_that_was_deleted_stays_deleted(storage: LocalStorage, tmp_path: Path) -> None:
    storage.put(make(tmp_path / "b.part"), OTHER, SHA256, b"{}", twins=[KEY])
    assert not storage.path(KEY).exists()


def test_meta_json_lies_beside_and_is_replaced_whole(storage: LocalStorage, tmp_path: Path) -> None:
    storage.put(make(tmp_path / "a.part"), KEY, SHA256, b'{"version": 1}')
    meta = storage.path(KEY).with_name("meta.json")
    reader = meta.open("rb")
    storage.put_meta(KEY, b'{"version": 2}')
    with reader:
        assert (reader.read(), meta.read_bytes()) == (b'{"version": 1}', b'{"version": 2}')
    assert sorted(path.name for path in meta.parent.iterdir()) == ["app.apk", "meta.json"]


def test_file_that_is_being_read_outlives_its_deletion(storage: LocalStorage, tmp_path: Path) -> None:
    staged = make(tmp_path / "a.part")
    storage.put(staged, KEY, SHA256, b"{}")
    staged.unlink()
    with storage.path(KEY).open("rb") as reader:
        storage.delete(KEY)
        assert reader.read() == b"content"
    assert not storage.path(KEY).exists()


def test_deletion_stops_at_folders_that_hold_more(storage: LocalStorage, tmp_path: Path) -> None:
    storage.put(make(tmp_path / "a.part"), KEY, SHA256, b"{}")
    note = make(storage.path(KEY).parents[1] / "note.txt")
    storage.delete(KEY)
    assert note.exists()
    assert not storage.path(KEY).parent.exists()


def test_storage_without_its_folder_is_unavailable(storage: LocalStorage, tmp_path: Path) -> None:
    (tmp_path / "uploads").rmdir()
    make(tmp_path / "uploads")
    with pytest.raises(Unavailable, match="cannot be written to"):
        storage.probe()


@pytest.fixture
def small_files() -> Iterator[None]:
    """No file of this process may grow beyond 4 KiB: the kernel refuses as it does on a full disk."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, limits[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, limits)


@pytest.mark.usefixtures("small_files")
def test_meta_json_without_room_is_storage_full(storage: LocalStorage, tmp_path: Path) -> None:
    with pytest.raises(StorageFull):
        storage.put(make(tmp_path / "a.part"), KEY, SHA256, b"x" * 5000)
    storage.put(make(tmp_path / "a.part"), KEY, SHA256, b"{}")
    with pytest.raises(StorageFull):
        storage.put_meta(KEY, b"x" * 5000)
    assert storage.path(KEY).with_name("meta.json").read_bytes() == b"{}"


def test_hash_of_a_file(tmp_path: Path) -> None:
    digest = "ed7002b439e9ac845f22357d822bac1444730fbdb6016d3ec9432297b9ec9f73"
    assert file_sha256(make(tmp_path / "a")) == digest


def test_tidy_removes_only_old_rests(storage: LocalStorage, tmp_path: Path) -> None:
    storage.put(make(tmp_path / "a.part"), KEY, SHA256, b"{}")
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
    assert [stored.key for stored in storage.objects()] == [KEY]
