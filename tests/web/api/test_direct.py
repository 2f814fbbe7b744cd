"""Direct uploads, the whole way: what the bucket takes, what the server makes of it, and what nobody can slip in."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from fenfa.services.reinspection import reinspect
from fenfa.services.relocation import relocate
from fenfa.services.sweeps import GRACE, sweep
from fenfa.services.verification import verify
from fenfa.storage.base import Address
from fenfa.storage.bucket import signer_of
from fenfa.storage.s3 import ObjectStorage
from fenfa.vocabulary import new_id
from tests.inspectors.fixtures import FOLDER, entries
from tests.support.client import ADMIN, UPLOAD, AppClient, refusal, running
from tests.support.packages import make_ipa
from tests.support.seaweedfs import SeaweedFS, settings_of
from tests.support.server import make_build
from tests.web.shapes import UPLOADED, check

PATH = "/uploads/direct"
BUILD = make_build(b"content" * 1000)
OTHER = make_build(b"CONTENT" * 1000)


@pytest.fixture
def address(seaweedfs: SeaweedFS) -> Address:
    return seaweedfs.bucket()


@pytest.fixture
def client(tmp_path: Path, address: Address) -> Iterator[AppClient]:
    with running(tmp_path / "data", **settings_of(address) | {"proxy_downloads": "true"}) as started:
        yield started


@pytest.fixture
def variant(client: AppClient) -> str:
    return str(client.make_variant(client.make_product()["id"], "android", identifier="com.example.app")["id"])


@dataclass
class Announced:
    """An upload that was begun, and what a client does with it."""

    client: AppClient
    told: dict[str, Any]
    headers: dict[str, str] = field(default_factory=lambda: UPLOAD)

    @property
    def id(self) -> str:
        return str(self.told["upload_id"])

    def put(self, content: bytes = BUILD, **headers: str) -> int:
        sent = self.told["headers"] | {name.replace("_", "-"): value for name, value in headers.items()}
        return httpx.request(self.told["method"], self.told["url"], headers=sent, content=content).status_code

    def finish(self, headers: dict[str, str] | None = None) -> httpx.Response:
        return self.client.post(f"{PATH}/{self.id}/finish", headers=headers or self.headers)

    def release(self) -> dict[str, Any]:
        answer = self.finish()
        assert answer.status_code == 201, answer.text
        return dict(answer.json()["data"]["release"])


def begin(
    client: AppClient, variant: str = "", content: bytes = BUILD, headers: Any = None, **fields: Any
) -> Announced:
    sent = {**UPLOAD, **(headers or {})}
    answer = client.post(PATH, headers=sent, json=announcement(content, variant_id=variant) | fields)
    assert answer.status_code == 201, answer.text
    return Announced(client, answer.json()["data"], sent)


def announcement(content: bytes = BUILD, **fields: Any) -> dict[str, Any]:
    digest = hashlib.sha256(content).hexdigest()
    return {"file_name": "app.apk", "size_bytes": len(content), "sha256": digest, **fields}


def objects(address: Address) -> list[str]:
    return [stored.key for stored in ObjectStorage(address).objects()]


def test_the_whole_way(client: AppClient, address: Address, variant: str) -> None:
    upload = begin(client, variant, channel="beta", changelog="- One", build=7)
    assert upload.told["finish_url"] == f"http://testserver{PATH}/{upload.id}/finish"
    assert upload.told["expires_at"] == "2026-11-02T10:30:00.000Z"
    assert upload.put() == 200
    answer = upload.finish()
    check(answer.json()["data"], UPLOADED)
    release = answer.json()["data"]["release"]
    assert (answer.status_code, release["build"], release["sha256"]) == (201, 7, hashlib.sha256(BUILD).hexdigest())
    assert answer.json()["data"]["app"]["variant_id"] == variant
    assert client.get(f"/d/{release['id']}").content == BUILD
    ((key, name),) = client.rows("SELECT storage_key, file_name FROM releases")
    assert (objects(address), name) == ([key], "app.apk")
    assert key.split("/")[2] == variant
    assert client.rows("SELECT target FROM audit WHERE action = 'release.upload'") == [(release["id"],)]
    assert [one.state for one in verify(client.runtime.database, client.runtime.storage)] == ["ok"]


def test_a_finish_that_was_not_heard_is_told_again(client: AppClient, variant: str) -> None:
    upload = begin(client, variant)
    upload.put()
    assert upload.finish().json() == upload.finish().json()
    assert client.rows("SELECT count(*) FROM releases") == [(1,)]


def test_two_who_finish_at_once_get_one_release(client: AppClient, variant: str) -> None:
    upload = begin(client, variant)
    upload.put()
    call = ("POST", f"{PATH}/{upload.id}/finish", {"headers": UPLOAD})
    first, second, third = client.together(call, call, call)
    assert (first.status_code, first.json()) == (201, second.json())
    assert third.json() == first.json()
    assert client.rows("SELECT count(*) FROM releases") == [(1,)]
    assert client.get(f"/d/{first.json()['data']['release']['id']}").content == BUILD


def test_the_package_decides_where_no_variant_is_named(client: AppClient, address: Address, variant: str) -> None:
    upload = begin(client)
    upload.put()
    assert upload.finish().json()["data"]["app"]["variant_id"] == variant
    (key,) = objects(address)
    assert key.split("/")[1:3] == [upload.id, upload.id]


def test_an_admin_may_have_a_home_made(client: AppClient) -> None:
    upload = begin(client, create=True, headers=ADMIN)
    upload.put()
    assert set(upload.finish().json()["data"]["created"]) == {"product", "variant"}
    lesser = begin(client, content=OTHER, create=True, file_name="other.apk")
    lesser.put(OTHER)
    assert lesser.finish().status_code == 201  # its home is there by now


def test_one_without_a_home_is_refused_and_removed(client: AppClient, address: Address) -> None:
    upload = begin(client, create=True)  # a token for uploads may not
    upload.put()
    assert refusal(upload.finish())[:2] == (404, "NOT_FOUND")
    assert objects(address) == []
    assert refusal(upload.finish())[:2] == (422, "BAD_PACKAGE")


def test_the_bucket_takes_those_bytes_alone_and_once(client: AppClient, variant: str) -> None:
    upload = begin(client, variant)
    assert refusal(upload.finish())[:2] == (409, "CONFLICT")
    assert upload.put(OTHER[: len(BUILD)].ljust(len(BUILD), b"x")) == 400
    assert upload.put(BUILD + b"x", content_length=str(len(BUILD) + 1)) == 403
    assert upload.put(if_none_match="other") == 403
    assert upload.put(x_amz_meta_sha256="0" * 64) == 403
    assert refusal(upload.finish())[:2] == (409, "CONFLICT")
    assert upload.put() == 200
    assert upload.put() == 412
    release = upload.release()
    assert upload.put() == 412
    assert client.get(f"/d/{release['id']}").content == BUILD


def slip_in(address: Address, upload: Announced, content: bytes) -> None:
    """Bytes that come there by another way, such as the bucket's own keys."""
    key = urlsplit(upload.told["url"]).path.removeprefix(f"/{address.bucket}/")
    signer = signer_of(address)
    assert signer
    httpx.put(signer.url("PUT", key, 60), content=content).raise_for_status()


