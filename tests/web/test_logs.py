"""What a log line holds, and what it never holds."""

import asyncio
import io
import json
import logging
import os
import sys
import time
from collections.abc import Iterator
from tempfile import TemporaryFile
from typing import IO

import pytest

from fenfa.errors import Unavailable
from fenfa.web import logs
from fenfa.web.access import RequestLog

SECRETS = [
    "fnf_upload_abc123_4f9kQzZ0",
    "00008030001C2D3E4F50602E",
    "00008030-001C2D3E4F50602E",
    "0123456789abcdef0123456789abcdef01234567",
]


def record(message: str, level: int = logging.INFO, **extra: object) -> logging.LogRecord:
    made = logging.LogRecord("fenfa", level, __file__, 1, message, None, None)
    made.created = 1_700_000_000.25
    made.__dict__.update(extra)
    return made


def line(made: logging.LogRecord, worker: int = 0) -> dict[str, object]:
    text = logs.Lines(worker).format(made)
    assert "\n" not in text
    told: dict[str, object] = json.loads(text)
    return told


def failure(message: str) -> logging.LogRecord:
    try:
        raise ValueError(message)
    except ValueError:
        made = record("request failed")
        made.exc_info = sys.exc_info()
        return made


def test_an_engine_that_is_away_takes_a_line_and_not_a_traceback() -> None:
    """Every request meets it."""
    made = record("request refused")
    try:
        try:
            raise ConnectionError("no route to fnf_upload_abc123_4f9kQzZ0\nand much more")
        except ConnectionError as error:
            raise Unavailable("the database does not answer") from error
    except Unavailable:
        made.exc_info = sys.exc_info()
    told = str(line(made)["error"])
    assert told.startswith("Unavailable: the database does not answer; because ConnectionError: no route to ")
    assert "4f9kQzZ0" not in told
    assert "more" not in told


def test_a_line() -> None:
    told = line(record("took it", logging.WARNING, method="GET", status=200, ms=1.5), worker=3)
    assert told == {
        "ts": "2023-11-14T22:13:20.250Z",
        "level": "warning",
        "event": "took it",
        "worker": 3,
        "method": "GET",
        "status": 200,
        "ms": 1.5,
    }


def test_only_listed_fields_are_written() -> None:
    assert "udid" not in line(record("x", udid="y", query="token=1"))


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize("frame", ["{}", "before {} after", "/d/{}/x.ipa", "udid={}&x", "'{}'", "a_{}_b"])
def test_secrets_are_taken_out_of_any_text(secret: str, frame: str) -> None:
    text = frame.format(secret)
    assert secret not in logs.redact(text)
    assert secret not in json.dumps(line(record(text, path=text)))
    assert secret not in json.dumps(line(failure(text)))


@pytest.mark.parametrize(
    "text",
    [
        "X-Auth-Token: hunter2",
        "x-auth-token=hunter2",
        "{'x-auth-token': 'hunter2'}",
        "(b'x-auth-token', b'hunter2')",
        '"Authorization": "Bearer hunter2"',
        "authorization: Basic hunter2",
        "Authorization: hunter2, other",
        "[(b'authorization', b'Bearer hunter2')]",
    ],
)
def test_header_values_are_taken_out(text: str) -> None:
    assert "hunter2" not in logs.redact(text)


@pytest.mark.parametrize(
    "text",
    [
        "rel_4f9kqzzzzzzzzzzzzzzzzzzzz",
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "/products/demo",
        "12345678",
        "authorize the device",
    ],
)
def test_the_rest_stays_readable(text: str) -> None:
    assert logs.redact(text) == text


def test_a_traceback_is_one_field() -> None:
    told = line(failure("disk on fire"))
    assert str(told["error"]).startswith("Traceback")
    assert str(told["error"]).endswith("ValueError: disk on fire\n")


