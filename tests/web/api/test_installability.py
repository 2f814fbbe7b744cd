"""Which devices can install a release, and why the others cannot."""

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from fenfa.db.tables import devices, releases
from fenfa.services.doctor import Obstacle
from tests.support.app_store import udid
from tests.support.client import ADMIN, AppClient, refusal
from tests.support.packages import make_ipa
from tests.web.api.test_devices import add
from tests.web.shapes import DEVICE, Match, check, listed

GOOD, OVER = "2027-06-01T00:00:00Z", "2026-01-01T00:00:00Z"
ADHOC = {"profile_type": "ad-hoc", "provisioned_devices": [udid(1)], "expiration_date": GOOD}
VERDICT = {
    "device": {name: DEVICE[name] for name in ("udid", "device_name", "model", "model_name", "os_version")}
    | {"id": str},
    "installable": bool,
    "reasons": [{"code": Match("[a-z_]+"), "blocks": bool, "message": str}],
}


@pytest.fixture
def release(client: AppClient, tmp_path: Path) -> str:
    """For the first of two devices."""
    for number in (1, 2):
        add(client, str(number), udid(number), f"2026-11-0{number}")
    ipa = make_ipa(tmp_path / "app.ipa", profile={"ProvisionedDevices": [udid(1)]})
    client.admin("PUT", "/admin/api/settings", json={"primary_domain": "https://get.example.com"})
    variant = client.make_variant(client.make_product()["id"], "ios")
    return str(client.upload(variant["id"], ipa, "app.ipa").json()["data"]["release"]["id"])


def ask(client: AppClient, release: str, query: str = "") -> dict[str, Any]:
    found: dict[str, Any] = client.admin("GET", f"/admin/api/releases/{release}/installability{query}")
    check(found, listed(VERDICT) | {"installable_count": int})
    return found


def codes(client: AppClient, release: str) -> list[str]:
    (item,) = ask(client, release, f"?device={udid(1)}")["items"]
    return [reason["code"] for reason in item["reasons"]]


def test_all_known_devices(client: AppClient, release: str) -> None:
    found = ask(client, release)
    assert (found["total"], found["installable_count"]) == (2, 1)
    newest, oldest = found["items"]
    assert (newest["device"]["udid"], newest["installable"]) == (udid(2), False)
    assert newest["reasons"] == [
        {
            "code": "not_listed",
            "blocks": True,
            "message": "the build's provisioning profile does not list the device",
        }
    ]
    assert (oldest["device"]["udid"], oldest["installable"], oldest["reasons"]) == (udid(1), True, [])
    page = ask(client, release, "?limit=1&offset=1")
    assert ([one["device"]["udid"] for one in page["items"]], page["total"]) == ([udid(1)], 2)
    assert page["installable_count"] == 1


def test_one_device_by_id_and_udid(client: AppClient, release: str) -> None:
    for asked in (udid(1), udid(1).lower().replace("-", ""), "dev_1" + "x" * 15):
        (item,) = ask(client, release, f"?device={asked}")["items"]
        assert (item["device"]["device_name"], item["installable"]) == ("Phone 1", True)
    (stranger,) = ask(client, release, f"?device={udid(9)}")["items"]
    assert (stranger["device"]["id"], stranger["installable"]) == ("", False)
    answer = client.get(f"/admin/api/releases/{release}/installability?device=phone", headers=ADMIN)
    assert refusal(answer) == (404, "NOT_FOUND", "device not found")


REASONS: list[tuple[Obstacle, dict[str, Any], dict[str, Any]]] = [
    (Obstacle.SIMULATOR, {"public": {"simulator": True}, "provisioning_profile": ADHOC}, {}),
    (Obstacle.STORE_SIGNED, {"provisioning_profile": {"profile_type": "app-store"}}, {}),
    (Obstacle.PROFILE_EXPIRED, {"provisioning_profile": ADHOC | {"expiration_date": OVER}}, {}),
    (Obstacle.CERTIFICATE_EXPIRED, {"provisioning_profile": ADHOC | {"certificates": [{"not_after": OVER}]}}, {}),
    (Obstacle.OTHER_FAMILY, {"public": {"device_family": ["2"]}, "provisioning_profile": ADHOC}, {}),
    (Obstacle.OTHER_FAMILY, {"provisioning_profile": ADHOC}, {"model": "Watch7,1"}),
    (Obstacle.SYSTEM_TOO_OLD, {"provisioning_profile": ADHOC}, {"os_version": "14.8"}),
    (Obstacle.NOT_LISTED, {"provisioning_profile": ADHOC | {"provisioned_devices": []}}, {}),
    (Obstacle.NO_PROFILE, {}, {}),
]


@pytest.mark.parametrize(("reason", "package", "device"), REASONS)
def test_reasons(
    client: AppClient, release: str, reason: Obstacle, package: dict[str, Any], device: dict[str, Any]
) -> None:
    def store(connection: Any) -> None:
        connection.execute(update(releases).values(package=package, min_os="15.0"))
        if device:
            connection.execute(update(devices).values(device))

    client.runtime.database.write_now(store)
    assert codes(client, release) == [reason]


def test_plain_http_is_told_and_blocks_nothing(client: AppClient, release: str) -> None:
    client.admin("PUT", "/admin/api/settings", json={"primary_domain": "http://get.example.com"})
    (item,) = ask(client, release, f"?device={udid(1)}")["items"]
    assert item["installable"]
    assert [(one["code"], one["blocks"]) for one in item["reasons"]] == [("no_https", False)]


def test_a_build_for_another_platform(client: AppClient, release: str) -> None:
    other = client.make_release()["release"]["id"]
    assert codes(client, other) == ["other_platform"]
