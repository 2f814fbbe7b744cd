"""`fenfa upload` of a large file to a real server over a line that breaks."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from random import Random

import pytest

from fenfa.cli.client import Clock, Receipt, Uploader, connect
from fenfa.cli.pieces import LARGE, Pieces
from tests.support.server import fenfa_server, make_build, query

pytestmark = pytest.mark.journey
BUILD = make_build(Random(8).randbytes(LARGE + 1_000_000))
CUT = 3_000_000


@contextmanager
def breaking_line(port: int, cuts: int) -> Iterator[tuple[str, list[int]]]:
    """A line to this port whose first `cuts` large requests break after `CUT` bytes; and how many bytes each connection sent."""
    sent: list[int] = []
    ends: list[socket.socket] = []

    def carry(near: socket.socket, far: socket.socket, limit: int, number: int | None) -> None:
        passed = 0
        with suppress(OSError):
            while (data := near.recv(1 << 16)) and passed < limit:
                far.sendall(data)
                passed += len(data)
                if number is not None:
                    sent[number] = passed
        for end in (near, far):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()  # or whoever sends into it waits until it gives up

    def accept() -> None:
        with suppress(OSError):
            while True:
                near, _ = listener.accept()
                far = socket.create_connection(("127.0.0.1", port))
                sent.append(0)
                ends.extend((near, far))
                limit = CUT if sum(n >= CUT for n in sent) < cuts else 1 << 40
                threading.Thread(target=carry, args=(near, far, limit, len(sent) - 1), daemon=True).start()
                threading.Thread(target=carry, args=(far, near, 1 << 40, None), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=accept, daemon=True).start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", sent
        listener.shutdown(socket.SHUT_RDWR)
    for end in ends:
        end.close()


class Silent:
    def __init__(self) -> None:
        self.notes: list[str] = []
        self.began: list[int] = []

    def begin(self, size: int) -> None:
        self.began.append(0)

    def advance(self, count: int) -> None:
        self.began[-1] += count

    def note(self, text: str) -> None:
        self.notes.append(text)


def test_a_broken_line_costs_what_was_on_its_way(tmp_path: Path) -> None:
    file, watcher = tmp_path / "app.apk", Silent()
    file.write_bytes(BUILD)
    with fenfa_server(tmp_path) as server, breaking_line(int(server.url.rpartition(":")[2]), 2) as (url, sent):
        with connect(url, "dev-admin-token", timeout=30, insecure=False) as http:
            uploader = Uploader(http, "/smart-upload", {"create": "1"}, 5, Clock(sleep=lambda _seconds: None))
            outcome = uploader.send(file, watcher)
        assert isinstance(outcome, Receipt), outcome
        assert outcome.sha256 == sha256(BUILD).hexdigest()
        assert len(watcher.notes) >= 2
        assert watcher.began[-1] == len(BUILD)
        assert sum(sent) < len(BUILD) + 2 * CUT  # anew each time, it would have been that at least
        assert len(server.client.get("/admin/api/products").json()["data"]["items"]) == 1


def test_an_end_that_was_not_heard_is_told_again(tmp_path: Path) -> None:
    file, watcher = tmp_path / "app.apk", Silent()
    file.write_bytes(BUILD)
    with fenfa_server(tmp_path) as server, connect(server.url, "dev-admin-token", timeout=30, insecure=False) as http:
        pieces = Pieces(http, file, {"variant_id": server.make_variant("android")})
        first, again = pieces.send(watcher), pieces.send(watcher)
        assert first.is_success, first.text
        assert again.json() == first.json()
        assert len(query(server, "SELECT id FROM releases")) == 1
