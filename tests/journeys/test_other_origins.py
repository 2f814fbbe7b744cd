"""A page of another site uploads by script, in a real browser: the browser itself is asked what it lets through."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import Error, Page

from fenfa.storage.base import Address
from fenfa.storage.bucket import signer_of
from tests.support.browser import ADMIN
from tests.support.seaweedfs import SeaweedFS, settings_of
from tests.support.server import FenfaServer, fenfa_server, make_build

pytestmark = pytest.mark.journey
BUILD = make_build(b"from another site")
CALL = """async ([method, url, headers, fields, bytes]) => {
  let body = fields && typeof fields == "object" ? JSON.stringify(fields) : undefined;
  const file = new Blob([Uint8Array.from(bytes)]);
  if (fields == "form") { body = new FormData(); body.append("create", "1"); body.append("app_file", file, "app.apk"); }
  if (fields == "file") body = file;
  const answer = await fetch(url, { method, headers, body });
  return { status: answer.status, text: await answer.text() };
}"""


class Blank(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_args: Any) -> None:
        pass


@contextmanager
def site() -> Iterator[str]:
    """An origin with an empty page."""
    with HTTPServer(("127.0.0.1", 0), Blank) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


@pytest.fixture
def address(seaweedfs: SeaweedFS) -> Address:
    return seaweedfs.bucket()


@pytest.fixture
def server(tmp_path: Path, address: Address) -> Iterator[FenfaServer]:
    with fenfa_server(tmp_path, **settings_of(address)) as started:
        yield started


def allow(server: FenfaServer, address: Address, origin: str) -> None:
    """In the settings, and in the bucket."""
    server.client.put("/admin/api/settings", json={"secondary_domains": [origin]}).raise_for_status()
    signer = signer_of(address)
    assert signer
    rule = f"<AllowedOrigin>{origin}</AllowedOrigin><AllowedMethod>PUT</AllowedMethod><AllowedHeader>*</AllowedHeader>"
    body = f"<CORSConfiguration><CORSRule>{rule}</CORSRule></CORSConfiguration>"
    httpx.put(signer.url("PUT", "", 60, {"cors": ""}), content=body).raise_for_status()


def call(page: Page, method: str, url: str, headers: dict[str, str], fields: Any = None) -> Any:
    return page.evaluate(CALL, [method, url, headers, fields, list(BUILD)])


def test_a_page_of_a_configured_origin_uploads(engine: Chromium, server: FenfaServer, address: Address) -> None:
    token = {"X-Auth-Token": ADMIN}
    with site() as origin, engine.new_context() as context:
        allow(server, address, origin)
        page = context.new_page()
        page.goto(origin)
        sent = call(page, "POST", f"{server.url}/smart-upload", token | {"Idempotency-Key": "one"}, "form")
        assert sent["status"] == 201, sent
        fields = {"file_name": "app.apk", "size_bytes": len(BUILD), "sha256": sha256(BUILD).hexdigest()}
        begun = call(page, "POST", f"{server.url}/uploads/direct", token, fields)
        told = httpx.Response(begun["status"], text=begun["text"]).json()["data"]
        put = call(page, told["method"], told["url"], told["headers"], "file")
        assert put["status"] == 200, put
        done = call(page, "POST", f"{server.url}/uploads/direct/{told['upload_id']}/finish", token)
        assert done["status"] == 201, done


def test_pages_of_others_do_not(engine: Chromium, server: FenfaServer, address: Address) -> None:
    with site() as origin, site() as stranger, engine.new_context() as context:
        allow(server, address, origin)
        page = context.new_page()
        page.goto(stranger)
        with pytest.raises(Error, match="Failed to fetch"):
            call(page, "POST", f"{server.url}/smart-upload", {"X-Auth-Token": ADMIN}, "form")
        assert server.client.get("/admin/api/products").json()["data"]["items"] == []
