"""`fenfa upload` of a large file to a server whose builds lie in a bucket: straight there, or as ever where that fails."""

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from random import Random
from urllib.parse import urlsplit

import pytest

from fenfa.cli.client import Clock, Failure, Receipt, Uploader, connect
from fenfa.cli.pieces import LARGE
from fenfa.storage.base import Address
from fenfa.storage.s3 import ObjectStorage
from tests.cli.test_pieces import Silent
from tests.support.seaweedfs import SeaweedFS, settings_of
from tests.support.server import FenfaServer, fenfa_server, make_build, query, run_fenfa
from tests.support.wire_server import Exchange, Request, Step, decline, wire_server

pytestmark = pytest.mark.journey
BUILD = make_build(Random(8).randbytes(LARGE + 1_000_000))
CUT = 3_000_000


@pytest.fixture
def address(seaweedfs: SeaweedFS) -> Address:
    return seaweedfs.bucket()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    build = tmp_path / "app.apk"
    build.write_bytes(BUILD)
    return build


@contextmanager
def bucket_line(endpoint: str, cuts: int, lost: int = 0) -> Iterator[tuple[str, list[int]]]:
    """A way to the bucket that breaks off the first `cuts` large requests after `CUT` bytes, and of the next ones keeps `lost`
    answers back; and how many bytes went each time."""
    target, sent, left = urlsplit(endpoint), list[int](), [cuts, lost]
    lock = threading.Lock()

    def serve(near: socket.socket) -> None:
        far = socket.create_connection((str(target.hostname), target.port or 80))
        with near, far, suppress(OSError):
            back = threading.Thread(target=answer, args=(far, near), daemon=True)
            back.start()
            passed, place = 0, len(sent)
            sent.append(0)
            while data := near.recv(1 << 16):
                far.sendall(data)
                passed += len(data)
                sent[place] = passed
                if passed > CUT and taken(0):
                    near.shutdown(socket.SHUT_RDWR)
                    return
            far.shutdown(socket.SHUT_WR)
            back.join()

    def answer(far: socket.socket, near: socket.socket) -> None:
        with suppress(OSError):
            while data := far.recv(1 << 16):
                if max(sent) > len(BUILD) and taken(1):
                    near.shutdown(socket.SHUT_RDWR)
                    return
                near.sendall(data)

    def taken(which: int) -> bool:
        with lock:
            left[which] -= 1
            return left[which] >= 0

    def accept() -> None:
        with suppress(OSError):
            while True:
                threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=accept, daemon=True).start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", sent
        listener.shutdown(socket.SHUT_RDWR)


def send(server: FenfaServer, file: Path, watcher: Silent, retries: int = 5) -> Receipt | Failure:
    with connect(server.url, "dev-admin-token", timeout=30, insecure=False) as http:
        clock = Clock(sleep=lambda _seconds: None)
        return Uploader(http, "/smart-upload", {"create": "1", "build": "7"}, retries, clock).send(file, watcher)


def ways(server: FenfaServer) -> list[tuple[str, bool]]:
    """State of each upload, and whether it came straight to the bucket."""
    return [
        (state, by.startswith("sto_")) for state, by in query(server, "SELECT state, staged_by FROM uploads ORDER BY 2")
    ]


def check_receipt(outcome: Receipt | Failure, address: Address) -> None:
    assert isinstance(outcome, Receipt), outcome
    assert (outcome.sha256, outcome.build) == (sha256(BUILD).hexdigest(), 7)
    storage = ObjectStorage(address)
    (stored,) = storage.objects()
    assert stored.size == len(BUILD)


def test_a_large_file_goes_straight_into_the_bucket(tmp_path: Path, address: Address, file: Path) -> None:
    watcher = Silent()
    with fenfa_server(tmp_path, **settings_of(address)) as server:
        check_receipt(send(server, file, watcher), address)
        assert ways(server) == [("ready", True)]
        assert (watcher.began, watcher.notes) == ([len(BUILD)], [])


def test_the_command_says_the_same_as_ever(tmp_path: Path, address: Address, file: Path) -> None:
    with fenfa_server(tmp_path, **settings_of(address)) as server:
        words = ("--server", server.url, "--token", "dev-admin-token", "--create", "--build", "7")
        run = run_fenfa(tmp_path, "upload", str(file), *words)
        assert run.returncode == 0, run.stderr
        assert run.stdout.startswith("MyApp 1.0 (7)\n")
        assert ways(server) == [("ready", True)]


def test_a_broken_line_to_the_bucket_costs_a_try(tmp_path: Path, address: Address, file: Path) -> None:
    watcher, settings = Silent(), settings_of(address)
    with (
        bucket_line(address.endpoint, 2) as (settings["s3_endpoint"], sent),
        fenfa_server(tmp_path, **settings) as server,
    ):
        check_receipt(send(server, file, watcher), address)
        assert ways(server) == [("ready", True)]
        assert len(watcher.notes) == 2
        assert [count > CUT for count in sent].count(True) == 3


def test_an_answer_of_the_bucket_that_was_lost_costs_nothing_but_a_try(
    tmp_path: Path, address: Address, file: Path
) -> None:
    watcher, settings = Silent(), settings_of(address)
    with (
        bucket_line(address.endpoint, 0, lost=1) as (settings["s3_endpoint"], _),
        fenfa_server(tmp_path, **settings) as server,
    ):
        check_receipt(send(server, file, watcher), address)
        assert ways(server) == [("ready", True)]
        assert len(watcher.notes) >= 1


