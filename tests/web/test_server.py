"""Start, drain, end and replacement of workers, with real processes. Nothing here waits for time to pass."""

import hashlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from fenfa.errors import BadInput, Conflict
from fenfa.web.server import listen
from fenfa.web.supervisor import Options
from tests.web.serving import PATIENCE, ROOT, Server, serving

pytestmark = pytest.mark.journey
ENDS = [signal.SIGTERM, signal.SIGINT]
GET = b"GET %s HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"
LARGE = 16 * 1024 * 1024  # more than the socket buffers of both sides hold


@pytest.fixture(params=["granian", "uvicorn"])
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Server]:
    with serving(tmp_path, Options(server=request.param)) as running:
        yield running


def make_large(folder: Path) -> str:
    content = hashlib.shake_128(b"large").digest(LARGE)
    (folder / "large").write_bytes(content)
    return hashlib.sha256(content).hexdigest()


def begin_download(server: Server) -> socket.socket:
    """A connection on which the first byte has come and no more was read."""
    connection = server.connect()
    connection.sendall(GET % b"/file/large")
    assert connection.recv(1) == b"H"
    return connection


def begin_upload(server: Server) -> socket.socket:
    """A connection on which half of a body was sent and the application asked for it."""
    connection = server.connect()
    connection.sendall(b"POST /take HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 10\r\n\r\n")
    assert connection.recv(1024) == b"HTTP/1.1 100 Continue\r\n\r\n"
    connection.sendall(b"12345")
    return connection


def finish_download(connection: socket.socket) -> str:
    """The SHA-256 of the body."""
    with connection, connection.makefile("rb") as rest:
        while rest.readline() != b"\r\n":
            pass
        return hashlib.file_digest(rest, "sha256").hexdigest()


def test_first_answer_comes_within_two_seconds(tmp_path: Path) -> None:
    began = time.monotonic()
    with serving(tmp_path) as server:
        assert server.get("/hi")[0].status == 200
        assert time.monotonic() - began < 2


@pytest.mark.parametrize("number", ENDS)
def test_one_signal_ends_it_cleanly(server: Server, number: int) -> None:
    server.get("/hi")
    assert server.end(number) == 0
    assert (server.folder / "closed-1").exists()


@pytest.mark.parametrize("number", ENDS)
def test_a_signal_during_the_start_ends_it_too(tmp_path: Path, number: int) -> None:
    with serving(tmp_path, Options(workers=2)) as server:
        children(server, 2)
        assert server.end(number) == 0


def children(server: Server, count: int) -> list[int]:
    """The worker processes, once there are `count` of them."""
    path, deadline = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children"), time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        found = [int(pid) for pid in path.read_text().split()]
        if len(found) == count:
            return found
    raise AssertionError(f"never {count} workers")


def test_fifty_slow_downloads_are_drained(server: Server) -> None:
    digest = make_large(server.folder)
    downloads = [begin_download(server) for _ in range(50)]
    server.process.send_signal(signal.SIGTERM)
    wait_until_refused(server)
    assert [finish_download(connection) for connection in downloads] == [digest] * 50
    assert server.process.wait(PATIENCE) == 0
    assert (server.folder / "closed-1").exists()


def wait_until_refused(server: Server) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        try:
            server.connect().close()
        except ConnectionResetError:
            continue  # it closed in this very moment
        except ConnectionRefusedError:
            return
    raise AssertionError("the server still accepts connections")


def test_an_upload_in_flight_may_finish(server: Server) -> None:
    with begin_upload(server) as connection:
        server.process.send_signal(signal.SIGTERM)
        wait_until_refused(server)
        connection.sendall(b"67890")
        with connection.makefile("rb") as answer:
            told = answer.read()
    assert b" 200 " in told.partition(b"\r\n")[0]
    assert hashlib.sha256(b"1234567890").hexdigest().encode() in told
    assert server.process.wait(PATIENCE) == 0


@pytest.mark.parametrize("engine", ["granian", "uvicorn"])
def test_what_outlives_the_drain_is_cut_off_and_the_application_still_closes(tmp_path: Path, engine: str) -> None:
    with serving(tmp_path, Options(server=engine, drain=0.2)) as server:
        make_large(tmp_path)
        with begin_download(server), begin_upload(server):
            assert server.end(signal.SIGTERM) == 0
    assert (tmp_path / "closed-1").exists()


@pytest.mark.parametrize("number", ENDS)
def test_a_second_signal_ends_it_at_once(server: Server, number: int) -> None:
    make_large(server.folder)
    with begin_download(server):
        server.process.send_signal(number)
        wait_until_refused(server)
        assert server.end(number) == 1


