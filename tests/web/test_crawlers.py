"""Who may look at pages that no person opened."""

from pathlib import Path
from urllib.robotparser import RobotFileParser

import pytest

from tests.support.client import AppClient, running

NOINDEX = '<meta name="robots" content="noindex">'


def rules(client: AppClient) -> RobotFileParser:
    parser = RobotFileParser()
    parser.parse(client.get("/robots.txt").text.splitlines())
    return parser


@pytest.mark.parametrize(
    ("agent", "path", "may"),
    [
        ("Googlebot", "/products/myapp", False),
        ("Googlebot", "/", False),
        ("Twitterbot", "/products/myapp", True),
        ("facebookexternalhit", "/icon/products/prd_x", True),
        ("Slackbot", "/admin", False),
        ("Slackbot", "/d/rel_x", False),
    ],
)
def test_search_engines_stay_away_and_previews_work(client: AppClient, agent: str, path: str, may: bool) -> None:
    assert rules(client).can_fetch(agent, f"http://testserver{path}") is may


def test_pages_say_so_themselves(client: AppClient) -> None:
    client.make_release()
    assert NOINDEX in client.get("/products/myapp").text


def test_search_engines_can_be_let_in(tmp_path: Path) -> None:
    with running(tmp_path / "data", search_engines="true") as client:
        client.make_release()
        assert NOINDEX not in client.get("/products/myapp").text
        assert NOINDEX in client.get("/admin/login").text
        found = rules(client)
        assert found.can_fetch("Googlebot", "http://testserver/products/myapp")
        assert not found.can_fetch("Googlebot", "http://testserver/admin")


def test_the_icon_at_its_old_address(client: AppClient) -> None:
    answer = client.get("/favicon.ico")
    assert answer.status_code == 302
    assert client.get(answer.headers["location"]).headers["content-type"] == "image/svg+xml"
