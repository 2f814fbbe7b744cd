"""Fenfa behind the real nginx, by the configuration of deploy/nginx, with downloads that nginx sends by itself."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tests.support.nginx import ROOT, free_port, running_nginx
from tests.support.server import ADMIN, FenfaServer, fenfa_server, make_build, query, wait_for

pytestmark = pytest.mark.journey
CONTENT = make_build(bytes(range(256)) * 1000)
OURS = (ROOT / "deploy/nginx/fenfa.conf").read_text()


@dataclass
class Front:
    """A server, the address of the nginx before it, and the path of a build whose name is no ASCII."""

    server: FenfaServer
    url: str
    path: str

    def through(self, **headers: str) -> httpx.Response:
        return httpx.get(self.url + self.path, headers=with_hyphens(headers))

    def direct(self, **headers: str) -> httpx.Response:
        return httpx.get(self.server.url + self.path, headers=with_hyphens(headers))


def with_hyphens(headers: dict[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}


@pytest.fixture(scope="module")
def front(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    folder, port = tmp_path_factory.mktemp("nginx"), free_port()
    with fenfa_server(folder, "--accel-prefix", "/_fenfa") as server:
        release = server.upload(server.make_variant(), CONTENT, "构建 1.apk").json()["data"]["release"]["id"]
        with running_nginx(folder, adapted(server, port), port) as url:
            yield Front(server, url, f"/d/{release}")


def adapted(server: FenfaServer, port: int) -> str:
    """Our configuration with this test's ports and folder, and without TLS."""
    plain = re.sub(r"(?m)^    (ssl_|listen \[).*\n", "", OURS).replace(
        "listen 443 ssl http2;", f"listen 127.0.0.1:{port};"
    )
    plain = plain.replace("listen 80;", f"listen 127.0.0.1:{free_port()};").replace("127.0.0.1:8000", server.url[7:])
    return plain.replace("/var/lib/fenfa/data", str(server.data))


def test_nginx_sends_what_fenfa_would_under_the_same_headers(front: Front) -> None:
    whole, own = front.through(), front.direct()
    assert whole.headers["server"].startswith("nginx")
    assert (whole.status_code, whole.content) == (200, CONTENT)
    ours = {name: value for name, value in own.headers.items() if name not in ("date", "server", "connection")}
    assert {name: whole.headers.get(name) for name in ours} == ours
    assert "x-accel-redirect" not in whole.headers


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Range": "bytes=0-0"}, 206),
        ({"Range": "bytes=1000-1999"}, 206),
        ({"Range": "bytes=-10"}, 206),
        ({"Range": "bytes=1000-"}, 206),
        ({"Range": "bytes=0-1,5-6"}, 200),
        ({"Range": "bytes=99999999-"}, 416),
        ({"If_None_Match": "TAG"}, 304),
        ({"If_None_Match": '"another"'}, 200),
        ({"If_Match": "TAG", "Range": "bytes=5-9"}, 206),
        ({"If_Match": '"another"'}, 412),
        ({"If_Range": "TAG", "Range": "bytes=5-9"}, 206),
        ({"If_Range": '"another"', "Range": "bytes=5-9"}, 200),
        ({"If_Range": "DATE", "Range": "bytes=5-9"}, 206),
        ({"If_Modified_Since": "DATE"}, 304),
    ],
    ids=str,
)
def test_ranges_and_conditions_are_answered_alike(front: Front, headers: dict[str, str], status: int) -> None:
    known = front.direct().headers
    words = {"TAG": known["etag"], "DATE": known["last-modified"]}
    headers = {name: words.get(value, value) for name, value in headers.items()}
    through, direct = front.through(**headers), front.direct(**headers)
    assert (direct.status_code, through.status_code) == (status, status)
    assert through.content == direct.content
    for name in ("content-range", "content-length", "etag", "content-type"):
        assert through.headers.get(name) == direct.headers.get(name), name


def test_only_a_trusted_proxy_is_led_to_the_file(front: Front) -> None:
    told = front.direct(X_Forwarded_For="198.51.100.7")
    assert told.headers["x-accel-redirect"].startswith("/_fenfa/uploads/prd_")
    assert told.headers["x-accel-redirect"].isascii()
    assert told.content == b""
    assert front.direct().content == CONTENT
    inside = told.headers["x-accel-redirect"]
    assert httpx.get(front.url + inside).status_code == 404  # the location is internal


def test_a_stranger_in_the_guise_of_a_proxy_gets_the_file(tmp_path: Path) -> None:
    with fenfa_server(tmp_path, "--accel-prefix", "/_fenfa", trusted_proxies="192.0.2.1") as server:
        release = server.upload(server.make_variant(), CONTENT).json()["data"]["release"]["id"]
        answer = httpx.get(f"{server.url}/d/{release}", headers={"X-Forwarded-For": "192.0.2.1"})
        assert (answer.content, "x-accel-redirect" in answer.headers) == (CONTENT, False)


def test_downloads_count_once_and_visitors_stay_themselves(front: Front) -> None:
    release = front.path.rpartition("/")[2]
    count = f"SELECT download_count FROM releases WHERE id = '{release}'"
    front.server.client.get("/healthz")
    before = query(front.server, count)[0][0]
    assert front.through(X_Forwarded_For="203.0.113.9", User_Agent="a new one").content == CONTENT
    wait_for(lambda: True if query(front.server, count)[0][0] > before else None)


def test_uploads_go_through_and_the_figures_stay_inside(front: Front) -> None:
    form, files = {"create": "1"}, {"app_file": ("more.apk", make_build(b"more", "com.example.more", "More"))}
    answer = httpx.post(f"{front.url}/smart-upload", data=form, files=files, headers=ADMIN)
    assert answer.status_code == 201
    assert httpx.get(f"{front.url}/metrics").status_code == 404
