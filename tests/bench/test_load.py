"""The load client against a small real server, and the files that it sends."""

import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from multipart import MultipartParser

from bench import client
from bench.files import MEMBER, make_zip, pad
from bench.plan import MIB, BenchError

CONTENT = bytes(range(256)) * 8192  # 2 MiB
RELEASE = b'{"ok": true, "data": {"release": {"id": "rel_1"}}}'


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    received: bytes = b""

    def do_GET(self) -> None:
        wanted = self.headers.get("Range", "")
        first, _, last = wanted.removeprefix("bytes=").partition("-")
        part = CONTENT[int(first) : int(last) + 1] if wanted else CONTENT
        self._answer(404 if self.path == "/missing" else 206 if wanted else 200, part)

    def do_POST(self) -> None:
        type(self).received = self.rfile.read(int(self.headers["Content-Length"]))
        self._answer(201 if self.headers["X-Auth-Token"] == "good" else 401, RELEASE)

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Silence."""


@pytest.fixture
def port() -> Iterator[int]:
    with ThreadingHTTPServer((client.HOST, 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def test_whole_files_are_fetched_to_the_last_byte(port: int) -> None:
    assert client.fetch(port, "/file", 3, client.wholes(len(CONTENT), 7 * len(CONTENT))).bytes == 7 * len(CONTENT)


def test_ranges_are_fetched_to_the_last_byte(port: int) -> None:
    parts: list[client.Range] = [(0, 0), (1, 1000), (len(CONTENT) - 5, len(CONTENT) - 1), (100, MIB)]
    assert client.fetch(port, "/file", 2, parts).bytes == 1 + 1000 + 5 + MIB - 99


def test_a_refused_download_is_no_figure(port: int) -> None:
    with pytest.raises(BenchError, match="404"):
        client.fetch(port, "/missing", 1, [None])


def test_ranges_walk_through_the_file_and_start_anew() -> None:
    parts = [part for part in client.ranges(40 * MIB, 60 * MIB) if part]
    lengths = [last - first + 1 for first, last in parts]
    assert [length // MIB for length in lengths] == [1, 2, 4, 8, 16, 1, 2, 4, 2, 16, 1, 2, 4]
    assert [first // MIB for first, _ in parts[:4]] == [0, 1, 3, 7]
    assert all(0 <= first <= last < 40 * MIB for first, last in parts)


def test_an_upload_is_well_formed_and_never_the_same_twice(port: int, tmp_path: Path) -> None:
    path = make_zip(tmp_path / "app.zip", 5000)
    bodies = []
    for _ in range(2):
        assert client.upload(port, "good", "var_1", path).release_id == "rel_1"
        bodies.append(_file_of(Handler.received, tmp_path))
    assert bodies[0] != bodies[1]
    (tmp_path / "received.zip").write_bytes(bodies[0])
    with zipfile.ZipFile(tmp_path / "received.zip") as archive:
        assert archive.testzip() is None


def _file_of(body: bytes, directory: Path) -> bytes:
    (directory / "body").write_bytes(body)
    with (directory / "body").open("rb") as stream:
        fields = {part.name: part for part in MultipartParser(stream, client.BOUNDARY)}
        assert fields["variant_id"].value == "var_1"
        assert fields["app_file"].filename == "app.zip"
        return bytes(fields["app_file"].raw)


def test_a_refused_upload_is_no_figure(port: int, tmp_path: Path) -> None:
    with pytest.raises(BenchError, match="401"):
        client.upload(port, "bad", "var_1", make_zip(tmp_path / "app.zip", 5000))


@pytest.mark.parametrize("size", [4096, MIB, 3 * MIB + 17])
def test_a_zip_has_exactly_the_size_that_was_asked_for(tmp_path: Path, size: int) -> None:
    assert make_zip(tmp_path / "app.zip", size).stat().st_size == size


def test_a_sparse_zip_is_valid_and_takes_no_room(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "app.zip", 32 * MIB, sparse=True)
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
    assert path.stat().st_size == 32 * MIB
    assert path.stat().st_blocks * 512 < 3 * MIB


def test_a_padded_package_keeps_its_members(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "app.apk", "w") as archive:
        archive.writestr("AndroidManifest.xml", b"manifest")
    pad(tmp_path / "app.apk", 2 * MIB)
    with zipfile.ZipFile(tmp_path / "app.apk") as archive:
        assert archive.namelist() == ["AndroidManifest.xml", MEMBER]
        assert archive.read("AndroidManifest.xml") == b"manifest"
        assert archive.testzip() is None
