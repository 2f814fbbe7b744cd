"""How much room the files take, and when it becomes little."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from fenfa.services.space import Space, measure_space
from tests.services.shop import Shop

GIB = 1024**3
SPACE = Space(files=3, stored=GIB, largest=GIB // 4, total=100 * GIB, free=50 * GIB, reserve=2 * GIB)


def test_equal_files_take_their_room_once(shop: Shop, tmp_path: Path) -> None:
    for sha256, size in (("a" * 64, 10), ("a" * 64, 10), ("b" * 64, 7)):
        shop.release(sha256=sha256, size_bytes=size)
    space = measure_space(shop.connection, tmp_path, 5)
    assert (space.files, space.stored, space.largest, space.reserve) == (3, 17, 10, 5)
    assert space.total == shutil.disk_usage(tmp_path).total
    assert 0 < space.free <= space.total


def test_no_files_take_no_room(shop: Shop, tmp_path: Path) -> None:
    space = measure_space(shop.connection, tmp_path, -1)
    assert (space.files, space.stored, space.largest) == (0, 0, 0)
    assert 0 < space.reserve <= 2 * GIB


@pytest.mark.parametrize(
    ("free", "largest", "is_low"),
    [
        (50 * GIB, GIB, False),
        (3 * GIB, GIB // 5, False),
        (3 * GIB - 1, 0, True),
        (7 * GIB, GIB, False),
        (7 * GIB - 1, GIB, True),
        (GIB, 0, True),
    ],
)
def test_little_is_what_five_builds_would_fill(free: int, largest: int, is_low: bool) -> None:
    assert replace(SPACE, free=free, largest=largest).is_low is is_low


def test_room_is_never_below_nothing() -> None:
    assert replace(SPACE, free=GIB).room == 0
