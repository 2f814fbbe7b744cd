"""The page of a variant."""

from typing import Any

import pytest

from tests.support.client import AppClient
from tests.web.admin.pages import audited, get, post, refused
from tests.web.api.bad_texts import GOOD_LINES


@pytest.fixture
def variant(client: AppClient) -> dict[str, Any]:
    product = client.make_product("Weather")
    return client.make_variant(product["id"], "macos", identifier="com.example.weather", arch="arm64")


@pytest.fixture
def url(variant: dict[str, Any]) -> str:
    return f"/admin/variants/{variant['id']}"


FIELDS = {
    "platform": "windows",
    "display_name": "Weather Pro",
    "identifier": "weather",
    "arch": "x64",
    "installer_type": "msi",
    "min_os": "10",
}


def test_create(client: AppClient) -> None:
    product = client.make_product("Weather")
    url = f"/admin/products/{product['id']}/variants/new"
    assert get(client, url).fields["platform"] == "ios"
    answer = post(client, url, published="1", **FIELDS)
    [made] = client.admin("GET", f"/admin/api/products/{product['id']}")["variants"]
    assert answer.headers["location"] == f"/admin/variants/{made['id']}?done=created"
    assert {name: made[name] for name in FIELDS} == FIELDS
    assert made["published"] is True
    assert audited(client)[1:] == [("variant.create", made["id"])]


@pytest.mark.parametrize(
    ("fields", "field", "problem"),
    [
        ({}, "platform", "Must not be empty"),
        ({"platform": "amiga"}, "platform", "Choose one from the list"),
        ({"platform": "ios", "identifier": "a\nb"}, "identifier", "Must not hold control characters or line breaks"),
        ({"platform": "ios", "arch": "x" * 256}, "arch", "Must be at most 255 characters long"),
    ],
)
def test_variants_that_are_refused(client: AppClient, fields: dict[str, str], field: str, problem: str) -> None:
    product = client.make_product("Weather")
    page = refused(client, f"/admin/products/{product['id']}/variants/new", **fields)
    assert page.problems == {field: problem}
    assert client.admin("GET", f"/admin/api/products/{product['id']}")["variants"] == []


def test_the_page(client: AppClient, variant: dict[str, Any], url: str) -> None:
    page = get(client, url)
    assert page.fields["identifier"] == "com.example.weather"
    for text in ("macOS · arm64", "No release yet", f"variant_id={variant['id']}", variant["legacy_app_id"]):
        assert text in page.text
    assert f"http://testserver/products/weather?variant={variant['id']}" in page.links


def test_releases_are_paged(client: AppClient) -> None:
    made = client.make_release()
    client.make_releases(made["app"]["variant_id"], 50, version="2.{n}")
    url = f"/admin/variants/{made['app']['variant_id']}"
    page = get(client, url)
    assert "1–50 of 51" in page.text
    assert f"/admin/releases/{made['release']['id']}" not in page.links
    assert f"/admin/releases/{made['release']['id']}" in get(client, f"{url}?offset=50").links


def test_change(client: AppClient, variant: dict[str, Any], url: str) -> None:
    answer = post(client, url, **FIELDS)
    assert answer.headers["location"] == f"{url}?at=about&done=saved"
    found = client.admin("GET", f"/admin/api/variants/{variant['id']}")
    assert {name: found[name] for name in FIELDS} == FIELDS
    assert audited(client)[2:] == [("variant.update", variant["id"])]


def test_changes_that_are_refused(client: AppClient, variant: dict[str, Any], url: str) -> None:
    page = refused(client, url, **FIELDS | {"min_os": "x" * 256, "arch": "\x07"})
    assert set(page.problems) == {"min_os", "arch"}
    assert page.fields["display_name"] == "Weather Pro"
    assert client.admin("GET", f"/admin/api/variants/{variant['id']}")["display_name"] == ""


def test_the_platform_stays_once_there_are_releases(client: AppClient) -> None:
    made = client.make_release()
    page = refused(client, f"/admin/variants/{made['app']['variant_id']}", platform="ios")
    advice = "This variant has releases for linux; make another variant for the new platform"
    assert page.problems == {"platform": advice}


def test_order(client: AppClient) -> None:
    product = client.make_product()
    made = [client.make_variant(product["id"], platform)["id"] for platform in ("linux", "ios", "macos")]

    def order() -> list[str]:
        return [v["id"] for v in client.admin("GET", f"/admin/api/products/{product['id']}")["variants"]]

    back = f"/admin/products/{product['id']}"
    answer = post(client, f"/admin/variants/{made[2]}/order", step="up", back=back)
    assert answer.headers["location"] == back
    assert order() == [made[0], made[2], made[1]]
    assert post(client, f"/admin/variants/{made[0]}/order", step="down").headers["location"] == back
    assert order() == [made[2], made[0], made[1]]
    assert audited(client)[-1] == ("variant.order", made[0])
    for step in ("", "sideways"):
        assert "step must be up or down" in refused(client, f"/admin/variants/{made[0]}/order", step=step).text.lower()


def test_the_switch(client: AppClient) -> None:
    made = client.make_release()
    url = f"/admin/variants/{made['app']['variant_id']}"
    assert post(client, f"{url}/published", published="0", back=url).headers["location"] == url
    assert client.get(f"/d/{made['release']['id']}").status_code == 404
    assert "not published" in get(client, url).text
    post(client, f"{url}/published", published="1")
    assert client.get(f"/d/{made['release']['id']}").status_code == 200


def test_delete(client: AppClient) -> None:
    made = client.make_release(b"x" * 2048)
    variant_id, product_id = made["app"]["variant_id"], made["app"]["product_id"]
    page = get(client, f"/admin/variants/{variant_id}/delete")
    assert "Delete Linux?" in page.text
    assert "one release with 2.0 KB of files" in page.text
    answer = post(client, f"/admin/variants/{variant_id}/delete")
    assert answer.headers["location"] == f"/admin/products/{product_id}?done=deleted"
    assert get(client, f"/admin/variants/{variant_id}").status == 404
    assert client.files() == []
    assert audited(client)[-1] == ("variant.delete", variant_id)


@pytest.mark.parametrize("text", GOOD_LINES)
def test_texts_are_only_texts(client: AppClient, text: str) -> None:
    made = client.make_variant(client.make_product()["id"], "ios", display_name=text, identifier=text, arch=text)
    for path in ("", "/delete"):
        page = get(client, f"/admin/variants/{made['id']}{path}")
        assert page.status == 200
        assert not [form for form in page.forms if "alert" in form]