def test_what_the_bucket_does_not_vouch_for_is_hashed_here(client: AppClient, address: Address, variant: str) -> None:
    upload = begin(client, variant)
    slip_in(address, upload, BUILD)
    assert upload.release()["sha256"] == hashlib.sha256(BUILD).hexdigest()


@pytest.mark.parametrize(
    "content", [BUILD[:-1], BUILD + b"x", b"", BUILD[:-1] + b"x"], ids=["short", "long", "empty", "other"]
)
def test_other_bytes_are_refused_and_removed(client: AppClient, address: Address, variant: str, content: bytes) -> None:
    upload = begin(client, variant)
    slip_in(address, upload, content)
    status, code, message = refusal(upload.finish())
    assert (status, code) == (400, "BAD_REQUEST")
    assert "announced" in message or "sha256" in message
    assert objects(address) == []
    assert client.rows("SELECT count(*) FROM releases") == [(0,)]
    assert refusal(upload.finish())[2] == message


REFUSED = [entry for entry in entries("apk") if entry["expected"]["accept"] == "no"]


def test_a_package_that_cannot_be_read_is_refused_as_ever_and_removed(
    client: AppClient, address: Address, variant: str
) -> None:
    assert REFUSED, "no package fixtures"
    for content in [*((FOLDER / entry["file"]).read_bytes() for entry in REFUSED), BUILD[:-40]]:
        upload = begin(client, variant, content)
        assert upload.put(content) == 200
        ordinary = refusal(client.upload(variant, content, "app.apk"))
        assert refusal(upload.finish()) == ordinary
        assert ordinary[:2] == (422, "BAD_PACKAGE")
    assert objects(address) == []


