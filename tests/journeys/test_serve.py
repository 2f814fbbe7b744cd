"""`fenfa serve`: the first start, what stops it, what it prints, how it ends."""

import json
import re
import signal
import socket
from contextlib import closing
from hashlib import sha256
from pathlib import Path

import httpx
import psutil
import pytest

from tests.support.server import (
    UPLOAD_TAIL,
    FenfaServer,
    assert_whole,
    fenfa_server,
    make_build,
    query,
    run_fenfa,
    upload_head,
    wait_for,
)

pytestmark = pytest.mark.journey
SECRET = "a-secret-of-my-own-0123456789"
UDID = "00008110-000A1D0E3C38801E"


def test_first_start_tells_where_it_is_and_how_to_log_in(tmp_path: Path) -> None:
    with fenfa_server(tmp_path) as server:
        assert f"is at {server.url}" in server.said
        assert f"log in:   {server.url}/admin/login?code=" in server.said
        assert "admin token:   dev-admin-token" in server.said
        assert f"fenfa upload app.apk --create --server {server.url}" in server.said
        assert server.client.get("/healthz").json() == {"ok": True, "data": {"status": "ok"}}
        assert server.client.get("/admin").status_code == 200
        assert server.terminate() == 0
        server.start()
        assert "brought the database" not in server.said


@pytest.mark.parametrize("kind", ["granian", "uvicorn"])
@pytest.mark.parametrize("workers", ["1", "2"])
def test_every_server_takes_and_gives(tmp_path: Path, kind: str, workers: str) -> None:
    with fenfa_server(tmp_path, "--server", kind, "--workers", workers) as server:
        variant, known = server.make_variant(), {}
        for n in range(4):
            content = make_build(bytes([n]) * 100_000)
            with httpx.Client(base_url=server.url, headers=server.client.headers, timeout=30) as other:
                form, files = {"variant_id": variant}, {"app_file": ("app.apk", content)}
                release = other.post("/upload", data=form, files=files).json()["data"]["release"]
            known[release["id"]] = sha256(content).hexdigest()
        assert_whole(server, known)
        assert len(psutil.Process(server.process.pid).children()) == int(workers)
        assert server.terminate() == 0


def only_line(text: str) -> str:
    (line,) = text.splitlines()
    return line


def test_data_folder_takes_one_server(tmp_path: Path) -> None:
    with fenfa_server(tmp_path) as server:
        done = run_fenfa(tmp_path, "serve", "--port", "0")
        assert done.returncode == 2
        assert only_line(done.stderr).startswith(f"error: {server.data}: another Fenfa is running")
        assert done.stdout == ""
        server.client.get("/healthz").raise_for_status()
        server.kill()
        server.start()


def test_port_takes_one_server(tmp_path: Path) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
        done = run_fenfa(tmp_path, "serve", "--port", str(port))
    assert done.returncode == 1
    assert only_line(done.stderr).startswith(f"error: port {port} on 127.0.0.1 is taken")


def secrets_of(said: str) -> list[str]:
    return re.findall(r"^(?:admin|upload) token: +(\S+)$", said, re.MULTILINE)


def test_public_host_makes_two_tokens_and_tells_them_once(tmp_path: Path) -> None:
    with fenfa_server(tmp_path, "--host", "0.0.0.0") as server:
        admin, upload = secrets_of(server.said)
        assert (admin[:8], upload[:8]) == ("fnf_adm_", "fnf_upl_")
        assert "dev-admin-token" not in server.said
        url = "/admin/api/products"
        statuses = [
            server.client.get(url, headers={"X-Auth-Token": token}).status_code
            for token in (admin, upload, "dev-admin-token", "dev-upload-token")
        ]
        assert statuses == [200, 403, 401, 401]
        assert server.terminate() == 0
        server.start()
        assert secrets_of(server.said) == []
        assert "fenfa token list" in server.said
        assert server.client.get(url, headers={"X-Auth-Token": admin}).status_code == 200
    assert_nowhere(tmp_path, [admin, upload, *(token.split("_", 3)[3][:43] for token in (admin, upload))])


def assert_nowhere(folder: Path, secrets: list[str]) -> None:
    """No file below the folder, the log among them, holds any of these."""
    for path in folder.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert not [secret for secret in secrets if secret.encode() in content], path


@pytest.mark.parametrize(
    ("variable", "token"),
    [("admin_token", "dev-admin-token"), ("upload_token", "dev-upload-token"), ("admin_tokens", "x,dev-upload-token")],
)
def test_default_token_on_a_public_host_stops_the_start(tmp_path: Path, variable: str, token: str) -> None:
    done = run_fenfa(tmp_path, "serve", "--host", "0.0.0.0", "--port", "0", **{variable: token})
    assert done.returncode == 2
    assert f"FENFA_{variable.upper().removesuffix('S')} " in only_line(done.stderr)
    assert token not in done.stderr
    assert not (tmp_path / "data").exists()


def test_own_tokens_make_no_others(tmp_path: Path) -> None:
    with fenfa_server(tmp_path, "--host", "0.0.0.0", admin_token=SECRET) as server:
        assert secrets_of(server.said) == []
        assert SECRET not in server.said
        answer = httpx.get(f"{server.url}/admin/api/products", headers={"Authorization": f"Bearer {SECRET}"})
        assert answer.status_code == 200
        assert query(server, "SELECT * FROM tokens") == []
    assert_nowhere(tmp_path, [SECRET])


