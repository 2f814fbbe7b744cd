"""Uploads in pieces: the words of tus 1.0.0, and that no byte is lost, doubled or mixed, wherever a connection breaks."""

import base64
import hashlib
import random
import socket
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.client import ADMIN, UPLOAD, AppClient, refusal
from tests.support.server import FenfaServer, fenfa_server, make_build, sweep_tomorrow

PATH = "/uploads/resumable"
OFFSET = {"Content-Type": "application/offset+octet-stream"}
BUILD = make_build(random.Random(6).randbytes(40_000))


def metadata(**fields: str) -> str:
    return ",".join(f"{name} {base64.b64encode(value.encode()).decode()}" for name, value in fields.items())


def begin(client: Any, length: int = len(BUILD), **fields: str) -> str:
    """The path of a new upload."""
    said = {"filename": "app.apk", **fields}
    headers = {**ADMIN, "Upload-Length": str(length), "Upload-Metadata": metadata(**said)}
    answer = client.post(PATH, headers=headers)
    assert answer.status_code == 201, answer.text
    return str(answer.headers["location"])


def smart(client: Any, **fields: str) -> str:
    return begin(client, len(BUILD), smart="1", create="1", **fields)


def append(client: Any, path: str, offset: int, data: bytes, **headers: str) -> httpx.Response:
    sent = {**ADMIN, **OFFSET, "Upload-Offset": str(offset), **headers}
    answer: httpx.Response = client.request("PATCH", path, headers=sent, content=data)
    return answer


def offset_of(client: Any, path: str) -> int:
    answer = client.request("HEAD", path, headers=ADMIN)
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
    return int(answer.headers["upload-offset"])


def release_of(client: Any, path: str) -> dict[str, Any]:
    answer = client.post(f"{path}/complete", headers=ADMIN)
    assert answer.status_code == 201, answer.text
    return dict(answer.json()["data"]["release"])


def test_what_is_spoken(client: AppClient) -> None:
    answer = client.request("OPTIONS", PATH)
    assert answer.headers["tus-version"] == "1.0.0"
    assert answer.headers["tus-extension"] == "creation,creation-with-upload,expiration,termination,checksum"
    assert answer.headers["tus-checksum-algorithm"] == "sha1,sha256,crc32"
    assert int(answer.headers["tus-max-size"]) == 8 * 1024**3
    wrong = client.post(PATH, headers={**ADMIN, "Tus-Resumable": "0.2.1"})
    assert (wrong.status_code, wrong.headers["tus-version"]) == (412, "1.0.0")


def test_pieces_become_a_release_that_is_told_again_and_again(client: AppClient) -> None:
    path = smart(client, version="9.9", sha256=hashlib.sha256(BUILD).hexdigest())
    assert append(client, path, 0, BUILD[:1000]).headers["upload-offset"] == "1000"
    assert offset_of(client, path) == 1000
    assert client.post(f"{path}/complete", headers=ADMIN).status_code == 409
    last = append(client, path, 1000, BUILD[1000:])
    assert (last.status_code, last.headers["upload-offset"]) == (204, str(len(BUILD)))
    release = release_of(client, path)
    assert (release["version"], release["sha256"]) == ("9.9", hashlib.sha256(BUILD).hexdigest())
    assert release_of(client, path) == release
    assert client.get(f"/d/{release['id']}").content == BUILD
    assert [name for name in client.files() if name.startswith("staging/")] == []
    assert len(client.admin("GET", "/admin/api/products")["items"]) == 1


