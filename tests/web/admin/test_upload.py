"""Uploading in the panel: what is taken, what is refused and how, and what is left behind."""

import os
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from fenfa.services.sweeps import GRACE, sweep
from tests.support.client import ADMIN, ON_SQLITE, AppClient, running
from tests.support.packages import make_apk, make_ipa
from tests.web.admin.uploading import ZH, page, propose, publish, releases_of, send
from tests.web.api.bad_texts import GOOD_LINES


@pytest.fixture
def apk(tmp_path: Path) -> Path:
    return make_apk(tmp_path / "app.apk", name="Weather", version="2.1", build=7)


@pytest.fixture
def cramped(tmp_path: Path) -> Iterator[AppClient]:
    """A server that takes files of 1000 bytes."""
    with running(tmp_path / "cramped", max_upload_bytes="1000") as client:
        yield client


@pytest.fixture
def full(tmp_path: Path) -> Iterator[AppClient]:
    """A server whose disk is full as far as uploads go."""
    with running(tmp_path / "full", min_free_bytes=str(10**17)) as client:
        yield client


def staged(client: AppClient) -> list[str]:
    return [path for path in client.files() if path.startswith("staging/")]


def test_the_page_says_what_is_taken(client: AppClient) -> None:
    text = page(client, "/admin/upload")
    for word in (".ipa", ".tar.gz", "8.0 GB", 'enctype="multipart/form-data"', "Choose a build"):
        assert word in text
    assert "Waiting for you" not in text
    assert 'name="to" value="prd_x"' in page(client, "/admin/upload?to=prd_x")


def test_a_file_becomes_a_proposal_and_nothing_more(client: AppClient, apk: Path) -> None:
    address = propose(client, apk)
    assert address.startswith("/admin/uploads/upl_")
    text = page(client, address)
    for word in ("Weather", "2.1", "(7)", "Android", "com.example.app", "Makes the product", "data:image/png;base64,"):
        assert word in text, word
    assert staged(client) == [f"staging/{address.rpartition('/')[2]}.part"]
    assert client.rows("SELECT id FROM products UNION SELECT id FROM releases") == []
    assert "Weather" in page(client, "/admin/upload")


def test_where_the_panel_was_is_where_it_goes(client: AppClient, apk: Path) -> None:
    product = client.make_product("Something else")
    variant = client.make_variant(product["id"], "android")
    release = client.upload(variant["id"], apk, "app.apk").json()["data"]["release"]
    for to in (product["id"], variant["id"], release["id"]):
        assert "Something else" in page(client, propose(client, apk, to=to)).partition("<fieldset")[0]
    for to in ("var_nobody", "rel_nobody", "nonsense", "<script>"):
        assert client.get(propose(client, apk, to=to), headers=ADMIN).status_code == 200


# refusals, in words, with nothing left behind

