"""Range and condition handling against a second, simple reading of RFC 9110, and with real bytes."""

import asyncio
import email
import json
import time
from email.utils import formatdate, parsedate_to_datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.types import Message

from fenfa.storage.base import content_disposition
from fenfa.web.files import CHUNK, FileAnswer, Plan, plan

ETAG = '"sha256-x"'
MODIFIED = 1_700_000_000.5
DATE = formatdate(MODIFIED, usegmt=True)
EARLIER, LATER = formatdate(MODIFIED - 60, usegmt=True), formatdate(MODIFIED + 60, usegmt=True)


def planned(size: int = 100, *, method: str = "GET", **headers: str) -> Plan:
    raw = [(name.replace("_", "-").encode(), value.encode("latin-1")) for name, value in headers.items()]
    return plan(method, raw, size, ETAG, MODIFIED)


WHOLE = Plan(200, 0, 100, sends=True)


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("bytes=0-0", Plan(206, 0, 1, sends=True)),
        ("bytes=0-", Plan(206, 0, 100, sends=True)),
        ("bytes=10-19", Plan(206, 10, 20, sends=True)),
        ("bytes=10-1000", Plan(206, 10, 100, sends=True)),
        ("bytes=-5", Plan(206, 95, 100, sends=True)),
        ("bytes=-500", Plan(206, 0, 100, sends=True)),
        ("BYTES=0-0", Plan(206, 0, 1, sends=True)),
        ("bytes= 0-0 ", Plan(206, 0, 1, sends=True)),
        (f"bytes=0-{'9' * 5000}", Plan(206, 0, 100, sends=True)),
        ("bytes=100-", Plan(416)),
        ("bytes=100-200", Plan(416)),
        ("bytes=-0", Plan(416)),
        (f"bytes={'9' * 5000}-", Plan(416)),
        ("bytes=20-10", WHOLE),
        ("bytes=", WHOLE),
        ("bytes=-", WHOLE),
        ("bytes=a-b", WHOLE),
        ("bytes=٣-٤".encode().decode("latin-1"), WHOLE),
        ("bytes=+1-2", WHOLE),
        ("bytes=0-1,5-6", WHOLE),
        ("items=0-1", WHOLE),
        ("", WHOLE),
    ],
)
def test_range(header: str, expected: Plan) -> None:
    assert planned(range=header) == expected


def test_a_range_that_comes_twice_counts_as_several() -> None:
    raw = [(b"range", b"bytes=0-1"), (b"range", b"bytes=5-6")]
    assert plan("GET", raw, 100, ETAG, MODIFIED) == WHOLE


def test_an_empty_file_has_no_ranges() -> None:
    assert planned(0, range="bytes=0-") == Plan(200, 0, 0, sends=True)


@pytest.mark.parametrize("header", ["bytes=0-9", "bytes=200-"])
def test_head_knows_no_ranges(header: str) -> None:
    assert planned(method="HEAD", range=header) == Plan(200, 0, 100, sends=False)


@pytest.mark.parametrize(
    ("condition", "status"),
    [
        (ETAG, 206),
        (DATE, 206),
        (f"W/{ETAG}", 200),
        ('"other"', 200),
        (EARLIER, 200),
        (LATER, 200),
        ("sha256-x", 200),
        ("nonsense", 200),
    ],
)
def test_if_range_compares_strongly(condition: str, status: int) -> None:
    assert planned(range="bytes=0-9", if_range=condition).status == status


def test_if_range_without_range_does_nothing() -> None:
    assert planned(if_range=ETAG) == WHOLE


