"""Registering many devices and importing lists, in the panel: shown first, done by jobs, told in words."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import httpx
import pytest

from fenfa.services.runner import JOBS
from fenfa.web.admin.jobs import KINDS
from tests.services.apple_world import settings_of
from tests.support.app_store import Account, AppStore, Fault, udid
from tests.support.client import ADMIN, AppClient, running
from tests.web.admin.pages import Page, audited, get, post
from tests.web.api.test_devices import add

REGISTER, IMPORT = "/admin/devices/register", "/admin/devices/import"
VERIFIED = "'2026-11-01T10:00:00.000Z'"
LIST = f"Device ID\tDevice Name\tDevice Platform\n{udid(1)}\tAda's iPhone\tios\nnothing\n{udid(7)}\tMini\tmac\n"


@pytest.fixture
def client(tmp_path: Path, store: AppStore, account: Account) -> Iterator[AppClient]:
    with running(tmp_path / "data", apple_url=store.url) as started:
        started.admin("PUT", "/admin/api/settings", json=settings_of(account))
        yield started


def devices(client: AppClient, *numbers: int, verified: str = VERIFIED) -> list[str]:
    return [add(client, str(number), udid(number), "2026-11-01", verified=verified) for number in numbers]


def submit(client: AppClient, path: str, fields: list[tuple[str, str]]) -> httpx.Response:
    """A form whose fields repeat."""
    content = urlencode(fields).encode()
    return client.post(path, headers=ADMIN | {"content-type": "application/x-www-form-urlencoded"}, content=content)


def send(client: AppClient, text: str, **fields: str) -> httpx.Response:
    parts = {name: (None, value) for name, value in {"list": text, **fields}.items()}
    return client.post(IMPORT, headers=ADMIN, files=parts)


# registering


def test_all_verified_are_registered_by_a_job(client: AppClient, account: Account) -> None:
    devices(client, 1, 2)
    devices(client, 3, verified="NULL")
    account.add(udid(9))
    client.admin("GET", "/admin/api/apple/devices")  # so that slots are known
    assert "Default team iPhone 2 99 97" in get(client, REGISTER).text
    job = post(client, REGISTER).headers["location"]
    assert job.startswith("/admin/jobs/job_")
    page = get(client, job)
    assert "waits" in page.text
    assert "Project-Id" not in client.get("/admin/jobs", headers=ADMIN | {"accept-language": "zh"}).text
    client.work()
    page = get(client, job)
    assert "done" in page.text
    assert "2 of 2" in page.text
    assert "2 registered, 0 refused" in page.text
    assert account.udids() == {udid(9): 1, udid(1): 1, udid(2): 1}
    assert audited(client)[-1][0] == "device.register-apple"
    assert "Every verified device is registered already" in get(client, REGISTER).text


def test_the_chosen_alone_and_unverified_ones_with_a_tick(client: AppClient, account: Account) -> None:
    (one, _), (stranger,) = devices(client, 1, 2), devices(client, 3, verified="NULL")
    chosen = [("device_id", one), ("device_id", stranger)]
    page = get(client, f"{REGISTER}?{urlencode(chosen)}")
    assert "1 device has not proved that it exists: Phone 3" in page.text
    answer = submit(client, REGISTER, chosen)
    assert answer.status_code == 400
    assert "Some of these devices have not proved that they exist" in answer.text
    submit(client, REGISTER, [*chosen, ("unverified", "1")])
    client.work()
    assert account.udids() == {udid(1): 1, udid(3): 1}
    assert "All of these devices are registered already" in submit(client, REGISTER, chosen[:1]).text


def test_few_slots_need_a_tick(client: AppClient, account: Account) -> None:
    for number in range(50, 145):
        account.add(udid(number))
    client.admin("GET", "/admin/api/apple/devices")
    devices(client, 1)
    assert "fewer than ten slots" in get(client, REGISTER).text
    assert post(client, REGISTER).status_code == 400
    assert post(client, REGISTER, confirm="1").status_code == 303


def test_what_apple_refuses_is_told_by_device_in_both_languages(client: AppClient, store: AppStore) -> None:
    devices(client, 1, 2)
    store.fault = lambda seen: Fault(409, "ENTITY_ERROR") if seen.udid == udid(2) else None
    job = post(client, REGISTER).headers["location"]
    client.work()
    page = get(client, job)
    assert "1 registered, 1 refused" in page.text
    assert "Phone 2 iPhone 16 Pro Apple does not accept this device; check its UDID" in page.text
    chinese = client.get(job, headers=ADMIN | {"accept-language": "zh"}).text
    assert "已注册 1 台，1 台被拒绝" in chinese
    assert "Apple 不接受这台设备，请检查它的 UDID" in chinese


def test_a_failed_job_is_tried_again(client: AppClient, account: Account) -> None:
    devices(client, 1)
    account.revoked = True
    job = post(client, REGISTER).headers["location"]
    client.work()
    assert "Apple does not accept the API key" in get(client, job).text
    account.revoked = False
    assert post(client, f"{job}/retry").headers["location"] == f"{job}?done=queued"
    assert post(client, f"{job}/cancel").headers["location"] == f"{job}?done=cancelled"
    assert Page(post(client, f"{job}/cancel")).status == 409
    post(client, f"{job}/retry")
    client.work()
    assert account.udids() == {udid(1): 1}
    listed = get(client, "/admin/jobs").text
    assert "Register devices with Apple done 1 of 1 1 registered, 0 refused" in listed


def test_every_kind_of_job_has_a_name() -> None:
    assert set(KINDS) == {kind.name for kind in JOBS}


# lists


def test_a_list_is_shown_before_it_is_imported(client: AppClient) -> None:
    page = Page(send(client, LIST))
    assert "New devices 1" in page.text
    assert "Line 3: the first column is no device ID (UDID)" in page.text
    assert "Line 4: this is a Mac; only devices for iOS are taken" in page.text
    assert client.rows("SELECT count(*) FROM devices") == [(0,)]
    answer = send(client, page.fields["list"], sure="1")
    assert answer.headers["location"] == "/admin/devices?done=imported"
    assert client.rows("SELECT udid, device_name, verified_at FROM devices") == [(udid(1), "Ada's iPhone", None)]
    assert audited(client)[-1] == ("device.import", "1 devices")
    assert "There is nothing new in it" in send(client, LIST).text


def test_a_file_and_nothing(client: AppClient) -> None:
    answer = client.post(IMPORT, headers=ADMIN, files={"file": ("devices.txt", LIST.encode("utf-16"))})
    assert "New devices 1" in Page(answer).text
    assert "Choose a file or paste a list first" in Page(send(client, "")).text
    assert Page(client.post(IMPORT, headers=ADMIN, files={"file": ("x.txt", b"\xff\xfa\x00")})).status == 400


def test_import_from_apple(client: AppClient, account: Account) -> None:
    account.add(udid(1), "Ada's iPhone")
    job = post(client, f"{IMPORT}/apple", team_id="default").headers["location"]
    client.work()
    assert "1 new of 1 devices" in get(client, job).text
    assert client.rows("SELECT udid, device_name FROM devices") == [(udid(1), "Ada's iPhone")]
    assert Page(post(client, f"{IMPORT}/apple", team_id="team_x")).status == 400