def test_people_get_a_line_and_the_traceback_below() -> None:
    text = logs.People().format(failure("disk on fire"))
    first, *rest = text.splitlines()
    assert "request failed" in first
    assert rest[0].startswith("Traceback")
    assert rest[-1] == "ValueError: disk on fire"


@pytest.fixture
def untouched() -> Iterator[None]:
    root = logging.getLogger()
    before, level, own = root.handlers[:], root.level, logging.getLogger("fenfa").level
    yield
    root.handlers[:] = before
    root.setLevel(level)
    logging.getLogger("fenfa").setLevel(own)
    logging.captureWarnings(False)


@pytest.mark.usefixtures("untouched")
@pytest.mark.parametrize("name", ["fenfa.web", "uvicorn.error", "_granian", "asyncio", "py.warnings"])
def test_every_logger_writes_lines(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(worker=2)
    logging.getLogger(name).warning("said %s", "fnf_admin_x")
    told = json.loads(capsys.readouterr().err)
    assert (told["event"], told["level"], told["worker"]) == ("said fnf_[token]", "warning", 2)


@pytest.mark.usefixtures("untouched")
def test_a_terminal_gets_the_form_for_people(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(sys, "stderr", terminal := Terminal())
    logs.configure()
    logging.getLogger("fenfa").info("listening")
    assert terminal.getvalue().endswith(" info     listening\n")


# -- requests


class Route:
    path = "/d/{release_id}"


def requests(*paths: str) -> list[str]:
    scope = {"route": Route, "state": {"request_id": "ab-1"}}

    async def write(file: IO[bytes]) -> None:
        log = RequestLog(1, file.fileno())
        for path in paths:
            log("GET", path, scope, 206, 4096, 0.00123)
        log.flush()

    with TemporaryFile() as file:
        asyncio.run(write(file))
        file.seek(0)
        return file.read().decode().splitlines()


def test_a_request_line() -> None:
    told = json.loads(requests("/d/rel_x")[0])
    assert told.pop("ts").endswith("Z")
    assert told == {
        "level": "info",
        "event": "request",
        "method": "GET",
        "path": "/d/rel_x",
        "route": "/d/{release_id}",
        "request_id": "ab-1",
        "status": 206,
        "ms": 1.23,
        "bytes": 4096,
        "worker": 1,
    }


@pytest.mark.parametrize("path", ['/"quoted"', "/new\nline", "/é/应用", "/\udcff", "/" + "x" * 5000])
def test_no_path_breaks_a_line(path: str) -> None:
    lines = requests(path)
    assert len(lines) == 1
    assert json.loads(lines[0])["path"] == path


@pytest.mark.parametrize("secret", SECRETS)
def test_a_path_tells_no_secret(secret: str) -> None:
    assert secret not in requests(f"/admin/{secret}/x")[0]


def test_many_requests_keep_their_order() -> None:
    paths = [f"/{number}" for number in range(1000)]
    assert [json.loads(told)["path"] for told in requests(*paths)] == paths


def test_a_log_that_nobody_reads_stops_nothing() -> None:
    reading, writing = os.pipe()
    os.close(reading)

    async def write() -> None:
        log = RequestLog(1, writing)
        log("GET", "/", None, 200, 0, 0.0)
        log.flush()

    asyncio.run(write())
    os.close(writing)


def test_a_request_line_is_cheap() -> None:
    async def seconds() -> float:
        with open(os.devnull, "wb") as nowhere:
            log = RequestLog(1, nowhere.fileno())
            scope = {"route": Route, "state": {"request_id": "ab-1"}}
            began = time.process_time()
            for _ in range(2000):
                log("GET", "/d/rel_4f9kqzzzzzzzzzzzzzzzzzzzz", scope, 200, 4096, 0.001)
            return (time.process_time() - began) / 2000

    assert min(asyncio.run(seconds()) for _ in range(5)) < 20e-6  # 2.5 µs here; the margin is for slow machines