@pytest.mark.parametrize(
    ("condition", "status"),
    [(ETAG, 304), (f"W/{ETAG}", 304), ("*", 304), (f'"a", W/"b",{ETAG}', 304), ('"a", "b"', 200), ("sha256-x", 200)],
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_if_none_match_compares_weakly_and_goes_before_range(method: str, condition: str, status: int) -> None:
    assert planned(method=method, if_none_match=condition).status == status
    assert planned(method=method, if_none_match=condition, range="bytes=500-").status in {status, 416}


@pytest.mark.parametrize(
    ("date", "status"),
    [(DATE, 304), (LATER, 304), (EARLIER, 200), ("nonsense", 200), ("Mon, 99 Foo 2020 00:00:00 GMT", 200)],
)
def test_if_modified_since(date: str, status: int) -> None:
    assert planned(if_modified_since=date).status == status


def test_if_none_match_silences_if_modified_since() -> None:
    assert planned(if_none_match='"other"', if_modified_since=LATER).status == 200


@pytest.mark.parametrize(("condition", "status"), [(ETAG, 206), ("*", 206), ('"a", "b"', 412), (f"W/{ETAG}", 412)])
def test_if_match_never_lets_a_resume_splice_two_files(condition: str, status: int) -> None:
    assert planned(range="bytes=5-9", if_match=condition).status == status


@pytest.mark.parametrize(("date", "status"), [(DATE, 200), (LATER, 200), (EARLIER, 412), ("nonsense", 200)])
def test_if_unmodified_since(date: str, status: int) -> None:
    assert planned(if_unmodified_since=date).status == status


@pytest.mark.parametrize(
    ("asked", "begins"),
    [
        ({}, True),
        ({"range": "bytes=0-9"}, True),
        ({"range": "bytes=1-9"}, False),
        ({"range": "bytes=-9"}, False),
        ({"range": "bytes=500-"}, False),
        ({"if_none_match": "*"}, False),
        ({"method": "HEAD"}, False),
    ],
)
def test_one_download_begins_once(asked: dict[str, Any], begins: bool) -> None:
    assert planned(**asked).begins is begins


@pytest.mark.parametrize(
    "headers",
    [
        {"range": "bytes=" + ",".join(f"{n}-{n + 10}" for n in range(1000))},
        {"range": "bytes=" + "9" * 16_000 + "-" + "9" * 16_000},
        {"range": "bytes=" + " " * 16_000 + "x"},
        {"if_none_match": '"' * 16_000},
        {"if_none_match": ",".join(f'W/"{n}"' for n in range(2000))},
        {"if_modified_since": "1" * 16_000 + "GMT"},
        {"if_range": "Mon, " + "1 " * 8_000 + "GMT", "range": "bytes=0-1"},
    ],
)
def test_hostile_headers_are_cheap(headers: dict[str, str]) -> None:
    assert min(seconds_to_plan(headers) for _ in range(5)) < 0.005


def seconds_to_plan(headers: dict[str, str]) -> float:
    began = time.process_time()
    planned(100, method="GET", **headers)
    return time.process_time() - began


# -- the oracle


def oracle(method: str, headers: dict[str, str], size: int) -> tuple[int, int, int]:
    """(status, start, end) after RFC 9110, section 13.2.2, written for its steps and not for speed."""
    if "if-match" in headers and not etag_in(headers["if-match"], weak=False):
        return 412, 0, 0
    if "if-none-match" in headers and etag_in(headers["if-none-match"], weak=True):
        return 304, 0, 0
    if "if-none-match" not in headers and "if-modified-since" in headers:
        since = parsedate_to_datetime(headers["if-modified-since"]).timestamp()
        if int(MODIFIED) <= since:
            return 304, 0, 0
    if method == "GET" and "range" in headers and headers.get("if-range", ETAG) in {ETAG, DATE}:
        return oracle_range(headers["range"], size)
    return 200, 0, size


def etag_in(value: str, *, weak: bool) -> bool:
    tags = [tag.strip() for tag in value.split(",")]
    return tags == ["*"] or ETAG in tags or (weak and f"W/{ETAG}" in tags)


def oracle_range(value: str, size: int) -> tuple[int, int, int]:
    whole = 200, 0, size
    unit, _, spans = value.partition("=")
    first, dash, last = spans.partition("-")
    if unit != "bytes" or not dash or "," in spans or not (first + last).isdigit() or size == 0:
        return whole
    present = set(range(size))
    if first == "":
        wanted = set(sorted(present)[-int(last) :]) if int(last) else set()
    elif last and int(last) < int(first):
        return whole
    else:
        wanted = {n for n in present if n >= int(first) and (not last or n <= int(last))}
    return (206, min(wanted), max(wanted) + 1) if wanted else (416, 0, 0)


numbers = st.one_of(st.just(""), st.integers(0, 130).map(str), st.just("00007"), st.just("9" * 30))
ranges = st.one_of(
    st.builds("bytes={}-{}".format, numbers, numbers),
    st.builds("bytes={}-{},{}-{}".format, numbers, numbers, numbers, numbers),
    st.builds("{}={}".format, st.sampled_from(["bytes", "lines"]), st.text("0123456789-,=xb", max_size=8)),
)
tags = st.lists(st.sampled_from([ETAG, f"W/{ETAG}", '"a"', 'W/"b"']), min_size=1, max_size=4).map(", ".join)
conditions = st.fixed_dictionaries(
    {},
    optional={
        "range": ranges,
        "if-range": st.sampled_from([ETAG, f"W/{ETAG}", '"a"', DATE, EARLIER, LATER]),
        "if-none-match": st.one_of(tags, st.just("*")),
        "if-match": st.one_of(tags, st.just("*")),
        "if-modified-since": st.sampled_from([DATE, EARLIER, LATER]),
    },
)


@given(conditions, st.sampled_from(["GET", "HEAD"]), st.integers(0, 120))
def test_plan_agrees_with_the_oracle(headers: dict[str, str], method: str, size: int) -> None:
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    got = plan(method, raw, size, ETAG, MODIFIED)
    assert (got.status, got.start, got.end) == oracle(method, headers, size)
    assert got.sends == (method == "GET" and got.status in {200, 206})


# -- real bytes


def answer(path: Path, method: str = "GET", *, size: int | None = None, **headers: str) -> FileAnswer:
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    scope = {"type": "http", "method": method, "headers": raw}
    size = path.stat().st_size if size is None else size
    own = {"repr-digest": "sha-256=:x:", "cache-control": "private, no-transform"}
    kind = "application/zip"
    return FileAnswer(scope, path, size=size, etag=ETAG, modified=MODIFIED, content_type=kind, headers=own)


def sent(answering: FileAnswer, method: str = "GET") -> tuple[int, dict[str, str], bytes]:
    messages: list[Message] = []

    async def run() -> None:
        async def send(message: Message) -> None:
            messages.append(message)

        async def receive() -> Message:
            raise AssertionError("a file asks for nothing")

        await answering({"type": "http", "method": method}, receive, send)

    asyncio.run(run())
    start, *parts = messages
    assert not parts[-1].get("more_body")
    assert all(part["more_body"] for part in parts[:-1])
    headers = {name.decode(): value.decode() for name, value in start["headers"]}
    return start["status"], headers, b"".join(part["body"] for part in parts)


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    path = tmp_path / "stored"
    path.write_bytes(bytes(range(256)) * 2048)
    return path


@pytest.mark.parametrize(("start", "end"), [(0, 1), (1, 2), (0, CHUNK), (CHUNK - 1, CHUNK + 1), (3, 500_000)])
def test_the_bytes_of_a_range(stored: Path, start: int, end: int) -> None:
    status, headers, body = sent(answer(stored, range=f"bytes={start}-{end - 1}"))
    assert status == 206
    assert body == stored.read_bytes()[start:end]
    assert headers["content-length"] == str(len(body))
    assert headers["content-range"] == f"bytes {start}-{end - 1}/524288"


def test_the_whole_file_and_its_headers(stored: Path) -> None:
    status, headers, body = sent(answer(stored))
    assert (status, body) == (200, stored.read_bytes())
    assert headers == {
        "accept-ranges": "bytes",
        "etag": ETAG,
        "last-modified": DATE,
        "content-type": "application/zip",
        "repr-digest": "sha-256=:x:",
        "cache-control": "private, no-transform",
        "content-length": "524288",
    }


def test_head_has_the_headers_of_get(stored: Path) -> None:
    assert sent(answer(stored, "HEAD"), "HEAD") == (200, sent(answer(stored))[1], b"")


def test_304_has_no_body_and_what_a_cache_needs(stored: Path) -> None:
    status, headers, body = sent(answer(stored, if_none_match=ETAG))
    assert (status, body) == (304, b"")
    assert headers == {"etag": ETAG, "last-modified": DATE, "cache-control": "private, no-transform"}


@pytest.mark.parametrize(
    ("asked", "status", "code"),
    [({"range": "bytes=524288-"}, 416, "BAD_REQUEST"), ({"if_match": '"other"'}, 412, "CONFLICT")],
)
def test_refusals_are_the_envelope(stored: Path, asked: dict[str, str], status: int, code: str) -> None:
    got, headers, body = sent(answer(stored, size=524288, **asked))
    assert got == status
    assert json.loads(body)["ok"] is False
    assert json.loads(body)["error"]["code"] == code
    assert headers["content-length"] == str(len(body))
    assert "etag" not in headers
    assert headers.get("content-range") == ("bytes */524288" if status == 416 else None)


def test_a_missing_file_is_told_before_anything_is_sent(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        answer(tmp_path / "missing", size=10)


def test_a_file_unlinked_after_opening_goes_out_whole(stored: Path) -> None:
    content, answering = stored.read_bytes(), answer(stored)
    stored.unlink()
    assert sent(answering)[2] == content


def test_a_file_shorter_than_its_record_is_an_error(stored: Path) -> None:
    with pytest.raises(OSError, match="shorter"):
        sent(answer(stored, size=600_000))


# -- file names


def parse_back(header: str) -> tuple[str, str]:
    """(plain, extended) file name, as the standard library and RFC 8187 read them."""
    message = email.message_from_bytes(f"Content-Disposition: {header}\r\n\r\n".encode())
    plain = message.get_filename()
    charset, _, value = header.rpartition("filename*=")[2].partition("''")
    assert message.get_content_disposition() == "attachment"
    assert charset == "UTF-8"
    assert isinstance(plain, str)
    return plain, unquote(value, errors="strict")


@given(st.text(max_size=60))
def test_any_file_name_survives_its_header(name: str) -> None:
    header = content_disposition(name)
    plain, extended = parse_back(header)
    assert header.isascii()
    assert header.isprintable()
    assert set(plain) <= set(map(chr, range(32, 127))) - set('"\\%/')
    assert "/" not in extended
    assert "\\" not in extended
    assert len(plain) == len(extended)


@given(st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=60))
def test_letters_of_all_scripts_come_back(name: str) -> None:
    assert parse_back(content_disposition(f"{name}.ipa"))[1] == f"{name}.ipa"


@pytest.mark.parametrize(
    ("name", "plain", "extended"),
    [
        ("app.ipa", "app.ipa", "app.ipa"),
        ("My App 1.0.apk", "My App 1.0.apk", "My App 1.0.apk"),
        ("应用.apk", "__.apk", "应用.apk"),
        ('a"b.ipa', "a_b.ipa", 'a"b.ipa'),
        ("100%.ipa", "100_.ipa", "100%.ipa"),
        ("a\r\nSet-Cookie: x=1.ipa", "aSet-Cookie: x=1.ipa", "aSet-Cookie: x=1.ipa"),
        ("../../etc/passwd", "_.._etc_passwd", "_.._etc_passwd"),
        ("app\u202egpj.exe", "appgpj.exe", "appgpj.exe"),
        ("", "download", "download"),
        ("...", "download", "download"),
    ],
)
def test_file_names(name: str, plain: str, extended: str) -> None:
    assert parse_back(content_disposition(name)) == (plain, extended)