def test_only_what_is_needed_is_fetched(client: AppClient, address: Address, tmp_path: Path) -> None:
    fetched: list[int] = []

    class Counting(ObjectStorage):
        def read(self, key: str, start: int, size: int) -> bytes:
            data = super().read(key, start, size)
            fetched.append(len(data))
            return data

    assets = {"Payload/Example.app/assets.bin": Random(1).randbytes(20 << 20)}
    content = make_ipa(tmp_path / "app.ipa", files=assets).read_bytes()
    upload = begin(client, content=content, create=True, headers=ADMIN, file_name="MyApp.ipa")
    stores = client.runtime.storage
    known = stores.database.read_now(stores.address_of, stores.current().name)
    stores._opened[known] = Counting(known)
    assert upload.put(content) == 200
    assert upload.release()["size_bytes"] == len(content) > 20 << 20
    assert 0 < sum(fetched) < 1 << 20
    fetched.clear()
    client.sql("UPDATE releases SET package = '{}'")
    assert [one.problem for one in reinspect(client.runtime)] == [""]
    assert 0 < sum(fetched) < 1 << 20
    assert "com.example.app" in str(client.rows("SELECT package FROM releases"))


def test_an_idempotency_key_gives_the_same_upload_again(client: AppClient, variant: str) -> None:
    key = {"Idempotency-Key": "one"}
    first, again = begin(client, variant, headers=key), begin(client, variant, headers=key)
    assert first.id == again.id
    assert first.put() == 200
    assert again.put() == 412
    assert again.release() == first.release()
    assert begin(client, variant, headers=key).release() == first.release()
    other = client.post(PATH, headers={**UPLOAD, **key}, json=announcement(OTHER, variant_id=variant))
    assert refusal(other)[:2] == (409, "CONFLICT")
    assert begin(client, variant).id != first.id


def test_announcing_twice_at_once_is_announcing_once(client: AppClient, variant: str) -> None:
    headers = {**UPLOAD, "Idempotency-Key": "one"}
    call = ("POST", PATH, {"headers": headers, "json": announcement(variant_id=variant)})
    answers = [one for one in client.together(call, call, call) if one.status_code == 201]
    assert len({one.json()["data"]["upload_id"] for one in answers}) == 1
    assert client.rows("SELECT count(*) FROM uploads") == [(1,)]


def test_a_key_goes_on_to_the_ordinary_way(client: AppClient, variant: str) -> None:
    """The bucket could not be reached from where the client is."""
    key = {**UPLOAD, "Idempotency-Key": "one"}
    upload = begin(client, variant, headers=key)
    ordinary = client.upload(variant, BUILD, "app.apk", headers=key)
    assert ordinary.status_code == 201, ordinary.text
    assert upload.put() == 200
    assert refusal(upload.finish())[0] == 422
    back = client.post(PATH, headers=key, json=announcement(variant_id=variant))
    assert refusal(back)[:2] == (409, "CONFLICT")
    assert client.rows("SELECT count(*) FROM releases") == [(1,)]


def test_an_upload_belongs_to_its_sender_and_to_admins(client: AppClient, variant: str) -> None:
    upload = begin(client, variant, headers=client.token("upload"))
    upload.put()
    assert refusal(upload.finish(client.token("upload")))[:2] == (404, "NOT_FOUND")
    assert upload.finish(client.token("admin")).json() == upload.finish().json()


def test_uploads_of_other_kinds_are_not_finished_here_nor_these_elsewhere(client: AppClient, variant: str) -> None:
    client.upload(variant, BUILD, "app.apk")
    ((ordinary,),) = client.rows("SELECT id FROM uploads")
    assert refusal(client.post(f"{PATH}/{ordinary}/finish", headers=UPLOAD))[0] == 404
    upload = begin(client, variant)
    upload.put()
    assert refusal(client.post(f"/uploads/resumable/{upload.id}/complete", headers=UPLOAD))[0] == 404
    assert upload.release()


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"size_bytes": 0}, 400),
        ({"size_bytes": "7"}, 400),
        ({"size_bytes": 9 * 1024**3}, 413),
        ({"sha256": "ab"}, 400),
        ({"sha256": "g" * 64}, 400),
        ({"file_name": "app.txt"}, 400),
        ({"file_name": "a\x07.apk"}, 400),
        ({"file_name": "app.ipa"}, 400),
        ({"variant_id": "var_unknown"}, 404),
        ({"build": -1}, 400),
        ({"unknown": 1}, 400),
    ],
    ids=str,
)
def test_bad_announcements_are_refused(client: AppClient, variant: str, fields: dict[str, Any], status: int) -> None:
    answer = client.post(PATH, headers=UPLOAD, json=announcement(variant_id=variant) | fields)
    assert refusal(answer)[0] == status
    assert client.rows("SELECT count(*) FROM uploads") == [(0,)]


