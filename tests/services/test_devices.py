"""One device, with the variants that it was registered for."""

import pytest
from sqlalchemy import insert

from fenfa.db.tables import device_bindings, devices
from fenfa.errors import NotFound
from fenfa.services.devices import get_device
from tests.services.shop import NOW, Shop


def make(shop: Shop) -> str:
    row = {"id": "dev_1", "udid": "00008110-000A1D0E3C38801E", "device_name": "Ada's iPhone", "created_at": NOW}
    shop.connection.execute(insert(devices).values(row))
    return "dev_1"


def test_device_comes_with_its_variants_the_latest_first(shop: Shop) -> None:
    device_id = make(shop)
    first, second = (shop.variant(shop.product(name), "ios") for name in ("One", "Two"))
    for variant_id in (first, second):
        row = {"device_id": device_id, "variant_id": variant_id, "created_at": NOW}
        shop.connection.execute(insert(device_bindings).values(row))
    shop.variant(platform="ios")
    device = get_device(shop.connection, device_id)
    assert device["device_name"] == "Ada's iPhone"
    assert [(v["id"], v["product_name"]) for v in device["variants"]] == [(second, "Two"), (first, "One")]


def test_device_without_variants(shop: Shop) -> None:
    assert get_device(shop.connection, make(shop))["variants"] == []


def test_unknown_device(shop: Shop) -> None:
    with pytest.raises(NotFound, match="device not found"):
        get_device(shop.connection, "dev_nobody")
