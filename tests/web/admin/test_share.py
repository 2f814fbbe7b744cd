"""What is handed out: links that lead where they say, and a panel that any page can show."""

from typing import Any

import pytest

from fenfa.services.variants import get_variant
from fenfa.web.admin.share import Share, share_of
from fenfa.web.face import face_of
from fenfa.web.pages import environment
from fenfa.web.urls import Urls
from tests.support.client import AppClient
from tests.web.api.bad_texts import GOOD_LINES

URLS = Urls("http://testserver", "http://testserver")


def share(client: AppClient, variant_id: str, release_id: str = "", urls: Urls = URLS) -> Share:
    return share_of(client.runtime.database.read_now(get_variant, variant_id), urls, release_id)


def shown(made: Share) -> str:
    template = '{% from "admin/share.html" import share_panel %}{{ share_panel(share, "x") }}'
    return environment(face_of({}).language).from_string(template).render(share=made)


def ids(client: AppClient, platform: str = "linux", **fields: Any) -> tuple[str, str]:
    variant = client.make_variant(client.make_product()["id"], platform, **fields)
    sent = client.upload(variant["id"], b"bytes of a build").json()["data"] if platform == "linux" else {}
    return variant["id"], sent["release"]["id"] if sent else "rel_x"


def test_links_lead_where_they_say(client: AppClient) -> None:
    variant, release = ids(client, arch="amd64")
    made = share(client, variant, release)
    assert client.get(made.page).status_code == 200
    assert f"?r={release}" in made.page
    assert made.latest == "http://testserver/products/myapp/latest/linux/amd64"
    assert client.get(made.latest).headers["location"].endswith(f"/d/{release}")
    assert client.get(share(client, variant).page).status_code == 200


def test_ios_alone_has_an_install_link(client: AppClient) -> None:
    variant, release = ids(client, "ios")
    assert share(client, variant, release).install.startswith("itms-services://?action=download-manifest&url=")
    assert share(client, variant).install == ""
    assert share(client, *ids(client)).install == ""


@pytest.mark.parametrize(
    ("platform", "arch", "tail"),
    [
        ("macos", "arm64", "macos/arm64"),
        ("macos", "arm64, x86_64", "macos"),
        ("macos", "", "macos"),
        ("android", "arm64-v8a", "android"),
        ("windows", "../x64", "windows"),
    ],
)
def test_latest_names_an_architecture_where_there_are_several(
    client: AppClient, platform: str, arch: str, tail: str
) -> None:
    assert share(client, ids(client, platform, arch=arch)[0]).latest.endswith(f"/latest/{tail}")


def test_the_panel_shows_all_of_it(client: AppClient) -> None:
    made = share(client, *ids(client))
    page = shown(made)
    for text in (made.page, made.latest, "<svg", "GitHub Actions", "$FENFA_TOKEN", f'data-copy="{made.page}"'):
        assert text in page, text
    assert "not published" not in page
    assert "<style" not in page


def test_the_panel_says_what_keeps_people_out(client: AppClient) -> None:
    variant, release = ids(client, "ios", published=False)
    page = shown(share(client, variant, release))
    assert "not published" in page
    assert "over https alone" in page
    safe = Urls("https://get.example.com", "https://get.example.com")
    assert "over https alone" not in shown(share(client, variant, release, safe))


@pytest.mark.parametrize("name", GOOD_LINES)
def test_names_are_only_texts(client: AppClient, name: str) -> None:
    variant = client.make_variant(client.make_product(name)["id"], "linux", arch=name, installer_type=name)
    assert "<script>alert" not in shown(share(client, variant["id"]))
