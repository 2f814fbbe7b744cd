"""The product page's data as JSON, the page itself, the old addresses, and what the public never sees."""

from html.parser import HTMLParser
from typing import Any

import pytest

from tests.support.client import ADMIN, AppClient, refusal
from tests.web.api.bad_texts import GOOD_LINES
from tests.web.public.conftest import CERTIFICATE, UDIDS, Seeded
from tests.web.shapes import IOS_ACTIONS, PROFILE, PUBLIC_PRODUCT, PUBLIC_RELEASE, VARIANT, check


def catalog(client: AppClient, url: str = "/api/products/example") -> dict[str, Any]:
    return dict(client.get(url).json()["data"])


def test_the_contract_shape(client: AppClient, seeded: Seeded) -> None:
    for url in [url for url in seeded.routes() if url.startswith("/api/")]:
        data = catalog(client, url)
        release = PUBLIC_RELEASE | {"actions": IOS_ACTIONS, "provisioning_profile": PROFILE}
        check(data["product"], PUBLIC_PRODUCT)
        check(data["variants"], [VARIANT | {"releases": [release], "latest_release": release}])
        assert data["variants"][0]["legacy_app_id"] == seeded.app
        assert data["variants"][0]["latest_release"] == data["variants"][0]["releases"][0]


def test_profiles_and_actions_are_for_ios_alone(client: AppClient, seeded: Seeded) -> None:
    profile = catalog(client)["variants"][0]["latest_release"]["provisioning_profile"]
    assert (profile["profile_type"], profile["device_count"], profile["team_id"]) == ("ad-hoc", 2, "TEAM123456")
    assert "provisioned_devices" not in profile
    client.make_release()
    linux = catalog(client, "/api/products/myapp")["variants"][0]["latest_release"]
    check(linux, PUBLIC_RELEASE)
    assert set(linux["actions"]) == {"download", "release_page"}
    assert not linux.get("provisioning_profile")


def test_variants_by_their_order_and_releases_newest_first(client: AppClient) -> None:
    product = client.make_product()["id"]
    made = {order: client.make_variant(product, sort_order=order)["id"] for order in (5, -1, 0)}
    twin = client.make_variant(product, sort_order=0)["id"]
    for version in ("1", "2", "3"):
        client.upload(made[0], version.encode(), version=version)
    data = catalog(client, "/api/products/myapp")
    assert [variant["id"] for variant in data["variants"]] == [made[-1], made[0], twin, made[5]]
    assert [release["version"] for release in data["variants"][1]["releases"]] == ["3", "2", "1"]
    assert data["variants"][1]["latest_release"]["version"] == "3"
    assert data["variants"][0]["latest_release"] is None


def test_only_what_is_published(client: AppClient, seeded: Seeded) -> None:
    hidden = client.make_variant(seeded.product, "android", published=False)["id"]
    assert [variant["id"] for variant in catalog(client)["variants"]] == [seeded.variant]
    assert hidden not in client.get("/products/example").text
    client.admin("PUT", f"/admin/api/apps/{hidden}/publish")
    assert [variant["id"] for variant in catalog(client)["variants"]] == [seeded.variant, hidden]


@pytest.mark.parametrize("part", ["product", "variant", "app"])
def test_unpublishing_closes_every_public_address_at_once(client: AppClient, seeded: Seeded, part: str) -> None:
    def statuses() -> dict[str, int]:
        return {url: client.get(url).status_code for url in seeded.routes()}

    opened = statuses()
    assert set(opened.values()) == {200, 301}
    client.admin("PUT", f"/admin/api/apps/{getattr(seeded, part)}/unpublish")
    of_the_product = {
        *(
            "/products/example",
            f"/products/{seeded.product}",
            "/api/products/example",
            f"/api/products/{seeded.product}",
        ),
        *("/api/products/slug/example", f"/icon/products/{seeded.product}", f"/icon/{seeded.product}"),
    }
    stay = of_the_product if part != "product" else set()
    assert statuses() == {url: 200 if url in stay else 404 for url in opened}
    body = {"type": "visit", "release_id": seeded.release}
    assert refusal(client.post("/events", json=body)) == (400, "BAD_REQUEST", "release not found")
    for url in seeded.routes():
        answer = client.get(url, headers={"Range": "bytes=0-1", "If-None-Match": "*"})
        assert (answer.status_code == 404) is (url not in stay), url
    assert seeded.release not in client.get("/api/products/example").text
    client.admin("PUT", f"/admin/api/apps/{getattr(seeded, part)}/publish")
    assert statuses() == opened


