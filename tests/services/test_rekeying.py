"""Sealing anew: everything opens afterwards, also for those who run already, or nothing changed."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import MetaData, String, cast, select, text

from fenfa.db.engine import Database
from fenfa.db.tables import metadata
from fenfa.errors import SecretLost
from fenfa.services.apple_teams import DEFAULT, get_team, key_of
from fenfa.services.rekeying import reseal
from fenfa.services.settings import save_settings
from fenfa.services.vault import add_sealing_key
from tests.services.apple_world import World, apple_world


@pytest.fixture
def world(tmp_path: Path, database: Database) -> Iterator[World]:
    with apple_world(tmp_path, database) as made:
        yield made


def keys_of_teams(world: World, *team_ids: str) -> list[object]:
    return [key_of(world.bench.keys, world.read(get_team, team_id)) for team_id in team_ids]


def texts(database: Database, tables: MetaData = metadata) -> str:
    """Every text of the database."""
    with database.reading() as connection:
        columns = [column for table in tables.sorted_tables for column in table.c]
        return "\n".join(str(value) for c in columns for value in connection.scalars(select(cast(c, String))))


def test_everything_is_sealed_anew(world: World) -> None:
    team_id = world.add_team("BBBBBBBBBB")
    world.write(save_settings, world.now, world.bench.keys, {"s3_secret_key": "very-secret", "s3_access_key": ""})
    before = keys_of_teams(world, DEFAULT, team_id)
    old_name = world.read(get_team, team_id)["private_key"].partition(":")[0]
    assert world.bench.keys.file is not None
    fresh = add_sealing_key(world.bench.keys.file)
    assert world.write(reseal, fresh) == 3
    assert keys_of_teams(world, DEFAULT, team_id) == before
    stored = texts(world.bench.database)
    assert f"{old_name}:" not in stored
    assert "very-secret" not in stored
    assert not [line for line in world.account.key.private_key.splitlines()[1:-1] if line in stored]


def test_one_that_does_not_open_stops_it(world: World) -> None:
    first, second = world.add_team("BBBBBBBBBB"), world.add_team("CCCCCCCCCC")
    spoil = text("UPDATE apple_teams SET private_key = 'spoilt' WHERE id = :id")
    world.write(lambda connection: connection.execute(spoil, {"id": second}))
    before = world.read(get_team, first)["private_key"]
    with pytest.raises(SecretLost):
        world.write(reseal, world.bench.keys)
    assert world.read(get_team, first)["private_key"] == before
