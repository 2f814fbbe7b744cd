"""`fenfa upload` against a server at the wire: what it sends, what it makes of each answer, what it prints."""

import json
import os
import re
import signal
import ssl
import subprocess
import sys
import sysconfig
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
import segno
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from fenfa.cli import ExitCode, main
from fenfa.cli.client import Clock, Failure, Receipt, Uploader, connect
from fenfa.cli.pieces import CHUNK_BYTES
from tests.support.wire_server import (
    Step,
    WireServer,
    cut,
    hang_up,
    hold,
    refuse,
    refuse_early,
    reply,
    take,
    wire_server,
)

FENFA = Path(sysconfig.get_path("scripts"), "fenfa")
TOKEN = "tok-9f8e7d-secret"
CONTENT = (b"PK\x03\x04 not quite a package\r\n--boundary\r\n" * 50)[:1500]


@pytest.fixture
def build(tmp_path: Path) -> Path:
    return write(tmp_path / "app.apk")


def write(file: Path, content: bytes = CONTENT) -> Path:
    file.write_bytes(content)
    return file


@dataclass
class Run:
    code: int
    out: str
    err: str


@dataclass
class Terminal:
    """The command line in this process; `script` is what the server does."""

    capture: pytest.CaptureFixture[str]

    def fenfa(self, server: WireServer, *words: object, token: str = TOKEN) -> Run:
        code = main(["upload", "--server", server.url, "--token", token, *map(str, words)])
        return Run(code, *self.capture.readouterr())

    def upload(self, *words: object, script: tuple[Step, ...] = ()) -> Run:
        with wire_server(*script) as server:
            return self.fenfa(server, *words)


