"""The door of a bucket: what it grants, what has come, and that a bucket which does not heed it is found out."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest

from fenfa.errors import StoreUnreachable, UpstreamFailed
from fenfa.storage.base import Address, release_key
from fenfa.storage.bucket import signer_of
from fenfa.storage.direct import Arrival, Direct
from fenfa.storage.s3 import ObjectStorage
from tests.support.seaweedfs import SeaweedFS

KEY = release_key("prd_aaaaaaaa", "var_aaaaaaaa", "rel_aaaaaaaa", "Ünïcode build.apk")
CONTENT = b"content"
DIGEST = sha256(CONTENT).hexdigest()


def door(address: Address) -> Direct:
    signer = signer_of(address)
    assert signer
    return Direct(signer)


@pytest.fixture
def address(seaweedfs: SeaweedFS) -> Address:
    return seaweedfs.bucket()


def test_what_was_granted_arrives_as_the_server_would_have_put_it(address: Address) -> None:
    direct = door(address)
    assert direct.arrival(KEY) is None
    grant = direct.grant(KEY, len(CONTENT), DIGEST, 60)
    httpx.put(grant.url, headers=grant.headers, content=CONTENT).raise_for_status()
    assert direct.arrival(KEY) == Arrival(len(CONTENT), DIGEST)
    file = httpx.get(ObjectStorage(address).link(KEY))
    assert (file.content, file.headers["x-amz-meta-sha256"]) == (CONTENT, DIGEST)
    assert file.headers["content-type"] == "application/vnd.android.package-archive"
    plain = httpx.get(door(address)._signer.url("GET", KEY, 60))
    assert plain.headers["content-disposition"].endswith("filename*=UTF-8''%C3%9Cn%C3%AFcode_build.apk")


def test_a_bucket_that_heeds_is_tried_once_and_left_clean(address: Address) -> None:
    direct = door(address)
    assert direct.heeds()
    assert list(ObjectStorage(address).objects()) == []
    direct._signer = replace(direct._signer, base="http://127.0.0.1:1/b")
    assert direct.heeds()  # it is not asked again


def test_a_store_that_is_down_is_unreachable(address: Address) -> None:
    direct = door(replace(address, endpoint="http://127.0.0.1:1"))
    for ask in (direct.heeds, lambda: direct.arrival(KEY)):
        with pytest.raises(StoreUnreachable):
            ask()


def test_wrong_keys_are_said_to_be_wrong(address: Address) -> None:
    direct = door(replace(address, secret_key="wrong"))
    assert not direct.heeds()
    with pytest.raises(UpstreamFailed, match="refuses the access key"):
        direct.arrival(KEY)


@contextmanager
def lax_bucket(*statuses: int) -> Iterator[tuple[Address, list[str]]]:
    """A store at the wire that answers each PUT with the next status, whatever comes; and the methods that were asked for."""
    left, asked = list(statuses), list[str]()

    class Handler(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            asked.append(self.command)
            self.rfile.read(int(self.headers.get("content-length", "0")))
            self.send_response(left.pop(0) if self.command == "PUT" else 204)
            self.send_header("content-length", "0")
            self.end_headers()

        def do_DELETE(self) -> None:
            self.do_PUT()

        def log_message(self, *_args: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        endpoint = f"http://127.0.0.1:{server.server_address[1]}"
        yield Address("s3", endpoint=endpoint, bucket="lax", access_key="key", secret_key="secret"), asked
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("statuses", "heeds"),
    [
        ((400, 200, 412), True),
        ((400, 200, 200), False),  # puts a second object in the place of the first
        ((200, 412, 412), False),  # takes any bytes
        ((200, 200, 200), False),
        ((403, 403, 403), False),
    ],
)
def test_a_bucket_that_takes_other_bytes_or_others_later_is_found_out(statuses: tuple[int, ...], heeds: bool) -> None:
    with lax_bucket(*statuses) as (address, asked):
        assert door(address).heeds() is heeds
    assert asked == ["PUT", "PUT", "PUT", "DELETE"]


def test_a_bucket_that_fails_is_asked_again() -> None:
    with lax_bucket(500, 400, 200, 412) as (address, _):
        direct = door(address)
        with pytest.raises(StoreUnreachable):
            direct.heeds()
        assert direct.heeds()
