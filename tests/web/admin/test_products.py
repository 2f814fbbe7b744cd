"""The list of products and the page of each."""

import io
import re
from typing import Any

import pytest
from PIL import Image

from tests.support import images
from tests.support.client import ADMIN, AppClient
from tests.web.admin.pages import Page, audited, get, post, refused
from tests.web.api.bad_texts import GOOD_LINES

URL = "/admin/products"


@pytest.fixture
def product(client: AppClient) -> dict[str, Any]:
    return client.make_product("Weather", description="Forecasts")


@pytest.fixture
def url(product: dict[str, Any]) -> str:
    return f"{URL}/{product['id']}"


# the list


def test_an_empty_list_teaches_the_first_step(client: AppClient) -> None:
    page = get(client, URL)
    assert "Drop your first build here" in page.text
    assert "app_file=@app.apk http://testserver/smart-upload" in page.text
    assert "q" not in page.fields


def test_the_list_tells_of_each_product(client: AppClient) -> None:
    made = client.make_release()
    client.admin("PUT", f"/admin/api/products/{made['app']['product_id']}/icon", content=images.png(32, 32))
    client.get(f"/d/{made['release']['id']}")
    client.flush()
    page = get(client, URL)
    assert f"{URL}/{made['app']['product_id']}" in page.links
    for text in ("MyApp", "/myapp", "Linux", "Nov 2, 2026"):
        assert text in page.text


def names(client: AppClient, query: str) -> list[str]:
    """Of the products in the list, in its order."""
    links = get(client, f"{URL}?{query}").links
    ids = [link.rpartition("/")[2] for link in links if re.fullmatch(f"{URL}/prd_[a-z0-9]+", link)]
    return [client.admin("GET", f"/admin/api/products/{one}")["name"] for one in ids]


def test_search_sort_and_filter(client: AppClient) -> None:
    for name in ("beta", "Gamma", "Alpha"):
        client.make_product(name, published=name != "Gamma")
    assert names(client, "") == ["Alpha", "Gamma", "beta"]
    assert names(client, "sort=name") == ["Alpha", "beta", "Gamma"]
    assert names(client, "q=ALPH") == ["Alpha"]
    assert names(client, "state=unpublished") == ["Gamma"]
    assert names(client, "state=published&sort=name") == ["Alpha", "beta"]
    page = get(client, f"{URL}?q=al&sort=name&state=published")
    assert (page.fields["q"], page.fields["sort"], page.fields["state"]) == ("al", "name", "published")
    assert "No product fits" in get(client, f"{URL}?q=nothing").text


@pytest.mark.parametrize("query", ["sort=age", "state=perhaps", "offset=-1", "offset=x", "q=%00", "q=" + "x" * 300])
def test_what_cannot_be_asked_is_not(client: AppClient, query: str) -> None:
    client.make_product("Alpha")
    assert names(client, query) == ["Alpha"]


def test_pages_of_the_list(client: AppClient) -> None:
    for number in range(51):
        client.make_product(f"App {number}")
    assert f"{URL}?sort=name&offset=50" in get(client, f"{URL}?sort=name").links
    page = get(client, f"{URL}?offset=50")
    assert "51–51 of 51" in page.text
    assert URL in page.links
    assert "Nothing on this page" in get(client, f"{URL}?offset=100").text


# creating


def test_create(client: AppClient) -> None:
    answer = post(client, f"{URL}/new", name=" Weather ", slug="", description="a\r\nb", published="1")
    assert answer.status_code == 303
    [item] = client.admin("GET", "/admin/api/products")["items"]
    assert answer.headers["location"] == f"{URL}/{item['id']}?done=created"
    assert (item["name"], item["slug"], item["description"], item["published"]) == ("Weather", "weather", "a\nb", True)
    assert audited(client) == [("product.create", item["id"])]


def test_an_unchecked_box_is_not_published(client: AppClient) -> None:
    post(client, f"{URL}/new", name="Weather")
    assert client.admin("GET", "/admin/api/products")["items"][0]["published"] is False


