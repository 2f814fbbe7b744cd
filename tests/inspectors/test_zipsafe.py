import struct
from pathlib import Path

import pytest

from fenfa.errors import BadPackage
from fenfa.inspectors.parts import zipsafe
from fenfa.inspectors.parts.zipsafe import Archive
from tests.support.packages import zip_bytes


def test_reads_members_and_heads(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    path.write_bytes(zip_bytes({"one": b"1" * 5000, "dir/two": b"2"}))
    with Archive(path) as archive:
        assert archive.read("one", 5000) == b"1" * 5000
        assert archive.head("one", 3) == b"111"
        assert "dir/two" in archive
        assert "three" not in archive


def test_a_member_beyond_its_limit_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    path.write_bytes(zip_bytes({"one": b"1" * 5000}))
    with Archive(path) as archive, pytest.raises(BadPackage, match="larger than 4,999"):
        archive.read("one", 4999)


def test_a_missing_member_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    path.write_bytes(zip_bytes({}))
    with Archive(path) as archive, pytest.raises(BadPackage, match="gone is missing"):
        archive.read("gone", 1)


def test_a_lie_about_size_is_found_without_unpacking_it_all(tmp_path: Path) -> None:
    data = bytearray(zip_bytes({"one": bytes(50 << 20)}))
    entry = data.rfind(b"PK\1\2")
    data[entry + 24 : entry + 28] = struct.pack("<I", 100)
    path = tmp_path / "a.zip"
    path.write_bytes(data)
    with Archive(path) as archive, pytest.raises(BadPackage, match="not as long"):
        archive.read("one", 1000)


def test_something_may_stand_before_the_zip(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    path.write_bytes(b"#!/bin/sh\n" + zip_bytes({"one": b"1"}))
    with Archive(path) as archive:
        assert archive.read("one", 1) == b"1"


def test_more_entries_than_allowed_are_refused_by_the_count_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    record = struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, 1, zipsafe.MAX_ENTRIES + 1, 46, 0)
    locator = struct.pack("<4sLQL", b"PK\6\7", 0, 0, 1)
    path.write_bytes(record + locator + struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 0xFFFF, 0xFFFF, 46, 0, 0))
    with pytest.raises(BadPackage, match="100,000 entries"):
        Archive(path)


@pytest.mark.parametrize("data", [b"", b"PK", b"PK\5\6", bytes(100), b"PK\5\6" + b"\xff" * 18])
def test_what_is_no_zip_is_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "a.zip"
    path.write_bytes(data)
    with pytest.raises(BadPackage):
        Archive(path)


def test_a_directory_must_hold_nothing_but_entries(tmp_path: Path) -> None:
    data = bytearray(zip_bytes({"a": b"x", "b": b"y"}))
    second = data.index(b"PK\1\2", data.index(b"PK\1\2") + 1)
    data[second + 28] += 1  # the second name is one longer than its entry
    path = tmp_path / "a.zip"
    path.write_bytes(data)
    with pytest.raises(BadPackage, match="directory is damaged"):
        Archive(path)
    with Archive(path, lenient=True) as archive:
        assert "a" in archive