REFUSED = {
    "no file": ("", b"", 400, "Choose a file first"),
    "empty": ("app.apk", b"", 400, "This file is empty"),
    "unknown type": ("notes.txt", b"x", 400, "This file type is not known"),
    "no name but an ending": (".htaccess", b"x", 400, "This file type is not known"),
    "control characters": ("a\x7fb.apk", b"x", 400, "control characters"),
    "hostile": ("app.apk", b"PK\x03\x04" + bytes(range(256)) * 9, 422, "not a zip"),
    "html": ("app.ipa", b"<script>alert(1)</script>", 422, "not a zip"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refusals_are_words(client: AppClient, case: str) -> None:
    name, content, status, words = REFUSED[case]
    answer = client.post("/admin/upload", headers=ADMIN, files={"app_file": (name, content)})
    assert answer.status_code == status
    assert answer.text.startswith("<!doctype html>")
    assert 'role="alert"' in answer.text
    assert words in answer.text
    assert client.files() == []
    assert client.rows("SELECT id FROM uploads") == []


def test_refusals_in_chinese(client: AppClient) -> None:
    file = {"app_file": ("app.apk", b"")}
    assert "这个文件是空的" in client.post("/admin/upload", headers=ZH, files=file).text
    assert "文件名应以" in client.get("/admin/upload?name=a.txt&size=1", headers=ZH).text


def test_a_form_that_is_none(client: AppClient) -> None:
    for headers in ({}, {"content-type": "application/json"}, {"content-type": "multipart/form-data"}):
        answer = client.post("/admin/upload", headers=ADMIN | headers, content=b"{}")
        assert (answer.status_code, 'role="alert"' in answer.text) == (400, True)


def test_too_large_is_said_in_sizes_that_people_read(cramped: AppClient) -> None:
    for answer in (
        send(cramped, os.urandom(1001), "app.apk"),
        cramped.get("/admin/upload?name=app.apk&size=1001", headers=ADMIN),
    ):
        assert answer.status_code == 413
        assert "larger than 1000 B" in answer.text
    assert cramped.files() == []
    assert cramped.get("/admin/upload?name=app.apk&size=1000", headers=ADMIN).status_code == 200


def test_a_full_disk_is_507(full: AppClient, apk: Path) -> None:
    for answer in (send(full, apk), full.get("/admin/upload?name=app.apk&size=1", headers=ADMIN)):
        assert answer.status_code == 507
        assert "free some space" in answer.text
    assert full.files() == []


@pytest.mark.parametrize("cut", [0, 1, 300, 1000])
def test_a_cancelled_upload_leaves_nothing(client: AppClient, cut: int) -> None:
    body = b'--b\r\ncontent-disposition: form-data; name="app_file"; filename="app.apk"\r\n\r\n' + bytes(2000)
    headers = ADMIN | {"content-type": "multipart/form-data; boundary=b", "content-length": "5000"}
    parts = [{"type": "http.request", "body": body[:cut], "more_body": True}] if cut else []
    client.drive("POST", "/admin/upload", headers, *parts)
    assert client.files() == []
    assert client.rows("SELECT id FROM uploads") == []


def test_another_site_cannot_send_a_file(client: AppClient, apk: Path) -> None:
    opened = client.post(
        "/admin/login", data={"token": "dev-admin-token"}, headers={"Origin": "http://testserver"}
    ).headers["set-cookie"]
    cookie = {"Cookie": opened.partition(";")[0]}
    files = {"app_file": ("app.apk", apk.read_bytes())}
    for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}, {}):
        assert client.post("/admin/upload", headers=cookie | headers, files=files).status_code == 403
    assert client.files() == []
    own = client.post("/admin/upload", headers=cookie | {"Sec-Fetch-Site": "same-origin"}, files=files)
    assert own.status_code == 303


# asking first, and sending again


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("name=app.apk&size=1", 200),
        ("name=App.APK&size=8589934592", 200),
        ("name=app.apk&size=8589934593", 413),
        ("name=app.apk&size=0", 400),
        ("name=app.apk&size=-5", 400),
        ("name=app.apk&size=x", 400),
        ("name=app.apk", 200),
        ("name=app.txt&size=1", 400),
        ("name=&size=1", 400),
        ("name=app.apk&size=1&key=" + "x" * 256, 400),
    ],
)
def test_the_server_says_before_a_byte_is_sent(client: AppClient, query: str, status: int) -> None:
    answer = client.get(f"/admin/upload?{query}", headers=ADMIN)
    assert answer.status_code == status
    assert ('role="alert"' in answer.text) == (status >= 400)


def test_what_arrived_is_not_sent_again(client: AppClient, apk: Path) -> None:
    """The connection broke when all of it was there, and the browser did not hear of it."""
    first = send(client, apk, **{"Idempotency-Key": "1-2-3-4"}).headers["location"]
    asked = client.get("/admin/upload?name=app.apk&size=1&key=1-2-3-4", headers=ADMIN)
    assert (asked.status_code, asked.headers["location"]) == (303, first)
    again = send(client, apk, **{"Idempotency-Key": "1-2-3-4"})
    assert again.headers["location"] == first
    assert len(staged(client)) == 1
    assert client.get("/admin/upload?name=app.apk&size=1&key=5-6-7-8", headers=ADMIN).status_code == 200