def test_mistake_in_the_configuration_stops_the_start(tmp_path: Path) -> None:
    file = tmp_path / "config.json"
    file.write_text('{\n  "server": {\n    "prot": 8000\n  }\n}\n')
    done = run_fenfa(tmp_path, "serve", "--port", "0")
    assert (done.returncode, done.stdout) == (2, "")
    assert only_line(done.stderr).startswith("error: config.json:3: unknown key 'server.prot'")
    done = run_fenfa(tmp_path, "serve", "--config", "other.json")
    assert (done.returncode, only_line(done.stderr)[:30]) == (2, "error: other.json: no such fil")
    file.unlink()
    done = run_fenfa(tmp_path, "serve", port="x")
    assert (done.returncode, "FENFA_PORT" in only_line(done.stderr)) == (2, True)


def test_unknown_variable_is_told(tmp_path: Path) -> None:
    with fenfa_server(tmp_path, prot="1") as server:
        assert "warning: environment variable FENFA_PROT is not known" in server.log


def begin_upload(server: FenfaServer, variant: str, content: bytes) -> socket.socket:
    """An upload of which one byte is still to come."""
    connection = server.connect()
    connection.sendall(upload_head(variant, len(content)) + content[:-1])
    server.staged()
    return connection


def answer_of(connection: socket.socket) -> bytes:
    with connection, connection.makefile("rb") as answer:
        return answer.read()


@pytest.mark.parametrize("kind", ["granian", "uvicorn"])
def test_upload_that_goes_on_is_finished_at_shutdown(tmp_path: Path, kind: str) -> None:
    with fenfa_server(tmp_path, "--server", kind) as server:
        content = make_build(b"x" * 300_000)
        connection = begin_upload(server, server.make_variant(), content)
        server.process.send_signal(signal.SIGTERM)
        refuses_connections(server)
        connection.sendall(content[-1:] + UPLOAD_TAIL)
        answer = answer_of(connection)
        assert answer.startswith(b"HTTP/1.1 201")
        assert server.wait() == 0
        release = json.loads(answer.partition(b"\r\n\r\n")[2])["data"]["release"]["id"]
        server.start()
        assert_whole(server, {release: sha256(content).hexdigest()})


@pytest.mark.parametrize("kind", ["granian", "uvicorn"])
def test_upload_that_stalls_is_refused_at_shutdown(tmp_path: Path, kind: str) -> None:
    with fenfa_server(tmp_path, "--server", kind, "--drain", "0.2") as server:
        connection = begin_upload(server, server.make_variant(), make_build(b"x" * 300_000))
        assert server.terminate() == 0
        assert b" 201 " not in answer_of(connection)[:20]
        assert list((server.data / "staging").iterdir()) == []
        server.start()
        assert_whole(server, {})


def refuses_connections(server: FenfaServer) -> None:
    """Returns once nobody listens any more."""

    def is_closed() -> bool | None:
        try:
            server.connect().close()
        except ConnectionRefusedError:
            return True
        return None

    wait_for(is_closed)


def test_log_holds_no_token_and_no_udid(tmp_path: Path) -> None:
    with fenfa_server(tmp_path, admin_token=SECRET) as server:
        server.client.headers["X-Auth-Token"] = SECRET
        server.client.get(f"/admin/api/products?token={SECRET}&udid={UDID}")
        server.client.get(f"/d/{UDID}?udid={UDID}", headers={"Referer": f"http://x/?udid={UDID}", "User-Agent": UDID})
        server.client.get("/admin/api/products", headers={"X-Auth-Token": "wrong-" + SECRET})
        server.client.post("/admin/api/products", json={"name": 7, "udid": UDID})
        server.client.post("/events", json={"type": "visit", "udid": UDID})
        server.terminate()
        assert '"status": 401' in server.log
        assert SECRET not in server.log
        assert UDID not in re.sub(r'"path": "/d/[^"]*"', "", server.log)


def test_verify_finds_damage_beside_the_server(tmp_path: Path) -> None:
    with fenfa_server(tmp_path) as server:
        variant = server.make_variant()
        ids = [server.upload(variant, make_build(bytes([n]))).json()["data"]["release"]["id"] for n in range(3)]
        assert run_fenfa(tmp_path, "verify").returncode == 0
        keys = dict(query(server, "SELECT id, storage_key FROM releases"))
        path = server.data / keys[ids[1]]
        path.write_bytes(path.read_bytes()[:-1] + b"\xff")
        done = run_fenfa(tmp_path, "verify", "--json")
        report = json.loads(done.stdout)
        assert (done.returncode, report["ok"], report["corrupt"]) == (3, 2, 1)
        assert [finding["release_id"] for finding in report["findings"]] == [ids[1]]
        assert run_fenfa(tmp_path, "verify", "--release", ids[0]).returncode == 0
        assert run_fenfa(tmp_path, "verify", "--release", "rel_nobody").returncode == 1
        path.unlink()
        assert run_fenfa(tmp_path, "verify").returncode == 3
        server.client.delete(f"/admin/api/releases/{ids[1]}").raise_for_status()
        orphan = server.data / "uploads" / "prd_aaaaaaaa" / "var_aaaaaaaa" / "rel_aaaaaaaa" / "app.apk"
        orphan.parent.mkdir(parents=True)
        orphan.write_bytes(b"x")
        assert run_fenfa(tmp_path, "verify").returncode == 5
