"""The bucket's own promises: what a link gives, what the store holds, and what a bad store does."""

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from urllib.parse import parse_qs, urlsplit
from xml.etree import ElementTree

import httpx
import pytest

from fenfa.errors import BadInput, NotFound, StoreUnreachable, Unavailable, UpstreamFailed
from fenfa.storage.base import Address, pieces, release_key
from fenfa.storage.bucket import signer_of
from fenfa.storage.early import Early
from fenfa.storage.s3 import ObjectStorage
from fenfa.storage.unfinished import abort_unfinished
from tests.support.faulty_wire import Fault, faulty_wire
from tests.support.seaweedfs import SeaweedFS

KEY = release_key("prd_aaaaaaaa", "var_aaaaaaaa", "rel_aaaaaaaa", "Ünïcode build.apk")
OTHER = release_key("prd_aaaaaaaa", "var_aaaaaaaa", "rel_bbbbbbbb", "app.apk")
LARGE = bytes(range(256)) * 40_000  # more than goes in one request


@pytest.fixture
def address(seaweedfs: SeaweedFS) -> Address:
    return seaweedfs.bucket()


@pytest.fixture
def put(address: Address, tmp_path: Path) -> Callable[..., ObjectStorage]:
    def put_object(content: bytes = b"content", key: str = KEY) -> ObjectStorage:
        storage = ObjectStorage(address)
        (tmp_path / "a.part").write_bytes(content)
        storage.put(tmp_path / "a.part", key, sha256(content).hexdigest(), b"{}")
        return storage

    return put_object


def names(storage: ObjectStorage) -> list[str]:
    """Everything in the bucket."""
    signer = storage._signer
    assert signer
    answer = httpx.get(signer.url("GET", "", 60, {"list-type": "2"})).raise_for_status()
    return [str(one.text) for one in ElementTree.fromstring(answer.content).iterfind("{*}Contents/{*}Key")]


def test_link_gives_the_file_under_its_name_and_type(put: Callable[..., ObjectStorage]) -> None:
    answer = httpx.get(put().link(KEY))
    assert answer.content == b"content"
    assert answer.headers["content-type"] == "application/vnd.android.package-archive"
    assert answer.headers["content-disposition"].endswith("filename*=UTF-8''%C3%9Cn%C3%AFcode_build.apk")


def test_link_takes_ranges_and_ends_after_ten_minutes(put: Callable[..., ObjectStorage]) -> None:
    link = put().link(KEY)
    part = httpx.get(link, headers={"range": "bytes=2-4"})
    assert (part.status_code, part.content) == (206, b"nte")
    assert parse_qs(urlsplit(link).query)["X-Amz-Expires"] == ["600"]


@pytest.mark.parametrize("change", ["X-Amz-Expires=6000", "response-content-type=text%2Fhtml"])
def test_a_link_that_was_changed_is_refused(put: Callable[..., ObjectStorage], change: str) -> None:
    assert httpx.get(f"{put().link(KEY)}&{change}").status_code in (400, 403)
    assert httpx.get(put().link(KEY).replace("app", "bpp").replace("rel_a", "rel_b")).status_code in (403, 404)


def test_public_address_stands_in_for_signed_links(address: Address) -> None:
    public = ObjectStorage(replace(address, public_url="https://cdn.example.com/b"))
    assert public.link(OTHER) == f"https://cdn.example.com/b/{OTHER}"


def test_large_files_go_in_parts_and_come_back_whole(put: Callable[..., ObjectStorage]) -> None:
    storage = put(LARGE)
    assert b"".join(pieces(storage, KEY, 0, len(LARGE))) == LARGE
    head = httpx.get(storage.link(KEY), headers={"range": "bytes=0-0"})
    assert head.headers["x-amz-meta-sha256"] == sha256(LARGE).hexdigest()
    assert head.headers["etag"].endswith('-2"')
    assert httpx.get(storage.link(KEY)).headers["content-disposition"].startswith("attachment")


def test_meta_lies_beside_the_object_and_goes_with_it(put: Callable[..., ObjectStorage]) -> None:
    storage = put()
    assert sorted(names(storage)) == sorted([KEY, KEY.rpartition("/")[0] + "/meta.json"])
    storage.delete(KEY)
    assert names(storage) == []


def test_tidy_removes_what_a_crash_left_if_it_is_old(put: Callable[..., ObjectStorage], address: Address) -> None:
    storage, signer = put(), signer_of(address)
    assert signer
    storage.put_meta(OTHER, b"{}")
    httpx.post(signer.url("POST", OTHER, 60, {"uploads": ""})).raise_for_status()
    storage.tidy(0)
    assert len(names(storage)) == 3
    storage.tidy(time.time() + 60)
    assert len(names(storage)) == 2
    assert abort_unfinished(signer, time.time() + 60) == 0


