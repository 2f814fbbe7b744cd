"""Devices that nobody uses are erased by the sweep after a year."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from fenfa.db.engine import Database
from fenfa.errors import NotFound
from fenfa.services.devices import forget_unused
from tests.services.apple_world import World, apple_world


@pytest.fixture
def world(tmp_path: Path, database: Database) -> Iterator[World]:
    with apple_world(tmp_path, database) as made:
        yield made


def forget(world: World, days: int = 365) -> int:
    return int(world.write(forget_unused, world.clock(), days))


def test_a_year_without_use(world: World) -> None:
    unused = world.add_device(1)
    world.clock.move(days=364)
    young = world.add_device(2)
    assert forget(world) == 0
    world.clock.move(days=2)
    assert forget(world, days=0) == 0
    assert forget(world) == 1
    assert world.device(young)["id"] == young
    with pytest.raises(NotFound):
        world.device(unused)


def test_what_is_used_stays(world: World) -> None:
    answered, bound, registered = (world.add_device(number) for number in (1, 2, 3))
    world.clock.move(days=400)
    world.bind(bound)
    answer = f"UPDATE devices SET enrolled_at = '{world.now}' WHERE id = '{answered}'"
    world.write(lambda connection: connection.exec_driver_sql(answer))
    columns = "device_id, team_id, apple_device_id, status, family, added_at, created_at, updated_at"
    row = f"INSERT INTO apple_registrations ({columns}) VALUES ('{registered}', 'default', '', 'ENABLED', '', '', 't', 't')"
    world.write(lambda connection: connection.exec_driver_sql(row))
    assert forget(world) == 0
    world.clock.now += timedelta(days=400)
    assert forget(world) == 2
    assert world.device(registered)["id"] == registered