def test_ctrl_c_of_a_terminal_counts_once(tmp_path: Path) -> None:
    """It reaches the workers as well as the supervisor."""
    with serving(tmp_path, Options(workers=2), process_group=0) as server:
        digest = make_large(tmp_path)
        download = begin_download(server)
        children(server, 2)
        os.killpg(server.process.pid, signal.SIGINT)
        wait_until_refused(server)
        assert finish_download(download) == digest
        assert server.process.wait(PATIENCE) == 0


@pytest.mark.parametrize("engine", ["granian", "uvicorn"])
def test_a_worker_that_dies_is_replaced(tmp_path: Path, engine: str) -> None:
    with serving(tmp_path, Options(server=engine)) as server:
        first = server.get("/pid")[1]
        with server.connect() as connection:
            connection.sendall(GET % b"/die")
            assert connection.recv(1) == b""
        told = server.logged("worker 1 ended with 9")
        assert told["level"] == "error"
        assert server.get("/pid")[1] != first
        assert server.end(signal.SIGTERM) == 0


def test_a_killed_worker_is_replaced_again_and_again(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        seen = set()
        for _ in range(3):
            pid = int(server.get("/pid")[1])
            seen.add(pid)
            os.kill(pid, signal.SIGKILL)
            server.logged("worker 1 ended with -9")
        assert len(seen) == 3


def test_the_other_worker_goes_on_when_one_dies(tmp_path: Path) -> None:
    with serving(tmp_path, Options(workers=2)) as server:
        victim, _ = children(server, 2)
        server.get("/hi")
        os.kill(victim, signal.SIGKILL)
        assert [server.get("/hi")[0].status for _ in range(20)] == [200] * 20
        children(server, 2)


def test_workers_leave_when_the_supervisor_is_killed(server: Server) -> None:
    digest = make_large(server.folder)
    download = begin_download(server)
    server.process.kill()
    wait_until_refused(server)
    assert finish_download(download) == digest


def test_an_application_that_cannot_start_is_told_once(tmp_path: Path) -> None:
    with serving(tmp_path, Options(workers=2), SERVED_BREAKS="yes") as server:
        told = server.logged("the application cannot start")
        assert "no database" in str(told["error"])
        assert "fnf_admin" not in str(told["error"])
        assert server.process.wait(PATIENCE) == 1


def test_a_taken_port_is_one_line() -> None:
    with listen("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(Conflict, match=f"^port {port} on 127.0.0.1 is taken; .* choose another --port$"):
            listen("127.0.0.1", port)


def test_an_address_of_another_machine_is_one_line() -> None:
    with pytest.raises(BadInput, match=r"^cannot listen on 192\.0\.2\.1 port 8000: \w"):
        listen("192.0.2.1", 8000)


def test_ipv6_is_served() -> None:
    with listen("::1", 0) as listener:
        assert listener.family == socket.AF_INET6


def test_request_lines_come_out(server: Server) -> None:
    server.get("/hi?token=hunter2")
    told = server.logged("request")
    assert {name: told[name] for name in ("method", "path", "route", "status", "bytes", "worker")} == {
        "method": "GET",
        "path": "/hi",
        "route": "/hi",
        "status": 200,
        "bytes": 2,
        "worker": 1,
    }


def test_failures_come_out_redacted(server: Server) -> None:
    with server.connect() as connection:
        connection.sendall(GET % b"/stream?parts=9&fails=5")
        connection.recv(1)
    told = server.logged("request failed")
    assert "RuntimeError" in str(told["error"])
    assert "fnf_upload" not in str(told)
    assert "001C2D3E4F50602E" not in str(told)


def test_a_quiet_server_says_nothing(tmp_path: Path) -> None:
    with serving(tmp_path, Options(request_log=False)) as server:
        server.get("/hi")
        assert server.end(signal.SIGTERM) == 0
        assert server.log.read() == ""


def test_more_stalled_downloads_than_granian_takes_by_default_leave_room(tmp_path: Path) -> None:
    with serving(tmp_path, Options(request_log=False)) as server:
        make_large(tmp_path)
        stalled = [begin_download(server) for _ in range(1100)]
        assert server.get("/hi")[0].status == 200
        for connection in stalled:
            connection.close()


def loaded_by(modules: str) -> set[str]:
    """Every package that importing these brings along."""
    program = f"import json, sys, {modules}; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True, cwd=ROOT)
    return {name.partition(".")[0] for name in json.loads(done.stdout)}


def test_the_supervisor_is_lean() -> None:
    """It lives as long as the server; these would double its memory."""
    loaded = loaded_by("fenfa.web.supervisor, fenfa.web.logs")
    assert not loaded & {"granian", "starlette", "fastapi", "pydantic", "sqlalchemy", "asyncio", "typer", "rich"}


def test_an_installation_of_one_machine_loads_nothing_for_other_engines() -> None:
    loaded = loaded_by("fenfa.web.worker, fenfa.web.app")
    assert not loaded & {"httpx", "obstore", "psycopg", "rich", "PIL", "cryptography"}
