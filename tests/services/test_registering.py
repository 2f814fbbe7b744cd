"""Registering devices with Apple: one, many, for several teams; and keeping up with Apple's list."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from fenfa.db.engine import Database
from fenfa.errors import BadInput, Conflict
from fenfa.services import jobs
from fenfa.services.apple_teams import DEFAULT, health_of, update_team
from fenfa.services.batches import Batch, batch_results, enqueue_batch, run_batch
from fenfa.services.records import Page, Record
from fenfa.services.registering import read_list, register_one
from fenfa.services.registrations import keep, teams_of, unregistered, wanted_pairs
from fenfa.services.runner import Runner
from fenfa.services.slots import count_slots
from tests.services.apple_world import World, apple_world
from tests.support.app_store import Fault, udid


@pytest.fixture
def world(tmp_path: Path, database: Database) -> Iterator[World]:
    with apple_world(tmp_path, database) as made:
        yield made


def register(world: World, device_ids: list[str] | None, team_id: str = "", confirmed: bool = True) -> list[Record]:
    """As the route does: enqueue, run, tell."""
    batch: Batch = world.write(enqueue_batch, world.clock(), "tok_1", device_ids, team_id, confirmed, at_once=True)
    run_batch(world.bench, batch)
    return list(world.read(batch_results, batch))


def last_job(world: World) -> Record:
    return dict(world.read(jobs.list_jobs, Page(limit=1)).items[0])


def test_one_device(world: World) -> None:
    device_id = world.add_device(1)
    found = register_one(world.bench, DEFAULT, world.device(device_id))
    world.write(keep, world.now, DEFAULT, device_id, found)
    (registration,) = world.registrations(device_id)
    assert (registration["team_id"], registration["apple_device_id"]) == (DEFAULT, "APPLE00000")
    assert (registration["status"], registration["family"]) == ("ENABLED", "IPHONE")
    device = world.device(device_id)
    assert (device["apple_device_id"], device["apple_registered_at"]) == ("APPLE00000", world.now)
    assert world.account.devices[0]["name"] == "Phone 1"
    assert world.read(health_of, DEFAULT)["connected"] is True


def test_a_device_without_a_name(world: World) -> None:
    device_id = world.add_device(1, device_name="")
    register_one(world.bench, DEFAULT, world.device(device_id))
    assert world.account.devices[0]["name"] == "iPhone17,1 0001"


def test_one_that_was_erased_meanwhile(world: World) -> None:
    device_id = world.add_device(1)
    found = register_one(world.bench, DEFAULT, world.device(device_id))
    world.write(keep, world.now, DEFAULT, "dev_erased", found)
    assert world.registrations("dev_erased") == []


def test_all_that_are_verified(world: World) -> None:
    verified = [world.add_device(number) for number in range(3)]
    unverified = world.add_device(9, verified=False)
    results = register(world, None)
    assert [(one["device_id"], one["success"], one["message"]) for one in results] == [
        (device_id, True, "registered") for device_id in verified
    ]
    assert world.registrations(unverified) == []
    assert register(world, None) == []
    job = last_job(world)
    assert (job["kind"], job["state"], job["done"], job["total"]) == ("register-with-apple", "done", 3, 3)
    assert (job["message"], job["actor"]) == ("3 registered, 0 refused", "tok_1")


def test_a_choice_takes_unverified_ones_too(world: World) -> None:
    unverified = world.add_device(9, verified=False)
    results = register(world, [unverified, "dev_nothing", unverified])
    assert [one["device_id"] for one in results] == [unverified, "dev_nothing"]
    assert results[0]["success"] is True
    assert results[1] == {
        "device_id": "dev_nothing",
        "success": False,
        "error": "device not found",
        "apple_device_id": "",
    }


def test_what_apple_has_already_costs_one_request(world: World) -> None:
    ids = [world.add_device(number) for number in range(5)]
    for number in range(5):
        world.account.add(udid(number).lower())
    assert all(one["success"] for one in register(world, ids))
    assert (len(world.store.requests), world.store.asked("POST")) == (1, 0)
    assert [one["message"] for one in register(world, ids)] == ["registered"] * 5
    assert len(world.store.requests) == 1


def test_states_are_told(world: World) -> None:
    ids = [world.add_device(number) for number in range(3)]
    for number, status in enumerate(("PROCESSING", "DISABLED", "SOMETHING_NEW")):
        world.account.add(udid(number), status=status)
    messages = [one["message"] for one in register(world, ids)]
    assert "still processes" in messages[0]
    assert "enable it there" in messages[1]
    assert "still processes" in messages[2]


def test_one_refused_device_does_not_keep_the_others(world: World) -> None:
    ids = [world.add_device(1), world.add_device(2, udid="Z" * 40), world.add_device(3)]
    results = register(world, ids)
    assert [one["success"] for one in results] == [True, False, True]
    assert results[1]["error"] == "Apple does not accept this device; check its UDID"
    assert last_job(world)["message"] == "2 registered, 1 refused"


def test_a_full_family_is_not_asked_about_again(world: World) -> None:
    world.account.limit = 1
    world.account.families = lambda number: "IPAD" if number.endswith("9") else "IPHONE"
    ids = [world.add_device(number) for number in range(4)]
    ids.append(world.add_device(9, model="iPad14,3"))
    results = register(world, ids)
    assert [one["success"] for one in results] == [True, False, False, False, True]
    assert {one["error"] for one in results[1:4]} == {
        "no slots are left: Apple takes 100 devices of a family in a membership year"
    }
    assert world.store.asked("POST") == 3


@pytest.mark.parametrize("trouble", ["revoked", "problem"])
def test_a_refused_key_ends_the_job_and_is_told_for_each(world: World, trouble: str) -> None:
    ids = [world.add_device(number) for number in range(3)]
    setattr(world.account, trouble, "FORBIDDEN.REQUIRED_AGREEMENTS_MISSING_OR_EXPIRED")
    results = register(world, ids)
    job = last_job(world)
    assert job["state"] == "failed"
    assert {one["error"] for one in results} == {job["message"]}
    setattr(world.account, trouble, "")
    world.write(jobs.retry, world.now, job["id"])
    world.work()
    assert world.account.udids() == {udid(number): 1 for number in range(3)}


def test_a_busy_apple_leaves_it_to_the_background(world: World) -> None:
    ids = [world.add_device(number) for number in range(3)]
    world.store.fault = lambda seen: Fault(429, headers={"retry-after": "100"}) if seen.number == 4 else None
    results = register(world, ids)
    assert [one["success"] for one in results] == [True, True, False]
    assert results[2]["error"] == "it goes on in the background; see the job"
    assert last_job(world)["state"] == "queued"
    world.clock.move(seconds=200)
    world.work()
    assert last_job(world)["state"] == "done"
    assert world.account.udids() == {udid(number): 1 for number in range(3)}


def test_without_a_key(world: World) -> None:
    device_id = world.add_device(1)
    world.write(update_team, world.now, world.bench.keys, DEFAULT, {"private_key": ""})
    for ids in ([device_id], None, []):
        with pytest.raises(BadInput, match="no Apple API key"):
            register(world, ids)
    assert world.read(jobs.list_jobs, Page()).total == 0


def test_too_many_at_once(world: World) -> None:
    with pytest.raises(BadInput, match="at most 1000"):
        register(world, [f"dev_{number}" for number in range(1001)])


# teams


def test_a_device_goes_to_the_teams_of_its_products(world: World) -> None:
    other = world.add_team("BBBBBBBBBB")
    nowhere, default, both = world.add_device(1), world.add_device(2), world.add_device(3)
    world.bind(default)
    for team in ("", other, other):
        world.bind(both, team)
    assert [world.read(teams_of, one) for one in (nowhere, default, both)] == [[DEFAULT], [DEFAULT], [DEFAULT, other]]
    results = register(world, [nowhere, default, both])
    assert [one["success"] for one in results] == [True] * 3
    assert world.account.udids() == {udid(number): 1 for number in (1, 2, 3)}
    assert world.teams[other].udids() == {udid(3): 1}
    assert [one["team_id"] for one in world.registrations(both)] == [DEFAULT, other]


def test_a_team_that_is_named(world: World) -> None:
    other = world.add_team("BBBBBBBBBB")
    device_id = world.add_device(1)
    assert register(world, [device_id], other)[0]["success"] is True
    assert (world.account.devices, world.teams[other].udids()) == ([], {udid(1): 1})
    pairs = world.read(wanted_pairs, None)
    assert world.read(unregistered, pairs) == [(device_id, DEFAULT)]


def test_one_of_two_teams_refuses(world: World) -> None:
    other = world.add_team("BBBBBBBBBB")
    device_id = world.add_device(1)
    for team in ("", other):
        world.bind(device_id, team)
    world.teams[other].problem = "FORBIDDEN_ERROR"
    (result,) = register(world, [device_id])
    assert (result["success"], result["apple_device_id"]) == (False, "APPLE00000")
    assert "team key" in result["error"]


# slots


def test_few_slots_want_a_confirmation(world: World) -> None:
    for number in range(89):
        world.account.add(udid(1000 + number))
    ids = [world.add_device(number) for number in range(3)]
    assert register(world, ids[:1], confirmed=False)[0]["success"] is True  # 10 are left
    with pytest.raises(Conflict, match=r"leave 8 of 100"):
        register(world, ids, confirmed=False)
    assert world.store.asked("POST") == 1
    assert [one["success"] for one in register(world, ids)] == [True] * 3
    (phones,) = world.read(count_slots, DEFAULT, world.clock().date())
    assert (phones["used"], phones["left"]) == (92, 8)


def test_the_job_asks_when_nothing_was_known_before(world: World) -> None:
    for number in range(95):
        world.account.add(udid(1000 + number))
    ids = [world.add_device(number) for number in range(2)]
    results = register(world, ids, confirmed=False)
    assert {one["error"] for one in results} == {
        "this would leave 3 of 100 slots of the membership year; confirm it to go on"
    }
    assert world.store.asked("POST") == 0


# what Apple's list says


def test_the_list_brings_ours_up_to_date(world: World) -> None:
    kept, gone, new = (world.add_device(number) for number in (1, 2, 3))
    register(world, [kept, gone])
    world.account.devices[:] = [row for row in world.account.devices if row["udid"] != udid(2)]
    world.account.devices[0]["status"] = "DISABLED"
    world.account.add(udid(3), status="PROCESSING")
    world.clock.move(days=1)
    world.store.page = 1
    assert len(read_list(world.bench, DEFAULT)) == 2
    assert [one["status"] for one in world.registrations(kept)] == ["DISABLED"]
    assert world.registrations(gone) == []
    assert (world.device(gone)["apple_registered_at"], world.device(gone)["apple_device_id"]) == (None, "")
    assert [one["status"] for one in world.registrations(new)] == ["PROCESSING"]
    assert world.registrations(kept)[0]["created_at"] < world.registrations(new)[0]["created_at"] == world.now


def test_another_teams_registrations_are_left_alone(world: World) -> None:
    other = world.add_team("BBBBBBBBBB")
    device_id = world.add_device(1)
    register(world, [device_id], other)
    world.clock.move(days=1)
    read_list(world.bench, DEFAULT)
    assert [one["team_id"] for one in world.registrations(device_id)] == [other]


def test_every_teams_list_is_read_by_itself(world: World) -> None:
    broken, good = world.add_team("BBBBBBBBBB"), world.add_team("CCCCCCCCCC")
    world.teams[broken].problem = "FORBIDDEN.REQUIRED_AGREEMENTS_MISSING_OR_EXPIRED"
    device_id = world.add_device(1)
    world.account.add(udid(1), status="PROCESSING")
    runner = Runner(world.bench)
    runner.enqueue_periodic()
    world.work()
    assert last_job(world)["state"] == "done"
    healths = {team: world.read(health_of, team) for team in (DEFAULT, broken, good)}
    assert [healths[team]["connected"] for team in healths] == [True, False, True]
    assert [one["status"] for one in world.registrations(device_id)] == ["PROCESSING"]
    world.account.devices[0]["status"] = "ENABLED"
    world.clock.move(hours=6)
    runner.enqueue_periodic()
    world.work()
    assert [one["status"] for one in world.registrations(device_id)] == ["ENABLED"]


def test_without_any_key_no_list_is_read(world: World) -> None:
    world.write(update_team, world.now, world.bench.keys, DEFAULT, {"private_key": ""})
    Runner(world.bench).enqueue_periodic()
    assert world.read(jobs.list_jobs, Page()).total == 0


def test_one_request_at_a_time_for_each_team(world: World) -> None:
    """Two batches that share devices and single registrations, from four threads."""
    ids = [world.add_device(number) for number in range(12)]

    def register_alone(device_id: str) -> list[Record]:
        found = register_one(world.bench, DEFAULT, world.device(device_id))
        return [{"success": found.status == "ENABLED"}]

    with ThreadPoolExecutor(4) as pool:
        calls = [pool.submit(register, world, ids[start : start + 6]) for start in (0, 3)]
        calls += [pool.submit(register_alone, device_id) for device_id in ids]
        results = [one["success"] for call in calls for one in call.result()]
    assert results == [True] * 24
    assert world.store.busiest == 1
    assert world.account.udids() == {udid(number): 1 for number in range(12)}
