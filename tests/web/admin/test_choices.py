"""What a person makes of a proposal: one click, a choice among several, values of their own."""

from pathlib import Path
from typing import Any

import pytest

from tests.support.client import ADMIN, AppClient
from tests.support.packages import make_apk, make_ipa
from tests.web.admin.uploading import ZH, form_of, page, propose, publish, releases_of
from tests.web.api.bad_texts import BAD_LINES, GOOD_LINES


@pytest.fixture
def apk(tmp_path: Path) -> Path:
    return make_apk(tmp_path / "app.apk", name="Weather", version="2.1", build=7, min_sdk=24)


def make_variant(client: AppClient, name: str = "Weather", platform: str = "android", **fields: Any) -> dict[str, Any]:
    return client.make_variant(client.make_product(name)["id"], platform, **fields)


def only_release(client: AppClient) -> dict[str, Any]:
    (release,) = releases_of(client)
    return release


def test_one_click_makes_the_product_and_shares_it(client: AppClient, apk: Path) -> None:
    address = propose(client, apk)
    answer = publish(client, address)
    assert (answer.status_code, answer.headers["location"]) == (303, address)
    made = only_release(client)
    assert (made["product"], made["slug"], made["platform"], made["identifier"]) == (
        *("Weather", "weather", "android", "com.example.app"),
    )
    assert (made["version"], made["build"]) == ("2.1", 7)
    text = page(client, address)
    for word in (
        "Published for Android",
        "/products/weather?r=rel_",
        "/products/weather/latest/android",
        "GitHub Actions",
    ):
        assert word in text
    assert client.get("/products/weather").status_code == 200


def test_one_click_where_one_variant_fits(client: AppClient, apk: Path) -> None:
    variant = make_variant(client, "Wetter", identifier="com.example.app")
    address = propose(client, apk)
    assert form_of(client.get(address, headers=ADMIN).text)["place"] == variant["id"]
    publish(client, address)
    assert only_release(client)["variant_id"] == variant["id"]


def test_values_of_ones_own(client: AppClient, apk: Path) -> None:
    address = propose(client, apk)
    changes = {"name": "Wetter", "version": "3.0", "build": "30", "channel": "beta", "min_os": "Android 26"}
    publish(client, address, changelog="- One\r\n- Two", **changes)
    made = only_release(client)
    assert (made["product"], made["version"], made["build"], made["channel"]) == ("Wetter", "3.0", 30, "beta")
    assert made["changelog"] == "- One\n- Two"
    assert client.rows("SELECT min_os FROM releases") == [("26",)]


def test_fields_that_are_emptied_come_from_the_package(client: AppClient, apk: Path) -> None:
    publish(client, propose(client, apk), version="", build="", min_os="")
    assert (only_release(client)["version"], only_release(client)["build"]) == ("2.1", 7)
    assert client.rows("SELECT min_os FROM releases") == [("24",)]


def test_several_that_fit_are_a_choice_and_no_dead_end(client: AppClient, apk: Path) -> None:
    one, other = (make_variant(client, name, identifier="com.example.app") for name in ("Stable", "Nightly"))
    address = propose(client, apk)
    text = page(client, address)
    assert "Choose where it goes" in text
    assert form_of(text)["place"] == ""
    refused = publish(client, address)
    assert (refused.status_code, "Choose one" in refused.text) == (400, True)
    publish(client, address, place=other["id"])
    assert only_release(client)["variant_id"] == other["id"] != one["id"]


def test_another_app_than_the_open_one_is_a_choice_too(client: AppClient, apk: Path) -> None:
    variant = make_variant(client, "Radar", identifier="com.example.radar")
    address = propose(client, apk, to=variant["id"])
    assert "The package is com.example.app, but the variant is for com.example.radar" in page(client, address)
    assert "安装包的标识是 com.example.app，而这个变体的标识是 com.example.radar" in page(client, address, ZH)
    assert publish(client, address).status_code == 400
    publish(client, address, place=variant["id"])
    assert only_release(client)["variant_id"] == variant["id"]


def test_an_app_of_another_platform_becomes_a_variant(client: AppClient, apk: Path, tmp_path: Path) -> None:
    publish(client, propose(client, make_ipa(tmp_path / "app.ipa", name="Weather")))
    address = propose(client, apk)
    assert "Weather, new for Android" in page(client, address)
    publish(client, address)
    assert [(r["product"], r["platform"]) for r in releases_of(client)] == [("Weather", "ios"), ("Weather", "android")]
    assert client.rows("SELECT count(*) FROM products") == [(1,)]


def test_any_other_variant_can_be_chosen(client: AppClient, apk: Path) -> None:
    variant = make_variant(client, "Elsewhere", identifier="com.other")
    address = propose(client, apk)
    for other in ("", "var_nobody"):
        refused = publish(client, address, place="other", other=other)
        assert (refused.status_code, "Choose one" in refused.text) == (400, True)
    publish(client, address, place="other", other=variant["id"])
    assert only_release(client)["variant_id"] == variant["id"]


