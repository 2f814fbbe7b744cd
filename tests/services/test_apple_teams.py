"""Apple teams: the default one of the settings, further ones, and keys that open under their own row alone."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from sqlalchemy import select, text

from fenfa.db.engine import Database
from fenfa.db.tables import products, settings
from fenfa.errors import BadInput, Conflict, NotFound, SecretLost
from fenfa.services import apple_teams
from fenfa.services.apple_calls import status
from fenfa.services.apple_teams import DEFAULT
from fenfa.services.settings import save_settings
from tests.services.apple_world import World, apple_world
from tests.support.app_store import make_key


@pytest.fixture
def world(tmp_path: Path, database: Database) -> Iterator[World]:
    with apple_world(tmp_path, database) as made:
        yield made


def get(world: World, team_id: str) -> dict[str, Any]:
    return dict(world.read(apple_teams.get_team, team_id))


def change(world: World, team_id: str, **values: Any) -> None:
    world.write(apple_teams.update_team, world.now, world.bench.keys, team_id, values)


def test_the_default_team_is_that_of_the_settings(world: World) -> None:
    (team,) = world.read(apple_teams.list_teams)
    assert (team["id"], team["is_default"], team["configured"]) == (DEFAULT, True, True)
    assert apple_teams.key_of(world.bench.keys, team) == world.account.key
    assert "private_key" not in apple_teams.public_team(team)
    change(world, DEFAULT, apple_team_id="TEAM123456", membership_ends="2027-03-01")
    stored = world.read(lambda connection: dict(connection.execute(select(settings.c.name, settings.c.value)).all()))
    assert (stored["apple_team_id"], stored["apple_membership_ends"]) == ("TEAM123456", "2027-03-01")
    assert get(world, DEFAULT)["key_id"] == "ABC123DEF4"


def test_further_teams(world: World) -> None:
    team_id = world.add_team("BBBBBBBBBB", apple_team_id="TEAM000002")
    assert [team["id"] for team in world.read(apple_teams.list_teams)] == [DEFAULT, team_id]
    team = get(world, team_id)
    assert (team["name"], team["is_default"], team["configured"]) == ("BBBBBBBBBB", False, True)
    assert apple_teams.key_of(world.bench.keys, team) == world.teams[team_id].key
    change(world, team_id, name="Consulting", private_key="")
    assert (get(world, team_id)["name"], get(world, team_id)["configured"]) == ("Consulting", False)
    with pytest.raises(BadInput, match="no Apple API key"):
        apple_teams.key_of(world.bench.keys, get(world, team_id))


def test_who_is_the_default(world: World) -> None:
    assert world.read(apple_teams.default_team) == DEFAULT
    team_id = world.add_team("BBBBBBBBBB")
    assert world.read(apple_teams.default_team) == DEFAULT
    world.write(apple_teams.delete_team, world.now, world.bench.keys, DEFAULT)
    assert world.read(apple_teams.default_team) == team_id  # the only one that there is
    world.add_team("CCCCCCCCCC")
    assert world.read(apple_teams.default_team) == DEFAULT
    assert get(world, DEFAULT)["configured"] is False


def test_keys_are_sealed_and_swapped_rows_do_not_open(world: World) -> None:
    first, second = world.add_team("BBBBBBBBBB"), world.add_team("CCCCCCCCCC")
    sealed = get(world, first)["private_key"]
    assert "PRIVATE" not in sealed
    swap = text("UPDATE apple_teams SET private_key = :sealed WHERE id = :id")
    world.write(lambda connection: connection.execute(swap, {"sealed": sealed, "id": second}))
    with pytest.raises(SecretLost):
        apple_teams.key_of(world.bench.keys, get(world, second))
    assert status(world.bench, second)["connected"] is False
    assert "enter it again" in status(world.bench, second)["message"]
    assert apple_teams.key_of(world.bench.keys, get(world, first)) == world.teams[first].key


@pytest.mark.parametrize("team", [DEFAULT, "other"])
def test_twins_are_refused(world: World, team: str) -> None:
    other = world.add_team("BBBBBBBBBB", apple_team_id="TEAM000002")
    change(world, DEFAULT, apple_team_id="TEAM000001")
    mine, theirs = (DEFAULT, "2") if team == DEFAULT else (other, "1")
    with pytest.raises(Conflict, match="apple_team_id"):
        change(world, mine, apple_team_id=f"TEAM00000{theirs}")
    with pytest.raises(Conflict, match="key_id"):
        change(world, mine, key_id="BBBBBBBBBB" if mine == DEFAULT else "ABC123DEF4")
    change(world, mine, key_id=get(world, mine)["key_id"])  # its own is no twin


BAD: dict[str, list[Any]] = {
    "key_id": ["short", "abc123def4", 5],
    "issuer_id": ["no uuid", None],
    "apple_team_id": ["lowercase1", []],
    "membership_ends": ["soon", "2027-02-30", "20270301", 5],
    "private_key": ["no key", 5, make_key()[0].private_key[:50]],
}
WRONG = [(name, value) for name, values in BAD.items() for value in values]


@pytest.mark.parametrize(("name", "value"), WRONG, ids=lambda part: ascii(part)[:30])
@pytest.mark.parametrize("default", [True, False])
def test_bad_values_are_named_and_change_nothing(world: World, name: str, value: Any, default: bool) -> None:
    team_id = DEFAULT if default else world.add_team("BBBBBBBBBB")
    before = get(world, team_id)
    with pytest.raises(BadInput, match=f"^{name} must "):
        change(world, team_id, **{name: value})
    assert get(world, team_id) == before


def test_a_key_of_another_curve_is_refused(world: World) -> None:
    form = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    other = ec.generate_private_key(ec.SECP384R1()).private_bytes(serialization.Encoding.PEM, *form)
    with pytest.raises(BadInput, match=r"\.p8"):
        change(world, DEFAULT, private_key=other.decode())


def test_delete(world: World) -> None:
    team_id = world.add_team("BBBBBBBBBB")
    device = world.add_device(1)
    world.bind(device, team_id)
    status(world.bench, team_id)
    world.write(apple_teams.delete_team, world.now, world.bench.keys, team_id)
    assert [team["id"] for team in world.read(apple_teams.list_teams)] == [DEFAULT]
    assert world.read(lambda connection: list(connection.scalars(select(products.c.apple_team_id)))) == [""]
    assert world.read(apple_teams.health_of, team_id)["connected"] is None
    with pytest.raises(NotFound, match="team not found"):
        get(world, team_id)


def test_status_and_health(world: World) -> None:
    assert world.read(apple_teams.health_of, DEFAULT)["connected"] is None
    found = status(world.bench)
    assert found == {
        "team_id": DEFAULT,
        "configured": True,
        "connected": True,
        "message": "connected",
        "requests_left": 3599,
    }
    world.account.problem = "FORBIDDEN.REQUIRED_AGREEMENTS_MISSING_OR_EXPIRED"
    assert "Account Holder" in status(world.bench)["message"]
    health = world.read(apple_teams.health_of, DEFAULT)
    assert (health["connected"], health["checked_at"]) == (False, world.now)
    assert "Account Holder" in health["message"]
    world.account.problem = ""
    change(world, DEFAULT, private_key=world.account.key.private_key)
    assert world.read(apple_teams.health_of, DEFAULT)["connected"] is None  # a new key, a new chance


def test_status_without_a_key(world: World) -> None:
    world.write(save_settings, world.now, world.bench.keys, {"apple_private_key": ""})
    found = status(world.bench)
    assert (found["configured"], found["connected"]) == (False, False)
    assert "no Apple API key" in found["message"]
    assert world.store.requests == []
