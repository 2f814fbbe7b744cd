"""Devices: the list for admins."""

import pytest

from tests.support.client import ADMIN, AppClient, refusal
from tests.web.shapes import DEVICE, check, listed

URL = "/admin/api/ios_devices"
COLUMNS = "id, udid, device_name, model, os_version, verified_at, apple_registered_at, apple_device_id, created_at"


def add(client: AppClient, name: str, udid: str, day: str, registered: str = "NULL", verified: str = "NULL") -> str:
    about = f"'dev_{name:x<16}', '{udid}', 'Phone {name}', 'iPhone17,1', '19.1'"
    values = f"{about}, {verified}, {registered}, '', '{day}T10:00:00.000Z'"
    client.sql(f"INSERT INTO devices ({COLUMNS}) VALUES ({values})")
    return f"dev_{name:x<16}"


def bind(client: AppClient, device: str, variant: str) -> None:
    columns = "device_id, variant_id, created_at"
    client.sql(f"INSERT INTO device_bindings ({columns}) VALUES ('{device}', '{variant}', 't')")


@pytest.fixture
def variant(client: AppClient) -> dict[str, str]:
    made = client.make_variant(client.make_product()["id"], "ios")
    when = "'2026-11-01T00:00:00.000Z'"
    bind(client, add(client, "one", "00008110-000A1D0E3C38801E", "2026-11-01", when, when), made["id"])
    add(client, "two_100%", "00008110-000A1D0E3C38801F", "2026-11-02")
    return {"variant_id": made["id"], "app_id": made["legacy_app_id"]}


def names(client: AppClient, query: str) -> list[str]:
    found = client.admin("GET", f"{URL}?{query}")
    assert found["total"] == len(found["items"])
    return [device["device_name"] for device in found["items"]]


def test_list(client: AppClient, variant: dict[str, str]) -> None:
    found = client.admin("GET", URL)
    shape = {name: kind for name, kind in DEVICE.items() if name != "id"}
    check(found, listed(shape))
    newest, oldest = found["items"]
    assert (newest["apple_registered"], newest["apple_registered_at"], newest["verified_at"]) == (False, None, None)
    assert oldest["apple_registered"] is True
    assert oldest["apple_registered_at"] == oldest["verified_at"] == "2026-11-01T00:00:00.000Z"
    assert not set(newest) & {"seq"}


def test_filters(client: AppClient, variant: dict[str, str]) -> None:
    both = ["Phone two_100%", "Phone one"]
    expected = {
        "": both,
        "q=phone": both,
        "q=iphone17": both,
        "q=8801e": ["Phone one"],
        "q=%25": ["Phone two_100%"],
        "q=two_": ["Phone two_100%"],
        "q=ph_ne": [],
        f"variant_id={variant['variant_id']}": ["Phone one"],
        f"app_id={variant['app_id']}": ["Phone one"],
        "variant_id=var_nothing": [],
        "from=2026-11-02": ["Phone two_100%"],
        "to=2026-11-01": ["Phone one"],
        "from=2026-11-01&to=2026-11-02": both,
        "from=2026-11-03": [],
    }
    for query, found in expected.items():
        assert names(client, query) == found, query


def test_a_page_of_them(client: AppClient, variant: dict[str, str]) -> None:
    found = client.admin("GET", f"{URL}?limit=1&offset=1")
    assert ([device["device_name"] for device in found["items"]], found["total"]) == (["Phone one"], 2)


def test_dates_that_are_none(client: AppClient) -> None:
    assert refusal(client.get(f"{URL}?from=x", headers=ADMIN)) == (
        400,
        "BAD_REQUEST",
        "from: must be a date, YYYY-MM-DD",
    )