def test_a_key_counts_for_its_token_alone(client: AppClient, apk: Path) -> None:
    first = send(client, apk, **{"Idempotency-Key": "1"}).headers["location"]
    other = client.post(
        "/admin/upload",
        headers=client.token() | {"Idempotency-Key": "1"},
        files={"app_file": ("a.apk", apk.read_bytes())},
    )
    assert other.headers["location"] != first


# until somebody decides


def test_discarding_leaves_nothing(client: AppClient, apk: Path) -> None:
    address = propose(client, apk)
    answer = client.post(f"{address}/discard", headers=ADMIN)
    assert (answer.status_code, answer.headers["location"]) == (303, "/admin/upload?done=discarded")
    assert client.files() == []
    assert client.rows("SELECT id FROM uploads UNION SELECT upload_id FROM proposals") == []
    gone = client.get(address, headers=ADMIN)
    assert gone.status_code == 404
    assert "not here any more" in gone.text
    assert client.post(address, headers=ADMIN).status_code == 404


@ON_SQLITE
def test_it_waits_for_a_day_whatever_restarts(client: AppClient, apk: Path, tmp_path: Path) -> None:
    address = propose(client, apk)
    client.stop()
    with running(tmp_path / "data") as later:  # the start sweeps
        sweep(later.runtime, GRACE)
        assert publish(later, address).status_code == 303
    client.start()
    assert [release["version"] for release in releases_of(client)] == ["2.1"]


def test_after_a_day_it_is_gone(client: AppClient, apk: Path) -> None:
    address = propose(client, apk)
    client.clock.move(hours=25)
    sweep(client.runtime, GRACE)
    assert client.get(address, headers=ADMIN).status_code == 404
    assert client.files() == []


def test_lost_bytes_are_said(client: AppClient, apk: Path) -> None:
    address = propose(client, apk)
    client.runtime.staging.path(address.rpartition("/")[2]).write_bytes(b"rot")
    answer = publish(client, address)
    assert answer.status_code == 404
    assert "Its bytes were lost" in answer.text
    assert "Upload it again" in page(client, address)
    assert releases_of(client) == []


def test_one_that_is_on_its_way_says_so(client: AppClient, apk: Path) -> None:
    address = propose(client, apk)
    client.sql("UPDATE uploads SET state = 'received'")
    assert "being published this moment" in page(client, address)
    assert client.post(address, headers=ADMIN).status_code == 303


# what deserves a look


def test_warnings_stand_in_the_proposal(client: AppClient, tmp_path: Path) -> None:
    now = client.clock().replace(tzinfo=None)

    def ipa(ends: datetime) -> Path:
        return make_ipa(tmp_path / "app.ipa", profile={"ExpirationDate": ends})

    soon, over = ipa(now + timedelta(days=9)).read_bytes(), ipa(now - timedelta(days=1)).read_bytes()
    assert "provisioning profile expires on 2026-11-11" in page(client, propose(client, soon, "a.ipa"))
    assert "描述文件将于 2026-11-11 过期" in page(client, propose(client, soon, "a.ipa"), ZH)
    assert "provisioning profile has expired" in page(client, propose(client, over, "a.ipa"))


@pytest.mark.parametrize("name", GOOD_LINES)
def test_names_are_only_texts(client: AppClient, tmp_path: Path, name: str) -> None:
    file = make_apk(tmp_path / "app.apk", name=name, version=name[:40], permissions=(name,))
    for address in (propose(client, file, f"{name.replace('/', '')[:80]}.apk"), "/admin/upload"):
        text = client.get(address, headers=ADMIN).text
        assert text.startswith("<!doctype html>")
        assert "<script>alert" not in text