@pytest.fixture
def terminal(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Terminal:
    for name in os.environ.keys() - environment().keys():
        monkeypatch.delenv(name)
    return Terminal(capsys)


@dataclass
class Tape:
    """A watcher and a clock that remember; nothing sleeps."""

    sizes: list[int] = field(default_factory=list)
    counts: list[int] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    slept: list[float] = field(default_factory=list)

    def begin(self, size: int) -> None:
        self.sizes.append(size)

    def advance(self, count: int) -> None:
        self.counts.append(count)

    def note(self, text: str) -> None:
        self.notes.append(text)

    def clock(self, now: float = 0.0) -> Clock:
        return Clock(sleep=self.slept.append, now=lambda: now, jitter=lambda top: top)


def send(
    server: WireServer, file: Path, tape: Any, *, retries: int = 5, clock: Clock | None = None
) -> Receipt | Failure:
    with connect(server.url, TOKEN, timeout=10, insecure=False) as http:
        return Uploader(http, "/smart-upload", {}, retries, clock or tape.clock()).send(file, tape)


# What is sent


def test_the_request_is_exact_to_the_byte(build: Path, terminal: Terminal) -> None:
    with wire_server() as server:
        run = terminal.fenfa(server, build, "--channel", "beta", "--changelog", "更快\nline two")
    assert run.code == 0
    (request,) = server.requests
    boundary = request.header("content-type").removeprefix("multipart/form-data; boundary=")
    assert (
        request.body
        == (
            f'--{boundary}\r\nContent-Disposition: form-data; name="channel"\r\n\r\nbeta\r\n'
            f'--{boundary}\r\nContent-Disposition: form-data; name="changelog"\r\n\r\n更快\nline two\r\n'
            f'--{boundary}\r\nContent-Disposition: form-data; name="app_file"; filename="app.apk"\r\n'
            "Content-Type: application/vnd.android.package-archive\r\n\r\n"
        ).encode()
        + CONTENT
        + f"\r\n--{boundary}--\r\n".encode()
    )
    assert (request.method, request.target) == ("POST", "/smart-upload")
    assert request.header("content-length") == str(len(request.body))
    assert request.header("x-auth-token") == TOKEN
    assert re.fullmatch("[0-9a-f]{32}", request.header("idempotency-key"))
    assert "transfer-encoding" not in {name.lower() for name, _ in request.headers}


def test_every_option_becomes_a_field(build: Path, terminal: Terminal) -> None:
    options = (
        "--app-version",
        "1.2",
        "--build",
        0,
        "--min-os",
        "Android 21",
        "--channel",
        "beta",
        "--changelog",
        "new",
    )
    with wire_server() as server:
        terminal.fenfa(server, build, *options)
    fields = {"version": "1.2", "build": "0", "min_os": "Android 21", "channel": "beta", "changelog": "new"}
    assert server.requests[0].fields == fields


def test_a_variant_goes_to_the_plain_route(build: Path, terminal: Terminal) -> None:
    with wire_server() as server:
        terminal.fenfa(server, build, "--variant", "var_1")
    assert (server.requests[0].target, server.requests[0].fields) == ("/upload", {"variant_id": "var_1"})


def test_create_goes_to_the_admin_route(build: Path, terminal: Terminal) -> None:
    with wire_server() as server:
        terminal.fenfa(server, build, "--create")
    assert (server.requests[0].target, server.requests[0].fields) == ("/admin/api/smart-upload", {"create": "1"})


def test_a_server_may_live_under_a_path(build: Path, terminal: Terminal) -> None:
    with wire_server() as server:
        code = main(["upload", str(build), "--token", TOKEN, "--server", f"{server.url}/fenfa/"])
    assert (code, server.requests[0].target) == (0, "/fenfa/smart-upload")


NAMES = ["应用 1.0.apk", 'say "hi".apk', "a;b='c'.apk", "100%.apk", "two\r\nlines.apk", "..\\x.apk"]


@pytest.mark.parametrize("name", NAMES)
def test_any_file_name_arrives(name: str, tmp_path: Path, terminal: Terminal) -> None:
    with wire_server() as server:
        assert terminal.fenfa(server, write(tmp_path / name)).code == 0
    assert server.requests[0].file.filename == name
    assert [key for key, _ in server.requests[0].file.headers] == ["Content-Disposition", "Content-Type"]


def test_a_name_that_is_not_utf8_is_sent_with_question_marks(tmp_path: Path, terminal: Terminal) -> None:
    with wire_server() as server:
        assert terminal.fenfa(server, write(tmp_path / os.fsdecode(b"caf\xe9.apk"))).code == 0
    assert server.requests[0].file.filename == "caf?.apk"


def test_progress_counts_the_bytes_of_the_file(tmp_path: Path) -> None:
    file, tape = write(tmp_path / "app.ipa", os.urandom(2 * CHUNK_BYTES + 5)), Tape()
    with wire_server() as server:
        assert isinstance(send(server, file, tape), Receipt)
    assert tape.sizes == [2 * CHUNK_BYTES + 5]
    assert tape.counts == [CHUNK_BYTES, CHUNK_BYTES, 5]


def test_the_changelog_may_come_from_a_file(build: Path, tmp_path: Path, terminal: Terminal) -> None:
    notes = write(tmp_path / "notes.md", "更快\n".encode())
    with wire_server() as server:
        terminal.fenfa(server, build, "--changelog-file", notes)
    assert server.requests[0].fields == {"changelog": "更快"}


def test_the_changelog_may_come_from_stdin(build: Path) -> None:
    with wire_server() as server:
        run = shell(server, build, "--changelog-file", "-", stdin="from the pipe\n")
    assert (run.returncode, server.requests[0].fields) == (0, {"changelog": "from the pipe"})


# Trying again


def test_a_server_that_is_busy_for_a_moment_gets_one_key(build: Path, terminal: Terminal) -> None:
    busy = refuse(503, Retry_After="0")
    with wire_server(busy, busy, take()) as server:
        run = terminal.fenfa(server, build)
    assert run.code == 0
    assert len({request.header("idempotency-key") for request in server.requests}) == 1
    assert [request.file.sha256 for request in server.requests] == [sha256(CONTENT).hexdigest()] * 3
    assert run.err.count("not now; trying again in 0.0 s (retry") == 2


def test_every_file_has_its_own_key(build: Path, tmp_path: Path, terminal: Terminal) -> None:
    with wire_server() as server:
        terminal.fenfa(server, build, write(tmp_path / "b.ipa"))
    first, second = (request.header("idempotency-key") for request in server.requests)
    assert first != second


@pytest.mark.parametrize("step", [cut, hang_up])
def test_a_lost_connection_is_tried_again_with_the_same_key(step: Step, tmp_path: Path) -> None:
    file, tape = write(tmp_path / "app.apk", os.urandom(5_000_000)), Tape()
    with wire_server(step, step) as server:
        receipt = send(server, file, tape)
    assert isinstance(receipt, Receipt)
    assert len(server.requests) == 3
    assert len({request.header("idempotency-key") for request in server.requests}) == 1
    assert server.requests[2].file.sha256 == receipt.sha256
    assert tape.slept == [2.0, 4.0]


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_what_may_pass_is_tried_as_often_as_asked_and_no_more(status: int, build: Path) -> None:
    tape = Tape()
    with wire_server(*[refuse(status)] * 8) as server:
        failure = send(server, build, tape, retries=7)
    assert isinstance(failure, Failure)
    assert failure.exit_code == ExitCode.UNREACHABLE
    assert len(server.requests) == 8
    assert tape.slept == [2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0]  # the tops of the jitter


@pytest.mark.parametrize(
    ("retry_after", "seconds"),
    [("7", 7.0), ("0", 0.0), ("86400", 300.0), ("Wed, 01 Jan 2025 00:00:30 GMT", 30.0), ("soon", 2.0), ("-5", 2.0)],
)
def test_the_server_says_how_long_to_wait(retry_after: str, seconds: float, build: Path) -> None:
    tape = Tape()
    now = datetime(2025, 1, 1, tzinfo=UTC).timestamp()
    with wire_server(refuse(429, "RATE_LIMITED", "slow down", Retry_After=retry_after)) as server:
        assert isinstance(send(server, build, tape, clock=tape.clock(now)), Receipt)
    assert tape.slept == [seconds]


def test_the_jitter_is_between_nothing_and_the_top() -> None:
    drawn = [Clock().jitter(2.0) for _ in range(1000)]
    assert min(drawn) >= 0
    assert max(drawn) <= 2
    assert max(drawn) - min(drawn) > 1


def test_nobody_listening_is_told_as_such(build: Path, terminal: Terminal) -> None:
    with wire_server() as server:
        pass
    run = terminal.fenfa(server, build, "--retries", 0)
    assert run.code == ExitCode.UNREACHABLE
    assert f"cannot reach {server.url}" in run.err


def test_a_silent_server_is_told_as_such(build: Path, terminal: Terminal) -> None:
    go_on = threading.Event()
    with wire_server(hold(threading.Event(), go_on)) as server:
        run = terminal.fenfa(server, build, "--retries", 0, "--timeout", 0.2)
        go_on.set()
    assert run.code == ExitCode.UNREACHABLE
    assert "did not answer in time" in run.err


# What the server answers


@pytest.mark.parametrize(
    ("status", "code", "exit_code"),
    [
        (400, "BAD_REQUEST", 3),
        (401, "UNAUTHORIZED", 4),
        (403, "FORBIDDEN", 4),
        (404, "NOT_FOUND", 3),
        (409, "CONFLICT", 3),
        (413, "PAYLOAD_TOO_LARGE", 3),
        (422, "BAD_PACKAGE", 3),
        (500, "INTERNAL_ERROR", 5),
        (507, "INSUFFICIENT_STORAGE", 5),
    ],
)
def test_a_final_refusal_is_not_tried_again(
    status: int, code: str, exit_code: int, build: Path, terminal: Terminal
) -> None:
    with wire_server(refuse(status, code, "say what to do")) as server:
        run = terminal.fenfa(server, build, "--json")
    assert (run.code, len(server.requests)) == (exit_code, 1)
    assert run.err.splitlines()[-1] == f"error: {build}: say what to do"
    assert json.loads(run.out) == {
        "file": str(build),
        "ok": False,
        "error": {"code": code, "message": "say what to do"},
    }


def test_a_refusal_while_sending_is_told_in_the_servers_words(tmp_path: Path, terminal: Terminal) -> None:
    file = write(tmp_path / "app.apk", bytes(30_000_000))
    with wire_server(refuse_early(401, "UNAUTHORIZED", "invalid or missing auth token")) as server:
        run = terminal.fenfa(server, file)
    assert (run.code, len(server.requests)) == (ExitCode.UNAUTHORISED, 1)
    assert run.err.splitlines()[-1] == f"error: {file}: invalid or missing auth token"


def test_other_bytes_on_the_server_are_an_error(build: Path, terminal: Terminal) -> None:
    run = terminal.upload(build, script=(take(sha256="0" * 64),))
    assert (run.code, run.out) == (ExitCode.FAILED, "")
    assert f"SHA-256 {'0' * 64} instead of {sha256(CONTENT).hexdigest()}" in run.err


@pytest.mark.parametrize(
    ("step", "exit_code", "words"),
    [
        (
            reply("413 Request Entity Too Large", b"<html>nginx</html>"),
            3,
            "answered 413 Request Entity Too Large, and not as",
        ),
        (reply("500 Oops", b"<html>nginx</html>"), 5, "answered 500 Oops, and not as Fenfa does"),
        (
            reply("404 Not Found", b'{"detail": "no"}', "application/json"),
            3,
            "answered 404 Not Found, and not as Fenfa",
        ),
        (reply("200 OK", b"<html>welcome</html>"), 1, "not as Fenfa does; is it the right address?"),
        (reply("201 Created", b'{"ok": true, "data": []}'), 1, "not as Fenfa does; is it the right address?"),
        (reply("201 Created", b"\xff\xfe"), 1, "not as Fenfa does; is it the right address?"),
        (reply("200 OK", b"not gzip", Content_Encoding="gzip"), 5, "the connection to http://127.0.0.1"),
        (
            reply("308 Permanent Redirect", b"", Location="https://other.example/x"),
            2,
            "to https://other.example/x; give --server",
        ),
    ],
)
def test_a_stranger_is_recognised(step: Step, exit_code: int, words: str, build: Path, terminal: Terminal) -> None:
    run = terminal.upload(build, "--retries", 0, script=(step,))
    assert (run.code, run.out) == (exit_code, "")
    assert words in run.err


def test_a_proxy_that_comes_back_is_tried_again(build: Path, terminal: Terminal) -> None:
    page = reply("502 Bad Gateway", b"<html>nginx</html>", Retry_After="0")
    run = terminal.upload(build, script=(page, take()))
    assert run.code == 0
    assert "answered 502 Bad Gateway" in run.err


def test_a_file_that_changes_while_it_is_sent_is_not_uploaded(tmp_path: Path) -> None:
    for change, file in ((10, tmp_path / "shrinks.apk"), (2 * CHUNK_BYTES, tmp_path / "grows.apk")):
        write(file, bytes(CHUNK_BYTES + 20))

        class Meddler(Tape):
            def advance(self, count: int) -> None:
                os.truncate(file, change)  # noqa: B023 (used up within its own turn of the loop)

        with wire_server() as server:
            outcome = send(server, file, Meddler())
        assert isinstance(outcome, Failure)
        assert (outcome.exit_code, outcome.message) == (1, "cannot read it: it changed while it was being sent")
        assert [part for request in server.requests for part in request.parts if part.sha256] == []


# What is printed


def test_people_get_name_page_and_download(build: Path, terminal: Terminal) -> None:
    with wire_server(take(warnings=["identifier differs"])) as server:
        run = terminal.fenfa(server, build)
    assert run.out.splitlines() == [
        "MyApp 1.2.0 (120)",
        "  warning   identifier differs",
        f"  page      {server.url}/products/myapp",
        f"  release   {server.url}/products/myapp?r=rel_1",
        f"  download  {server.url}/d/rel_1",
    ]
    assert run.err == f"uploading {build} (1.5 kB)\n"


def test_a_release_without_a_build_shows_none(build: Path, terminal: Terminal) -> None:
    assert terminal.upload(build, script=(take(build=None),)).out.startswith("MyApp 1.2.0\n")


def test_json_is_the_servers_answer_in_one_line_a_file(build: Path, tmp_path: Path, terminal: Terminal) -> None:
    other = write(tmp_path / "b.ipa")
    run = terminal.upload(build, other, "--json", script=(take(warnings=["w"]), refuse(409, "CONFLICT", "taken")))
    first, second = map(json.loads, run.out.splitlines())
    assert (first["file"], first["ok"], first["data"]["warnings"]) == (str(build), True, ["w"])
    assert first["data"]["release"]["sha256"] == sha256(CONTENT).hexdigest()
    assert second == {"file": str(other), "ok": False, "error": {"code": "CONFLICT", "message": "taken"}}


def test_quiet_prints_the_page_and_nothing_else(build: Path, terminal: Terminal) -> None:
    with wire_server() as server:
        run = terminal.fenfa(server, build, "-q", "--qr")
    assert run == Run(0, f"{server.url}/products/myapp?r=rel_1\n", "")


def test_quiet_still_says_errors(build: Path, terminal: Terminal) -> None:
    run = terminal.upload(build, "--quiet", script=(refuse(404, "NOT_FOUND", "variant not found"),))
    assert run == Run(3, "", f"error: {build}: variant not found\n")


def test_the_qr_code_is_that_of_the_release_page(build: Path, terminal: Terminal, tmp_path: Path) -> None:
    with wire_server() as server:
        run = terminal.fenfa(server, build, "--qr")
    expected = tmp_path / "expected"
    with expected.open("w") as out:
        segno.make_qr(f"{server.url}/products/myapp?r=rel_1").terminal(out, compact=True)
    assert run.out.endswith(expected.read_text())


def test_an_answer_cannot_steer_the_terminal(build: Path, terminal: Terminal) -> None:
    for step in (take(version="\x1b[2J1\n2"), refuse(400, "BAD_REQUEST", "\x1b]0;title\x07bad\nworse")):
        run = terminal.upload(build, script=(step,))
        assert "\x1b" not in run.out + run.err
    assert run.err.splitlines()[-1] == f"error: {build}: ]0;title bad worse"


def test_all_files_are_tried_and_the_worst_counts(tmp_path: Path, terminal: Terminal) -> None:
    files = [write(tmp_path / name) for name in ("a.apk", "b.apk", "c.apk", "d.apk")]
    refusals = (refuse(401, "UNAUTHORIZED", "no"), take(), refuse(422, "BAD_PACKAGE", "broken"), take())
    run = terminal.upload(*files, script=refusals)
    assert run.code == ExitCode.UNAUTHORISED
    assert run.err.splitlines()[-1] == "2 of 4 files uploaded"
    assert run.out.count("MyApp 1.2.0 (120)") == 2


# What never leaves this machine


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("missing.apk", "no such file"),
        ("folder.apk", "not a file"),
        ("empty.apk", "empty"),
        ("notes.txt", "not a type that Fenfa takes (ipa apk"),
        ("x" * 300 + ".apk", "not readable (File name too long)"),
    ],
)
def test_a_file_that_cannot_be_a_build_stops_the_command(
    name: str, words: str, build: Path, terminal: Terminal
) -> None:
    (build.parent / "folder.apk").mkdir()
    write(build.parent / "empty.apk", b"")
    write(build.parent / "notes.txt")
    with wire_server() as server:
        run = terminal.fenfa(server, build, build.parent / name)
    assert (run.code, run.out, server.requests) == (ExitCode.USAGE, "", [])
    assert run.err.startswith(f"error: {build.parent / name}: {words}")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--variant", "var_1", "--create"], "--variant names what --create would make"),
        (["--changelog", "a", "--changelog-file", "b"], "--changelog or --changelog-file, not both"),
        (["--changelog-file", "/nowhere"], "cannot read /nowhere: No such file"),
        (["--changelog-file", "/bin/sh"], "cannot read /bin/sh: it is not UTF-8"),
        (["--build", "12a"], "--build"),
        (["--server", "apps.example.com"], "--server needs the address"),
        (["--server", "http://[::1"], "--server needs the address"),
        (["--server", "ftp://apps.example.com"], "--server needs the address"),
        (["--token", "tökén"], "the token holds characters that no token has"),
        (["--token", "two\nlines"], "the token holds characters that no token has"),
        (["--token", " "], "no token: set FENFA_TOKEN"),
    ],
)
def test_bad_usage_sends_nothing(words: list[str], message: str, build: Path, terminal: Terminal) -> None:
    with wire_server() as server:
        run = terminal.fenfa(server, build, *words)
    assert (run.code, run.out, server.requests) == (ExitCode.USAGE, "", [])
    assert message in run.err


