"""A Fenfa server at the wire, for the tests of its client: real sockets, and for each request the next step of a script.

    with wire_server(refuse(503, retry_after="0"), take()) as server:
        …  # server.url, then server.requests

A step gets the `Exchange` and says whether the connection goes on. When the script is over, every upload is taken.
"""

import hashlib
import json
import socketserver
import ssl
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BufferedIOBase
from typing import Any

from multipart import MultipartSegment, PushMultipartParser, parse_options_header

KEPT_BYTES = 1 << 20
READ_BYTES = 1 << 16


@dataclass
class Part:
    """A field or the file: its raw header lines, the start of its value, and the length and SHA-256 of the whole."""

    name: str
    filename: str | None
    headers: list[tuple[str, str]]
    start: bytes = b""
    length: int = 0
    sha256: str = ""


@dataclass
class Request:
    method: str
    target: str
    headers: list[tuple[str, str]]
    body: bytes = b""  # the first KEPT_BYTES of it
    body_length: int = 0
    parts: list[Part] = field(default_factory=list)

    def header(self, name: str) -> str:
        """The value of a header that came exactly once."""
        (value,) = (value for key, value in self.headers if key.lower() == name)
        return value

    @property
    def fields(self) -> dict[str, str]:
        return {part.name: part.start.decode() for part in self.parts if part.filename is None}

    @property
    def file(self) -> Part:
        (part,) = (part for part in self.parts if part.filename is not None)
        return part