@pytest.mark.parametrize(
    ("fields", "problems"),
    [
        ({}, {"name": "Must not be empty"}),
        ({"name": " "}, {"name": "Must not be empty"}),
        ({"name": "x" * 256}, {"name": "Must be at most 255 characters long"}),
        ({"name": "a\nb"}, {"name": "Must not hold control characters or line breaks"}),
        ({"name": "App", "slug": "no slug"}, {"slug": "Slug may hold lower-case letters, digits and single hyphens"}),
        ({"name": "App", "slug": "taken"}, {"slug": "Slug 'taken' is taken; choose another"}),
        ({"name": "App", "description": "\x00"}, {"description": "Must not hold control characters"}),
    ],
)
def test_what_is_wrong_stands_beside_the_field(
    client: AppClient, fields: dict[str, str], problems: dict[str, str]
) -> None:
    client.make_product("Other", slug="taken")
    page = refused(client, f"{URL}/new", **fields)
    assert set(page.problems) == set(problems)
    for name, text in problems.items():
        assert page.problems[name].startswith(text)
    assert page.fields["slug"] == fields.get("slug", "")
    assert client.admin("GET", "/admin/api/products")["total"] == 1


def test_problems_are_said_in_chinese(client: AppClient) -> None:
    page = Page(client.post(f"{URL}/new", headers=ADMIN | {"accept-language": "zh"}, data={"name": "x", "slug": "a b"}))
    assert page.problems["slug"].startswith("短链接名")


# the page of one


def test_the_page(client: AppClient, product: dict[str, Any], url: str) -> None:
    variants = [client.make_variant(product["id"], platform) for platform in ("linux", "ios")]
    for number in range(7):
        client.upload(variants[0]["id"], b"x", version=f"1.{number}")
    page = get(client, url)
    assert (page.status, page.fields["name"], page.fields["slug"]) == (200, "Weather", "weather")
    assert page.fields["description"] == "Forecasts"
    for text in ("1.6", "1.2", "All 7 releases", "No release yet", "http://testserver/products/weather"):
        assert text in page.text
    assert "1.1" not in page.text
    assert {f"/admin/variants/{v['id']}" for v in variants} <= set(page.links)


def test_a_product_without_variants_says_what_to_do(client: AppClient, url: str) -> None:
    assert "No variant yet" in get(client, url).text


def test_change(client: AppClient, product: dict[str, Any], url: str) -> None:
    answer = post(client, url, name="Climate", slug="climate", description="")
    assert answer.headers["location"] == f"{url}?at=about&done=saved"
    found = client.admin("GET", f"/admin/api/products/{product['id']}")
    assert (found["name"], found["slug"], found["description"]) == ("Climate", "climate", "")
    assert audited(client)[1:] == [("product.update", product["id"])]
    assert "Saved." in get(client, answer.headers["location"]).text


@pytest.mark.parametrize(
    ("field", "value", "problem"),
    [
        ("name", "", "Must not be empty"),
        ("slug", "", "Must not be empty"),
        ("slug", "A b", "Slug may hold"),
        ("slug", "taken", "Slug 'taken' is taken"),
        ("description", "x" * 65_537, "Must be at most 65536 characters long"),
    ],
)
def test_changes_that_are_refused(
    client: AppClient, product: dict[str, Any], url: str, field: str, value: str, problem: str
) -> None:
    client.make_product("Other", slug="taken")
    sent = {"name": "New", "slug": "new", "description": "new"} | {field: value}
    page = refused(client, url, **sent)
    assert list(page.problems) == [field]
    assert page.problems[field].startswith(problem)
    assert {name: page.fields[name] for name in sent} == sent
    assert client.admin("GET", f"/admin/api/products/{product['id']}")["name"] == "Weather"


@pytest.mark.parametrize("text", GOOD_LINES)
def test_names_are_only_texts(client: AppClient, text: str) -> None:
    made = client.make_product(text, description=text)
    client.make_variant(made["id"], display_name=text, identifier=text, arch=text)
    for path in (URL, f"{URL}/{made['id']}", f"{URL}/{made['id']}/delete", f"{URL}?q={text[:20]}"):
        answer = client.get(path, headers=ADMIN)
        assert answer.status_code == 200
        assert "<script>alert" not in answer.text


# publishing


