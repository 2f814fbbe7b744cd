"""Downloads of builds that lie in a bucket: led there, or passed on from there."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from fenfa.storage.base import Address
from tests.support.client import ADMIN, AppClient, refusal, running
from tests.support.seaweedfs import SeaweedFS, settings_of

CONTENT = bytes(range(256)) * 40


@pytest.fixture
def address(seaweedfs: SeaweedFS) -> Address:
    return seaweedfs.bucket()


@pytest.fixture
def client(tmp_path: Path, address: Address) -> Iterator[AppClient]:
    with running(tmp_path / "data", **settings_of(address) | {"proxy_downloads": "false"}) as started:
        yield started


def release(client: AppClient) -> str:
    return f"/d/{client.make_release(CONTENT)['release']['id']}"


def downloads(client: AppClient) -> int:
    client.flush()
    return int(client.rows("SELECT coalesce(sum(download_count), 0) FROM releases")[0][0])


def test_download_leads_to_the_file_and_counts(client: AppClient) -> None:
    answer = client.get(release(client))
    assert (answer.status_code, answer.content, answer.headers["cache-control"]) == (302, b"", "no-store")
    file = httpx.get(answer.headers["location"])
    assert (file.content, file.headers["content-type"]) == (CONTENT, "application/gzip")
    assert file.headers["content-disposition"].startswith('attachment; filename="app.tar.gz"')
    assert downloads(client) == 1


def test_what_asks_for_no_bytes_is_answered_here(client: AppClient) -> None:
    path = release(client)
    head = client.request("HEAD", path)
    assert (head.status_code, head.headers["content-length"]) == (200, str(len(CONTENT)))
    assert client.get(path, headers={"if-none-match": head.headers["etag"]}).status_code == 304
    beyond = client.get(path, headers={"range": f"bytes={len(CONTENT)}-"})
    assert (beyond.status_code, beyond.headers["content-range"]) == (416, f"bytes */{len(CONTENT)}")
    assert client.get(path, headers={"range": "bytes=100-"}).status_code == 302
    assert downloads(client) == 0


def test_unpublished_builds_get_no_link(client: AppClient) -> None:
    made = client.make_release(CONTENT)
    client.admin("PUT", f"/admin/api/apps/{made['app']['id']}/unpublish")
    assert refusal(client.get(f"/d/{made['release']['id']}"))[0] == 404


def test_deletion_removes_the_object(client: AppClient) -> None:
    path = release(client)
    link = client.get(path).headers["location"]
    client.admin("DELETE", f"/admin/api/releases/{path[3:]}")
    assert httpx.get(link).status_code == 404


def test_proxy_passes_ranges_on(tmp_path: Path, address: Address) -> None:
    with running(tmp_path / "data", **settings_of(address), proxy_downloads="true") as client:
        path = release(client)
        assert client.get(path).content == CONTENT
        part = client.get(path, headers={"range": "bytes=5-9"})
        assert (part.status_code, part.content) == (206, CONTENT[5:10])
        assert downloads(client) == 1


def test_proxy_tells_of_a_missing_object_and_counts_nothing(tmp_path: Path, address: Address) -> None:
    with running(tmp_path / "data", **settings_of(address), proxy_downloads="true") as client:
        path = release(client)
        client.lose_files()
        assert refusal(client.get(path))[:2] == (500, "INTERNAL_ERROR")
        assert downloads(client) == 0


def test_settings_are_tried_before_they_are_saved(tmp_path: Path, address: Address) -> None:
    with running(tmp_path / "data", storage_type="local", proxy_downloads="false") as client:
        bad = settings_of(replace(address, secret_key="wrong"))
        code, _, message = refusal(client.put("/admin/api/settings", headers=ADMIN, json=bad))
        assert code == 400
        assert message.startswith("s3_bucket cannot be used (write)")
        assert client.admin("GET", "/admin/api/settings")["storage_type"] == "local"
        saved = client.put("/admin/api/settings", headers=ADMIN, json=settings_of(address))
        assert address.secret_key not in saved.text
        assert client.get(release(client)).status_code == 302


def test_store_that_is_down_says_when_to_come_again(tmp_path: Path, address: Address) -> None:
    gone = settings_of(replace(address, endpoint="http://127.0.0.1:1"))
    with running(tmp_path / "data", **gone) as client:
        variant = client.make_variant(client.make_product()["id"])
        answer = client.upload(variant["id"], CONTENT)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
        assert len(client.files()) == 1


def test_a_store_that_is_down_is_an_answer(tmp_path: Path, address: Address) -> None:
    given = settings_of(address) | {"proxy_downloads": "true"}
    with running(tmp_path / "data", **given) as client:
        path = release(client)
        assert client.get(path).content == CONTENT
        client.admin("PUT", "/admin/api/settings", json={"storage_type": "local"})
        client.sql("UPDATE stores SET endpoint = 'http://127.0.0.1:1'")
        client.sql("UPDATE products SET revision = revision + 1")
        answer = client.get(path)
        assert refusal(answer)[:2] == (503, "UNAVAILABLE")
        assert int(answer.headers["retry-after"]) > 0