# TLS


@pytest.fixture
def tls(tmp_path: Path) -> ssl.SSLContext:
    """A server's context with a certificate of its own making, which lies in `certificate.pem`."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "wire server")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, now - timedelta(1), now + timedelta(1))
    address = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    certificate = builder.add_extension(address, critical=False).sign(key, SHA256())
    pem = write(tmp_path / "certificate.pem", certificate.public_bytes(Encoding.PEM))
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem, write(tmp_path / "key.pem", secret))
    return context


def test_a_strange_certificate_is_refused_at_once(build: Path, tls: ssl.SSLContext, terminal: Terminal) -> None:
    with wire_server(tls=tls) as server:
        run = terminal.fenfa(server, build)
    assert (run.code, server.requests) == (ExitCode.UNREACHABLE, [])
    message = f"the certificate of {server.url} is not trusted; name its authority in SSL_CERT_FILE, or give --insecure"
    assert run.err.splitlines()[1:] == [f"error: {build}: {message}"]


def test_insecure_takes_any_certificate(build: Path, tls: ssl.SSLContext, terminal: Terminal) -> None:
    with wire_server(tls=tls) as server:
        assert terminal.fenfa(server, build, "--insecure").code == 0
    assert server.requests[0].file.sha256 == sha256(CONTENT).hexdigest()


def test_an_authority_may_be_named(build: Path, tls: ssl.SSLContext) -> None:
    with wire_server(tls=tls) as server:
        run = shell(server, build, SSL_CERT_FILE=str(build.parent / "certificate.pem"))
    assert run.returncode == 0


@pytest.mark.parametrize(("name", "value"), [("SSL_CERT_FILE", "/nowhere"), ("HTTP_PROXY", "gopher://proxy")])
def test_a_broken_environment_is_a_matter_of_configuration(
    name: str, value: str, build: Path, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    run = terminal.upload(build)
    assert (run.code, run.out) == (ExitCode.USAGE, "")
    assert "TLS or proxy settings cannot be used" in run.err


# The token


def test_the_token_comes_from_option_file_or_environment(
    build: Path, tmp_path: Path, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FENFA_TOKEN", "from-environment")
    file = write(tmp_path / "token", b"from-file\n")
    with wire_server() as server:
        monkeypatch.setenv("FENFA_SERVER", server.url)
        for words in ([], ["--token-file", str(file)], ["--token-file", str(file), "--token", "from-option"]):
            assert main(["upload", str(build), *words]) == 0
    tokens = [request.header("x-auth-token") for request in server.requests]
    assert tokens == ["from-environment", "from-file", "from-option"]


def test_no_token_is_bad_usage(build: Path, terminal: Terminal) -> None:
    assert main(["upload", str(build)]) == ExitCode.USAGE
    assert "no token: set FENFA_TOKEN" in terminal.capture.readouterr().err


@pytest.mark.parametrize("words", [[], ["--json"], ["--quiet"], ["--build", "x"], ["--server", "x"], ["--nope"]])
@pytest.mark.parametrize("step", [take(), refuse(401, "UNAUTHORIZED", f"bad token {TOKEN}"), cut])
def test_no_output_shows_the_token(step: Step, words: list[str], build: Path, terminal: Terminal) -> None:
    run = terminal.upload(build, "--retries", 0, *words, script=(step,))
    assert TOKEN not in run.out + run.err


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="the command line is hidden on Linux only")
@pytest.mark.parametrize("words", [["--token", TOKEN], [f"--token={TOKEN}"]])
def test_the_process_list_does_not_show_the_token(words: list[str], build: Path) -> None:
    arrived, go_on = threading.Event(), threading.Event()
    with wire_server(hold(arrived, go_on)) as server, start(server, build, *words) as process:
        assert arrived.wait(30)
        line = Path(f"/proc/{process.pid}/cmdline").read_bytes().decode()
        go_on.set()
        assert process.wait(30) == 0
    assert "upload" in line
    assert TOKEN not in line
    assert server.requests[0].header("x-auth-token") == TOKEN


# A real process


def environment(**changes: str) -> dict[str, str]:
    """This process's environment without settings of Fenfa or of a proxy."""
    return {name: value for name, value in os.environ.items() if not re.search("^FENFA_|_proxy$", name, re.I)} | changes