def test_a_file_that_says_nothing_asks_for_its_platform(client: AppClient, tmp_path: Path) -> None:
    zipped = make_apk(tmp_path / "tool.zip", icon=False)
    address = propose(client, zipped)
    assert form_of(page(client, address))["place"] == ""
    refused = publish(client, address, place="new", name="Tool")
    assert (refused.status_code, "Choose one" in refused.text) == (400, True)
    assert publish(client, address, place="new", name="Tool", platform="ios").status_code == 400
    publish(client, address, place="new", name="Tool", platform="windows", arch="x64")
    assert (only_release(client)["product"], only_release(client)["platform"]) == ("Tool", "windows")
    assert client.rows("SELECT arch FROM variants") == [("x64",)]


@pytest.mark.parametrize("place", ["", "nonsense", "var_nobody", "prd_nobody", "new; --", "other"])
def test_places_that_are_none(client: AppClient, apk: Path, place: str) -> None:
    address = propose(client, apk)
    answer = publish(client, address, place=place)
    assert answer.status_code == 400
    assert releases_of(client) == []
    assert publish(client, address).status_code == 303


@pytest.mark.parametrize("field", ["name", "version", "channel", "min_os", "arch"])
def test_bad_values_stand_beside_their_field_and_nothing_is_lost(client: AppClient, apk: Path, field: str) -> None:
    address = propose(client, apk)
    for bad in BAD_LINES:
        if "\ud800" <= max(bad) <= "\udfff":
            continue  # no form can send one
        answer = publish(client, address, **{field: bad}, changelog="kept")
        assert answer.status_code == 400
        assert f'{field}-problem" role="alert">Must ' in answer.text
        assert ">\nkept</textarea>" in answer.text
    assert releases_of(client) == []


@pytest.mark.parametrize("build", ["x", "-1", "1.5", "9" * 20])
def test_a_build_that_is_no_number(client: AppClient, apk: Path, build: str) -> None:
    answer = publish(client, propose(client, apk), build=build)
    assert (answer.status_code, "Must be a whole number" in answer.text) == (400, True)


def test_a_product_needs_a_name(client: AppClient, apk: Path) -> None:
    answer = publish(client, propose(client, apk), name=" ")
    assert (answer.status_code, "Must not be empty" in answer.text) == (400, True)


@pytest.mark.parametrize("name", GOOD_LINES)
def test_names_are_only_texts(client: AppClient, apk: Path, name: str) -> None:
    address = propose(client, apk)
    publish(client, address, name=name, version=name, channel=name, changelog=name)
    assert only_release(client)["product"] == name.strip()
    assert "<script>alert" not in client.get(address, headers=ADMIN).text


def test_what_changed_meanwhile_is_looked_at_once_more(client: AppClient, apk: Path, tmp_path: Path) -> None:
    """Both builds of a new app were dropped at once: the second shall not make a second product."""
    first, second = propose(client, make_ipa(tmp_path / "app.ipa", name="Weather")), propose(client, apk)
    as_shown = form_of(page(client, second))
    publish(client, first)
    answer = client.post(second, headers=ADMIN, data=as_shown)
    assert answer.status_code == 409
    assert "look once more" in answer.text
    assert client.post(second, headers=ADMIN, data=form_of(answer.text)).status_code == 303
    assert [r["product"] for r in releases_of(client)] == ["Weather", "Weather"]
    assert client.rows("SELECT count(*) FROM products") == [(1,)]


def test_what_a_person_chose_counts_whatever_changed(client: AppClient, apk: Path, tmp_path: Path) -> None:
    first, second = propose(client, make_ipa(tmp_path / "app.ipa", name="Weather")), propose(client, apk)
    as_shown = form_of(page(client, second)) | {"name": "Its own"}
    publish(client, first)
    shown_again = client.post(second, headers=ADMIN, data=as_shown)
    assert shown_again.status_code == 409
    chosen = form_of(shown_again.text) | {"place": "new"}
    assert client.post(second, headers=ADMIN, data=chosen).status_code == 303
    assert [r["product"] for r in releases_of(client)] == ["Weather", "Its own"]


def test_publishing_twice_makes_one_release(client: AppClient, apk: Path) -> None:
    address = propose(client, apk)
    form = form_of(page(client, address))
    request = ("POST", address, {"headers": ADMIN, "data": form})
    assert {answer.status_code for answer in client.together(*[request] * 4)} == {303}
    assert client.post(address, headers=ADMIN, data=form).status_code == 303
    assert len(releases_of(client)) == 1
    assert [path for path in client.files() if path.startswith("staging/")] == []


def test_a_hidden_product_is_said_where_it_is_shared(client: AppClient, apk: Path) -> None:
    product = client.make_product("Weather", published=False)
    client.make_variant(product["id"], "android", identifier="com.example.app")
    address = propose(client, apk)
    publish(client, address)
    assert "Nobody but admins can open these links" in page(client, address)


def test_a_deleted_release_is_gone_from_its_page(client: AppClient, apk: Path) -> None:
    address = propose(client, apk)
    publish(client, address)
    ((release_id,),) = client.rows("SELECT id FROM releases")
    client.delete(f"/admin/api/releases/{release_id}", headers=ADMIN)
    assert client.get(address, headers=ADMIN).status_code == 404