def test_a_hidden_product_does_not_give_its_name_away(client: AppClient, seeded: Seeded) -> None:
    client.admin("PUT", f"/admin/api/apps/{seeded.product}/unpublish")
    for url in seeded.routes():
        answer = client.get(url)
        assert "location" not in answer.headers
        assert "Example" not in answer.text


def test_public_answers_hold_nothing_private(client: AppClient, seeded: Seeded) -> None:
    client.get(f"/d/{seeded.release}", headers={"X-Forwarded-For": "198.51.100.23"})
    client.post("/events", json={"type": "visit", "variant_id": seeded.variant})
    client.flush()
    folder = str(client.runtime.config.data_dir)
    secrets = [
        *UDIDS,
        CERTIFICATE,
        folder,
        "uploads/",
        "storage_key",
        "203.0.113",
        "198.51.100",
        "127.0.0",
        "fnf_",
        "dev-",
    ]
    others = [
        "/docs",
        "/openapi.json",
        "/healthz",
        "/robots.txt",
        "/admin/login",
        "/nothing",
        "/d/rel_x",
        "/products/x",
    ]
    for url in [url for url in seeded.routes() if not url.startswith(("/d/", "/icon"))] + others:
        answer = client.get(url)
        text = answer.text + str(answer.headers)
        found = [secret for secret in secrets if secret in text and not (url == "/openapi.json" or url == "/docs")]
        assert not found, (url, found)
        assert not [udid for udid in UDIDS if udid in text]


def test_the_id_works_in_place_of_the_slug(client: AppClient, seeded: Seeded) -> None:
    assert catalog(client, f"/api/products/{seeded.product}") == catalog(client)
    assert refusal(client.get("/api/products/slug/nothing"))[:2] == (404, "NOT_FOUND")


# the page