def start(server: WireServer, *words: object) -> subprocess.Popen[str]:
    line = [str(FENFA), "upload", "--server", server.url, *map(str, words)]
    return subprocess.Popen(line, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def shell(server: WireServer, *words: object, stdin: str = "", **variables: str) -> subprocess.CompletedProcess[str]:
    line = [str(FENFA), "upload", *map(str, words)]
    variables = {"FENFA_SERVER": server.url, "FENFA_TOKEN": TOKEN, **variables}
    return subprocess.run(line, env=environment(**variables), input=stdin, capture_output=True, text=True, timeout=60)


def test_ctrl_c_ends_with_130_and_without_a_traceback(build: Path) -> None:
    arrived, go_on = threading.Event(), threading.Event()
    with wire_server(hold(arrived, go_on)) as server, start(server, build, "--token", TOKEN) as process:
        assert arrived.wait(30)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
        go_on.set()
    assert process.returncode == 130
    assert err.splitlines() == [f"uploading {build} (1.5 kB)"]


def test_a_terminal_without_unicode_is_no_reason_to_fail(build: Path) -> None:
    with wire_server(take(version="一")) as server:
        run = shell(server, build, "--qr", PYTHONIOENCODING="ascii")
    assert (run.returncode, run.stdout.splitlines()[0]) == (0, "MyApp ? (120)")


def test_a_terminal_shows_a_bar_and_a_code(build: Path) -> None:
    pty = pytest.importorskip("pty")
    near, far = pty.openpty()
    with wire_server(refuse(503, Retry_After="0")) as server:
        line = [str(FENFA), "upload", str(build), "--server", server.url, "--token", TOKEN]
        with subprocess.Popen(line, env=environment(TERM="xterm", COLUMNS="120"), stdout=far, stderr=far) as process:
            os.close(far)
            shown = "".join(read_terminal(near))
    os.close(near)
    assert process.returncode == 0
    assert "app.apk" in shown
    assert "1.5/1.5 kB" in shown
    assert "not now; trying again" in shown
    assert "MyApp 1.2.0 (120)" in shown
    assert "█" in shown


def read_terminal(near: int) -> Iterator[str]:
    data = b""
    try:
        while chunk := os.read(near, 65536):
            data += chunk
    except OSError:  # Linux says EIO once the other end is closed
        pass
    yield data.decode()


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    small, large = write(tmp_path / "small.dmg"), tmp_path / "large.dmg"
    with large.open("wb") as sparse:
        sparse.truncate(300_000_000)
    with wire_server() as server:
        peaks = [measure_peak(server, file) for file in (small, large)]
    assert server.requests[1].file.length == 300_000_000
    assert peaks[1] - peaks[0] < 16 * 1024  # KiB


def measure_peak(server: WireServer, file: Path) -> int:
    """The largest resident size of a `fenfa upload` in KiB."""
    code = "import resource, sys; from fenfa.cli import main; code = main(sys.argv[1:]); "
    code += "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss); sys.exit(code)"
    line = [sys.executable, "-c", code, "upload", "--quiet", "--server", server.url, "--token", TOKEN, str(file)]
    run = subprocess.run(line, env=environment(), capture_output=True, text=True, timeout=120, check=True)
    return int(run.stdout.splitlines()[-1])
