"""Apple teams in the panel: a key is tested before it is kept; health and slots; a product's team."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.services.apple_world import fields_of, settings_of
from tests.support.app_store import Account, AppStore, make_account, udid
from tests.support.client import ADMIN, AppClient, running
from tests.web.admin.pages import Page, audited, get, post

PATH = "/admin/apple"


@pytest.fixture
def client(tmp_path: Path, store: AppStore) -> Iterator[AppClient]:
    with running(tmp_path / "data", apple_url=store.url) as started:
        yield started


def send(client: AppClient, path: str, key_file: str = "", **fields: str) -> httpx.Response:
    parts: dict[str, tuple[str | None, str]] = {name: (None, value) for name, value in fields.items()}
    if key_file:
        parts["key_file"] = ("AuthKey.p8", key_file)
    return client.post(path, headers=ADMIN, files=parts)


def test_the_first_key_is_the_default_teams(client: AppClient, account: Account) -> None:
    assert "No team yet" in get(client, PATH).text
    fields = fields_of(account)
    answer = send(client, f"{PATH}/default", key_file=fields.pop("private_key"), **fields)
    assert answer.headers["location"] == f"{PATH}?done=saved"
    page = get(client, PATH)
    assert "Default team connected" in page.text
    assert audited(client)[-1] == ("team.update", "default")
    assert "PRIVATE KEY" not in client.get(f"{PATH}/default", headers=ADMIN).text


def test_another_team(client: AppClient, store: AppStore) -> None:
    other = make_account("BBBBBBBBBB")
    store.accounts["BBBBBBBBBB"] = other
    assert Page(send(client, f"{PATH}/new", **fields_of(other))).problems["name"] == "Must not be empty"
    send(client, f"{PATH}/new", name="Consulting", membership_ends="2027-03-01", **fields_of(other))
    page = get(client, PATH)
    assert "Consulting connected" in page.text
    assert "Membership year ends Mar 1, 2027" in page.text
    twin = Page(send(client, f"{PATH}/default", **fields_of(other)))
    assert "Another team has this" in twin.problems["key_id"]


def test_what_apple_refuses_is_not_kept_unless_somebody_insists(client: AppClient, account: Account) -> None:
    account.revoked = True
    page = Page(send(client, f"{PATH}/default", **fields_of(account)))
    assert page.status == 400
    assert "nothing is saved: Apple does not accept the API key" in page.text
    assert "No team yet" in get(client, PATH).text
    send(client, f"{PATH}/default", insist="1", **fields_of(account))
    assert "Default team refused" in get(client, PATH).text


def test_fields_are_checked_first(client: AppClient, store: AppStore) -> None:
    given = {"key_id": "short", "issuer_id": "x", "private_key": "x", "membership_ends": "soon"}
    page = Page(send(client, f"{PATH}/default", **given))
    assert set(page.problems) == set(given)
    assert store.requests == []


def test_slots_and_a_new_test(client: AppClient, account: Account) -> None:
    client.admin("PUT", "/admin/api/settings", json=settings_of(account))
    account.add(udid(1))
    client.admin("GET", "/admin/api/apple/devices")
    assert "iPhone 1 99" in get(client, PATH).text
    account.revoked = True
    assert post(client, f"{PATH}/default/test").headers["location"] == f"{PATH}?done=tested"
    assert "Apple does not accept the API key" in get(client, PATH).text


def test_a_new_key_of_the_settings_forgets_what_apple_said_of_the_old_one(client: AppClient, account: Account) -> None:
    client.admin("PUT", "/admin/api/settings", json=settings_of(account))
    account.revoked = True
    client.admin("GET", "/admin/api/apple/status")
    assert client.admin("GET", "/admin/api/expiring")["total"] == 1
    post(client, "/admin/settings", section="apple", apple_key_id="CCCCCCCCCC")
    assert client.admin("GET", "/admin/api/expiring")["total"] == 0
    assert "not asked yet" in get(client, PATH).text


def test_deleting(client: AppClient, account: Account) -> None:
    client.admin("PUT", "/admin/api/settings", json=settings_of(account))
    assert post(client, f"{PATH}/default/delete").headers["location"] == f"{PATH}?done=deleted"
    assert "No team yet" in get(client, PATH).text
    assert audited(client)[-1] == ("team.delete", "default")


def test_a_product_chooses_its_team(client: AppClient, account: Account) -> None:
    product = f"/admin/products/{client.make_product()['id']}"
    assert "apple_team_id" not in get(client, product).fields
    team = client.admin("POST", "/admin/api/apple/teams", json={"name": "Consulting", **fields_of(account)})["id"]
    assert get(client, product).fields["apple_team_id"] == ""
    post(client, product, name="MyApp", slug="myapp", apple_team_id=team)
    assert get(client, product).fields["apple_team_id"] == team
