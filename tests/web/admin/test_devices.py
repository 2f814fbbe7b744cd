"""The list of devices: narrowed, masked, exported; and the page of each."""

import pytest

from tests.support.client import ADMIN, AppClient
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
    assert "/admin/api/devices/import" in page
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
