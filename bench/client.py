"""Load that costs little: raw sockets, the kernel moves the bytes, one process for any number of connections.

Run these through `processes.apart`; they measure wall time, and the server's CPU is read outside.
"""

import json
import secrets
import selectors
import socket
import time
from contextlib import ExitStack
from dataclasses import dataclass
from http.client import HTTPResponse
from pathlib import Path

from bench.files import UNIQUE_BYTES
from bench.plan import MIB, BenchError

HOST = "127.0.0.1"
TIMEOUT = 120
BOUNDARY = "------------------------d74496d66958873e"
"""As curl makes them."""

Range = tuple[int, int] | None
"""First and last byte, both inclusive; None asks for the whole file."""


@dataclass(frozen=True)
class Upload:
    seconds: float
    release_id: str


def frame(variant_id: str, file_name: str) -> tuple[bytes, bytes]:
    """What a multipart body holds before and after the file's bytes."""
    head = (
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="variant_id"\r\n\r\n{variant_id}\r\n'
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="app_file"; filename="{file_name}"\r\n'
        "Content-Type: application/octet-stream\r\n\r\n"
    )
    return head.encode(), f"\r\n--{BOUNDARY}--\r\n".encode()


def _upload_headers(token: str, length: int) -> bytes:
    return (
        f"POST /upload HTTP/1.1\r\nHost: {HOST}\r\nX-Auth-Token: {token}\r\nContent-Length: {length}\r\n"
        f"Content-Type: multipart/form-data; boundary={BOUNDARY}\r\nConnection: close\r\n\r\n"
    ).encode()


def upload(port: int, token: str, variant_id: str, path: Path) -> Upload:
    """Send one of `files.make_zip` with sendfile(2); the time runs from the first byte to the end of the answer."""
    head, tail = frame(variant_id, path.name)
    size = path.stat().st_size
    headers = _upload_headers(token, len(head) + size + len(tail))
    started = time.perf_counter()
    with socket.create_connection((HOST, port), TIMEOUT) as sock, path.open("rb") as file:
        sock.sendall(headers + head)
        sock.sendfile(file, 0, size - UNIQUE_BYTES)
        sock.sendall(secrets.token_bytes(UNIQUE_BYTES) + tail)
        response = HTTPResponse(sock)
        response.begin()
        body = response.read()
    seconds = time.perf_counter() - started
    if response.status != 201:
        raise BenchError(f"the upload was answered with {response.status}: {body[:300]!r}")
    return Upload(seconds, json.loads(body)["data"]["release"]["id"])


@dataclass(frozen=True)
class Fetched:
    seconds: float
    bytes: int

    @property
    def rate(self) -> float:
        return self.bytes / self.seconds


class _Connection:
    """One keep-alive connection; `step` reads once and says whether the answer is complete."""

    def __init__(self, port: int, path: str) -> None:
        self.socket = socket.create_connection((HOST, port), TIMEOUT)
        self._path = path
        self._head = b""
        self._left = 0

    def ask(self, part: Range) -> None:
        header = f"Range: bytes={part[0]}-{part[1]}\r\n" if part else ""
        self._expected = part[1] - part[0] + 1 if part else None
        self._head = b""
        self.socket.sendall(f"GET {self._path} HTTP/1.1\r\nHost: {HOST}\r\n{header}\r\n".encode())

    def step(self, buffer: bytearray) -> tuple[int, bool]:
        """Bytes of content read, and whether these were the last."""
        if b"\r\n\r\n" not in self._head:
            return self._read_head()
        # MSG_TRUNC on TCP: the kernel drops the bytes instead of copying them here.
        count = self.socket.recv_into(buffer, min(len(buffer), self._left), socket.MSG_TRUNC)
        if not count:
            raise BenchError(f"{self._path} ended {self._left} bytes early")
        self._left -= count
        return count, not self._left

    def _read_head(self) -> tuple[int, bool]:
        received = self.socket.recv(4096)
        if not received:
            raise BenchError(f"{self._path}: the connection was closed before an answer")
        self._head += received
        lines, found, content = self._head.partition(b"\r\n\r\n")
        if not found:
            return 0, False
        self._left = self._length(lines.decode("latin-1")) - len(content)
        return len(content), not self._left

    def _length(self, head: str) -> int:
        status, *lines = head.split("\r\n")
        fields = dict(line.lower().split(": ", 1) for line in lines)
        length = int(fields.get("content-length", -1))
        code = "206" if self._expected else "200"
        if status.split()[1] != code or length < 0 or (self._expected or length) != length:
            raise BenchError(f"{self._path}: expected {code} with {self._expected or 'all'} bytes, got: {head}")
        return length


def fetch(port: int, path: str, connections: int, parts: list[Range]) -> Fetched:
    """Share `parts` among keep-alive connections: each takes the next as soon as it has finished one."""
    with ExitStack() as stack:
        selector = stack.enter_context(selectors.DefaultSelector())
        idle = [_Connection(port, path) for _ in range(connections)]
        for connection in idle:
            stack.enter_context(connection.socket)
            selector.register(connection.socket, selectors.EVENT_READ, connection)
        started = time.perf_counter()
        received = _work_off(selector, idle, parts)
        return Fetched(time.perf_counter() - started, received)


def _work_off(selector: selectors.BaseSelector, idle: list[_Connection], parts: list[Range]) -> int:
    """Bytes of content received until every part is complete."""
    waiting, unfinished, received, buffer = parts[::-1], len(parts), 0, bytearray(MIB)
    for connection in idle[: len(parts)]:
        connection.ask(waiting.pop())
    while unfinished:
        for connection in _readable(selector):
            count, complete = connection.step(buffer)
            received += count
            unfinished -= complete
            if complete and waiting:
                connection.ask(waiting.pop())
    return received


def _readable(selector: selectors.BaseSelector) -> list[_Connection]:
    ready = [key.data for key, _ in selector.select(TIMEOUT)]
    if not ready:
        raise BenchError(f"no byte came for {TIMEOUT} seconds")
    return ready


def ranges(size: int, total: int) -> list[Range]:
    """Ranges of 1, 2, 4, 8 and 16 MiB that walk through a file of `size` bytes until `total` bytes are asked for."""
    parts: list[Range] = []
    start = asked = 0
    while asked < total:
        length = min(MIB << len(parts) % 5, size - start)
        parts.append((start, start + length - 1))
        asked += length
        start = (start + length) % size
    return parts


def wholes(size: int, total: int) -> list[Range]:
    return [None] * max(1, total // size)
