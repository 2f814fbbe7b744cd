"""The calendar behind its secret address."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.apple.test_signing import site, stored
from tests.feeds.test_calendar import events
from tests.services.apple_world import settings_of
from tests.support.app_store import Account, app_store, make_account
from tests.support.client import ADMIN, AppClient, Clock, refusal, running
from tests.support.packages import make_ipa
from tests.web.shapes import ENDING, check, listed

URL = "/feeds/expiring.ics"
REFUSED = (401, "UNAUTHORIZED", "invalid or missing auth token")


@pytest.fixture
def account() -> Account:
    return make_account(problem="FORBIDDEN.REQUIRED_AGREEMENTS_MISSING_OR_EXPIRED")


@pytest.fixture
def client(tmp_path: Path, account: Account) -> Iterator[AppClient]:
    """With a build whose profile ends, a membership, and a key that Apple refuses."""
    with app_store(account, clock=Clock()) as store, running(tmp_path / "data", apple_url=store.url) as started:
        settings = settings_of(account) | {"apple_membership_ends": "2027-03-01"}
        started.admin("PUT", "/admin/api/settings", json=settings)
        started.admin("GET", "/admin/api/apple/status")
        ipa = make_ipa(tmp_path / "MyApp.ipa", name="MyApp")
        variant = started.make_variant(started.make_product()["id"], "ios")
        assert started.upload(variant["id"], ipa, "MyApp.ipa").status_code == 201
        yield started


def address(client: AppClient, scope: str = "feed", **fields: str) -> str:
    return f"{URL}?token={client.token(scope, **fields)['X-Auth-Token']}"


def test_list(client: AppClient) -> None:
    found = client.admin("GET", "/admin/api/expiring")
    check(found, listed(ENDING))
    kinds = [(one["kind"], one["state"]) for one in found["items"]]
    assert ("apple_key", "broken") in kinds
    assert ("apple_membership", "later") in kinds
    assert "profile" in [kind for kind, _ in kinds]
    urgent = client.admin("GET", "/admin/api/expiring?days=0")
    assert [one["kind"] for one in urgent["items"]] == ["apple_key"]
    assert refusal(client.get("/admin/api/expiring?days=-1", headers=ADMIN))[:2] == (400, "BAD_REQUEST")


def test_calendar(client: AppClient) -> None:
    answer = client.get(address(client))
    assert answer.headers["content-type"].startswith("text/calendar")
    assert answer.headers["cache-control"] == "private, no-cache"
    titles = [event["SUMMARY"] for event in events(answer.content)]
    assert titles[0] == "Apple refuses the API key ABC123DEF4"
    assert "Apple membership ends" in titles
    broken = events(answer.content)[0]
    assert "Account Holder" in broken["DESCRIPTION"]
    assert broken["DTSTART;VALUE=DATE"] == "20261102"
    assert len({event["UID"] for event in events(answer.content)}) == len(titles)


@pytest.mark.parametrize(("asked", "headers"), [("&lang=zh", {}), ("", {"accept-language": "zh-CN"})])
def test_in_chinese(client: AppClient, asked: str, headers: dict[str, str]) -> None:
    (broken, *_) = events(client.get(address(client) + asked, headers=headers).content)
    assert "ABC123DEF4" in broken["SUMMARY"]
    assert "Apple refuses" not in broken["SUMMARY"]


def test_only_a_feed_token_opens_it(client: AppClient) -> None:
    for scope in ("admin", "upload"):
        assert refusal(client.get(address(client, scope))) == REFUSED
    for text in ("", "?token=", "?token=nonsense", "?token=dev-admin-token"):
        assert refusal(client.get(URL + text)) == REFUSED
    assert refusal(client.get(URL, headers=ADMIN)) == REFUSED


def test_a_feed_token_opens_nothing_else(client: AppClient) -> None:
    headers = client.token("feed")
    for method, path in (("GET", "/admin/api/expiring"), ("POST", "/upload"), ("GET", "/admin/api/products")):
        assert refusal(client.request(method, path, headers=headers))[:2] == (403, "FORBIDDEN")


def test_revoked_and_expired(client: AppClient) -> None:
    url = address(client, expires="1h")
    token_id = client.admin("GET", "/admin/api/tokens")["items"][0]["id"]
    assert client.get(url).status_code == 200
    other = address(client, expires="never")
    client.clock.move(hours=2)
    assert refusal(client.get(url)) == REFUSED
    assert client.get(other).status_code == 200
    client.admin("DELETE", f"/admin/api/tokens/{token_id}")
    assert refusal(client.get(url)) == REFUSED


def test_the_certificate_of_the_enrolment_profiles(tmp_path: Path) -> None:
    stored(tmp_path, site())
    files = {"udid_sign_cert": str(tmp_path / "chain.pem"), "udid_sign_key": str(tmp_path / "key.pem")}
    with running(tmp_path / "data", **files) as client:
        (found,) = client.admin("GET", "/admin/api/expiring")["items"]
        assert (found["kind"], found["name"]) == ("profile_signing", "CN=get.example.com")
        assert (found["ends_at"], found["state"]) == ("2026-12-02T00:00:00.000Z", "soon")
        (event,) = events(client.get(address(client)).content)
        assert (event["SUMMARY"], event["DTSTART;VALUE=DATE"]) == (
            "Certificate of the enrolment profiles ends",
            "20261202",
        )
        (tmp_path / "key.pem").write_text("nothing")
        (found,) = client.admin("GET", "/admin/api/expiring")["items"]
        assert found["state"] == "broken"
        assert "key file" in found["message"]
