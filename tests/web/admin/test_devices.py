"""The list of devices: narrowed, masked, exported; and the page of each."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.services.apple_world import settings_of
from tests.support.app_store import Account, AppStore
from tests.support.client import ADMIN, AppClient, running
from tests.support.packages import make_ipa
from tests.web.admin.pages import audited, get, post, refused
from tests.web.api.bad_texts import GOOD_LINES

PATH = "/admin/devices"
UDIDS = ("00008110-000A1D0E3C38801E", "00008120-00112233445566AA", "a" * 40)


def add(client: AppClient, number: int, name: str = "", verified: bool = False, day: str = "2026-11-02") -> str:
    device_id, at = f"dev_{number}", f"{day}T09:00:00.000Z"
    query = "INSERT INTO devices (id, udid, device_name, model, os_version, verified_at, apple_device_id, created_at)"
    client.runtime.database.write_now(
        lambda connection: connection.exec_driver_sql(
            f"{query} VALUES ({', '.join([_mark(client)] * 8)})",
            (device_id, UDIDS[number], name, "iPhone17,1", "18.5", at if verified else None, "", at),
        )
    )
    return device_id


def _mark(client: AppClient) -> str:
    return "?" if client.runtime.database.inline else "%s"


def test_an_empty_list_says_what_to_do(client: AppClient) -> None:
    page = client.get(PATH, headers=ADMIN).text
    assert "No devices yet" in page
    assert 'href="/admin/devices/import"' in page
    assert "data-search" not in page


def test_udids_are_masked_in_the_list_and_whole_on_the_devices_page(client: AppClient) -> None:
    device_id = add(client, 0, "Ada's iPhone", verified=True)
    page = client.get(PATH, headers=ADMIN).text
    assert UDIDS[0] not in page
    assert "<code>0000…801E</code>" in page
    assert 'class="tag good">verified' in page
    own = client.get(f"{PATH}/{device_id}", headers=ADMIN).text
    assert UDIDS[0] in own.partition("<details>")[2].partition("</details>")[0]
    assert UDIDS[0] not in own.partition("<details>")[0] + own.partition("</details>")[2]


def test_the_list_is_narrowed(client: AppClient) -> None:
    variant = client.make_variant(client.make_product("Weather")["id"], "ios")
    for number, name in enumerate(("Ada's iPhone", "Bo's iPad", "Cy's iPhone")):
        add(client, number, name, day=f"2026-11-0{number + 1}")
    client.sql(
        "INSERT INTO device_bindings (device_id, variant_id, created_at) "
        f"VALUES ('dev_1', '{variant['id']}', '2026-11-02T09:00:00.000Z')"
    )

    def names(query: str) -> list[str]:
        page = client.get(f"{PATH}?{query}", headers=ADMIN).text
        return [name for name in ("Ada", "Bo", "Cy") if f">{name}&#39;s" in page]

    assert names("") == ["Ada", "Bo", "Cy"]
    assert names("q=CY") == ["Cy"]
    assert names("q=33445566") == ["Bo"]
    assert names(f"variant_id={variant['id']}") == ["Bo"]
    assert names("from=2026-11-02") == ["Bo", "Cy"]
    assert names("from=2026-11-02&to=2026-11-02") == ["Bo"]
    assert names("verified=yes") == []
    assert names("verified=no&apple=none") == ["Ada", "Bo", "Cy"]
    for state, word in (("dev_0", "ENABLED"), ("dev_1", "INELIGIBLE"), ("dev_2", "DISABLED")):
        columns = "device_id, team_id, apple_device_id, status, family, added_at, created_at, updated_at"
        client.sql(
            f"INSERT INTO apple_registrations ({columns}) VALUES ('{state}', 'default', '', '{word}', '', '', 't', 't')"
        )
    assert names("apple=none") == []
    assert names("apple=enabled") == ["Ada"]
    assert names("apple=processing") == ["Bo"]
    assert names("apple=disabled") == ["Cy"]
    assert names("apple=lost&verified=maybe") == ["Ada", "Bo", "Cy"]
    assert names("from=yesterday&q=%00") == ["Ada", "Bo", "Cy"]
    assert "No device fits" in client.get(f"{PATH}?q=nobody", headers=ADMIN).text


def test_the_csv_has_the_same_filters(client: AppClient) -> None:
    add(client, 0, "Ada's iPhone")
    add(client, 1, "Bo's iPad")
    page = client.get(f"{PATH}?q=ipad&from=2026-11-01&variant_id=", headers=ADMIN).text
    address = "/admin/exports/ios_devices.csv?q=ipad&amp;from=2026-11-01"
    assert f'href="{address}"' in page
    lines = client.get(address.replace("&amp;", "&"), headers=ADMIN).text.splitlines()
    assert len(lines) == 2
    assert UDIDS[1] in lines[1]


def test_a_device_tells_its_variants(client: AppClient) -> None:
    device_id = add(client, 0)
    assert "it was imported" in client.get(f"{PATH}/{device_id}", headers=ADMIN).text
    variant = client.make_variant(client.make_product("Weather")["id"], "ios", display_name="For testers")
    client.sql(
        "INSERT INTO device_bindings (device_id, variant_id, created_at) "
        f"VALUES ('{device_id}', '{variant['id']}', '2026-11-02T09:00:00.000Z')"
    )
    page = client.get(f"{PATH}/{device_id}", headers=ADMIN).text
    for text in ("Nameless device", "iPhone 16 Pro", "Weather", "For testers"):
        assert text in page


def test_an_unknown_device_is_a_page(client: AppClient) -> None:
    answer = client.get(f"{PATH}/dev_nobody", headers=ADMIN)
    assert answer.status_code == 404
    assert "Device not found" in answer.text


@pytest.mark.parametrize("text", GOOD_LINES)
def test_names_are_only_texts(client: AppClient, text: str) -> None:
    device_id = add(client, 0, text)
    for path in (PATH, f"{PATH}/{device_id}"):
        page = client.get(path, headers=ADMIN)
        assert page.status_code == 200
        assert "<script>alert" not in page.text
    assert client.get(PATH, headers=ADMIN, params={"q": text}).status_code == 200


# one device


@pytest.fixture
def apple(tmp_path: Path, store: AppStore, account: Account) -> Iterator[AppClient]:
    """With a key that Apple takes."""
    with running(tmp_path / "apple", apple_url=store.url) as started:
        started.admin("PUT", "/admin/api/settings", json=settings_of(account))
        yield started


def test_a_device_without_a_key_is_led_to_one(client: AppClient) -> None:
    page = get(client, f"{PATH}/{add(client, 0)}")
    assert "No Apple API key is stored yet" in page.text
    assert "/admin/apple" in page.links


def test_registering_with_apple(apple: AppClient, account: Account) -> None:
    device_id = add(apple, 0, "Ada's iPhone", verified=True)
    assert "not registered" in get(apple, f"{PATH}/{device_id}").text
    answer = post(apple, f"{PATH}/{device_id}/register", team_id="default")
    assert answer.headers["location"] == f"{PATH}/{device_id}?done=registered"
    assert account.udids() == {UDIDS[0]: 1}
    page = get(apple, answer.headers["location"])
    assert "not registered" not in page.text
    assert "Register with Apple" not in page.text
    assert audited(apple)[-1] == ("device.register-apple", device_id)


def test_an_unverified_device_needs_a_tick(apple: AppClient, account: Account) -> None:
    device_id = add(apple, 0)
    page = refused(apple, f"{PATH}/{device_id}/register", team_id="default")
    assert "This device has not proved that it exists" in page.text
    assert not account.devices
    post(apple, f"{PATH}/{device_id}/register", team_id="default", unverified="1")
    assert account.udids() == {UDIDS[0]: 1}


def test_what_apple_says_stands_on_the_page(apple: AppClient, account: Account) -> None:
    account.revoked = True
    page = refused(apple, f"{PATH}/{add(apple, 0, verified=True)}/register", team_id="default")
    assert "Apple does not accept the API key" in page.text


def test_the_builds_that_it_can_install(client: AppClient, tmp_path: Path) -> None:
    device_id = add(client, 0)
    for name, listed in (("Yes", UDIDS[0]), ("No", UDIDS[1])):
        ipa = make_ipa(tmp_path / "app.ipa", profile={"ProvisionedDevices": [listed]})
        client.upload(client.make_variant(client.make_product(name)["id"], "ios")["id"], ipa, "app.ipa")
    page = client.get(f"{PATH}/{device_id}", headers=ADMIN).text.partition("Newest builds")[2]
    good, bad = page.index('class="tag good">yes'), page.index('class="tag bad">no')
    assert bad < good  # the newest first
    assert bad < page.index("The build&#39;s provisioning profile does not list the device") < good


def test_erasing(apple: AppClient) -> None:
    device_id = add(apple, 0, "Ada's iPhone", verified=True)
    variant = apple.make_variant(apple.make_product("Weather")["id"], "ios")
    columns = "device_id, variant_id, created_at"
    apple.sql(f"INSERT INTO device_bindings ({columns}) VALUES ('{device_id}', '{variant['id']}', 't')")
    post(apple, f"{PATH}/{device_id}/register", team_id="default")
    page = get(apple, f"{PATH}/{device_id}/erase")
    for loss in ("one variant", "for one team", "its slot stays used"):
        assert loss in page.text
    assert "browser" not in page.text
    assert post(apple, f"{PATH}/{device_id}/erase").headers["location"] == f"{PATH}?done=erased"
    for table in ("devices", "device_bindings", "apple_registrations"):
        assert apple.rows(f"SELECT count(*) FROM {table}") == [(0,)]
    assert audited(apple)[-1] == ("device.erase", device_id)
    assert post(apple, f"{PATH}/{device_id}/erase").status_code == 404
