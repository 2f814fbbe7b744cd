"""Variants: create, change, delete; the lists of iOS variants and legacy apps."""

import json
from typing import Any

import pytest

from tests.support.client import ADMIN, AppClient, refusal
from tests.web.api.bad_texts import BAD_LINES, GOOD_LINES, NO_FLAGS, NO_TEXTS
from tests.web.shapes import APP, RELEASE, VARIANT, check, identifier, listed

PLATFORMS = ("ios", "android", "macos", "windows", "linux")
LINES = ("display_name", "identifier", "arch", "installer_type", "min_os")


@pytest.fixture
def product(client: AppClient) -> str:
    return str(client.make_product()["id"])


@pytest.mark.parametrize("platform", PLATFORMS)
def test_create(client: AppClient, product: str, platform: str) -> None:
    body: dict[str, Any] = {name: f"{name} 1" for name in LINES}
    body |= {"platform": platform, "sort_order": -5, "published": False}
    answer = client.post(f"/admin/api/products/{product}/variants", headers=ADMIN, json=body)
    assert answer.status_code == 201
    made = answer.json()["data"]
    check(made, VARIANT)
    assert {name: made[name] for name in body} == body
    assert made["variant"] == {name: value for name, value in made.items() if name != "variant"}
    assert made["legacy_app_id"].partition("_")[2] == made["id"].partition("_")[2]


def test_a_platform_is_enough(client: AppClient, product: str) -> None:
    made = client.make_variant(product, "linux")
    assert [made[name] for name in LINES] == [""] * 5
    assert (made["sort_order"], made["published"]) == (0, True)


def test_a_platform_is_required(client: AppClient, product: str) -> None:
    url = f"/admin/api/products/{product}/variants"
    assert refusal(client.post(url, headers=ADMIN, json={})) == (400, "BAD_REQUEST", "platform is required")
    for wrong in ("amiga", "iOS", "", 5, None, ["ios"]):
        status, code, message = refusal(client.post(url, headers=ADMIN, json={"platform": wrong}))
        assert (status, code) == (400, "BAD_REQUEST")
        assert message == "platform: should be 'ios', 'android', 'macos', 'windows' or 'linux'"


def test_a_variant_of_nothing(client: AppClient) -> None:
    answer = client.post("/admin/api/products/prd_nothing/variants", headers=ADMIN, json={"platform": "ios"})
    assert refusal(answer) == (404, "NOT_FOUND", "product not found")


@pytest.mark.parametrize("field", LINES)
def test_fields_take_any_text_of_one_line(client: AppClient, product: str, field: str) -> None:
    url = f"/admin/api/products/{product}/variants"
    for text in GOOD_LINES:
        assert client.make_variant(product, **{field: text})[field] == text
    for text in BAD_LINES:
        answer = client.post(url, headers=ADMIN, content=json.dumps({"platform": "ios", field: text}))
        assert refusal(answer)[2].startswith(f"{field}: must ")
    for value in NO_TEXTS:
        answer = client.post(url, headers=ADMIN, json={"platform": "ios", field: value})
        assert refusal(answer) == (400, "BAD_REQUEST", f"{field}: should be a valid string")


@pytest.mark.parametrize("value", [1.5, "1", True, None, 2**31, -(2**31) - 1, 10**30, []], ids=str)
def test_sort_orders_that_are_none(client: AppClient, product: str, value: Any) -> None:
    url = f"/admin/api/products/{product}/variants"
    answer = client.post(url, headers=ADMIN, json={"platform": "ios", "sort_order": value})
    assert refusal(answer)[:2] == (400, "BAD_REQUEST")
    assert refusal(answer)[2].startswith("sort_order: should be ")


@pytest.mark.parametrize("value", NO_FLAGS, ids=str)
def test_flags_of_another_type(client: AppClient, product: str, value: Any) -> None:
    url = f"/admin/api/products/{product}/variants"
    answer = client.post(url, headers=ADMIN, json={"platform": "ios", "published": value})
    assert refusal(answer) == (400, "BAD_REQUEST", "published: should be a valid boolean")


