"""Apple over HTTP: teams, what Apple says, registering, and what is never told."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.services.apple_world import fields_of, settings_of
from tests.support.app_store import Account, AppStore, Fault, make_account, udid
from tests.support.client import ADMIN, AppClient, refusal, running
from tests.web.api.test_devices import add, bind
from tests.web.shapes import APPLE_DEVICE, APPLE_STATUS, JOB, TEAM, check, listed

TEAMS = "/admin/api/apple/teams"
VERIFIED = "'2026-11-01T10:00:00.000Z'"
NO_KEY = "no Apple API key is stored; enter key ID, issuer ID and the .p8 file's text in the settings"


@pytest.fixture
def bare(tmp_path: Path, store: AppStore) -> Iterator[AppClient]:
    """Without a key."""
    with running(tmp_path / "data", apple_url=store.url) as started:
        yield started


@pytest.fixture
def client(bare: AppClient, account: Account) -> AppClient:
    bare.admin("PUT", "/admin/api/settings", json=settings_of(account))
    return bare


def add_team(client: AppClient, store: AppStore, key_id: str = "BBBBBBBBBB") -> tuple[str, Account]:
    account = make_account(key_id)
    store.accounts[key_id] = account
    return client.admin("POST", TEAMS, json={"name": "Consulting", **fields_of(account)})["id"], account


def devices(client: AppClient, *numbers: int, verified: str = VERIFIED) -> list[str]:
    return [add(client, str(number), udid(number), "2026-11-01", verified=verified) for number in numbers]


def actions(client: AppClient) -> list[tuple[str, str]]:
    return [(row[0], row[1]) for row in client.rows("SELECT action, target FROM audit ORDER BY seq")]


# what Apple says


def test_status(client: AppClient, account: Account) -> None:
    found = client.admin("GET", "/admin/api/apple/status")
    check(found, APPLE_STATUS)
    assert (found["configured"], found["connected"], found["message"]) == (True, True, "connected")
    account.revoked = True
    found = client.admin("GET", "/admin/api/apple/status")
    assert (found["configured"], found["connected"]) == (True, False)
    assert "revoked" in found["message"]
    assert refusal(client.get("/admin/api/apple/status?team_id=team_x", headers=ADMIN))[:2] == (404, "NOT_FOUND")


def test_status_without_a_key_and_without_apple(bare: AppClient, account: Account, store: AppStore) -> None:
    found = bare.admin("GET", "/admin/api/apple/status")
    check(found, APPLE_STATUS)
    assert (found["configured"], found["connected"], found["message"]) == (False, False, NO_KEY)
    bare.admin("PUT", "/admin/api/settings", json=settings_of(account))
    store.server_close()
    found = bare.admin("GET", "/admin/api/apple/status")
    assert (found["configured"], found["connected"]) == (True, False)
    assert "cannot be reached" in found["message"]


def test_apple_devices(client: AppClient, account: Account, store: AppStore) -> None:
    for number in range(5):
        account.add(udid(number))
    store.page = 2
    found = client.admin("GET", "/admin/api/apple/devices")
    check(found, listed(APPLE_DEVICE))
    assert found["total"] == 5
    assert found["items"][0] == {
        "id": "APPLE00000",
        "name": "Phone",
        "udid": udid(0),
        "platform": "IOS",
        "status": "ENABLED",
        "device_class": "IPHONE",
        "model": "iPhone 17",
        "added_date": "2026-10-01T08:00:00.000Z",
    }
    page = client.admin("GET", "/admin/api/apple/devices?limit=2&offset=4")
    assert ([one["udid"] for one in page["items"]], page["total"]) == ([udid(4)], 5)


@pytest.mark.parametrize(
    ("trouble", "code"), [({"revoked": True}, "UPSTREAM_ERROR"), ({"problem": "FORBIDDEN_ERROR"}, "UPSTREAM_ERROR")]
)
def test_apples_refusals(client: AppClient, account: Account, trouble: dict[str, Any], code: str) -> None:
    (device_id,) = devices(client, 1)
    for name, value in trouble.items():
        setattr(account, name, value)
    for answer in (
        client.get("/admin/api/apple/devices", headers=ADMIN),
        client.post(f"/admin/api/devices/{device_id}/register-apple", headers=ADMIN),
    ):
        assert refusal(answer)[:2] == (502, code)


def test_a_busy_apple_says_when(client: AppClient, store: AppStore) -> None:
    store.fault = lambda seen: Fault(429, headers={"retry-after": "90"})
    answer = client.get("/admin/api/apple/devices", headers=ADMIN)
    assert refusal(answer) == (502, "UPSTREAM_ERROR", "Apple asks to wait: too many requests in this hour")
    assert answer.headers["retry-after"] == "90"


# teams


def test_teams(client: AppClient, store: AppStore, account: Account) -> None:
    team_id, _ = add_team(client, store)
    found = client.admin("GET", TEAMS)
    assert found["total"] == 2
    for team in found["items"]:
        check(team, TEAM)
    assert [team["id"] for team in found["items"]] == ["default", team_id]
    changed = client.admin("PUT", f"{TEAMS}/{team_id}", json={"membership_ends": "2027-03-01", "name": "New"})
    check(changed, TEAM | {"team": TEAM})
    assert (changed["name"], changed["membership_ends"], changed["year_ends"]) == ("New", "2027-03-01", "2027-03-01")
    assert client.admin("GET", f"{TEAMS}/{team_id}")["key_id"] == "BBBBBBBBBB"
    assert client.admin("DELETE", f"{TEAMS}/{team_id}") == {"deleted": True}
    assert refusal(client.get(f"{TEAMS}/{team_id}", headers=ADMIN)) == (404, "NOT_FOUND", "team not found")
    assert [action for action, _ in actions(client)][1:] == ["team.create", "team.update", "team.delete"]


def test_the_default_team_is_the_settings(client: AppClient) -> None:
    client.admin("PUT", f"{TEAMS}/default", json={"apple_team_id": "TEAM123456"})
    settings = client.admin("GET", "/admin/api/settings")
    assert (settings["apple_team_id"], settings["apple_configured"]) == ("TEAM123456", True)
    client.admin("PUT", "/admin/api/settings", json={"apple_membership_ends": "2027-01-31"})
    assert client.admin("GET", f"{TEAMS}/default")["year_ends"] == "2027-01-31"
    client.admin("DELETE", f"{TEAMS}/default")
    assert client.admin("GET", "/admin/api/settings")["apple_configured"] is False


def test_health_and_slots_of_a_team(client: AppClient, account: Account) -> None:
    team = client.admin("GET", f"{TEAMS}/default")
    assert (team["connected"], team["checked_at"], team["listed_at"], team["slots"]) == (None, None, None, [])
    account.add(udid(1))
    client.admin("GET", "/admin/api/apple/devices")
    team = client.admin("GET", f"{TEAMS}/default")
    check(team, TEAM | {"team": TEAM})
    assert (team["connected"], team["requests_left"]) == (True, 3599)
    (phones,) = team["slots"]
    assert (phones["name"], phones["used"], phones["left"]) == ("iPhone", 1, 99)


def test_test_a_team(client: AppClient, store: AppStore) -> None:
    team_id, account = add_team(client, store)
    assert client.admin("POST", f"{TEAMS}/{team_id}/test")["connected"] is True
    account.problem = "FORBIDDEN.REQUIRED_AGREEMENTS_MISSING_OR_EXPIRED"
    found = client.admin("POST", f"{TEAMS}/{team_id}/test")
    assert found["connected"] is False
    assert "Account Holder" in found["message"]
    assert client.admin("GET", f"{TEAMS}/{team_id}")["message"] == found["message"]


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({}, "name is required"),
    ({"name": ""}, "name: must not be empty"),
    ({"name": "x", "color": "red"}, "unknown field 'color'"),
    ({"name": "x", "key_id": "short"}, "key_id must be the 10 letters and digits of the key's ID"),
    ({"name": "x", "private_key": 5}, "private_key must be the text of the .p8 file from App Store Connect"),
    ({"name": "x", "membership_ends": "soon"}, "membership_ends must be a date, YYYY-MM-DD"),
]


@pytest.mark.parametrize(("body", "message"), REFUSED)
def test_teams_that_are_refused(client: AppClient, body: dict[str, Any], message: str) -> None:
    assert refusal(client.post(TEAMS, headers=ADMIN, json=body)) == (400, "BAD_REQUEST", message)
    assert client.admin("GET", TEAMS)["total"] == 1


def test_a_twin_is_refused(client: AppClient, account: Account) -> None:
    answer = client.post(TEAMS, headers=ADMIN, json={"name": "x", **fields_of(account)})
    assert refusal(answer) == (409, "CONFLICT", "another team has this key_id already")


def test_a_product_chooses_its_team(client: AppClient, store: AppStore) -> None:
    team_id, _ = add_team(client, store)
    product = client.make_product()
    assert product["apple_team_id"] == ""
    url = f"/admin/api/products/{product['id']}"
    assert client.admin("PUT", url, json={"apple_team_id": team_id})["apple_team_id"] == team_id
    assert client.admin("GET", "/admin/api/products")["items"][0]["apple_team_id"] == team_id
    assert client.admin("GET", url)["product"]["apple_team_id"] == team_id
    assert "apple_team_id" not in client.get("/api/products/myapp").json()["data"]["product"]
    answer = client.put(url, headers=ADMIN, json={"apple_team_id": "team_nothing"})
    assert refusal(answer)[:2] == (400, "BAD_REQUEST")
    answer = client.post("/admin/api/products", headers=ADMIN, json={"name": "x", "apple_team_id": "team_nothing"})
    assert refusal(answer)[:2] == (400, "BAD_REQUEST")


# registering


def test_register_one(client: AppClient, account: Account) -> None:
    (device_id,) = devices(client, 1, verified="NULL")  # to name it is an explicit choice
    url = f"/admin/api/devices/{device_id}/register-apple"
    assert client.admin("POST", url) == {"message": "registered", "apple_device_id": "APPLE00000"}
    assert client.admin("POST", url) == {"message": "registered", "apple_device_id": "APPLE00000"}
    assert account.udids() == {udid(1): 1}
    (device,) = client.admin("GET", "/admin/api/ios_devices")["items"]
    assert (device["apple_registered"], device["apple_device_id"]) == (True, "APPLE00000")
    assert actions(client)[-1] == ("device.register-apple", device_id)
    (registration,) = client.admin("GET", f"/admin/api/devices/{device_id}/registrations")["items"]
    assert (registration["team_id"], registration["status"]) == ("default", "ENABLED")


def test_register_one_with_the_teams_of_its_products(client: AppClient, store: AppStore, account: Account) -> None:
    team_id, other = add_team(client, store)
    (device_id,) = devices(client, 1)
    product = client.make_product(apple_team_id=team_id)
    bind(client, device_id, client.make_variant(product["id"], "ios")["id"])
    client.admin("POST", f"/admin/api/devices/{device_id}/register-apple")
    assert (account.devices, other.udids()) == ([], {udid(1): 1})
    client.admin("POST", f"/admin/api/devices/{device_id}/register-apple", json={"team_id": "default"})
    assert account.udids() == {udid(1): 1}


def test_register_without_a_key(bare: AppClient) -> None:
    (device_id,) = devices(bare, 1)
    for path in (f"/admin/api/devices/{device_id}/register-apple", "/admin/api/devices/register-apple"):
        assert refusal(bare.post(path, headers=ADMIN)) == (400, "BAD_REQUEST", NO_KEY)


@pytest.mark.parametrize("path", ["register-apple", "registrations"])
def test_a_device_that_is_not_there(client: AppClient, path: str) -> None:
    method = "GET" if path == "registrations" else "POST"
    answer = client.request(method, f"/admin/api/devices/dev_nothing/{path}", headers=ADMIN)
    assert refusal(answer) == (404, "NOT_FOUND", "device not found")


def test_register_many(client: AppClient, account: Account) -> None:
    good = devices(client, 1, 2)
    bad = add(client, "bad", "Z" * 40, "2026-11-01")
    found = client.admin("POST", "/admin/api/devices/register-apple", json={"device_ids": [*good, bad, "dev_nothing"]})
    assert (found["success_count"], found["fail_count"]) == (2, 2)
    assert found["results"] == [
        {"device_id": good[0], "success": True, "message": "registered", "apple_device_id": "APPLE00000"},
        {"device_id": good[1], "success": True, "message": "registered", "apple_device_id": "APPLE00001"},
        {
            "device_id": bad,
            "success": False,
            "error": "Apple does not accept this device; check its UDID",
            "apple_device_id": "",
        },
        {"device_id": "dev_nothing", "success": False, "error": "device not found", "apple_device_id": ""},
    ]
    assert [action for action, _ in actions(client)].count("device.register-apple") == 1


@pytest.mark.parametrize("body", [{}, {"json": {}}, {"json": {"device_ids": None}}, {"content": b""}])
def test_register_all(client: AppClient, account: Account, body: dict[str, Any]) -> None:
    verified = devices(client, 1, 2)
    devices(client, 3, verified="NULL")
    found = client.admin("POST", "/admin/api/devices/register-apple", **body)
    assert [result["device_id"] for result in found["results"]] == verified
    assert account.udids() == {udid(1): 1, udid(2): 1}
    found = client.admin("POST", "/admin/api/devices/register-apple", **body)
    assert found == {"success_count": 0, "fail_count": 0, "results": []}


@pytest.mark.parametrize("ids", ["dev_x", [5], {"a": 1}])
def test_ids_that_are_none(client: AppClient, ids: Any) -> None:
    answer = client.post("/admin/api/devices/register-apple", headers=ADMIN, json={"device_ids": ids})
    assert refusal(answer)[:2] == (400, "BAD_REQUEST")


def test_register_in_the_background(client: AppClient, account: Account) -> None:
    ids = devices(client, 1, 2, 3)
    (planned,) = client.admin("POST", "/admin/api/apple/registrations/plan", json={})["teams"]
    assert planned == {
        "team_id": "default",
        "device_ids": ids,
        "families": [{"family": "IPHONE", "wanted": 3, "left": None, "left_after": None}],
        "needs_confirmation": False,
    }
    (job,) = client.admin("POST", "/admin/api/apple/registrations", json={})["jobs"]
    check(job, JOB)
    assert job["state"] == "queued"
    client.work()
    job = client.admin("GET", f"/admin/api/jobs/{job['id']}")
    assert (job["state"], job["done"], job["total"]) == ("done", 3, 3)
    assert account.udids() == {udid(number): 1 for number in (1, 2, 3)}
    assert client.admin("POST", "/admin/api/apple/registrations", json={})["jobs"] == []


def test_few_slots_want_a_confirmation(client: AppClient, account: Account) -> None:
    for number in range(95):
        account.add(udid(100 + number))
    client.admin("GET", "/admin/api/apple/devices")
    devices(client, 1)
    url = "/admin/api/apple/registrations"
    (planned,) = client.admin("POST", f"{url}/plan", json={})["teams"]
    assert planned["families"] == [{"family": "IPHONE", "wanted": 1, "left": 5, "left_after": 4}]
    assert planned["needs_confirmation"] is True
    answer = client.post(url, headers=ADMIN, json={})
    assert refusal(answer)[:2] == (409, "CONFLICT")
    assert "leave 4 of 100 slots" in refusal(answer)[2]
    assert len(client.admin("POST", url, json={"confirm": True})["jobs"]) == 1
    client.work()
    assert len(account.devices) == 96


# in and out


def test_import_from_apple(client: AppClient, account: Account) -> None:
    devices(client, 1)
    account.add(udid(1).lower())
    account.add(udid(2), "Ann's phone", status="PROCESSING")
    account.add("A5B5CD50-14AB-5AF7-8B78-AB4751AB10A8", platform="MAC_OS", deviceClass="MAC")
    job = client.admin("POST", "/admin/api/apple/import", json={})
    assert client.admin("POST", "/admin/api/apple/import", json={})["id"] == job["id"]  # one is enough
    client.work()
    job = client.admin("GET", f"/admin/api/jobs/{job['id']}")
    assert (job["state"], job["message"]) == ("done", "1 new of 3 devices")
    new, known = client.admin("GET", "/admin/api/ios_devices")["items"]
    assert (new["udid"], new["device_name"], new["model"]) == (udid(2), "Ann's phone", "iPhone 17")
    assert (new["verified_at"], new["apple_registered"], known["apple_registered"]) == (None, True, True)


def test_import_without_a_key(bare: AppClient) -> None:
    assert refusal(bare.post("/admin/api/apple/import", headers=ADMIN, json={})) == (400, "BAD_REQUEST", NO_KEY)


def test_import_and_export_a_list(client: AppClient) -> None:
    devices(client, 1)
    text = f"Device ID\tDevice Name\tDevice Platform\n{udid(1)}\tKnown\tios\n{udid(2).lower()}\tÄnn\tios\nx\ty\tios\n"
    found = client.admin("POST", "/admin/api/devices/import", content=text.encode())
    problem = {"line": 4, "reason": "the first column is no device ID (UDID)"}
    assert found == {"created": 1, "known": 1, "problems": [problem]}
    assert client.admin("POST", "/admin/api/devices/import", content=text.encode("utf-16"))["created"] == 0
    exported = client.get("/admin/exports/apple_devices.txt?q=nn", headers=ADMIN)
    assert exported.text == f"Device ID\tDevice Name\tDevice Platform\n{udid(2)}\tÄnn\tios\n"
    assert exported.headers["content-disposition"] == 'attachment; filename="apple_devices.txt"'
    everything = client.get("/admin/exports/apple_devices.txt", headers=ADMIN).text
    assert client.admin("POST", "/admin/api/devices/import", content=everything)["known"] == 2


@pytest.mark.parametrize("body", [b"", b"\xff\xfea", b"\xe9t\xe9"])
def test_lists_that_are_none(client: AppClient, body: bytes) -> None:
    answer = client.post("/admin/api/devices/import", headers=ADMIN, content=body)
    assert refusal(answer)[:2] == (400, "BAD_REQUEST")


# what is never told


def test_keys_never_come_back_and_are_sealed(client: AppClient, store: AppStore, account: Account) -> None:
    team_id, other = add_team(client, store)
    secrets = [line for one in (account, other) for line in one.key.private_key.splitlines()[1:-1]]
    answers = [client.get(path, headers=ADMIN).text for path in (TEAMS, f"{TEAMS}/{team_id}", "/admin/api/settings")]
    answers.append(client.put(f"{TEAMS}/{team_id}", headers=ADMIN, json=fields_of(other)).text)
    stored = b"".join(path.read_bytes() for path in client.runtime.config.database_file.parent.glob("fenfa.db*"))
    for secret in secrets:
        assert not [text for text in answers if secret in text]
        assert secret.encode() not in stored


def test_no_device_number_is_logged(client: AppClient, account: Account, caplog: pytest.LogCaptureFixture) -> None:
    account.limit = 0
    device_id, other = devices(client, 1, 2)
    client.post(f"/admin/api/devices/{device_id}/register-apple", headers=ADMIN)
    client.post("/admin/api/devices/register-apple", headers=ADMIN, json={"device_ids": [other]})
    assert caplog.records
    told = "".join(f"{record.getMessage()} {record.exc_info} {record.__dict__}" for record in caplog.records)
    assert udid(1) not in told
    assert udid(2) not in told
