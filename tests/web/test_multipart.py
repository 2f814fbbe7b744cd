"""Forms of every shape, whole and broken: the exact refusal, and nothing left behind."""

import hashlib
from typing import Any

import pytest

from fenfa.web.multipart import MAX_FIELD, MAX_PARTS
from tests.support.client import UPLOAD, AppClient, refusal, running

BOUNDARY = "----fenfa"
KIND = {"content-type": f"multipart/form-data; boundary={BOUNDARY}", **UPLOAD}


def part(name: str, body: bytes, file_name: str | None = None, more: bytes = b"") -> bytes:
    named = f'; filename="{file_name}"' if file_name is not None else ""
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"{named}\r\n'.encode()
    return head + more + b"\r\n" + body + b"\r\n"


END = f"--{BOUNDARY}--\r\n".encode()


@pytest.fixture
def variant(client: AppClient) -> str:
    return str(client.make_variant(client.make_product()["id"])["id"])


def send(client: AppClient, body: bytes, headers: Any = KIND) -> Any:
    return client.post("/upload", headers=headers, content=body)


def test_fields_before_and_after_the_file(client: AppClient, variant: str) -> None:
    fields = part("variant_id", variant.encode()), part("version", b"1.0"), part("build", b"7")
    file = part("app_file", b"bytes", "a.tar.gz")
    for number in range(4):
        parts = [*fields[:number], file, *fields[number:]]
        answer = send(client, b"".join(parts) + END)
        assert answer.status_code == 201
        assert answer.json()["data"]["release"]["build"] == 7


def test_bytes_that_look_like_a_boundary(client: AppClient, variant: str) -> None:
    tricky = [
        b"\r\n--" + BOUNDARY.encode()[:-1] + b"\r\n",
        b"--" + BOUNDARY.encode(),
        b"\r\n",
        b"\r",
        b"\n--",
        b"\r\n--",
    ]
    content = b"".join(piece + b"x" for piece in tricky) * 100 + b"\r\n-"
    answer = send(client, part("variant_id", variant.encode()) + part("app_file", content, "a.tar.gz") + END)
    assert answer.json()["data"]["release"]["sha256"] == hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize("size", [1, 2, 7, 1024, 70_000])
def test_pieces_of_any_size(client: AppClient, variant: str, size: int) -> None:
    content = bytes(range(256)) * 40
    body = part("variant_id", variant.encode()) + part("app_file", content, "a.tar.gz") + END
    pieces = [body[start : start + size] for start in range(0, len(body), size)]
    messages = [{"type": "http.request", "body": piece, "more_body": True} for piece in pieces]
    sent = client.drive("POST", "/upload", KIND, *messages, {"type": "http.request", "body": b""})
    assert sent[0]["status"] == 201
    assert hashlib.sha256(content).hexdigest().encode() in sent[1]["body"]


