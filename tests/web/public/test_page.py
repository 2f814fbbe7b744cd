"""The product page: the right button first for every visitor, and what stands in the way."""

import re
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.support.agents import AGENTS
from tests.support.client import ADMIN, AppClient
from tests.support.packages import make_apk, make_ipa

HTTPS = {"x-forwarded-proto": "https"}
FOR_ALL: dict[str, Any] = {"ProvisionsAllDevices": True, "ProvisionedDevices": None}


class Button(NamedTuple):
    text: str
    link: str
    is_main: bool


class Page(HTMLParser):
    """`buttons` are the big ones, `panel` is the heading of what stands in the way."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.html = text
        self.buttons: list[Button] = []
        self._open = 0
        self.feed(text)

    @property
    def panel(self) -> str:
        found = re.search(r'role="note".*?<h2>(.*?)</h2>', self.html, re.DOTALL)
        return unescape(found[1]) if found else ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        classes = (given.get("class") or "").split()
        if "big" in classes:
            self.buttons.append(Button("", given.get("href") or given.get("data-copy") or "", "button" in classes))
            self._open = 1

    def handle_data(self, data: str) -> None:
        if self._open and data.strip():
            button = self.buttons.pop()
            self.buttons.append(button._replace(text=" ".join(f"{button.text} {data}".split())))

    def handle_endtag(self, tag: str) -> None:
        if tag in ("a", "button"):
            self._open = 0


def visit(client: AppClient, url: str, agent: str = "iphone", **headers: str) -> Page:
    given = {"user-agent": AGENTS[agent], **HTTPS, **{name.replace("_", "-"): v for name, v in headers.items()}}
    answer = client.get(url, headers=given)
    assert answer.status_code == 200, answer.text
    return Page(answer.text)


def send(client: AppClient, file: Path, **fields: str) -> dict[str, Any]:
    files = {"app_file": (file.name, file.read_bytes())}
    answer = client.post("/smart-upload", headers=ADMIN, data={"create": "1", **fields}, files=files)
    assert answer.status_code == 201, answer.text
    return dict(answer.json()["data"])


@pytest.fixture
def everywhere(client: AppClient, tmp_path: Path) -> dict[str, str]:
    """A product with a build for every platform, two for macOS and three for Linux: label → release ID."""
    sent = send(client, make_ipa(tmp_path / "a.ipa", name="Example", profile=FOR_ALL))
    product, made = sent["app"]["product_id"], {"ios": sent["release"]["id"]}
    for label, platform, arch, file in (
        ("android", "android", "", ("a.apk", make_apk(tmp_path / "a.apk").read_bytes())),
        ("intel", "macos", "x86_64", ("intel.zip", make_apk(tmp_path / "i.zip").read_bytes())),
        ("silicon", "macos", "arm64", ("silicon.zip", make_apk(tmp_path / "s.zip").read_bytes())),
        ("windows", "windows", "x64", ("w.zip", make_apk(tmp_path / "w.zip").read_bytes())),
        ("amd64", "linux", "amd64", ("a.tar.gz", b"amd64")),
        ("arm64", "linux", "arm64", ("b.tar.gz", b"arm64")),
    ):
        variant = client.make_variant(product, platform, arch=arch)
        answer = client.upload(variant["id"], file[1], file[0], version="2")
        made[label] = answer.json()["data"]["release"]["id"]
    return made


@pytest.mark.parametrize(
    ("agent", "text", "label"),
    [
        ("iphone", "Install on this iPhone", "ios"),
        ("ipad", "Install on this iPad", "ios"),
        ("android", "Download for Android", "android"),
        ("mac", "Download for macOS, Apple silicon", "silicon"),
        ("windows", "Download for Windows", "windows"),
        ("linux", "Download for Linux, ARM64 .tar.gz", "arm64"),
        ("fedora", "Download for Linux, x86-64 .tar.gz", "amd64"),
        ("curl", "Install on iPhone or iPad", "ios"),
    ],
)
def test_every_visitor_has_one_button(
    client: AppClient, everywhere: dict[str, str], agent: str, text: str, label: str
) -> None:
    page = visit(client, "/products/example", agent)
    assert len(page.buttons) == 1
    button = page.buttons[0]
    assert (button.text.partition(" · ")[0], button.is_main) == (text, True)
    assert everywhere[label] in button.link
    assert all(release in page.html for release in everywhere.values())  # the others are in reach


def test_the_processor_that_the_browser_tells(client: AppClient, everywhere: dict[str, str]) -> None:
    hints = {"sec_ch_ua_platform": '"macOS"', "sec_ch_ua_arch": '"x86"', "sec_ch_ua_bitness": '"64"'}
    button = visit(client, "/products/example", "mac", **hints).buttons[0]
    assert button.text.startswith("Download for macOS, Intel")
    assert button.link.endswith(everywhere["intel"])


def test_a_link_to_another_platform_shows_the_way_back(client: AppClient, everywhere: dict[str, str]) -> None:
    page = visit(client, f"/products/example?r={everywhere['ios']}", "windows")
    assert page.panel == "This is for iPhone and iPad"
    assert [button.text.partition(" · ")[0] for button in page.buttons] == [
        *("Go to the build for Windows", "Download the IPA")
    ]
    back = page.buttons[0].link.removeprefix("https://testserver")
    assert everywhere["windows"] in visit(client, back, "windows").buttons[0].link


def test_a_product_of_other_platforms_alone(client: AppClient, tmp_path: Path) -> None:
    send(client, make_apk(tmp_path / "a.apk", name="Phones"))
    page = visit(client, "/products/phones", "mac")
    assert page.panel == "This is for Android"
    assert [button.is_main for button in page.buttons] == [False]


def test_the_build_that_installs_comes_before_one_that_does_not(client: AppClient, tmp_path: Path) -> None:
    product = client.make_product("Two")["id"]
    bundle, plain = client.make_variant(product, "android"), client.make_variant(product, "android")
    apk = make_apk(tmp_path / "a.apk").read_bytes()
    client.upload(bundle["id"], _xapk(apk), "a.xapk", version="1")
    client.upload(plain["id"], apk, "a.apk", version="1")
    assert plain["id"] in visit(client, "/products/two", "android").html.partition("data-visit")[2][:200]
    page = visit(client, f"/products/two?variant={bundle['id']}", "android")
    assert page.panel == "A phone does not install this file as it is"
    assert page.buttons[0].text.startswith("Download the .xapk")


def _xapk(apk: bytes) -> bytes:
    from tests.support.packages import zip_bytes

    manifest = b'{"package_name": "com.example.app", "name": "Example", "version_code": "1", "version_name": "1.0"}'
    return zip_bytes({"manifest.json": manifest, "com.example.app.apk": apk})


# what stands in the way


@pytest.mark.parametrize(
    ("profile", "plist", "agent", "panel", "buttons"),
    [
        (FOR_ALL, {}, "iphone", "", ["Install on this iPhone"]),
        ({}, {}, "iphone", "Register this device first", ["Register this iPhone", "Already registered: install"]),
        ({"ProvisionedDevices": None}, {}, "iphone", "This build is signed for the App Store", ["Download the IPA"]),
        (FOR_ALL, {"UIDeviceFamily": [2]}, "iphone", "This build is for iPad alone", ["Download the IPA"]),
        (
            FOR_ALL,
            {"DTPlatformName": "iphonesimulator"},
            "iphone",
            "This build is for Apple's simulator",
            ["Download the IPA"],
        ),
        (FOR_ALL, {}, "wechat", "Open this page in Safari", ["Copy the link", "Try to open Safari"]),
        (FOR_ALL, {}, "old iphone", "The system of this device is too old", ["Download the IPA"]),
        (None, {}, "iphone", "This build is not signed for devices", ["Try to install all the same"]),
        ({}, {}, "curl", "For registered devices", ["Install on iPhone or iPad"]),
    ],
)
def test_what_stands_in_the_way_of_ios(
    client: AppClient,
    tmp_path: Path,
    profile: dict[str, Any] | None,
    plist: dict[str, Any],
    agent: str,
    panel: str,
    buttons: list[str],
) -> None:
    send(client, make_ipa(tmp_path / "a.ipa", profile=False if profile is None else profile or True, plist=plist))
    page = visit(client, "/products/example", agent)
    assert page.panel == panel
    assert [button.text.partition(" · ")[0].partition(" Copied")[0] for button in page.buttons] == buttons


def test_without_https_ios_will_refuse(client: AppClient, tmp_path: Path) -> None:
    send(client, make_ipa(tmp_path / "a.ipa", profile=FOR_ALL))
    page = visit(client, "/products/example", x_forwarded_proto="http")
    assert page.panel == "This page came without HTTPS"
    assert not page.buttons[0].is_main


def test_an_older_build_that_installs_is_offered_instead(client: AppClient, tmp_path: Path) -> None:
    old = send(client, make_ipa(tmp_path / "a.ipa", version="1.0", build="10", min_os="14.0", profile=FOR_ALL))
    send(client, make_ipa(tmp_path / "b.ipa", version="2.0", build="20", min_os="17.0", profile=FOR_ALL))
    page = visit(client, "/products/example", "old iphone")
    assert "needs iOS 17.0 or later; you have iOS 14.2" in page.html
    assert page.buttons[0].text == "Install 1.0 (10) instead"
    assert old["release"]["id"] in page.buttons[0].link
    assert visit(client, "/products/example").buttons[0].text == "Install on this iPhone"


def test_android_counts_by_versions_not_by_levels(client: AppClient, tmp_path: Path) -> None:
    send(client, make_apk(tmp_path / "a.apk", name="Modern", min_sdk=26))
    page = visit(client, "/products/modern", "old android")
    assert "needs Android 8 (API 26) or later; you have Android 6.0" in page.html


def test_a_kept_page_changes_when_its_build_expires(client: AppClient, tmp_path: Path) -> None:
    end = client.clock().replace(tzinfo=None, hour=12)
    send(client, make_ipa(tmp_path / "a.ipa", profile={**FOR_ALL, "ExpirationDate": end}))
    for _ in range(2):
        assert visit(client, "/products/example").panel == ""
    tag = client.get("/products/example", headers={"user-agent": AGENTS["iphone"], **HTTPS}).headers["etag"]
    client.clock.move(hours=4)
    assert visit(client, "/products/example").panel == "This build has expired"
    known = {"user-agent": AGENTS["iphone"], "if-none-match": tag, **HTTPS}
    assert client.get("/products/example", headers=known).status_code == 200


# registering


def test_a_device_is_registered_for_its_variant(client: AppClient, tmp_path: Path) -> None:
    variant = send(client, make_ipa(tmp_path / "a.ipa"))["app"]["variant_id"]
    assert visit(client, "/products/example").buttons[0].link == f"/udid/profile.mobileconfig?variant={variant}"
    back = visit(client, f"/products/example?udid_bound=1&variant={variant}")
    assert (back.panel, back.buttons[0].text) == ("This device is registered", "Install on this iPhone")


# what is shown of a release


def test_an_older_release_says_so(client: AppClient) -> None:
    made = client.make_release(b"one", version="1.0")
    client.upload(made["app"]["variant_id"], b"two", version="2.0")
    old = visit(client, f"/products/myapp?r={made['release']['id']}", "linux")
    assert "You are looking at 1.0, an older release." in old.html
    assert "Go to 2.0, the newest" in old.html
    assert "<title>MyApp 1.0</title>" in old.html
    assert "an older release" not in visit(client, "/products/myapp", "linux").html


@pytest.mark.parametrize(("count", "heading"), [(1, "One release"), (12, "All 12 releases"), (205, "All 205 releases")])
def test_history(client: AppClient, count: int, heading: str) -> None:
    variant = client.make_variant(client.make_product()["id"])["id"]
    made = client.make_releases(variant, count, version="1.{n}", changelog="- Change {n}")
    page = visit(client, "/products/myapp", "linux").html
    assert heading in page
    shown = [release for release in made if f'/products/myapp?r={release}"' in page]
    assert shown == made[-200:]
    assert [release for release in made if f"/qr/{release}" in page] == shown
    assert [release for release in made if f"/d/{release}" in page] == shown
    assert page.count('loading="lazy"') == len(shown)
    everything = visit(client, "/products/myapp?all=1", "linux").html
    assert all(f"/d/{release}" in everything for release in made)


def test_a_page_with_200_releases_stays_light(client: AppClient) -> None:
    variant = client.make_variant(client.make_product()["id"])["id"]
    words = "- Fixes **a crash** that somebody saw on their way home\n" * 12
    client.make_releases(variant, 200, version="1.{n}", build="{n}", channel="beta", changelog=f"{words}- {{n}}")
    answer = client.get("/products/myapp", headers={"user-agent": AGENTS["linux"]})
    assert int(answer.headers["content-length"]) < 25 * 1024


def test_changelogs_are_markdown(client: AppClient) -> None:
    client.make_release(changelog="## News\n\n- **Fast** [docs](https://example.com/)\n\n<script>alert(1)</script>")
    page = visit(client, "/products/myapp", "linux").html
    assert "<h3>News</h3>" in page
    assert '<strong>Fast</strong> <a href="https://example.com/" rel="noopener nofollow ugc">docs</a>' in page
    assert "<script>alert" not in page


def test_names_of_every_kind(client: AppClient) -> None:
    for name in ("تطبيق الطقس", "The quite remarkably long-named companion for everybody here", "x" * 60, "应用"):
        product = client.make_product(name)
        page = visit(client, f"/products/{product['slug']}").html
        assert f"><bdi>{name}</bdi></h1>" in page
        assert ('class="long"' in page) is (len(name) > 28)
        assert f'<span class="app-icon letter" aria-hidden="true">{name[0]}' in page.replace(' letter "', ' letter"')


def test_empty_products_teach_to_wait(client: AppClient) -> None:
    product = client.make_product("Empty")
    assert "Nothing to install yet" in visit(client, "/products/empty").html
    variant = client.make_variant(product["id"], "ios")["id"]
    assert "Nothing to install yet" in visit(client, "/products/empty").html
    client.upload(client.make_variant(product["id"], "linux")["id"], b"bytes", version="1")
    assert "No build for iOS yet" in visit(client, f"/products/empty?variant={variant}").html
    assert visit(client, "/products/empty", "linux").buttons[0].text.startswith("Download for Linux")


def test_previews_in_chats(client: AppClient) -> None:
    made = client.make_release()
    url = f"/admin/api/products/{made['app']['product_id']}"
    client.admin("PUT", url, json={"description": 'Says "hello" & more'})
    page = visit(client, "/products/myapp", "curl").html
    tags = dict(re.findall(r'<meta (?:property|name)="((?:og|twitter):[a-z_:]+)" content="([^"]*)">', page))
    assert unescape(tags["og:description"]) == unescape(tags["twitter:description"]) == 'Says "hello" & more'
    assert (tags["og:title"], tags["og:url"]) == ("MyApp", "https://testserver/products/myapp")
    assert "og:image" not in tags
    assert '<meta name="robots" content="noindex">' in page


# errors


def test_a_removed_release_leads_to_the_page(client: AppClient) -> None:
    client.make_release()
    for query in ("r=rel_gone", "variant=var_gone"):
        gone = client.get(f"/products/myapp?{query}")
        assert gone.status_code == 404
        assert 'href="/products/myapp"' in gone.text
    assert "Check the link" in client.get("/products/nobody?r=rel_gone").text


# links to the latest


def test_latest(client: AppClient, everywhere: dict[str, str]) -> None:
    def goal(path: str, agent: str = "curl") -> str:
        answer = client.get(f"/products/example/latest/{path}", headers={"user-agent": AGENTS[agent]})
        assert (answer.status_code, answer.headers["cache-control"]) == (302, "no-store"), answer.text
        return str(answer.headers["location"].removeprefix("http://testserver"))

    assert goal("ios") == f"/products/example?r={everywhere['ios']}"
    assert goal("android") == f"/d/{everywhere['android']}"
    assert goal("macos") == f"/d/{everywhere['silicon']}"
    assert goal("macos/x86_64") == goal("macos/x64") == f"/d/{everywhere['intel']}"
    assert goal("linux") == f"/d/{everywhere['amd64']}"
    assert goal("linux", "linux") == f"/d/{everywhere['arm64']}"
    assert goal("linux/aarch64") == f"/d/{everywhere['arm64']}"


def test_latest_of_a_channel(client: AppClient) -> None:
    variant = client.make_variant(client.make_product()["id"])["id"]
    made = {
        channel: client.upload(variant, f"in {channel}".encode(), version="1", channel=channel).json()["data"][
            "release"
        ]["id"]
        for channel in ("", "beta", "nightly")
    }
    for query, channel in (("", "nightly"), ("?channel=beta", "beta"), ("?channel=", "")):
        answer = client.get(f"/products/myapp/latest/linux{query}")
        assert answer.headers["location"].endswith(f"/d/{made[channel]}"), query


@pytest.mark.parametrize("path", ["beos", "windows", "linux/riscv64", "linux?channel=none", "ios/arm64"])
def test_no_such_latest(client: AppClient, path: str) -> None:
    variant = client.make_variant(client.make_product()["id"], arch="amd64")["id"]
    client.upload(variant, b"bytes", version="1")
    assert client.get(f"/products/myapp/latest/{path}").status_code == 404


def test_hidden_products_have_no_latest(client: AppClient, everywhere: dict[str, str]) -> None:
    product = client.admin("GET", "/admin/api/products")["items"][0]["id"]
    client.admin("PUT", f"/admin/api/apps/{product}/unpublish")
    assert client.get("/products/example/latest/android").status_code == 404
    assert client.get(f"/qr/{everywhere['android']}").status_code == 404


def test_qr_codes_of_releases(client: AppClient, everywhere: dict[str, str]) -> None:
    answer = client.get(f"/qr/{everywhere['android']}")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/svg+xml")
    assert answer.content.startswith(b"<?xml")
