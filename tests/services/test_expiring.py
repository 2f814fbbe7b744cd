"""What ends: profiles and certificates of the newest builds, keys, memberships."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from fenfa.db.engine import Database
from fenfa.services.apple_calls import status
from fenfa.services.apple_teams import DEFAULT, update_team
from fenfa.services.expiring import Ending, Ends, State, list_endings
from tests.services.apple_world import World, apple_world
from tests.services.shop import Shop


@pytest.fixture
def world(tmp_path: Path, database: Database) -> Iterator[World]:
    with apple_world(tmp_path, database) as made:
        yield made


def profile(uuid: str = "p1", ends: str = "2026-11-20T12:00:00Z", **values: Any) -> dict[str, Any]:
    certificates = [{"name": "Old", "sha256": "c1", "not_after": "2026-11-10T00:00:00Z"}]
    certificates.append({"name": "New", "sha256": "c2", "not_after": "2027-05-01T00:00:00Z"})
    return {"uuid": uuid, "name": f"Profile {uuid}", "expiration_date": ends, "certificates": certificates} | values


def add(world: World, *packages: dict[str, Any], platform: str = "ios", channel: str = "") -> list[str]:
    """Releases of one new variant, oldest first."""
    with world.bench.database.writing() as connection:
        shop = Shop(connection, world.bench)
        variant = shop.variant(platform=platform)
        return [shop.release(variant, package=package, channel=channel) for package in packages]


def endings(world: World) -> list[Ending]:
    return list(world.read(list_endings, world.clock()))


def shown(world: World) -> list[tuple[str, str, str]]:
    return [(ending.kind, ending.key, ending.ends_at) for ending in endings(world)]


def test_profile_and_certificate_of_a_build(world: World) -> None:
    (release,) = add(world, {"provisioning_profile": profile()})
    assert shown(world) == [
        ("profile", "p1", "2026-11-20T12:00:00.000Z"),
        ("certificate", "c2", "2027-05-01T00:00:00.000Z"),  # any of the profile's may be its own: the last counts
    ]
    ending = endings(world)[0]
    (concerned,) = ending.releases
    assert (concerned["release_id"], concerned["product_name"], concerned["version"]) == (release, "MyApp", "1.0")
    assert ending.name == "Profile p1"


def test_the_signers_own_certificate(world: World) -> None:
    signing = {"certificates": [{"name": "Old", "sha256": "c1", "not_after": "2026-11-10T00:00:00Z"}, {"name": "CA"}]}
    add(world, {"provisioning_profile": profile(), "signing": signing})
    assert ("certificate", "c1", "2026-11-10T00:00:00.000Z") in shown(world)


def test_the_newest_build_of_each_channel_counts(world: World) -> None:
    old, new = {"provisioning_profile": profile("p1")}, {"provisioning_profile": profile("p2")}
    add(world, old, new)
    add(world, old, channel="beta")
    keys = {ending.key: [one["variant_id"] for one in ending.releases] for ending in endings(world)}
    assert {key: len(variants) for key, variants in keys.items()} == {"p1": 1, "p2": 1, "c2": 2}


def test_the_most_urgent_first(world: World) -> None:
    add(world, {"provisioning_profile": profile("late", "2027-01-01T00:00:00Z")})
    add(world, {"provisioning_profile": profile("over", "2026-10-01T00:00:00Z")})
    assert [ending.key for ending in endings(world)] == ["over", "late", "c2"]


@pytest.mark.parametrize(
    "package",
    [
        {},
        {"provisioning_profile": None, "signing": None},
        {"provisioning_profile": profile(ends="", certificates=[])},
        {"provisioning_profile": profile(ends="soon", certificates=[{"name": "x"}])},
        {"signing": {"certificates": [{"sha256": "x", "not_after": "2026-11-10T00:00:00Z"}]}},
    ],
)
def test_builds_without_an_end(world: World, package: dict[str, Any]) -> None:
    add(world, package)
    assert shown(world) == []


def test_keys_and_memberships(world: World) -> None:
    other = world.add_team("BBBBBBBBBB", membership_ends="2025-12-01")
    world.write(update_team, world.now, world.bench.keys, DEFAULT, {"membership_ends": "2027-03-01"})
    world.account.problem = "FORBIDDEN.REQUIRED_AGREEMENTS_MISSING_OR_EXPIRED"
    for team in (DEFAULT, other):
        status(world.bench, team)
    found = endings(world)
    assert [(one.kind, one.team_id, one.ends_at[:10]) for one in found] == [
        (Ends.APPLE_KEY, DEFAULT, ""),
        (Ends.APPLE_MEMBERSHIP, other, "2026-12-01"),
        (Ends.APPLE_MEMBERSHIP, DEFAULT, "2027-03-01"),
    ]
    assert "Account Holder" in found[0].message
    assert (found[0].state(world.clock()), found[0].days_left(world.clock())) == (State.BROKEN, None)


def test_what_else_is_known(world: World) -> None:
    other = Ending(Ends.PROFILE_SIGNING, "", "CN=get.example.com", "2026-11-03T00:00:00.000Z")
    assert world.read(list_endings, world.clock(), [other]) == [other]


@pytest.mark.parametrize(
    ("ends", "state", "days"),
    [
        ("2026-11-02T09:30:00.000Z", State.EXPIRED, 0),
        ("2026-10-01T00:00:00.000Z", State.EXPIRED, -33),
        ("2026-11-02T09:30:00.001Z", State.SOON, 0),
        ("2026-12-02T09:30:00.000Z", State.SOON, 30),
        ("2026-12-02T09:30:00.001Z", State.LATER, 30),
    ],
)
def test_states(ends: str, state: State, days: int) -> None:
    now = datetime.fromisoformat("2026-11-02T09:30:00+00:00")
    ending = Ending(Ends.PROFILE, "p", "P", ends)
    assert (ending.state(now), ending.days_left(now)) == (state, days)
    assert ending.state(now - timedelta(days=365)) is State.LATER
