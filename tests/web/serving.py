"""Starting the real server with the application of served.py, and talking to it on sockets."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from typing import IO, Any

from fenfa.web.server import listen
from fenfa.web.supervisor import Options

ROOT = Path(__file__).parents[2]
PATIENCE = 30.0
START = """
import json, socket, sys
from fenfa.web.server import serve
from fenfa.web.supervisor import Options
serve(Options(**json.loads(sys.argv[1])), socket.socket(fileno=int(sys.argv[2])))
"""


@dataclass
class Server:
    process: subprocess.Popen[str]
    port: int
    folder: Path
    log: IO[str]

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE)

    def ask(
        self,
        method: str,
        target: str,
        body: bytes | Iterator[bytes] | None = None,
        headers: dict[str, str] | None = None,
    ) -> tuple[HTTPResponse, bytes]:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            connection.request(method, target, body, headers or {}, encode_chunked=not isinstance(body, bytes | None))
            answer = connection.getresponse()
            return answer, answer.read()
        finally:
            connection.close()

    def get(self, target: str, **headers: str) -> tuple[HTTPResponse, bytes]:
        return self.ask("GET", target, headers={name.replace("_", "-"): value for name, value in headers.items()})

    def end(self, number: int) -> int:
        self.process.send_signal(number)
        return self.process.wait(PATIENCE)

    def logged(self, event: str) -> dict[str, object]:
        """The next line about `event`; blocks on the pipe until it comes."""
        for line in self.log:
            told: dict[str, object] = json.loads(line)
            if str(told["event"]).startswith(event):
                return told
        raise AssertionError(f"the log ended before {event}")


@contextmanager
def serving(
    folder: Path, options: Options | None = None, *, process_group: int | None = None, **environment: str
) -> Iterator[Server]:
    """Run a server on a socket that listens already, so that nobody has to wait for it or to guess a port."""
    listener = listen("127.0.0.1", 0)
    port = listener.getsockname()[1]
    options = replace(options or Options(), port=port, factory="tests.web.served:create_app")
    command = [sys.executable, "-c", START, options.to_json(), str(listener.fileno())]
    given: dict[str, Any] = {"env": {**os.environ, "PYTHONPATH": str(ROOT), "SERVED": str(folder), **environment}}
    given |= {
        "process_group": process_group,
        "pass_fds": [listener.fileno()],
        "stderr": subprocess.PIPE,
        "text": True,
        "cwd": folder,
    }
    with subprocess.Popen(command, **given) as process:
        listener.close()
        assert process.stderr
        try:
            yield Server(process, port, folder, process.stderr)
        finally:
            process.kill()
            print(process.stderr.read())  # noqa: T201 - pytest shows it when the test has failed
