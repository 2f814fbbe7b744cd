"""2,000 downloads whose clients stopped reading, and how soon the server still answers others."""

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack

from bench import client
from bench.files import make_zip
from bench.plan import MB, BenchError, Plan
from bench.processes import Peak, apart
from bench.server import serve
from bench.table import Figure
from fenfa.web.worker import raise_file_limit

STALLED = 2000
QUESTIONS = 400
MILLISECONDS = 250
SMALL_WINDOW = 4096


def measure(plan: Plan) -> Iterator[Figure]:
    room = plan.room("stalled")
    source = make_zip(room / "app.zip", plan.scale.download)
    with serve(plan, room) as server:
        release = server.upload(server.create_variant("stalled"), source).release_id
        idle = server.tree.pss_bytes()
        with Peak(server.tree) as peak:
            waits = apart(stall_and_ask, server.port, f"/d/{release}", STALLED, QUESTIONS)
    name = f"/healthz beside {STALLED:,} stalled downloads"
    yield Figure(f"{name}, p99", 1000 * percentile(waits, 99), "ms", at_most=MILLISECONDS)
    yield Figure(f"{STALLED:,} stalled downloads, memory over idle", (peak.bytes - idle) / MB, "MB")


def stall_and_ask(port: int, path: str, stalled: int, questions: int) -> list[float]:
    """Seconds that each question took, on a connection of its own, after so many downloads were begun and not read."""
    raise_file_limit()
    with ExitStack() as stack:
        for _ in range(stalled):
            _stall(stack.enter_context(socket.socket()), port, path)
        return [_ask(port) for _ in range(questions)]


def _stall(sock: socket.socket, port: int, path: str) -> None:
    """Reads the beginning, so that the download is known to run, and nothing more."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL_WINDOW)
    sock.settimeout(client.TIMEOUT)
    sock.connect((client.HOST, port))
    sock.sendall(f"GET {path} HTTP/1.1\r\nHost: {client.HOST}\r\n\r\n".encode())
    _expect_ok(sock.recv(SMALL_WINDOW))


def _ask(port: int) -> float:
    started = time.perf_counter()
    with socket.create_connection((client.HOST, port), client.TIMEOUT) as sock:
        sock.sendall(f"GET /healthz HTTP/1.1\r\nHost: {client.HOST}\r\nConnection: close\r\n\r\n".encode())
        _expect_ok(sock.recv(SMALL_WINDOW))
    return time.perf_counter() - started


def _expect_ok(answer: bytes) -> None:
    if not answer.startswith(b"HTTP/1.1 200 "):
        raise BenchError(f"expected 200, got: {answer[:200]!r}")


def percentile(values: list[float], share: int) -> float:
    """The value that so many percent do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) * share // 100, len(ordered) - 1)]
