"""The bridge, over real sockets. What holds for both servers runs against both; the habits of Granian are pinned below."""

import hashlib
import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from fenfa.web.supervisor import Options
from tests.web.serving import Server, serving

BIG = 3 * 1024 * 1024


@pytest.fixture(scope="module", params=["granian", "uvicorn"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp(request.param)
    with serving(folder, Options(server=request.param, request_log=False)) as running:
        yield running


@pytest.fixture(scope="module")
def granian(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("granian"), Options(request_log=False)) as running:
        yield running


@pytest.fixture(params=["/take", "/take-in-thread"])
def take(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def make(server: Server, name: str, size: int) -> bytes:
    content = hashlib.shake_128(name.encode()).digest(size)
    (server.folder / name).write_bytes(content)
    return content


def talk(server: Server, said: bytes) -> bytes:
    """Everything that the server answers until it closes; what a reset cut off is simply missing."""
    answer = b""
    with server.connect() as connection:
        connection.sendall(said)
        try:
            while part := connection.recv(65536):
                answer += part
        except ConnectionResetError:
            pass
    return answer


# -- requests


def test_scope_is_what_was_sent(server: Server) -> None:
    _, body = server.get("/scope/a%20b%C3%A9?q=%20x&y=1", X_Twice="1", Host="example.org")
    told = json.loads(body)
    assert told["method"] == "GET"
    assert told["path"] == "/scope/a bé"
    assert told["query"] == "q=%20x&y=1"
    assert told["root_path"] == ""
    assert told["scheme"] == "http"
    assert told["http_version"] == "1.1"
    assert ["x-twice", "1"] in told["headers"]
    assert ["host", "example.org"] in told["headers"]
    assert told["client"][0] == "127.0.0.1"
    assert told["server"] == ["127.0.0.1", server.port]


def test_state_of_the_lifespan_reaches_requests_and_each_has_an_id(server: Server) -> None:
    states = [json.loads(server.get("/scope/")[1])["state"] for _ in range(2)]
    assert [state["opened"] for state in states] == ["yes", "yes"]
    assert len({state["request_id"] for state in states}) == 2


def test_one_requests_state_does_not_leak_into_the_next(server: Server) -> None:
    first, second = (json.loads(server.get("/scope/")[1])["state"] for _ in range(2))
    assert first.keys() == second.keys()


@pytest.mark.parametrize("size", [0, 1, 65536, BIG])
def test_counted_body_arrives_whole(server: Server, take: str, size: int) -> None:
    sent = make(server, "sent", size)
    _, body = server.ask("POST", take, sent)
    told = json.loads(body)
    assert told["sha256"] == hashlib.sha256(sent).hexdigest()
    assert told["size"] == size


def test_chunked_body_arrives_whole(server: Server, take: str) -> None:
    parts = [b"a" * 70_000, b"b", b"c" * 300_000]
    _, body = server.ask("POST", take, iter(parts), {"Transfer-Encoding": "chunked"})
    assert json.loads(body)["sha256"] == hashlib.sha256(b"".join(parts)).hexdigest()


def test_empty_chunked_body(server: Server, take: str) -> None:
    _, body = server.ask("POST", take, iter([]), {"Transfer-Encoding": "chunked"})
    assert json.loads(body)["size"] == 0


CUT = {
    "counted": b"content-length: 1000\r\n\r\n" + b"x" * 500,
    "counted, nothing sent": b"content-length: 1000\r\n\r\n",
    "chunked": b"transfer-encoding: chunked\r\n\r\n1f4\r\n" + b"x" * 500 + b"\r\n",
    "chunked, inside a chunk": b"transfer-encoding: chunked\r\n\r\n1f4\r\n" + b"x" * 100,
}


@pytest.mark.parametrize("rest", CUT.values(), ids=CUT)
@pytest.mark.parametrize("half", [False, True], ids=["closed", "half closed"])
def test_body_that_is_cut_off_is_never_taken_for_whole(server: Server, take: str, rest: bytes, half: bool) -> None:
    before = len(json.loads(server.get("/cut")[1]))
    with server.connect() as connection:
        connection.sendall(f"POST {take} HTTP/1.1\r\nhost: x\r\n".encode() + rest)
        connection.shutdown(socket.SHUT_WR)
        answer = connection.recv(65536) if half else b""
    assert b" 200 " not in answer
    wait_for_cut(server, before + 1)


def wait_for_cut(server: Server, count: int) -> None:
    for _ in range(10_000):
        if len(json.loads(server.get("/cut")[1])) == count:
            return
    raise AssertionError("the application was never told")


def test_refusal_before_the_body_reaches_the_client(server: Server) -> None:
    head = b"POST /refuse HTTP/1.1\r\nhost: x\r\ncontent-length: 100000000\r\nexpect: 100-continue\r\n\r\n"
    with server.connect() as connection:
        connection.sendall(head)
        answer = connection.recv(65536)
    assert answer.startswith(b"HTTP/1.1 413 ")


@pytest.mark.parametrize("size", [1_000_000, 30_000_000])
@pytest.mark.parametrize("refuse", ["/refuse", "/refuse-in-thread"])
def test_refusal_reaches_a_client_that_first_sends_everything(server: Server, refuse: str, size: int) -> None:
    answer, body = server.ask("POST", refuse, b"x" * size)
    assert (answer.status, json.loads(body)) == (413, {"refused": True})


def test_refused_client_that_stalls_stops_nobody_else(server: Server) -> None:
    """Granian locks its loop up if it is asked for a piece while another is awaited."""
    with server.connect() as connection:
        connection.sendall(
            b"POST /refuse-in-thread HTTP/1.1\r\nhost: x\r\ncontent-length: 1000000\r\n\r\n" + b"x" * 1000
        )
        assert connection.recv(65536).startswith(b"HTTP/1.1 413 ")
        assert server.get("/hi")[1] == b"hi"


def test_thread_that_waits_for_a_stalled_client_can_be_stopped(server: Server) -> None:
    with server.connect() as connection:
        connection.sendall(b"POST /stop HTTP/1.1\r\nhost: x\r\ncontent-length: 1000000\r\n\r\n")
        answer = b""
        while not answer.endswith(b"CancelledError"):
            part = connection.recv(65536)
            assert part, answer
            answer += part


# -- answers


def test_small_answer(server: Server) -> None:
    answer, body = server.get("/hi")
    assert (answer.status, body, answer.headers["content-length"]) == (200, b"hi", "2")


def test_answer_without_body(server: Server) -> None:
    answer, body = server.get("/empty")
    assert (answer.status, body) == (204, b"")


def test_head_has_the_length_and_no_body(server: Server) -> None:
    answer, body = server.ask("HEAD", "/hi")
    assert (answer.status, body, answer.headers["content-length"]) == (200, b"", "2")


@pytest.mark.parametrize("parts", [0, 1, 5, 40])
def test_streamed_answer_arrives_whole(server: Server, parts: int) -> None:
    answer, body = server.get(f"/stream?parts={parts}")
    assert answer.status == 200
    assert body == b"".join(bytes([number]) * 100_000 for number in range(parts))


def test_answer_that_fails_half_way_never_looks_whole(server: Server) -> None:
    heard = talk(server, b"GET /stream?parts=40&fails=20 HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
    assert b" 500 " in heard or not heard.endswith(b"0\r\n\r\n")


def test_answer_whose_store_went_away_half_way_can_be_had_later(server: Server) -> None:
    """Where it has not begun to leave; elsewhere it breaks off."""
    heard = talk(server, b"GET /away HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
    is_told = b" 503 " in heard and b"retry-after: 5" in heard.lower() and b'"UNAVAILABLE"' in heard
    assert is_told or not heard.endswith(b"0\r\n\r\n")


def test_answer_that_lies_about_its_length_never_looks_whole(server: Server) -> None:
    heard = talk(server, b"GET /lie HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
    assert b" 500 " in heard or b"four" not in heard or b"content-length: 400" in heard


def test_application_that_does_not_answer_is_a_500(server: Server) -> None:
    assert server.get("/silent")[0].status == 500


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_fast_path_answers_before_the_application(server: Server, method: str) -> None:
    answer, body = server.ask(method, "/cached?a=1", headers={"X-Ask": "why"})
    assert (answer.status, body) == (200, f"{method} a=1 why".encode())


# -- files


@pytest.mark.parametrize("size", [0, 1, 4096, 65536, 65537, BIG])
def test_whole_file(server: Server, size: int) -> None:
    content = make(server, f"whole-{size}", size)
    answer, body = server.get(f"/file/whole-{size}")
    assert body == content
    assert answer.status == 200
    assert answer.headers["content-length"] == str(size)
    assert answer.headers["x-own"] == "1"


@pytest.mark.parametrize(("start", "end"), [(0, 1), (5, 10), (0, BIG), (BIG - 1, BIG), (100_000, 2_000_000)])
def test_range_of_a_file(server: Server, start: int, end: int) -> None:
    content = make(server, "ranged", BIG)
    answer, body = server.get("/file/ranged", Range=f"bytes={start}-{end - 1}")
    assert body == content[start:end]
    assert answer.status == 206
    assert answer.headers["content-range"] == f"bytes {start}-{end - 1}/{BIG}"
    assert answer.headers["content-length"] == str(end - start)


def test_range_beyond_the_file(server: Server) -> None:
    make(server, "beyond", 100)
    answer, body = server.get("/file/beyond", Range="bytes=100-")
    assert answer.status == 416
    assert answer.headers["content-range"] == "bytes */100"
    assert json.loads(body)["error"]["code"] == "BAD_REQUEST"


def test_head_of_a_file(server: Server) -> None:
    make(server, "head", 5000)
    answer, body = server.ask("HEAD", "/file/head")
    assert (answer.status, body, answer.headers["content-length"]) == (200, b"", "5000")


def test_known_file_is_304(server: Server) -> None:
    make(server, "known", 5000)
    answer, body = server.get("/file/known", If_None_Match='"sha256-x"')
    assert (answer.status, body, answer.headers["etag"]) == (304, b"", '"sha256-x"')


@pytest.mark.parametrize("size", [1000, BIG])
def test_file_unlinked_once_opened_still_goes_out_whole(server: Server, size: int) -> None:
    for attempt in range(20):
        content = make(server, f"going-{size}-{attempt}", size)
        assert server.get(f"/file/going-{size}-{attempt}?unlink=1")[1] == content


def test_file_unlinked_mid_download_still_goes_out_whole(server: Server) -> None:
    content = make(server, "leaving", 32 * 1024 * 1024)
    connections = [server.connect() for _ in range(10)]
    for connection in connections:
        connection.sendall(b"GET /file/leaving HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
    heads = [connection.recv(1024) for connection in connections]
    (server.folder / "leaving").unlink()
    for connection, head in zip(connections, heads, strict=True):
        with connection, connection.makefile("rb") as rest:
            assert (head + rest.read()).partition(b"\r\n\r\n")[2] == content


def test_file_shorter_than_its_record_never_looks_whole(server: Server) -> None:
    make(server, "short", 100_000)
    heard = talk(server, b"GET /file/short?size=200000 HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
    assert b" 500 " in heard or len(heard.partition(b"\r\n\r\n")[2]) < 200_000


def test_missing_file_is_an_error_before_anything_is_sent(server: Server) -> None:
    assert server.get("/file/nowhere?size=5")[0].status == 500


# -- habits of Granian that the bridge stands against


def test_trailers_are_refused(granian: Server) -> None:
    body = b"transfer-encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nx-trailer: 1\r\n\r\n"
    heard = talk(granian, b"POST /take HTTP/1.1\r\nhost: x\r\nconnection: close\r\n" + body)
    assert heard.startswith(b"HTTP/1.1 499 ")


def test_streamed_answer_has_its_exact_length(granian: Server) -> None:
    assert granian.get("/stream?parts=40")[0].headers["content-length"] == "4000000"


@pytest.mark.parametrize("target", ["/stream?parts=40&fails=20", "/lie", "/silent"])
def test_failure_is_the_envelope(granian: Server, target: str) -> None:
    answer, body = granian.get(target)
    assert answer.status == 500
    assert json.loads(body)["error"]["code"] == "INTERNAL_ERROR"


def test_keep_alive_serves_many_requests(granian: Server) -> None:
    said = b"GET /hi HTTP/1.1\r\nhost: x\r\n\r\n" * 9 + b"GET /hi HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"
    assert talk(granian, said).count(b"\r\n\r\nhi") == 10


def test_streaming_to_a_slow_client_stays_out_of_memory(granian: Server) -> None:
    pid = granian.get("/pid")[1].decode()
    before = resident(pid)
    with granian.connect() as connection:
        connection.sendall(b"GET /stream?parts=2000 HTTP/1.1\r\nhost: x\r\n\r\n")
        connection.recv(1)
        assert resident(pid) - before < 20 * 1024 * 1024


def resident(pid: str) -> int:
    fields = (line.split() for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return next(int(field[1]) * 1024 for field in fields if field[0] == "VmRSS:")
