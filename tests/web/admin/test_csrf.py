"""No page of another site changes anything with an admin's cookie: every form of the panel, by the table of routes."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.client import AppClient, running
from tests.web.routes import TABLE, address

FORMS = sorted(path for (method, path), gate in TABLE.items() if method == "POST" and gate.scope == "panel")
STRANGERS: dict[str, dict[str, str]] = {
    "another site": {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"},
    "a sibling domain": {"Sec-Fetch-Site": "same-site", "Origin": "http://evil.testserver"},
    "an old browser on another site": {"Origin": "https://evil.example"},
    "a sandboxed frame": {"Origin": "null"},
    "nothing said": {},
}


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AppClient]:
    with running(Path(tmp_path_factory.mktemp("csrf")) / "data") as started:
        yield started


@pytest.fixture(scope="module")
def cookie(client: AppClient) -> dict[str, str]:
    """That of an admin who logged in."""
    own = {"Origin": "http://testserver"}
    answer = client.post("/admin/login", headers=own, data={"token": "dev-admin-token"})
    assert answer.status_code == 303
    return {"Cookie": answer.headers["set-cookie"].partition(";")[0]}


@pytest.mark.parametrize("path", FORMS)
def test_forms_of_others_are_refused(client: AppClient, cookie: dict[str, str], path: str) -> None:
    for name, headers in STRANGERS.items():
        answer = client.post(address(path), headers=cookie | headers, data={"name": "x"})
        assert answer.status_code == 403, name
        assert answer.text.startswith("<!doctype html>")


@pytest.mark.parametrize("path", FORMS)
def test_our_own_are_not(client: AppClient, cookie: dict[str, str], path: str) -> None:
    for headers in ({"Origin": "http://testserver"}, {"Sec-Fetch-Site": "same-origin"}):
        answer = client.post(address(path), headers=cookie | headers)
        assert answer.status_code == TABLE["POST", path].status