def test_a_line_that_breaks_on_and_on_is_given_up_for_pieces(tmp_path: Path, address: Address, file: Path) -> None:
    watcher, settings = Silent(), settings_of(address)
    with bucket_line(address.endpoint, 3) as (settings["s3_endpoint"], _), fenfa_server(tmp_path, **settings) as server:
        check_receipt(send(server, file, watcher), address)
        assert sorted(ways(server)) == [("expected", True), ("ready", False)]


def test_a_refusal_is_the_servers_own(tmp_path: Path, address: Address, file: Path) -> None:
    with fenfa_server(tmp_path, **settings_of(address)) as server:
        with connect(server.url, "dev-upload-token", timeout=30, insecure=False) as http:
            refused = Uploader(http, "/smart-upload", {}, 0).send(file, Silent())
        assert isinstance(refused, Failure)
        assert (refused.code, refused.passing) == ("NOT_FOUND", False)
        assert "make it first" in refused.message
        with connect(server.url, "wrong-token", timeout=30, insecure=False) as http:
            stranger = Uploader(http, "/smart-upload", {}, 0).send(file, Silent())
        assert isinstance(stranger, Failure)
        assert stranger.code == "UNAUTHORIZED"
        assert list(ObjectStorage(address).objects()) == []


def tell(url: str) -> Step:
    """Announcement taken; the file is to go there."""

    def step(exchange: Exchange) -> bool:
        exchange.receive_some(int(exchange.request.header("content-length")))
        told = {"upload_id": "upl_1", "method": "PUT", "url": url, "headers": {"content-length": str(len(BUILD))}}
        exchange.answer("201 Created", json.dumps({"ok": True, "data": told}).encode())
        return True

    return step


def test_a_bucket_out_of_reach_is_passed_over(file: Path) -> None:
    """Such as one that the server alone reaches."""
    watcher, said = Silent(), list[Request]()

    def remember(exchange: Exchange) -> bool:
        said.append(exchange.request)
        return tell("http://127.0.0.1:1/b")(exchange)

    with wire_server(direct=remember) as server:
        with connect(server.url, "secret", timeout=30, insecure=False) as http:
            outcome = Uploader(http, "/smart-upload", {"create": "1", "build": "7"}, 0).send(file, watcher)
        (sent,), (announced,) = server.requests, said
    assert isinstance(outcome, Receipt), outcome
    told = {"file_name": "app.apk", "size_bytes": len(BUILD), "sha256": sha256(BUILD).hexdigest()}
    assert json.loads(announced.body) == told | {"create": True, "smart": True, "build": 7}
    assert sent.target == "/smart-upload"
    assert announced.header("idempotency-key") == sent.header("idempotency-key")
    assert "cannot reach the bucket" in watcher.notes[0]


def test_the_bucket_never_sees_the_token(file: Path) -> None:
    with wire_server(decline) as bucket, wire_server(direct=tell(f"{bucket.url}/b")) as server:
        with connect(server.url, "secret", timeout=30, insecure=False) as http:
            Uploader(http, "/smart-upload", {}, 0).send(file, Silent())
        (seen,) = bucket.requests
    assert (seen.method, seen.target, seen.body_length) == ("PUT", "/b", len(BUILD))
    assert {name.lower() for name, _ in seen.headers} == {"host", "content-length"}


def test_a_file_that_changed_on_the_way_goes_as_it_is_now(file: Path) -> None:
    """The bucket refuses it, since it is not what was announced."""
    announced, other = list[str](), BUILD[::-1]

    def change(exchange: Exchange) -> bool:
        file.write_bytes(other)
        tell(f"{bucket.url}/b")(exchange)
        announced.append(json.loads(exchange.request.body)["sha256"])
        return True

    def refuse_digest(exchange: Exchange) -> bool:
        exchange.receive_some(len(BUILD))
        exchange.answer("400 Bad Request", b"BadDigest")
        return True

    with (
        wire_server(*[refuse_digest] * 3) as bucket,
        wire_server(direct=change) as server,
        connect(server.url, "secret", timeout=30, insecure=False) as http,
    ):
        outcome = Uploader(http, "/smart-upload", {}, 5, Clock(sleep=lambda _seconds: None)).send(file, Silent())
    assert isinstance(outcome, Receipt), outcome
    assert outcome.sha256 == sha256(other).hexdigest()
    assert announced == [sha256(BUILD).hexdigest(), *[sha256(other).hexdigest()] * 2]


@pytest.mark.parametrize("body", [b"<html>", b"[]", b'{"ok": true, "data": {}}'])
def test_an_answer_of_something_else_is_passed_over(file: Path, body: bytes) -> None:
    def speak(exchange: Exchange) -> bool:
        exchange.receive_some(int(exchange.request.header("content-length")))
        exchange.answer("200 OK", body)
        return True

    with wire_server(direct=speak) as server, connect(server.url, "secret", timeout=30, insecure=False) as http:
        assert isinstance(Uploader(http, "/smart-upload", {}, 0).send(file, Silent()), Receipt)
