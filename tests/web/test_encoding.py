"""Pages and assets leave compressed, the same bytes to everybody, and only to those who take them so."""

import gzip

import pytest

from fenfa.web.assets import FOLDER, asset
from fenfa.web.encoding import packed, takes_gzip
from tests.support.client import AppClient

PLAIN = {"accept-encoding": "identity"}


@pytest.mark.parametrize(
    ("accept", "takes"),
    [
        ("gzip, deflate, br, zstd", True),
        ("br;q=1.0, GZIP;q=0.8, *;q=0.1", True),
        ("*", True),
        ("", False),
        ("br", False),
        ("identity", False),
        ("gzip;q=0, *", False),
        ("gzip; q=0.0", False),
        ("gzip;q=0.001", True),
    ],
)
def test_who_takes_gzip(accept: str, takes: bool) -> None:
    assert takes_gzip(accept) is takes


def test_a_page_is_the_same_packed_and_plain(client: AppClient) -> None:
    client.make_release()
    for _ in range(2):  # from the application, then from the cache
        small, plain = client.get("/products/myapp"), client.get("/products/myapp", headers=PLAIN)
        assert small.headers["content-encoding"] == "gzip"
        assert "content-encoding" not in plain.headers
        assert small.content == plain.content
        assert int(small.headers["content-length"]) < len(plain.content) / 2
        assert small.headers["etag"] != plain.headers["etag"]
        assert "accept-encoding" in small.headers["vary"]
        assert "accept-encoding" in plain.headers["vary"]


def test_packed_pages_are_confirmed_by_their_own_tag(client: AppClient) -> None:
    client.make_release()
    etag = client.get("/products/myapp").headers["etag"]
    for _ in range(2):
        known = client.get("/products/myapp", headers={"if-none-match": etag})
        assert (known.status_code, known.content) == (304, b"")
        assert "content-encoding" not in known.headers
        assert client.get("/products/myapp", headers={**PLAIN, "if-none-match": etag}).status_code == 200


def test_assets(client: AppClient) -> None:
    name, whole = "fenfa.css", (FOLDER / "fenfa.css").read_bytes()
    small, plain = client.get(asset(name)), client.get(asset(name), headers=PLAIN)
    assert small.content == plain.content == whole
    assert small.headers["content-type"] == plain.headers["content-type"] == "text/css; charset=utf-8"
    assert int(small.headers["content-length"]) < len(whole) / 2
    for answer in (small, plain):
        assert "immutable" in answer.headers["cache-control"]
        assert answer.headers["vary"] == "accept-encoding"
    assert client.request("HEAD", asset(name)).status_code == 200
    for wrong in ("/static/nothing.css", "/static/../app.py", "/static/%2e%2e/app.py", "/static/"):
        assert client.get(wrong).status_code in (404, 405), wrong


def test_packing_the_same_gives_the_same() -> None:
    assert packed(b"same") == packed(b"same")
    assert gzip.decompress(packed(b"same")) == b"same"