@pytest.mark.parametrize("fault", [Fault.ERROR_500, Fault.ERROR_503, Fault.CUT, Fault.TRUNCATED])
@pytest.mark.parametrize("content", [b"content", LARGE], ids=["small", "large"])
def test_a_put_that_met_a_fault_is_done_again(
    address: Address, seaweedfs: SeaweedFS, tmp_path: Path, fault: Fault, content: bytes
) -> None:
    """Whatever came of it: then it is whole, under its hash, and nothing else is left."""
    (tmp_path / "a.part").write_bytes(content)
    with faulty_wire(seaweedfs.port) as wire:
        storage = ObjectStorage(replace(address, endpoint=f"http://127.0.0.1:{wire.port}"))
        wire.fault = fault
        with suppress(StoreUnreachable):
            storage.put(tmp_path / "a.part", KEY, sha256(content).hexdigest(), b"{}")
        wire.fault = Fault.NONE
        storage.put(tmp_path / "a.part", KEY, sha256(content).hexdigest(), b"{}")
        assert b"".join(pieces(storage, KEY, 0, len(content))) == content
        storage.tidy(time.time() + 60)
        assert len(names(storage)) == 2
        assert abort_unfinished(_signer(address), time.time() + 60) == 0


def test_a_file_that_went_ahead_is_not_sent_again(address: Address, tmp_path: Path) -> None:
    storage, staged = ObjectStorage(address), tmp_path / "a.part"
    early = follow_whole(storage, staged)
    assert names(storage) == []
    early.arrive(len(LARGE))
    storage.put(staged, KEY, sha256(LARGE).hexdigest(), b"{}")
    answer = httpx.get(storage.link(KEY))
    assert (answer.content, "x-amz-meta-sha256" in answer.headers) == (LARGE, False)  # which is known only afterwards
    assert answer.headers["content-type"] == "application/vnd.android.package-archive"
    assert len(names(storage)) == 2


def test_small_files_wait(address: Address, tmp_path: Path) -> None:
    assert ObjectStorage(address).follow(tmp_path / "a.part", KEY, 1024) is None


def test_what_is_given_up_leaves_nothing(address: Address, tmp_path: Path) -> None:
    storage = ObjectStorage(address)
    early = follow_whole(storage, tmp_path / "a.part")
    early.give_up()
    early.arrive(len(LARGE))  # waits until it is over
    assert names(storage) == []
    assert abort_unfinished(_signer(address), time.time() + 60) == 0


@pytest.mark.parametrize("fault", [Fault.ERROR_500, Fault.ERROR_503, Fault.CUT, Fault.TRUNCATED])
def test_a_fault_on_the_way_ahead_costs_nothing(
    address: Address, seaweedfs: SeaweedFS, tmp_path: Path, fault: Fault
) -> None:
    staged = tmp_path / "a.part"
    with faulty_wire(seaweedfs.port) as wire:
        storage = ObjectStorage(replace(address, endpoint=f"http://127.0.0.1:{wire.port}"))
        early = follow_whole(storage, staged)
        wire.fault = fault
        early.arrive(len(LARGE))
        wire.fault = Fault.NONE
        storage.put(staged, KEY, sha256(LARGE).hexdigest(), b"{}")
        assert b"".join(pieces(storage, KEY, 0, len(LARGE))) == LARGE
        storage.tidy(time.time() + 60)
        assert len(names(storage)) == 2
        assert abort_unfinished(_signer(address), time.time() + 60) == 0


def follow_whole(storage: ObjectStorage, staged: Path) -> Early:
    """All of LARGE is staged, and on its way but for the last part."""
    staged.write_bytes(LARGE)
    early = storage.follow(staged, KEY, len(LARGE))
    assert early
    early.reach(len(LARGE))
    return early


def test_wrong_keys_are_refused_by_the_store(address: Address) -> None:
    with pytest.raises(UpstreamFailed, match="refuses the access key"):
        ObjectStorage(replace(address, secret_key="wrong")).read(KEY, 0, 1)
    with pytest.raises(Unavailable):
        abort_unfinished(_signer(replace(address, secret_key="wrong")), 0)


def test_a_store_that_is_down_is_unavailable(address: Address) -> None:
    gone = replace(address, endpoint="http://127.0.0.1:1")
    with pytest.raises(Unavailable, match="does not answer"):
        ObjectStorage(gone).probe()
    with pytest.raises(Unavailable, match="does not answer"):
        abort_unfinished(_signer(gone), 0)


def test_missing_objects_are_not_found(address: Address) -> None:
    with pytest.raises(NotFound, match="missing"):
        list(pieces(ObjectStorage(address), KEY, 0, 1))


def test_azure_signs_links_of_its_own() -> None:
    azure = Address("s3", bucket="az://builds", access_key="account", secret_key="c2VjcmV0")
    link = urlsplit(ObjectStorage(azure).link(OTHER))
    assert (link.netloc, link.path) == ("account.blob.core.windows.net", f"/builds/{OTHER}")
    assert "sig" in parse_qs(link.query)


def test_google_wants_a_service_account() -> None:
    with pytest.raises(BadInput, match="JSON of a service account"):
        ObjectStorage(Address("s3", bucket="gs://builds", secret_key="nonsense"))


def test_secrets_are_not_shown(address: Address) -> None:
    assert address.secret_key not in f"{address} {_signer(address)}"


def _signer(address: Address):  # type: ignore[no-untyped-def]
    return signer_of(address)