FILE = part("app_file", b"bytes", "a.tar.gz")
BROKEN: dict[str, tuple[bytes, int, str]] = {
    "empty": (b"", 400, "the form cannot be read: "),
    "nothing in it": (END, 400, "variant_id is required"),
    "no end": (part("variant_id", b"x") + FILE, 400, "the form cannot be read: "),
    "cut in the file": ((part("variant_id", b"x") + FILE)[:-9], 400, "the form cannot be read: "),
    "cut in a head": (b"--" + BOUNDARY.encode() + b"\r\nContent-Dispo", 400, "the form cannot be read: "),
    "another boundary": (b"--other\r\n\r\n--other--\r\n", 400, "the form cannot be read: "),
    "garbage": (b"\x00\xff" * 500, 400, "the form cannot be read: "),
    "no disposition": (f"--{BOUNDARY}\r\nX: y\r\n\r\nbody\r\n".encode() + END, 400, "the form cannot be read: "),
    "JSON": (b'{"variant_id": "x"}', 400, "the form cannot be read: "),
    "no variant": (FILE + END, 400, "variant_id is required"),
    "blank variant": (part("variant_id", b"  ") + FILE + END, 400, "variant_id is required"),
    "no file": (part("variant_id", b"x") + END, 400, "app_file is required"),
    "a file without a name": (part("variant_id", b"x") + part("app_file", b"x", "") + END, 400, "app_file is required"),
    "a file that is text": (part("variant_id", b"x") + part("app_file", b"x") + END, 400, "app_file is required"),
    "an empty file": (part("variant_id", b"x") + part("app_file", b"", "a.tar.gz") + END, 400, "app_file is empty"),
    "two files": (part("variant_id", b"x") + FILE + FILE + END, 400, "app_file stands twice; send one file a request"),
    "no UTF-8": (part("variant_id", b"\xff") + FILE + END, 400, "variant_id must be UTF-8 text"),
    "control characters": (part("variant_id", b"a\0b") + FILE + END, 400, "variant_id must not hold control"),
    "a long line": (part("variant_id", b"x" * 256) + FILE + END, 400, "variant_id must be at most 255"),
    "a huge field": (
        part("version", b"x" * (MAX_FIELD + 1)) + FILE + END,
        413,
        "field 'version' is larger than 262144",
    ),
    "too many fields": (part("a", b"x") * (MAX_PARTS + 1) + END, 400, "the form cannot be read: "),
    "a huge head": (part("a", b"x", more=b"X: " + b"y" * 100_000 + b"\r\n") + END, 400, "the form cannot be read: "),
    "an unknown variant": (part("variant_id", b"var_x") + FILE + END, 404, "variant not found"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_forms(client: AppClient, name: str) -> None:
    body, status, message = BROKEN[name]
    words = {400: "BAD_REQUEST", 404: "NOT_FOUND", 413: "PAYLOAD_TOO_LARGE"}
    found = refusal(send(client, body))
    assert found[:2] == (status, words[status])
    assert found[2].startswith(message)
    assert client.files() == []


@pytest.mark.parametrize(
    "kind",
    [
        *(
            "",
            "text/plain",
            "application/json",
            "multipart/form-data",
            "multipart/mixed; boundary=x",
            "multipart/form-data;",
        ),
        *("application/x-www-form-urlencoded", 'multipart/form-data; boundary=""', "multipart/form-data; boundary=;"),
    ],
)
def test_what_is_no_form(client: AppClient, kind: str) -> None:
    answer = send(client, b"x", {**UPLOAD, "content-type": kind})
    expected = "send the form as multipart/form-data with the file in app_file"
    assert refusal(answer) == (400, "BAD_REQUEST", expected)


@pytest.mark.parametrize("boundary", ["x" * 5000, "\u00e9", "a b", "%00", "'"])
def test_odd_boundaries(client: AppClient, boundary: str) -> None:
    header = f"multipart/form-data; boundary={boundary}".encode("latin-1")
    answer = send(client, b"--x\r\n", {"X-Auth-Token": UPLOAD["X-Auth-Token"], "content-type": header})
    assert refusal(answer)[:2] == (400, "BAD_REQUEST")


@pytest.mark.parametrize("announced", ["abc", "-5", "", "9" * 500, "１２"])
def test_odd_lengths(client: AppClient, variant: str, announced: str) -> None:
    """Servers refuse them before us; should one not, we believe the bytes."""
    headers = {**KIND, "content-length": announced.encode("latin-1", "replace").decode("latin-1")}
    body = part("variant_id", variant.encode()) + FILE + END
    sent = client.drive("POST", "/upload", headers, {"type": "http.request", "body": body})
    assert sent[0]["status"] == 201


# the client goes away

WHOLE = part("variant_id", b"var_x") + part("app_file", b"x" * 3_000_000, "a.tar.gz") + part("version", b"1") + END


@pytest.mark.parametrize("sent", [0, 1, 50, 150, 200, 1_000_000, 2_999_000, len(WHOLE) - len(END), len(WHOLE) - 1])
@pytest.mark.parametrize("path", ["/upload", "/smart-upload"])
def test_a_client_that_goes_away_leaves_nothing(client: AppClient, path: str, sent: int) -> None:
    messages = [
        {"type": "http.request", "body": WHOLE[start : min(start + 65_536, sent)], "more_body": True}
        for start in range(0, sent, 65_536)
    ]
    client.drive("POST", path, KIND, *messages)
    assert client.files() == []
    assert client.admin("GET", "/admin/api/products")["total"] == 0


@pytest.mark.parametrize("turns", [0, 1, 2, 3, 5, 8, 13, 21, 34, 55])
def test_a_request_that_is_cut_off_by_the_server_leaves_nothing(client: AppClient, variant: str, turns: int) -> None:
    messages = [
        {"type": "http.request", "body": WHOLE[start : start + 65_536], "more_body": True}
        for start in range(0, 2_500_000, 65_536)
    ]
    client.drive("POST", "/upload", KIND, *messages, cancel_after=turns)
    client.settle()
    assert client.files() == []


# limits


def test_a_file_over_the_limit(tmp_path: Any) -> None:
    with running(tmp_path / "data", max_upload_bytes="1000") as client:
        variant = client.make_variant(client.make_product()["id"])["id"]
        assert client.upload(variant, b"x" * 1000).status_code == 201
        answer = client.upload(variant, b"x" * 1001)
        limit = (413, "PAYLOAD_TOO_LARGE", "the file is larger than the limit of 1000 bytes")
        assert refusal(answer) == limit
        assert len([path for path in client.files() if path.startswith("staging")]) == 0
        announced = {**KIND, "content-length": str(10**12)}
        sent = client.drive("POST", "/upload", announced, {"type": "http.request", "body": b"--x"})
        assert sent[0]["status"] == 413


def test_no_room(tmp_path: Any) -> None:
    with running(tmp_path / "data", min_free_bytes=str(10**17)) as client:
        variant = client.make_variant(client.make_product()["id"])["id"]
        status, code, message = refusal(client.upload(variant, b"x"))
        assert (status, code) == (507, "INSUFFICIENT_STORAGE")
        assert "free some space" in message
        assert client.files() == []
