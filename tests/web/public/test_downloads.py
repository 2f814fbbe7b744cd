"""`/d/:releaseID`: the file, its headers, its pieces, and what counts as a download."""

import base64
import hashlib
from email.utils import parsedate_to_datetime
from typing import Any

import httpx
import pytest

from fenfa.vocabulary import CONTENT_TYPES
from tests.support.client import ON_DISK, AppClient, refusal

CONTENT = bytes(range(256)) * 40
SIZE = len(CONTENT)


@pytest.fixture
def made(client: AppClient) -> dict[str, Any]:
    return client.make_release(CONTENT)


@pytest.fixture
def url(made: dict[str, Any]) -> str:
    return f"/d/{made['release']['id']}"


def fetch(client: AppClient, url: str, **headers: str) -> httpx.Response:
    return client.get(url, headers={name.replace("_", "-"): value for name, value in headers.items()})


def counted(client: AppClient) -> int:
    client.address = "127.0.0.1"
    client.flush()
    variant = client.get("/api/products/myapp").json()["data"]["variants"][0]
    events = client.admin("GET", "/admin/api/events?type=download")["total"]
    assert variant["latest_release"]["download_count"] == events
    return int(events)


def test_headers(client: AppClient, url: str) -> None:
    answer = client.get(url)
    digest = hashlib.sha256(CONTENT).digest()
    assert answer.content == CONTENT
    assert answer.headers["content-type"] == "application/gzip"
    assert answer.headers["content-length"] == str(SIZE)
    assert answer.headers["accept-ranges"] == "bytes"
    assert answer.headers["etag"] == f'"sha256-{digest.hex()}"'
    assert answer.headers["repr-digest"] == f"sha-256=:{base64.b64encode(digest).decode()}:"
    assert parsedate_to_datetime(answer.headers["last-modified"]).isoformat() == "2026-11-02T09:30:00+00:00"
    disposition = answer.headers["content-disposition"]
    assert disposition == "attachment; filename=\"app.tar.gz\"; filename*=UTF-8''app.tar.gz"


def test_head(client: AppClient, url: str) -> None:
    head, get = client.request("HEAD", url), client.get(url)
    assert head.content == b""
    different = {"date"}
    assert {k: v for k, v in head.headers.items() if k not in different} == {
        k: v for k, v in get.headers.items() if k not in different
    }


@pytest.mark.parametrize(
    ("wanted", "start", "end"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=0-", 0, SIZE),
        ("bytes=100-199", 100, 200),
        ("bytes=100-", 100, SIZE),
        ("bytes=-100", SIZE - 100, SIZE),
        (f"bytes=-{SIZE * 2}", 0, SIZE),
        (f"bytes=100-{SIZE * 2}", 100, SIZE),
        (f"bytes={SIZE - 1}-", SIZE - 1, SIZE),
    ],
)
def test_ranges(client: AppClient, url: str, wanted: str, start: int, end: int) -> None:
    answer = fetch(client, url, range=wanted)
    assert answer.status_code == 206
    assert answer.content == CONTENT[start:end]
    assert answer.headers["content-range"] == f"bytes {start}-{end - 1}/{SIZE}"
    assert answer.headers["content-length"] == str(end - start)


@pytest.mark.parametrize("wanted", ["bytes=5-1", "bytes=0-1,5-6", "items=0-1", "bytes=x-y", "bytes", "", "bytes=--5"])
def test_ranges_that_are_none_give_the_whole(client: AppClient, url: str, wanted: str) -> None:
    answer = fetch(client, url, range=wanted)
    assert (answer.status_code, answer.content) == (200, CONTENT)


@pytest.mark.parametrize("wanted", [f"bytes={SIZE}-", f"bytes={SIZE}-{SIZE + 5}", "bytes=-0", f"bytes={10**30}-"])
def test_ranges_outside(client: AppClient, url: str, wanted: str) -> None:
    answer = fetch(client, url, range=wanted)
    assert refusal(answer) == (416, "BAD_REQUEST", "the range lies outside the file")
    assert answer.headers["content-range"] == f"bytes */{SIZE}"
    assert counted(client) == 0


def test_conditions(client: AppClient, url: str) -> None:
    first = client.get(url)
    etag, modified = first.headers["etag"], first.headers["last-modified"]
    for known in (etag, f'"other", {etag}', f"W/{etag}", "*"):
        answer = fetch(client, url, if_none_match=known)
        assert (answer.status_code, answer.content) == (304, b"")
        assert answer.headers["etag"] == etag
    assert fetch(client, url, if_modified_since=modified).status_code == 304
    assert fetch(client, url, if_none_match='"other"').status_code == 200
    resumed = fetch(client, url, range="bytes=100-", if_range=etag)
    assert (resumed.status_code, resumed.content) == (206, CONTENT[100:])
    assert fetch(client, url, range="bytes=100-", if_range=modified).status_code == 206
    for stale in ('"another build"', f"W/{etag}", "Mon, 02 Nov 2020 09:30:00 GMT"):
        answer = fetch(client, url, range="bytes=100-", if_range=stale)
        assert (answer.status_code, answer.content) == (200, CONTENT)
    assert refusal(fetch(client, url, if_match='"other"'))[0] == 412


def test_a_file_is_fetched_whole_in_pieces(client: AppClient, url: str) -> None:
    pieces = [fetch(client, url, range=f"bytes={start}-{start + 999}").content for start in range(0, SIZE, 1000)]
    assert b"".join(pieces) == CONTENT
    assert counted(client) == 1