def test_more_than_a_bucket_takes_at_once_goes_another_way(client: AppClient, variant: str) -> None:
    answer = client.post(PATH, headers=UPLOAD, json=announcement(variant_id=variant, size_bytes=5 * 10**9 + 1))
    assert refusal(answer)[:2] == (409, "NOT_OFFERED")


def test_the_disk_takes_none(tmp_path: Path) -> None:
    with running(tmp_path / "other", storage_type="local") as client:
        answer = client.post(PATH, headers=UPLOAD, json=announcement())
        assert refusal(answer)[:2] == (409, "NOT_OFFERED")
        assert "/smart-upload" in refusal(answer)[2]
        assert client.admin("GET", "/admin/api/upload-config")["direct_upload"] is False


def test_it_is_told_that_it_is_offered(client: AppClient) -> None:
    assert client.admin("GET", "/admin/api/upload-config")["direct_upload"] is True


def test_while_the_store_is_down_all_waits(client: AppClient, variant: str) -> None:
    upload = begin(client, variant)
    upload.put()
    ((endpoint,),) = client.rows("SELECT endpoint FROM stores")
    client.sql("UPDATE stores SET endpoint = 'http://127.0.0.1:1'")
    for answer in (upload.finish(), upload.finish()):
        assert (refusal(answer)[:2], answer.headers["retry-after"]) == ((503, "UNAVAILABLE"), "5")
    client.sql(f"UPDATE stores SET endpoint = '{endpoint}'")
    assert client.get(f"/d/{upload.release()['id']}").content == BUILD


def test_a_store_that_is_down_takes_no_announcement(tmp_path: Path, address: Address) -> None:
    settings = settings_of(address) | {"s3_endpoint": "http://127.0.0.1:1"}
    with running(tmp_path / "other", **settings) as client:
        answer = client.post(PATH, headers=UPLOAD, json=announcement())
        assert (refusal(answer)[:2], answer.headers["retry-after"]) == ((503, "UNAVAILABLE"), "5")


def test_what_nobody_finishes_is_swept_after_a_day(client: AppClient, address: Address, variant: str) -> None:
    client.clock.now = datetime.now(UTC)
    lost, kept = begin(client, variant), begin(client, variant, OTHER)
    lost.put()
    kept.put(OTHER)
    sweep(client.runtime, GRACE * 0)
    assert len(objects(address)) == 2
    kept.release()
    client.clock.move(hours=25)
    sweep(client.runtime, GRACE)
    assert objects(address) == [key for (key,) in client.rows("SELECT storage_key FROM releases")]
    assert refusal(lost.finish())[0] == 404
    assert kept.put(OTHER) == 412


def test_its_object_goes_with_the_release(client: AppClient, address: Address) -> None:
    upload = begin(client, create=True, headers=ADMIN)
    upload.put()
    release = upload.release()
    client.admin("DELETE", f"/admin/api/releases/{release['id']}")
    assert objects(address) == []
    assert upload.put() == 200  # the address still holds, but what comes is nobody's
    assert client.get(f"/d/{release['id']}").status_code == 404
    client.clock.now = datetime.now(UTC) + 25 * GRACE / 24
    sweep(client.runtime, GRACE)
    assert objects(address) == []


def test_a_build_that_was_damaged_in_the_bucket_is_told_and_the_rest_is_read(
    client: AppClient, address: Address, variant: str
) -> None:
    damaged, whole = begin(client, variant), begin(client, variant, OTHER)
    for upload, content in ((damaged, BUILD), (whole, OTHER)):
        upload.put(content)
        upload.release()
    slip_in(address, damaged, BUILD[:-100])
    assert ["missing" in one.problem for one in reinspect(client.runtime)] == [True, False]


def test_it_moves_to_the_disk_like_any_other(client: AppClient, address: Address) -> None:
    upload = begin(client, create=True, headers=ADMIN)
    upload.put()
    release = upload.release()
    stores = client.runtime.storage
    assert [one.problem for one in relocate(client.runtime, stores.local)] == [""]
    assert objects(address) == []
    assert client.get(f"/d/{release['id']}").content == BUILD


def test_a_url_ends_after_an_hour(client: AppClient, variant: str) -> None:
    url = begin(client, variant).told["url"]
    assert parse_qs(urlsplit(url).query)["X-Amz-Expires"] == ["3600"]


def test_unknown_uploads_are_not_found(client: AppClient) -> None:
    assert refusal(client.post(f"{PATH}/{new_id('upl')}/finish", headers=UPLOAD))[:2] == (404, "NOT_FOUND")