class Links(HTMLParser):
    """The addresses in a page, and whether anything in it could run."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.tags: set[str] = set()
        self.handlers: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.found += [value or "" for name, value in attrs if name in ("href", "src", "action")]
        self.handlers += [name for name, _ in attrs if name.startswith("on")]


def test_the_page(client: AppClient, seeded: Seeded) -> None:
    for url in ("/products/example", f"/products/{seeded.product}"):
        answer = client.get(url)
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        links = Links(answer.text).found
        manifest = f"http%3A%2F%2Ftestserver%2Fios%2F{seeded.release}%2Fmanifest.plist"
        assert f"itms-services://?action=download-manifest&url={manifest}" in links
        assert f"http://testserver/d/{seeded.release}" in links
        for text in ("Example", "1.2.0", "120", seeded.sha256, "com.example.app", "<svg"):
            assert text in answer.text


def test_everything_that_the_page_loads_is_ours(client: AppClient, seeded: Seeded) -> None:
    for url in ("/products/example", "/docs", "/admin/login", "/products/nothing"):
        for link in Links(client.get(url).text).found:
            path = link.removeprefix("http://testserver")
            assert path.startswith(("/", "itms-services://", "#")), link
            if path.startswith("/static/"):
                assert client.get(path).status_code == 200, path


def test_a_release_and_a_variant_can_be_selected(client: AppClient) -> None:
    made = client.make_release(b"one", version="1.0-old")
    variant = made["app"]["variant_id"]
    client.upload(variant, b"two", version="2.0-new")
    other = client.make_variant(made["app"]["product_id"], "windows")
    assert client.get("/products/myapp").text.index("2.0-new") >= 0
    chosen = client.get(f"/products/myapp?r={made['release']['id']}")
    assert chosen.status_code == 200
    assert made["release"]["sha256"] in chosen.text
    assert made["release"]["sha256"] not in client.get("/products/myapp").text
    page = client.get(f"/products/myapp?variant={other['id']}").text
    assert page.index(f'id="{other["id"]}"') < page.index(f'id="{variant}"')
    for query in ("r=rel_nothing", "variant=var_nothing", "r=%00", "variant=' OR 1=1"):
        gone = client.get(f"/products/myapp?{query}")
        assert gone.status_code == 404
        assert gone.headers["content-type"] == "text/html; charset=utf-8"
    assert client.get("/products/myapp?r=&variant=&utm_source=x").status_code == 200


@pytest.mark.parametrize("text", GOOD_LINES)
def test_texts_on_the_page_are_only_texts(client: AppClient, text: str) -> None:
    plain = Links(client.get(f"/products/{client.make_product('plain')['slug']}").text)
    product = client.make_product(text, description=text)
    variant = client.make_variant(product["id"], display_name=text, identifier=text, arch=text)
    client.upload(variant["id"], b"bytes", version=text, channel=text, changelog=text, min_os=text)
    page = client.get(f"/products/{product['slug']}")
    assert page.status_code == 200
    links = Links(page.text)
    assert not links.handlers
    ours = "section h2 details summary dl dt dd a p div strong span b br li ol pre time img button bdi ul h3"
    assert links.tags - plain.tags <= {*ours.split(), "svg", "path", "use"}
    assert all(
        "script" not in link.replace("/products/", "") or link.startswith("http://testserver/") for link in links.found
    )
    client.admin("PUT", "/admin/api/settings", json={"organization": text})
    assert "<script>alert" not in client.get(f"/products/{product['slug']}").text


def test_an_empty_product_has_a_page(client: AppClient) -> None:
    client.make_product("Empty")
    assert client.get("/products/empty").status_code == 200
    assert catalog(client, "/api/products/empty")["variants"] == []


# old addresses


@pytest.mark.parametrize(
    ("query", "kept"),
    [("", ""), ("?r=rel_x", "?r=rel_x"), ("?a=1&b=%20&c=%0d%0aX:y", "?a=1&b=%20&c=%0d%0aX:y"), ("?", "")],
)
def test_old_addresses_lead_to_the_page(client: AppClient, seeded: Seeded, query: str, kept: str) -> None:
    answer = client.get(f"/apps/{seeded.app}{query}")
    assert (answer.status_code, answer.headers["location"]) == (301, f"/products/example{kept}")


def test_an_old_address_of_another_script(client: AppClient) -> None:
    product = client.make_product("应用")
    app = client.make_variant(product["id"])["legacy_app_id"]
    location = client.get(f"/apps/{app}").headers["location"]
    assert location.isascii()
    assert client.get(location).status_code == 200


# icons


def test_icons(client: AppClient, seeded: Seeded) -> None:
    for url in (f"/icon/products/{seeded.product}", f"/icon/{seeded.app}", f"/icon/{seeded.product}"):
        answer = client.get(url)
        assert answer.headers["content-type"] == "image/png"
        assert answer.content.startswith(b"\x89PNG")
        assert "max-age" in answer.headers["cache-control"]
        etag = answer.headers["etag"]
        for condition in (etag, f'"x", {etag}', f"W/{etag}", "*"):
            again = client.get(url, headers={"If-None-Match": condition})
            assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", etag), condition
        assert client.get(url, headers={"If-None-Match": '"x"'}).status_code == 200


def test_no_icon(client: AppClient) -> None:
    made = client.make_release()
    for url in (f"/icon/products/{made['app']['product_id']}", f"/icon/{made['app']['id']}"):
        assert refusal(client.get(url)) == (404, "NOT_FOUND", "icon not found")
    assert client.get("/api/products/myapp", headers=ADMIN).json()["data"]["product"]["icon_url"] == ""