def test_change_some_fields(client: AppClient, product: str) -> None:
    made = client.make_variant(product, "ios", identifier="com.example", arch="arm64")
    changed = client.admin("PUT", f"/admin/api/variants/{made['id']}", json={"arch": "", "sort_order": 3})
    check(changed, VARIANT)
    assert (changed["identifier"], changed["arch"], changed["variant"]["sort_order"]) == ("com.example", "", 3)
    assert changed["platform"] == "ios"
    unknown = client.put(f"/admin/api/variants/{made['id']}", headers=ADMIN, json={"product_id": "prd_x"})
    assert refusal(unknown) == (400, "BAD_REQUEST", "unknown field 'product_id'")
    missing = client.put("/admin/api/variants/var_nothing", headers=ADMIN, json={"arch": "x"})
    assert refusal(missing) == (404, "NOT_FOUND", "variant not found")


def test_delete_takes_its_releases_along(client: AppClient) -> None:
    made = client.make_release()
    variant = made["app"]["variant_id"]
    kept = client.make_variant(made["app"]["product_id"])
    assert client.admin("DELETE", f"/admin/api/variants/{variant}") == {"deleted": True}
    assert [v["id"] for v in client.get("/api/products/myapp").json()["data"]["variants"]] == [kept["id"]]
    assert client.get(f"/d/{made['release']['id']}").status_code == 404
    assert client.files() == []
    assert refusal(client.delete(f"/admin/api/variants/{variant}", headers=ADMIN))[:2] == (404, "NOT_FOUND")


# lists


def test_ios_variants(client: AppClient, product: str) -> None:
    client.make_variant(product, "android")
    ios = client.make_variant(product, "ios", identifier="com.example", display_name="For iPhone")
    found = client.admin("GET", "/admin/api/ios_variants")
    shape = {"id": identifier("var"), "identifier": str, "display_name": str}
    check(found, listed(shape | {"product_id": identifier("prd"), "product_name": str}))
    assert found["total"] == 1
    about = {"id": ios["id"], "identifier": "com.example", "display_name": "For iPhone"}
    assert found["items"] == [about | {"product_id": product, "product_name": "MyApp"}]


def test_legacy_apps(client: AppClient, product: str) -> None:
    ios = client.make_variant(product, "ios", identifier="com.example.ios", display_name="For iPhone")
    android = client.make_variant(product, "android", identifier="com.example.android")
    found = client.admin("GET", "/admin/api/apps")
    check(found, listed(APP))
    newest, oldest = found["items"]
    assert (newest["id"], oldest["id"]) == (android["legacy_app_id"], ios["legacy_app_id"])
    assert (newest["name"], oldest["name"]) == ("MyApp", "For iPhone")
    assert (newest["bundle_id"], newest["application_id"]) == ("", "com.example.android")
    assert (oldest["bundle_id"], oldest["application_id"]) == ("com.example.ios", "")


def test_a_legacy_app(client: AppClient) -> None:
    made = client.make_release()
    app = client.admin("GET", f"/admin/api/apps/{made['app']['id']}")
    check(app, APP | {"releases": [RELEASE], "app": APP})
    assert [release["id"] for release in app["releases"]] == [made["release"]["id"]]
    assert refusal(client.get("/admin/api/apps/app_nothing", headers=ADMIN)) == (404, "NOT_FOUND", "app not found")


@pytest.mark.parametrize("kind", ["app", "variant", "product"])
def test_publish_and_withdraw_by_any_id(client: AppClient, kind: str) -> None:
    made = client.make_release()
    name = {"app": made["app"]["id"], "variant": made["app"]["variant_id"], "product": made["app"]["product_id"]}[kind]
    for verb, published in (("unpublish", False), ("unpublish", False), ("publish", True)):
        assert client.admin("PUT", f"/admin/api/apps/{name}/{verb}") == {"id": name, "published": published}
        assert client.admin("GET", f"/admin/api/apps/{made['app']['id']}")["published"] is published
        assert client.get(f"/d/{made['release']['id']}").status_code == (200 if published else 404)


@pytest.mark.parametrize("name", ["rel_x", "app_x", "var_x", "prd_x", "x", "%00", "%ff"])
def test_publish_nothing(client: AppClient, name: str) -> None:
    for verb in ("publish", "unpublish"):
        assert refusal(client.put(f"/admin/api/apps/{name}/{verb}", headers=ADMIN))[:2] == (404, "NOT_FOUND")


def test_read(client: AppClient) -> None:
    made = client.make_variant(client.make_product()["id"], "ios", display_name="For iPhone")
    found = client.admin("GET", f"/admin/api/variants/{made['id']}")
    check(found, VARIANT | {"variant": VARIANT})
    assert found["display_name"] == "For iPhone"
    missing = client.get("/admin/api/variants/var_nothing", headers=ADMIN)
    assert refusal(missing) == (404, "NOT_FOUND", "variant not found")