def test_creation_with_upload(client: AppClient) -> None:
    said = metadata(filename="app.apk", smart="1", create="1")
    headers = {**ADMIN, **OFFSET, "Upload-Length": str(len(BUILD)), "Upload-Metadata": said}
    answer = client.post(PATH, headers=headers, content=BUILD)
    assert (answer.status_code, answer.headers["upload-offset"]) == (201, str(len(BUILD)))
    assert client.get(f"/d/{release_of(client, answer.headers['location'])['id']}").content == BUILD


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Upload-Length": "x"}, 400),
        ({"Upload-Length": str(9 * 1024**3)}, 413),
        ({"Upload-Length": "5", "Upload-Metadata": "filename !!!"}, 400),
        ({"Upload-Length": "5", "Upload-Metadata": metadata(filename="app.txt", smart="1")}, 400),
        ({"Upload-Length": "5", "Upload-Metadata": metadata(filename="app.apk")}, 400),
        ({"Upload-Length": "5", "Upload-Metadata": metadata(filename="app.apk", variant_id="var_x")}, 404),
    ],
)
def test_what_cannot_begin(client: AppClient, headers: dict[str, str], status: int) -> None:
    assert refusal(client.post(PATH, headers={**ADMIN, **headers}))[0] == status
    assert client.files() == []


def test_refused_pieces_change_nothing(client: AppClient) -> None:
    path = smart(client)
    append(client, path, 0, BUILD[:100])
    elsewhere = append(client, path, 50, b"x")
    assert (elsewhere.status_code, elsewhere.headers["upload-offset"]) == (409, "100")
    assert append(client, path, 100, b"x" * len(BUILD)).status_code == 413
    assert append(client, path, 100, b"x", **{"Content-Type": "text/plain"}).status_code == 415
    assert append(client, path, 100, b"x", **{"Upload-Checksum": "md5 eA=="}).status_code == 400
    assert append(client, path, 100, b"x", **{"Upload-Checksum": "sha1 eA=="}).status_code == 460
    assert offset_of(client, path) == 100
    assert append(client, path, 100, BUILD[100:]).status_code == 204
    assert client.get(f"/d/{release_of(client, path)['id']}").content == BUILD


def test_checksums(client: AppClient) -> None:
    path, piece = smart(client), BUILD[:10]
    sums = {"sha1": hashlib.sha1(piece).digest(), "sha256": hashlib.sha256(piece).digest()}
    sums["crc32"] = zlib.crc32(piece).to_bytes(4, "big")
    for name, digest in sums.items():
        said = {"Upload-Checksum": f"{name} {base64.b64encode(digest).decode()}"}
        start = offset_of(client, path)
        assert append(client, path, start, piece, **said).status_code == 204
        assert offset_of(client, path) == start + 10


def test_an_upload_is_its_makers(client: AppClient) -> None:
    path = smart(client)
    for method in ("HEAD", "PATCH", "DELETE"):
        assert client.request(method, path, headers={**UPLOAD, **OFFSET, "Upload-Offset": "0"}).status_code == 404
    assert client.post(f"{path}/complete", headers=UPLOAD).status_code == 404
    assert client.delete(path, headers=ADMIN).status_code == 204
    assert client.request("HEAD", path, headers=ADMIN).status_code == 404
    assert client.files() == []


def test_a_bad_package_says_so_at_its_end_and_after(client: AppClient) -> None:
    path = begin(client, 4, smart="1", create="1")
    assert refusal(append(client, path, 0, b"junk"))[:2] == (422, "BAD_PACKAGE")
    assert client.post(f"{path}/complete", headers=ADMIN).status_code == 422
    other = begin(client, 4, smart="1", sha256="0" * 64)
    assert refusal(append(client, other, 0, b"junk"))[0] == 400
    assert client.files() == []


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 900), st.integers(0, 400)), max_size=8))
def test_any_order_of_pieces_ends_in_the_bytes_that_were_taken(
    client: AppClient, steps: list[tuple[int, int, int]]
) -> None:
    """Against a model: a piece counts only where the upload is."""
    model, path = b"", begin(client, 5000, smart="1")
    for kind, at, size in steps:
        piece = BUILD[at : at + size]
        start = len(model) if kind else at
        status = append(client, path, start, piece).status_code
        assert status == (204 if start == len(model) else 409)
        model += piece if start == len(model) else b""
        assert offset_of(client, path) == len(model)
    stored = Path(client.runtime.config.data_dir, "staging", f"{path.rpartition('/')[2]}.resume").read_bytes()
    assert stored == model
    client.delete(path, headers=ADMIN)


