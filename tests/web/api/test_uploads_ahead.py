"""Uploads that say their variant first: they go on to the bucket while they come in, and nobody notices."""

import hashlib
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from fenfa.services.sweeps import GRACE, sweep
from fenfa.storage.base import Address
from fenfa.storage.bucket import signer_of
from fenfa.storage.s3 import ObjectStorage
from fenfa.storage.unfinished import abort_unfinished
from tests.support.client import ADMIN, UPLOAD, AppClient, refusal, running
from tests.support.faulty_wire import Fault, FaultyWire, faulty_wire
from tests.support.seaweedfs import SeaweedFS, settings_of
from tests.support.server import make_build

LARGE = bytes(range(256)) * 40_000


@pytest.fixture
def address(seaweedfs: SeaweedFS) -> Address:
    return seaweedfs.bucket()


@pytest.fixture
def wire(seaweedfs: SeaweedFS) -> Iterator[FaultyWire]:
    with faulty_wire(seaweedfs.port) as opened:
        yield opened


@pytest.fixture
def client(tmp_path: Path, address: Address, wire: FaultyWire) -> Iterator[AppClient]:
    there = replace(address, endpoint=f"http://127.0.0.1:{wire.port}")
    with running(tmp_path / "data", **settings_of(there) | {"proxy_downloads": "false"}) as started:
        yield started


def stored(address: Address) -> list[str]:
    return [one.key for one in ObjectStorage(address).objects()]


def unfinished(address: Address) -> int:
    signer = signer_of(address)
    assert signer
    return abort_unfinished(signer, time.time() + 60)


def test_an_upload_that_went_ahead_is_whole(client: AppClient, address: Address) -> None:
    release = client.make_release(LARGE)["release"]
    answer = client.get(f"/d/{release['id']}")
    file = httpx.get(answer.headers["location"])
    assert hashlib.sha256(file.content).hexdigest() == release["sha256"]
    assert "x-amz-meta-sha256" not in file.headers  # it was not known yet when the object was begun
    assert release["id"] in stored(address)[0]


def test_an_upload_that_is_refused_leaves_nothing(client: AppClient, address: Address) -> None:
    variant = client.make_variant(client.make_product()["id"], "android")["id"]
    assert refusal(client.upload(variant, LARGE, "app.apk"))[0] == 422
    assert_nothing_left(client, address)


def test_an_upload_that_was_cut_off_leaves_nothing(client: AppClient, address: Address) -> None:
    variant = client.make_variant(client.make_product()["id"])["id"]
    form = httpx.Request("POST", "http://test", data={"variant_id": variant}, files={"app_file": ("a.tar.gz", LARGE)})
    assert refusal(client.post("/upload", headers=UPLOAD | form_type(form), content=form.read()[:-100]))[0] == 400
    assert_nothing_left(client, address)


def test_an_upload_of_a_variant_that_is_not_there_leaves_nothing(client: AppClient, address: Address) -> None:
    assert refusal(client.upload("var_missing0", LARGE))[0] == 404
    assert_nothing_left(client, address)


@pytest.mark.parametrize("fault", [Fault.ERROR_503, Fault.CUT])
def test_while_the_store_is_away_the_file_waits(
    client: AppClient, address: Address, wire: FaultyWire, fault: Fault
) -> None:
    variant = client.make_variant(client.make_product()["id"])["id"]
    assert client.upload(variant, b"wakes the server's connection").status_code == 201
    wire.fault = fault
    assert refusal(client.upload(variant, LARGE))[0] == 503
    wire.fault = Fault.NONE
    sweep(client.runtime, GRACE)
    ObjectStorage(address).tidy(time.time() + 60)
    assert (len(stored(address)), unfinished(address)) == (2, 0)


def test_what_makes_no_release_does_not_go_ahead(client: AppClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever only looks at the form would leave it half on its way."""
    monkeypatch.setattr("fenfa.web.multipart.go_ahead", lambda *_: pytest.fail("it went ahead"))
    variant = client.make_variant(client.make_product()["id"], "android")["id"]
    file = {"app_file": ("app.apk", make_build(LARGE))}
    answer = client.post("/admin/api/parse-app", headers=ADMIN, data={"variant_id": variant}, files=file)
    assert answer.status_code == 200, answer.text


def assert_nothing_left(client: AppClient, address: Address) -> None:
    client.settle()
    assert stored(address) == []
    assert unfinished(address) == 0


def form_type(form: httpx.Request) -> dict[str, str]:
    return {"content-type": form.headers["content-type"]}