@dataclass
class Exchange:
    """One request on its connection, the head already read."""

    server: "WireServer"
    request: Request
    reader: BufferedIOBase
    writer: BufferedIOBase

    def receive(self) -> None:
        """Read the whole body into the request, in constant memory."""
        boundary = parse_options_header(self.request.header("content-type"))[1]["boundary"]
        length = int(self.request.header("content-length"))
        with PushMultipartParser(boundary, content_length=length, strict=True) as parser:
            self._parse(parser, length)

    def _parse(self, parser: PushMultipartParser, length: int) -> None:
        digest = hashlib.sha256()
        while self.request.body_length < length:
            chunk = self.receive_some(min(READ_BYTES, length - self.request.body_length))
            for event in parser.parse(chunk):
                if isinstance(event, MultipartSegment):
                    self.request.parts.append(Part(event.name, event.filename, list(event.headerlist)))
                    digest = hashlib.sha256()
                elif event:
                    digest.update(event)
                    self.request.parts[-1].start += bytes(event)[: KEPT_BYTES - len(self.request.parts[-1].start)]
                    self.request.parts[-1].length += len(event)
                else:
                    self.request.parts[-1].sha256 = digest.hexdigest()

    def receive_start(self) -> None:
        self.receive_some(min(READ_BYTES, int(self.request.header("content-length")) // 2))

    def receive_some(self, count: int) -> bytes:
        chunk = self.reader.read(count)
        if len(chunk) < count:
            raise ConnectionResetError("the client went away")
        self.request.body_length += count
        self.request.body += chunk[: KEPT_BYTES - len(self.request.body)]
        return chunk

    def answer(self, status: str, body: bytes, kind: str = "application/json", **headers: str) -> None:
        lines = [f"HTTP/1.1 {status}", f"Content-Type: {kind}", f"Content-Length: {len(body)}"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        self.writer.write("\r\n".join([*lines, "", ""]).encode() + body)
        self.writer.flush()


Step = Callable[[Exchange], bool]


def take(**changes: Any) -> Step:
    """201 as the contract has it; `changes` go into `data.release`, or `warnings` and `created` into `data`."""

    def step(exchange: Exchange) -> bool:
        exchange.receive()
        exchange.answer("201 Created", json.dumps({"ok": True, "data": contract_data(exchange, changes)}).encode())
        return True

    return step


def contract_data(exchange: Exchange, changes: dict[str, Any]) -> dict[str, Any]:
    url, file = exchange.server.url, exchange.request.file
    ids = {"id": "app_1", "product_id": "prd_1", "variant_id": "var_1"}
    release = {"id": "rel_1", "version": "1.2.0", "build": 120, "created_at": "2025-01-02T03:04:05Z"}
    data: dict[str, Any] = {
        "app": {**ids, "name": "MyApp", "platform": "android", "bundle_id": "com.example.myapp"},
        "release": {**release, "size_bytes": file.length, "sha256": file.sha256},
        "urls": {
            "page": f"{url}/products/myapp",
            "release_page": f"{url}/products/myapp?r=rel_1",
            "download": f"{url}/d/rel_1",
        },
        "warnings": [],
    }
    for name, value in changes.items():
        (data if name in ("app", "warnings", "created") else data["release"])[name] = value
    return data


def refuse(status: int, code: str = "UNAVAILABLE", message: str = "not now", **headers: str) -> Step:
    """Read the whole request, then answer with the error envelope."""

    def step(exchange: Exchange) -> bool:
        exchange.receive()
        exchange.answer(f"{status} Refused", envelope(code, message), **headers)
        return True

    return step


def refuse_early(status: int, code: str, message: str) -> Step:
    """Answer when the first bytes of the body are there, and close the connection on the rest."""

    def step(exchange: Exchange) -> bool:
        exchange.receive_start()
        exchange.answer(f"{status} Refused", envelope(code, message), Connection="close")
        return False

    return step


def reply(status: str, body: bytes, kind: str = "text/html", **headers: str) -> Step:
    """Any answer at all, such as a proxy's."""

    def step(exchange: Exchange) -> bool:
        exchange.receive()
        exchange.answer(status, body, kind, **headers)
        return True

    return step


def decline(exchange: Exchange) -> bool:
    """What an older server says to what it does not know."""
    exchange.receive_some(int(exchange.request.header("content-length")))
    exchange.answer("404 Not Found", envelope("NOT_FOUND", "not found"))
    return True


def cut(exchange: Exchange) -> bool:
    """Drop the connection in the middle of the body."""
    exchange.receive_start()
    return False


def hang_up(exchange: Exchange) -> bool:
    """Take everything, then close without a word."""
    exchange.receive()
    return False


def hold(arrived: threading.Event, go_on: threading.Event) -> Step:
    """Take the upload, but answer only when the test says so."""

    def step(exchange: Exchange) -> bool:
        arrived.set()
        go_on.wait(30)
        return take()(exchange)

    return step


def envelope(code: str, message: str) -> bytes:
    return json.dumps({"ok": False, "error": {"code": code, "message": message}}).encode()


class Connection(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        server = self.server
        assert isinstance(server, WireServer)
        while request := self.read_head():
            if request.method == "OPTIONS":  # an older server, which knows no uploads in pieces
                self.wfile.write(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n")
                continue
            exchange = Exchange(server, request, self.rfile, self.wfile)
            if request.target == "/uploads/direct":
                server.direct(exchange)
                continue
            server.requests.append(request)
            step = server.script.pop(0) if server.script else take()
            if not step(exchange):
                return

    def read_head(self) -> Request | None:
        first = self.rfile.readline().decode().split()
        if not first:
            return None
        lines = iter(lambda: self.rfile.readline().decode("latin-1").strip(), "")
        headers = [(name, value.strip()) for name, _, value in (line.partition(":") for line in lines)]
        return Request(first[0], first[1], headers)


class WireServer(socketserver.ThreadingTCPServer):
    """Closing waits for every connection, so that what a test asserts afterwards is settled."""

    daemon_threads = False

    def __init__(self, script: list[Step], tls: ssl.SSLContext | None, direct: Step) -> None:
        super().__init__(("127.0.0.1", 0), Connection)
        self.script, self.direct = script, direct
        self.requests: list[Request] = []
        self.faults: list[BaseException] = []
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.server_address[1]}"
        if tls:
            self.socket = tls.wrap_socket(self.socket, server_side=True)

    def handle_error(self, request: Any, client_address: Any) -> None:
        error = sys.exception()
        if error and not isinstance(error, OSError):
            self.faults.append(error)


@contextmanager
def wire_server(*script: Step, tls: ssl.SSLContext | None = None, direct: Step = decline) -> Iterator[WireServer]:
    """`direct` answers who wants to go past the server; it does not count among the requests."""
    with WireServer(list(script), tls, direct) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
    assert server.faults == []
