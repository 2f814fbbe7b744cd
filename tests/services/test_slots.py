"""Slots by family and membership year."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from fenfa.db.engine import Database
from fenfa.services.apple_teams import DEFAULT, update_team
from fenfa.services.registering import read_list
from fenfa.services.slots import count_slots, year_end, year_start
from tests.services.apple_world import World, apple_world
from tests.support.app_store import udid

TODAY = date(2026, 11, 2)


@pytest.fixture
def world(tmp_path: Path, database: Database) -> Iterator[World]:
    with apple_world(tmp_path, database) as made:
        yield made


@pytest.mark.parametrize(
    ("ends", "today", "started", "over"),
    [
        ("2027-03-01", "2026-11-02", "2026-03-01", "2027-03-01"),
        ("2020-03-01", "2026-11-02", "2026-03-01", "2027-03-01"),
        ("2026-11-02", "2026-11-02", "2026-11-02", "2027-11-02"),
        ("2026-11-03", "2026-11-02", "2025-11-03", "2026-11-03"),
        ("2024-02-29", "2026-11-02", "2026-02-28", "2027-02-28"),
        ("2024-02-29", "2028-03-01", "2028-02-29", "2029-02-28"),
        ("", "2026-11-02", "", ""),
    ],
)
def test_the_membership_year(ends: str, today: str, started: str, over: str) -> None:
    assert year_start(ends, date.fromisoformat(today)) == started
    assert year_end(ends, date.fromisoformat(today)) == over


def slots(world: World) -> dict[str, tuple[int, int, int | None]]:
    found = world.read(count_slots, DEFAULT, TODAY)
    return {one["family"]: (one["used"], one["left"], one["added_this_year"]) for one in found}


def test_nothing_is_known_before_the_list_was_read(world: World) -> None:
    assert slots(world) == {}
    read_list(world.bench, DEFAULT)
    assert slots(world) == {"IPHONE": (0, 100, None)}


def test_slots_are_counted_by_family_and_year(world: World) -> None:
    account = world.account
    for number in range(30):
        account.add(udid(number), addedDate="2026-01-31T23:00:00.000+00:00")
    account.add(udid(40), "DISABLED", addedDate="2026-05-01T12:00:00.000+00:00")
    account.add(udid(41), deviceClass="IPAD")
    account.add(udid(42), deviceClass="SOMETHING_NEW")
    read_list(world.bench, DEFAULT)
    assert slots(world) == {"IPAD": (1, 99, None), "IPHONE": (31, 69, None), "SOMETHING_NEW": (1, 99, None)}
    world.write(update_team, world.now, world.bench.keys, DEFAULT, {"membership_ends": "2027-02-01"})
    assert slots(world)["IPHONE"] == (31, 69, 1)
    names = {one["family"]: one["name"] for one in world.read(count_slots, DEFAULT, TODAY)}
    assert names == {"IPAD": "iPad", "IPHONE": "iPhone", "SOMETHING_NEW": "SOMETHING_NEW"}


def test_more_than_a_hundred_leave_nothing(world: World) -> None:
    for number in range(120):
        world.account.add(udid(number))
    read_list(world.bench, DEFAULT)
    assert slots(world)["IPHONE"] == (120, 0, None)