def test_the_switch(client: AppClient, product: dict[str, Any], url: str) -> None:
    answer = post(client, f"{url}/published", published="0", back=f"{URL}?q=wea")
    assert (answer.status_code, answer.headers["location"]) == (303, f"{URL}?q=wea")
    assert client.get("/products/weather").status_code == 404
    post(client, f"{url}/published", published="1")
    assert client.get("/products/weather").status_code == 200
    assert audited(client)[1:] == [("unpublish", product["id"]), ("publish", product["id"])]


@pytest.mark.parametrize("back", ["", "//evil.example", "https://evil.example", "/\\evil.example"])
def test_the_switch_leads_to_no_other_site(client: AppClient, url: str, back: str) -> None:
    assert post(client, f"{url}/published", published="1", back=back).headers["location"] == URL


# icons


def send_icon(client: AppClient, url: str, content: bytes, name: str = "icon.png") -> Any:
    return client.post(f"{url}/icon", headers=ADMIN, files={"icon": (name, content)})


def test_icon_is_set_and_removed(client: AppClient, product: dict[str, Any], url: str) -> None:
    out = io.BytesIO()
    Image.new("RGB", (64, 64), (200, 30, 30)).save(out, "JPEG")
    answer = send_icon(client, url, out.getvalue(), "photo.jpg")
    assert answer.headers["location"] == f"{url}?at=icon&done=saved"
    assert client.get(f"/icon/products/{product['id']}").content.startswith(b"\x89PNG")
    assert f"{url}/icon/remove" in get(client, url).forms
    assert post(client, f"{url}/icon/remove").status_code == 303
    assert client.get(f"/icon/products/{product['id']}").status_code == 404
    assert audited(client)[1:] == [("product.icon", product["id"])] * 2


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "Choose a picture first"),
        (b"<!doctype html><script>alert(1)</script>", "The icon must be"),
        (images.png(64, 64)[:-30], "The"),
        (b"\x89PNG" + bytes(4 * 1024 * 1024), "The file is too large"),
    ],
    ids=["nothing", "html", "cut short", "too large"],
)
def test_icons_that_are_refused(client: AppClient, url: str, content: bytes, problem: str) -> None:
    page = Page(send_icon(client, url, content))
    assert page.status == 400
    assert page.problems["icon"].startswith(problem)


def test_icon_forms_that_are_none(client: AppClient, url: str) -> None:
    assert refused(client, f"{url}/icon", icon="text").problems["icon"].startswith("Choose a picture first")
    broken = {**ADMIN, "content-type": "multipart/form-data; boundary=x"}
    page = Page(client.post(f"{url}/icon", headers=broken, content=b"--y\r\nno form"))
    assert page.problems["icon"] == "The form cannot be read; send it again"


# deleting


def test_deletion_says_what_will_be_lost(client: AppClient, product: dict[str, Any], url: str) -> None:
    for size in (1024, 512):
        release = client.upload(client.make_variant(product["id"])["id"], b"x" * size).json()["data"]["release"]
    client.get(f"/d/{release['id']}")
    client.flush()
    page = get(client, f"{url}/delete")
    for text in ("Delete Weather?", "2 variants", "2 releases with 1.5 KB of files", "one counted download"):
        assert text in page.text


def test_deletion_wants_the_name(client: AppClient, product: dict[str, Any], url: str) -> None:
    for wrong in ("", "weather", "Weather!"):
        page = refused(client, f"{url}/delete", name=wrong)
        assert page.problems["name"] == "This is not the product's name; nothing was deleted"
    assert get(client, url).status == 200
    answer = post(client, f"{url}/delete", name=" Weather ")
    assert answer.headers["location"] == f"{URL}?done=deleted"
    assert get(client, url).status == 404
    assert audited(client)[1:] == [("product.delete", product["id"])]


def test_deletion_takes_the_files_along(client: AppClient) -> None:
    made = client.make_release()
    post(client, f"{URL}/{made['app']['product_id']}/delete", name="MyApp")
    assert client.files() == []


@pytest.mark.parametrize(("name", "typed"), [("A  B", "A B"), ("Ame\u0301lie", "Amélie"), ("تطبيق", "تطبيق")])
def test_a_name_is_typed_as_it_is_shown(client: AppClient, name: str, typed: str) -> None:
    made = client.make_product(name)
    assert post(client, f"{URL}/{made['id']}/delete", name=typed).status_code == 303
