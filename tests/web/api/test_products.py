"""Products: list, create, read, change, icon, delete."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from fenfa.services.texts import slug_of
from tests.support import images
from tests.support.client import ADMIN, AppClient, refusal
from tests.web.api.bad_texts import BAD_LINES, GOOD_LINES, NO_FLAGS, NO_TEXTS
from tests.web.shapes import COUNTS, LISTED, PRODUCT, RELEASE, VARIANT, check, listed

URL = "/admin/api/products"


def test_create(client: AppClient) -> None:
    body = {"name": "MyApp", "slug": "my-app", "description": "Line 1\r\nLine 2", "published": False}
    answer = client.post(URL, headers=ADMIN, json=body)
    assert answer.status_code == 201
    made = answer.json()["data"]
    check(made, PRODUCT | COUNTS)
    assert {name: made[name] for name in body} == body | {"description": "Line 1\nLine 2"}
    assert made["product"] == {name: value for name, value in made.items() if name != "product"}
    assert made["created_at"] == made["updated_at"] == "2026-11-02T09:30:00.000Z"
    assert made["icon_url"] == ""


def test_a_name_is_enough(client: AppClient) -> None:
    made = client.make_product("  My App  ")
    assert (made["name"], made["slug"], made["description"], made["published"]) == ("My App", "my-app", "", True)


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("MyApp", "myapp"),
        ("My  App 2.0!", "my-app-2-0"),
        ("时间 管理", "时间-管理"),
        ("Приложение", "приложение"),
        ("تطبيق", "تطبيق"),
        ("ＦＵＬＬ　Ｗｉｄｔｈ", "full-width"),
        ("Ünïcödé", "ünïcödé"),
        ("हिन्दी", "हिन्दी"),
        ("--a--b--", "a-b"),
        ("a/b\\c?d#e", "a-b-c-d-e"),
        ("../../etc", "etc"),
        ("!!!", "app"),
        ("🎉", "app"),
        ("x" * 255, "x" * 80),
    ],
)
def test_slugs_of_any_script(client: AppClient, name: str, slug: str) -> None:
    made = client.make_product(name)
    assert made["slug"] == slug == slug_of(slug)
    assert client.get(f"/products/{slug}").status_code == 200
    assert client.get(f"/api/products/{slug}").json()["data"]["product"]["id"] == made["id"]
    assert client.get(f"/api/products/slug/{slug}").status_code == 200


def test_taken_slugs_are_numbered(client: AppClient) -> None:
    assert [client.make_product("My App")["slug"] for _ in range(4)] == ["my-app", "my-app-2", "my-app-3", "my-app-4"]
    client.make_product("My App 6")
    assert [client.make_product("My App")["slug"] for _ in range(2)] == ["my-app-5", "my-app-7"]


def test_a_given_slug_that_is_taken(client: AppClient) -> None:
    client.make_product("A", slug="one")
    answer = client.post(URL, headers=ADMIN, json={"name": "B", "slug": "one"})
    assert refusal(answer) == (409, "CONFLICT", "slug 'one' is taken; choose another")
    other = client.make_product("B")
    answer = client.put(f"{URL}/{other['id']}", headers=ADMIN, json={"slug": "one"})
    assert refusal(answer)[:2] == (409, "CONFLICT")
    assert client.admin("PUT", f"{URL}/{other['id']}", json={"slug": "b", "name": "C"})["name"] == "C"


def test_two_products_with_one_slug_at_once(client: AppClient) -> None:
    given = [("POST", URL, {"headers": ADMIN, "json": {"name": "A", "slug": "same"}})] * 10
    statuses = sorted(answer.status_code for answer in client.together(*given))
    assert statuses == [201, *[409] * 9]
    made = [("POST", URL, {"headers": ADMIN, "json": {"name": "Same"}})] * 10
    slugs = {answer.json()["data"]["slug"] for answer in client.together(*made)}
    assert slugs == {f"same-{number}" for number in range(2, 12)}


@pytest.mark.parametrize(
    "slug", ["My-App", "a b", "a--b", "-a", "a-", "a/b", "a_b", "prd_x", "..", "é!", "x" * 81, "\0"]
)
def test_slugs_that_are_none(client: AppClient, slug: str) -> None:
    assert refusal(client.post(URL, headers=ADMIN, json={"name": "x", "slug": slug}))[:2] == (400, "BAD_REQUEST")


@pytest.mark.parametrize("text", GOOD_LINES)
def test_names_come_back_as_they_were(client: AppClient, text: str) -> None:
    made = client.make_product(text, description=text)
    assert (made["name"], made["description"]) == (text, text)
    assert client.admin("GET", f"{URL}/{made['id']}")["product"]["name"] == text
    assert client.get(f"/products/{made['slug']}").status_code == 200


@pytest.mark.parametrize("text", BAD_LINES, ids=ascii)
def test_names_that_are_refused(client: AppClient, text: str) -> None:
    status, code, message = refusal(client.post(URL, headers=ADMIN, content=json.dumps({"name": text})))
    assert (status, code) == (400, "BAD_REQUEST")
    assert message.startswith("name: must ")


@pytest.mark.parametrize("field", ["name", "slug", "description"])
@pytest.mark.parametrize("value", NO_TEXTS, ids=str)
def test_texts_of_another_type(client: AppClient, field: str, value: Any) -> None:
    answer = client.post(URL, headers=ADMIN, json={"name": "x", field: value})
    assert refusal(answer) == (400, "BAD_REQUEST", f"{field}: should be a valid string")


@pytest.mark.parametrize("value", NO_FLAGS, ids=str)
def test_flags_of_another_type(client: AppClient, value: Any) -> None:
    answer = client.post(URL, headers=ADMIN, json={"name": "x", "published": value})
    assert refusal(answer) == (400, "BAD_REQUEST", "published: should be a valid boolean")


def test_a_name_is_required(client: AppClient) -> None:
    assert refusal(client.post(URL, headers=ADMIN, json={})) == (400, "BAD_REQUEST", "name is required")
    for blank in ("", "   "):
        answer = client.post(URL, headers=ADMIN, json={"name": blank})
        assert refusal(answer) == (400, "BAD_REQUEST", "name: must not be empty")


def test_unknown_fields_are_named(client: AppClient) -> None:
    made = client.make_product()
    for method, url in (("POST", URL), ("PUT", f"{URL}/{made['id']}")):
        answer = client.request(method, url, headers=ADMIN, json={"name": "x", "publishd": True})
        assert refusal(answer) == (400, "BAD_REQUEST", "unknown field 'publishd'")


def test_a_huge_description(client: AppClient) -> None:
    assert client.make_product(description="x" * 65_536)["description"] == "x" * 65_536
    answer = client.post(URL, headers=ADMIN, json={"name": "x", "description": "x" * 65_537})
    assert refusal(answer) == (400, "BAD_REQUEST", "description: must be at most 65536 characters long")


def test_read(client: AppClient) -> None:
    product = client.make_product()
    second = client.make_variant(product["id"], "android", sort_order=1)
    first = client.make_variant(product["id"], "linux")
    release = client.upload(first["id"], b"x").json()["data"]["release"]
    found = client.admin("GET", f"{URL}/{product['id']}")
    check(found["product"], PRODUCT | COUNTS)
    check(found["variants"], [VARIANT | {"releases": [RELEASE]}])
    assert [v["id"] for v in found["variants"]] == [first["id"], second["id"]]
    assert [r["id"] for r in found["variants"][0]["releases"]] == [release["id"]]
    assert (found["product"]["variant_count"], found["product"]["release_count"]) == (2, 1)


def test_change_some_fields(client: AppClient) -> None:
    made = client.make_product("A", description="text")
    client.clock.move(hours=1)
    changed = client.admin("PUT", f"{URL}/{made['id']}", json={"name": "B"})
    check(changed, PRODUCT)
    assert changed["product"]["name"] == "B"
    assert (changed["slug"], changed["description"], changed["published"]) == ("a", "text", True)
    assert (changed["created_at"], changed["updated_at"]) == ("2026-11-02T09:30:00.000Z", "2026-11-02T10:30:00.000Z")


def test_a_field_that_is_sent_is_set(client: AppClient) -> None:
    made = client.make_product("A", description="text")
    changed = client.admin("PUT", f"{URL}/{made['id']}", json={"description": "", "published": False, "slug": "b"})
    assert (changed["description"], changed["published"], changed["slug"]) == ("", False, "b")
    for field in ("name", "slug"):
        answer = client.put(f"{URL}/{made['id']}", headers=ADMIN, json={field: ""})
        assert refusal(answer) == (400, "BAD_REQUEST", f"{field}: must not be empty")
    missing = client.put(f"{URL}/prd_nothing", headers=ADMIN, json={"name": "B"})
    assert refusal(missing) == (404, "NOT_FOUND", "product not found")


def test_a_refused_change_changes_nothing(client: AppClient) -> None:
    made = client.make_product("A")
    client.put(f"{URL}/{made['id']}", headers=ADMIN, json={"name": "B", "slug": "no slug"})
    client.put(f"{URL}/{made['id']}", headers=ADMIN, json={"name": "B", "published": 5})
    assert client.admin("GET", f"{URL}/{made['id']}")["name"] == "A"


def test_list(client: AppClient) -> None:
    made = [client.make_product(name)["id"] for name in ("A", "B", "C")]
    found = client.admin("GET", URL)
    check(found, listed(PRODUCT | LISTED))
    assert [item["id"] for item in found["items"]] == made[::-1]
    assert found["total"] == 3
    page = client.admin("GET", f"{URL}?limit=1&offset=1")
    assert ([item["id"] for item in page["items"]], page["total"]) == ([made[1]], 3)
    for nothing in ("limit=0", "offset=3", "offset=4611686018427387904"):
        assert client.admin("GET", f"{URL}?{nothing}") == {"items": [], "total": 3}


def test_counts(client: AppClient) -> None:
    made = client.make_release()
    client.upload(made["app"]["variant_id"], b"second")
    client.get(f"/d/{made['release']['id']}")
    client.flush()
    [item] = client.admin("GET", URL)["items"]
    assert (item["variant_count"], item["release_count"], item["download_count"]) == (1, 2, 1)


@pytest.mark.parametrize(
    "query", ["limit=-1", "limit=1001", "limit=x", "limit=1.5", "offset=-1", "offset=x", f"offset={'9' * 40}", "limit="]
)
@pytest.mark.parametrize("noun", ["products", "apps", "events", "ios_devices", "ios_variants", "tokens"])
def test_bounds_of_every_list(client: AppClient, noun: str, query: str) -> None:
    status, code, message = refusal(client.get(f"/admin/api/{noun}?{query}", headers=ADMIN))
    assert (status, code) == (400, "BAD_REQUEST")
    assert message.startswith(f"{query.partition('=')[0]}: should be ")


@pytest.mark.parametrize("noun", ["products", "apps", "events", "ios_devices", "ios_variants", "tokens"])
def test_an_empty_list(client: AppClient, noun: str) -> None:
    end = {"next": None} if noun == "events" else {}
    assert client.admin("GET", f"/admin/api/{noun}?limit=1000") == {"items": [], "total": 0, **end}


def test_a_list_gives_a_hundred(client: AppClient) -> None:
    for number in range(101):
        client.make_product(f"App {number}")
    found = client.admin("GET", URL)
    assert (len(found["items"]), found["total"]) == (100, 101)
    assert len(client.admin("GET", f"{URL}?limit=1000")["items"]) == 101


@pytest.mark.parametrize(
    ("q", "expected"),
    [
        ("app", ["App one", "App_two", "100% App"]),
        ("APP", ["App one", "App_two", "100% App"]),
        ("%", ["100% App"]),
        ("_", ["App_two"]),
        ("100%", ["100% App"]),
        ("one", ["App one"]),
        ("app-two", ["App_two"]),
        ("\\", []),
        ("'", []),
        ("übung", ["Übung Zwei"]),
        ("Übung Z", ["Übung Zwei"]),
        ("", ["App one", "App_two", "100% App", "Übung Zwei"]),
    ],
)
def test_search(client: AppClient, q: str, expected: list[str]) -> None:
    for name in ("App one", "App_two", "100% App", "Übung Zwei"):
        client.make_product(name)
    found = client.admin("GET", URL, params={"q": q})
    assert [item["name"] for item in found["items"]] == expected[::-1]
    assert found["total"] == len(expected)


def test_lists_are_sorted_and_filtered(client: AppClient) -> None:
    client.make_product("Beta", published=False)
    made = client.make_release()
    client.make_product("alpha")
    client.get(f"/d/{made['release']['id']}")
    client.flush()

    def names(query: str) -> list[str]:
        return [item["name"] for item in client.admin("GET", f"{URL}?{query}")["items"]]

    assert names("sort=name") == ["alpha", "Beta", "MyApp"]
    assert names("sort=downloads&limit=1") == names("sort=last_release&limit=1") == ["MyApp"]
    assert names("published=true") == ["alpha", "MyApp"]
    assert names("published=false") == ["Beta"]
    [item] = client.admin("GET", f"{URL}?q=myapp")["items"]
    assert (item["platforms"], item["last_release_at"]) == (["linux"], made["release"]["created_at"])


@pytest.mark.parametrize("query", ["sort=age", "sort=", "published=perhaps", "published="])
def test_orders_and_filters_that_are_none(client: AppClient, query: str) -> None:
    status, code, message = refusal(client.get(f"{URL}?{query}", headers=ADMIN))
    assert (status, code) == (400, "BAD_REQUEST")
    assert message.startswith(f"{query.partition('=')[0]}: should be ")


@pytest.mark.parametrize("noun", ["products", "ios_devices"])
@pytest.mark.parametrize("q", ["\0", "a\nb", "x" * 256])
def test_searches_that_are_refused(client: AppClient, noun: str, q: str) -> None:
    answer = client.get(f"/admin/api/{noun}", params={"q": q}, headers=ADMIN)
    assert refusal(answer)[:2] == (400, "BAD_REQUEST")


def test_delete_takes_everything_along(client: AppClient) -> None:
    made = client.make_release()
    client.upload(made["app"]["variant_id"], b"second")
    kept = client.make_release(b"another product")
    device = "INSERT INTO devices (id, udid, device_name, model, os_version, apple_device_id, created_at)"
    client.sql(f"{device} VALUES ('dev_1', 'u', '', '', '', '', 't')")
    bound = "INSERT INTO device_bindings (device_id, variant_id, created_at) VALUES ('dev_1', '{}', 't')"
    client.sql(bound.format(made["app"]["variant_id"]))
    client.get(f"/d/{made['release']['id']}")
    assert client.admin("DELETE", f"{URL}/{made['app']['product_id']}") == {"deleted": True}
    assert client.admin("GET", URL)["total"] == 1
    assert client.admin("GET", f"/admin/api/ios_devices?variant_id={made['app']['variant_id']}")["total"] == 0
    for gone in (f"/d/{made['release']['id']}", "/products/myapp", f"{URL}/{made['app']['product_id']}"):
        assert client.get(gone, headers=ADMIN).status_code == 404
    assert client.get(f"/d/{kept['release']['id']}").content == b"another product"
    assert not [path for path in client.files() if made["app"]["product_id"] in path]
    client.flush()
    again = client.delete(f"{URL}/{made['app']['product_id']}", headers=ADMIN)
    assert refusal(again) == (404, "NOT_FOUND", "product not found")


# icons


def picture(kind: str, size: tuple[int, int] = (64, 64)) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, (200, 30, 30)).save(out, kind)
    return out.getvalue()


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_icons_are_encoded_anew(client: AppClient, kind: str) -> None:
    made = client.make_product()
    sent = picture(kind)
    answer = client.put(f"{URL}/{made['id']}/icon", headers=ADMIN, content=sent)
    assert answer.status_code == 200
    data = answer.json()["data"]
    check(data, PRODUCT)
    assert data["product"]["icon_url"] == data["icon_url"] != ""
    served = client.get(data["icon_url"])
    assert served.headers["content-type"] == "image/png"
    assert served.content.startswith(b"\x89PNG")
    with Image.open(io.BytesIO(served.content)) as image:
        assert image.size == (64, 64)
        red, green, blue = image.convert("RGB").getpixel((5, 5))  # type: ignore[misc]
        assert red > 150 > green
        assert blue < 100


def test_an_icon_loses_what_is_hidden_in_it(client: AppClient) -> None:
    made = client.make_product()
    secret = images.chunk(b"tEXt", b"Comment\0GPS 52.5N 13.4E <script>")
    sent = images.png(64, 64, extra=secret)
    data = client.admin("PUT", f"{URL}/{made['id']}/icon", content=sent)
    assert b"GPS" not in client.get(data["icon_url"]).content


def test_a_new_icon_has_a_new_address(client: AppClient) -> None:
    made = client.make_product()
    first = client.admin("PUT", f"{URL}/{made['id']}/icon", content=picture("PNG"))["icon_url"]
    second = client.admin("PUT", f"{URL}/{made['id']}/icon", content=picture("PNG", (32, 32)))["icon_url"]
    assert first != second


def test_an_icon_is_removed_until_the_next_package_brings_one(client: AppClient) -> None:
    made = client.make_product()
    client.admin("PUT", f"{URL}/{made['id']}/icon", content=picture("PNG"))
    for _ in range(2):
        assert client.admin("DELETE", f"{URL}/{made['id']}/icon")["icon_url"] == ""
    assert client.get(f"/icon/products/{made['id']}").status_code == 404
    missing = client.delete(f"{URL}/prd_nothing/icon", headers=ADMIN)
    assert refusal(missing) == (404, "NOT_FOUND", "product not found")


REFUSED = {
    "html": (b"<!doctype html><script>alert(1)</script>", 422),
    "svg": (b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>', 422),
    "gif": (b"GIF89a" + bytes(100), 422),
    "cut short": (picture("PNG")[:-30], 422),
    "png by name alone": (b"\x89PNG\r\n\x1a\n" + b"<script>" * 20, 422),
    "jpeg by name alone": (b"\xff\xd8\xff" + bytes(500), 422),
    "riff that is no picture": (b"RIFF\x24\0\0\0WAVEfmt " + bytes(50), 422),
    "empty": (b"", 400),
    "over 4 MiB": (b"\x89PNG\r\n\x1a\n" + bytes(4 * 1024 * 1024), 413),
    "a bomb": (images.png(20_000, 1)[:33].replace((1).to_bytes(4, "big"), (60_000).to_bytes(4, "big")), 422),
}


@pytest.mark.parametrize("name", REFUSED)
def test_icons_that_are_refused(client: AppClient, name: str) -> None:
    made = client.make_product()
    body, status = REFUSED[name]
    answer = client.put(f"{URL}/{made['id']}/icon", headers=ADMIN, content=body)
    words = {400: "BAD_REQUEST", 413: "PAYLOAD_TOO_LARGE", 422: "BAD_PACKAGE"}
    assert refusal(answer)[:2] == (status, words[status])
    assert client.admin("GET", f"{URL}/{made['id']}")["icon_url"] == ""
    assert client.get(f"/icon/products/{made['id']}").status_code == 404


def test_an_icon_for_nobody(client: AppClient) -> None:
    answer = client.put(f"{URL}/prd_nothing/icon", headers=ADMIN, content=picture("PNG"))
    assert refusal(answer) == (404, "NOT_FOUND", "product not found")


def test_icons_leave_nothing_behind(client: AppClient, tmp_path: Path) -> None:
    made = client.make_product()
    client.admin("PUT", f"{URL}/{made['id']}/icon", content=picture("PNG"))
    assert client.files() == []