# counting


def test_every_file_fetched_counts_once(client: AppClient, url: str, made: dict[str, Any]) -> None:
    for _ in range(3):
        client.get(url)
    assert counted(client) == 3
    [event, *_] = client.admin("GET", "/admin/api/events")["items"]
    assert (event["type"], event["release_id"]) == ("download", made["release"]["id"])
    assert (event["variant_id"], event["app_id"]) == (made["app"]["variant_id"], made["app"]["id"])


@pytest.mark.parametrize(
    "headers",
    [
        {"range": "bytes=100-"},
        {"range": "bytes=-100"},
        {"range": "bytes=0-0"},
        {"range": "bytes=0-1"},
        {"range": f"bytes={SIZE}-"},
        {"if_none_match": "*"},
        {"if_match": '"other"'},
    ],
)
def test_what_is_not_a_download(client: AppClient, url: str, headers: dict[str, str]) -> None:
    fetch(client, url, **headers)
    client.request("HEAD", url)
    client.get("/d/rel_nothing")
    assert counted(client) == 0


def test_a_download_in_parts_counts_once_a_visitor_and_day(client: AppClient, url: str) -> None:
    for start in (0, 5000):
        fetch(client, url, range=f"bytes={start}-", user_agent="one")
    fetch(client, url, range="bytes=0-4999", user_agent="one")
    assert counted(client) == 1
    fetch(client, url, range="bytes=0-", user_agent="one")
    assert counted(client) == 1
    fetch(client, url, range="bytes=0-", user_agent="two")
    assert counted(client) == 2
    client.address = "203.0.113.9"
    fetch(client, url, range="bytes=0-", user_agent="one")
    assert counted(client) == 3
    client.clock.move(days=1)
    client.address = "203.0.113.9"
    fetch(client, url, range="bytes=0-", user_agent="one")
    assert counted(client) == 4


def test_a_small_file_counts_even_in_one_range(client: AppClient) -> None:
    tiny = client.make_release(b"x")
    fetch(client, f"/d/{tiny['release']['id']}", range="bytes=0-0")
    client.flush()
    assert client.admin("GET", "/admin/api/events?type=download")["total"] == 1


# whose and what


def test_unknown_and_hidden_releases(client: AppClient, url: str, made: dict[str, Any]) -> None:
    missing = (404, "NOT_FOUND", "release not found")
    for name in ("rel_nothing", "x", made["app"]["variant_id"], "%00", "rel_x' OR 1=1"):
        assert refusal(client.get(f"/d/{name}"))[:2] == missing[:2]
    for hidden in ("product_id", "variant_id"):
        client.get(url)
        client.admin("PUT", f"/admin/api/apps/{made['app'][hidden]}/unpublish")
        assert refusal(client.get(url)) == missing
        assert client.request("HEAD", url).status_code == 404
        client.admin("PUT", f"/admin/api/apps/{made['app'][hidden]}/publish")
        assert client.get(url).content == CONTENT
    client.admin("DELETE", f"/admin/api/releases/{made['release']['id']}")
    assert refusal(client.get(url)) == missing


@ON_DISK  # out of a bucket it comes in pieces, and is cut off
def test_a_file_deleted_while_it_leaves_is_completed(client: AppClient) -> None:
    content = bytes(range(256)) * 4096
    made = client.make_release(content)
    name = made["release"]["id"]
    requests: list[tuple[str, str, dict[str, Any]]] = [("GET", f"/d/{name}", {})] * 20
    headers = {"X-Auth-Token": "dev-admin-token"}
    *answers, deleted = client.together(*requests, ("DELETE", f"/admin/api/releases/{name}", {"headers": headers}))
    assert deleted.status_code == 200
    served = [answer for answer in answers if answer.status_code == 200]
    assert served
    assert all(answer.content == content for answer in served)
    assert all(answer.status_code in (200, 404) for answer in answers)
    assert client.get(f"/d/{name}").status_code == 404


KINDS = {"tar.gz": "linux", "zip": "linux", "appimage": "linux"}


@pytest.mark.parametrize(
    ("name", "ascii_name", "full_name"),
    [
        ("app.tar.gz", "app.tar.gz", "app.tar.gz"),
        ("应用 1.tar.gz", "___1.tar.gz", "%E5%BA%94%E7%94%A8_1.tar.gz"),
        ("Ünï.tar.gz", "_n_.tar.gz", "%C3%9Cn%C3%AF.tar.gz"),
        ('a"b\\c.tar.gz', "c.tar.gz", "c.tar.gz"),
        ("a;b=c.tar.gz", "a_b_c.tar.gz", "a_b_c.tar.gz"),
        ("%41.tar.gz", "_41.tar.gz", "_41.tar.gz"),
    ],
)
def test_names_as_rfc_6266_says(client: AppClient, name: str, ascii_name: str, full_name: str) -> None:
    variant = client.make_variant(client.make_product()["id"])["id"]
    data = client.upload(variant, b"bytes", name).json()["data"]
    disposition = client.get(f"/d/{data['release']['id']}").headers["content-disposition"]
    assert disposition == f"attachment; filename=\"{ascii_name}\"; filename*=UTF-8''{full_name}"


def test_types(client: AppClient) -> None:
    assert CONTENT_TYPES["apk"] == "application/vnd.android.package-archive"
    made = client.make_release(b"x")
    assert client.get(f"/d/{made['release']['id']}").headers["content-type"] == CONTENT_TYPES["tar.gz"]
