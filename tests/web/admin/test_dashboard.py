"""The first page after the login."""

import pytest

from tests.support import images
from tests.support.client import ADMIN, AppClient
from tests.web.api.bad_texts import GOOD_LINES


def test_home_leads_there(client: AppClient) -> None:
    assert client.get("/").headers["location"] == "/admin"
    assert client.get("/admin").headers["location"] == "/admin/login"


def test_an_empty_server_says_what_to_do(client: AppClient) -> None:
    page = client.get("/admin", headers=ADMIN)
    assert page.status_code == 200
    assert "fenfa upload" in page.text


def test_products_are_listed_with_their_pages(client: AppClient) -> None:
    made = client.make_release()
    client.admin("PUT", f"/admin/api/products/{made['app']['product_id']}/icon", content=images.png(32, 32))
    client.make_product("Hidden", published=False)
    page = client.get("/admin", headers=ADMIN)
    assert page.headers["cache-control"] == "no-store"
    for text in ("MyApp", "http://testserver/products/myapp", "Hidden", "not published"):
        assert text in page.text


@pytest.mark.parametrize("text", GOOD_LINES)
def test_names_are_only_texts(client: AppClient, text: str) -> None:
    client.make_product(text)
    client.admin("PUT", "/admin/api/settings", json={"organization": text})
    page = client.get("/admin", headers=ADMIN)
    assert page.status_code == 200
    assert "<script>alert" not in page.text
    assert "<script>alert" not in client.get("/admin/login").text


def test_a_broken_database_is_a_page(client: AppClient) -> None:
    client.sql("DROP TABLE products")
    page = client.get("/admin", headers=ADMIN)
    assert page.status_code == 503
    assert page.text.startswith("<!doctype html>")