# over the wire


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FenfaServer]:
    with fenfa_server(tmp_path_factory.mktemp("resumable"), "--workers", "2") as running:
        yield running


def send_cut(server: FenfaServer, path: str, offset: int, piece: bytes, announced: int) -> None:
    """A PATCH that breaks off."""
    head = f"PATCH {path} HTTP/1.1\r\nhost: x\r\nx-auth-token: dev-admin-token\r\nupload-offset: {offset}\r\n"
    head += f"content-type: application/offset+octet-stream\r\ncontent-length: {announced}\r\n\r\n"
    with closing(server.connect()) as connection:
        connection.sendall(head.encode() + piece)


@pytest.mark.journey
def test_cut_anywhere_and_killed_in_between_no_byte_differs(server: FenfaServer) -> None:
    chance, path, offset, cuts = random.Random(7), smart(server.client), 0, 0
    while offset < len(BUILD):
        size = min(chance.randint(1, 3000), len(BUILD) - offset)
        send_cut(server, path, offset, BUILD[offset : offset + size], len(BUILD) - offset)
        cuts += 1
        if cuts == 5:
            server.restart()
        told = offset_of(server.client, path)  # takes the upload over from the connection that broke
        assert told >= offset  # a piece that was still on its way may come after this answer: then it counts there
        offset = told
        if cuts > 15:
            offset += (
                len(BUILD[offset:]) if append(server.client, path, offset, BUILD[offset:]).status_code == 204 else 0
            )
    assert server.download(release_of(server.client, path)["id"]).content == BUILD


@pytest.mark.journey
def test_of_many_writers_of_one_piece_one_wins(server: FenfaServer) -> None:
    build = make_build(b"contested" * 5000, "com.example.contested", "Contested")
    path, offset = begin(server.client, len(build), smart="1", create="1"), 0
    with ThreadPoolExecutor(8) as pool:
        while offset < 20_000:
            piece = build[offset : offset + 7000]
            answers = list(pool.map(lambda _, at=offset, piece=piece: alone(server, path, at, piece), range(8)))
            assert answers.count(204) <= 1, answers
            assert set(answers) <= {204, 409, 423}
            told = offset_of(server.client, path)
            assert offset <= told <= offset + 7000  # never twice, however many sent it
            assert told == offset + 7000 or 204 not in answers
            offset = told
    assert append(server.client, path, offset, build[offset:]).status_code == 204
    assert server.download(release_of(server.client, path)["id"]).content == build


def alone(server: FenfaServer, path: str, offset: int, piece: bytes) -> int:
    with httpx.Client(base_url=server.url, timeout=30) as client:
        return append(client, path, offset, piece).status_code


@pytest.mark.journey
def test_a_stalled_connection_hands_over(server: FenfaServer) -> None:
    path = smart(server.client)
    stalled: socket.socket = server.connect()
    with closing(stalled):
        head = f"PATCH {path} HTTP/1.1\r\nhost: x\r\nx-auth-token: dev-admin-token\r\nupload-offset: 0\r\n"
        head += "content-type: application/offset+octet-stream\r\ncontent-length: 1000\r\nexpect: 100-continue\r\n\r\n"
        stalled.sendall(head.encode())
        assert stalled.recv(1024) == b"HTTP/1.1 100 Continue\r\n\r\n"  # it has the upload, and waits for bytes
        stalled.sendall(BUILD[:10])
        told = offset_of(server.client, path)
        assert told in (0, 10)
        assert append(server.client, path, told, BUILD[told:20]).status_code == 204
        assert stalled.recv(1024).startswith(b"HTTP/1.1 423 ")
    assert offset_of(server.client, path) == 20
    assert server.client.delete(path).status_code == 204


@pytest.mark.journey
def test_what_nobody_goes_on_with_is_swept_after_a_day(server: FenfaServer) -> None:
    path = smart(server.client)
    append(server.client, path, 0, b"x" * 50)
    sweep_tomorrow(server)
    assert server.client.head(path).status_code == 404
    assert list((server.data / "staging").iterdir()) == []
