"""Enrolment over HTTP: a profile, a reply, a redirect; who is taken in, who is refused, and what nobody ever sees."""

import plistlib
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from fenfa.apple.device_ca import apple_authorities
from fenfa.config import Config
from fenfa.runtime import open_runtime
from tests.fuzz.base import damage
from tests.support.client import ADMIN, AppClient, refusal, running
from tests.support.device_ca import UDID, Identity, Reply, answer, asked, authority, device, respond, rsa_key

PROFILE, CALLBACK, STATUS = "/udid/profile.mobileconfig", "/udid/callback", "/udid/status"
OVER = "this profile has been answered too late, or is not of this server; get a new one from the page"


class Browser:
    """Keeps the cookies that it is given."""

    def __init__(self, client: AppClient) -> None:
        self.client = client
        self.cookies: dict[str, str] = {}

    def get(self, url: str, **headers: str) -> httpx.Response:
        sent = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        answer = self.client.get(url, headers={"cookie": sent, **headers})
        self.cookies |= dict(answer.cookies)
        return answer

    def profile(self, query: str = "") -> bytes:
        self.client.clock.move(seconds=7)  # slower than the limit on calls, which has tests of its own
        answer = self.get(f"{PROFILE}{query}")
        assert answer.status_code == 200, answer.text
        return answer.content

    def is_bound(self, query: str = "") -> bool:
        answer = self.get(f"{STATUS}{query}")
        assert answer.status_code == 200
        return bool(answer.json()["data"]["bound"])


@pytest.fixture
def browser(client: AppClient) -> Browser:
    return Browser(client)


@pytest.fixture
def variant(client: AppClient) -> dict[str, Any]:
    return client.make_variant(client.make_product()["id"], "ios")


def post(client: AppClient, profile: bytes, signer: Identity | None = None, **changes: Any) -> httpx.Response:
    """The device's own request: it has no cookies."""
    url, reply = respond(profile, signer, **changes)
    return client.post(url, content=reply, headers={"content-type": "application/pkcs7-signature"})


def devices(client: AppClient) -> list[dict[str, Any]]:
    return list(client.admin("GET", "/admin/api/ios_devices")["items"])


# the way of a device


def test_the_whole_way(client: AppClient, browser: Browser, variant: dict[str, Any]) -> None:
    query = f"?variant={variant['id']}"
    profile = browser.profile(query)
    assert not browser.is_bound(query)
    answered = post(client, profile)
    assert (answered.status_code, answered.content) == (301, b"")
    assert answered.headers["location"] == f"/products/myapp?udid_bound=1&variant={variant['id']}"
    assert answered.headers["cache-control"] == "no-store"
    assert "set-cookie" not in answered.headers
    assert browser.is_bound(query)
    assert browser.get(answered.headers["location"]).status_code == 200
    [found] = devices(client)
    assert (found["udid"], found["model"], found["model_name"]) == (UDID, "iPhone17,1", "iPhone 16 Pro")
    assert (found["os_version"], found["os_build"], found["device_name"]) == ("18.5", "22F76", "")
    assert found["verified_at"] == found["enrolled_at"] == found["created_at"]
    assert client.admin("GET", f"/admin/api/ios_devices?variant_id={variant['id']}")["total"] == 1


def test_what_the_profile_says(client: AppClient, browser: Browser) -> None:
    client.admin("PUT", "/admin/api/settings", json={"organization": "Tom & <Jerry>"})
    answer = browser.get(PROFILE)
    assert answer.headers["content-type"] == "application/x-apple-aspen-config"
    assert answer.headers["cache-control"] == "no-store"
    said = plistlib.loads(answer.content)
    assert said["PayloadType"] == "Profile Service"
    assert said["PayloadIdentifier"] == "testserver.udid"
    assert said["PayloadOrganization"] == "Tom & <Jerry>"
    assert said["PayloadDisplayName"] == "Register this device"
    assert "Tom & <Jerry>" in said["PayloadDescription"]
    payload = said["PayloadContent"]
    assert payload["DeviceAttributes"] == ["UDID", "PRODUCT", "VERSION"]
    nonce = browser.cookies["udid_nonce"]
    assert payload["URL"] == f"http://testserver/udid/callback?nonce={nonce}"
    assert len(nonce) >= 43
    assert len(payload["Challenge"]) >= 43
    assert nonce not in payload["Challenge"]


def test_it_speaks_chinese(browser: Browser) -> None:
    said = plistlib.loads(browser.get(PROFILE, **{"accept-language": "zh-CN"}).content)
    assert said["PayloadDisplayName"] == "注册此设备"
    assert "Fenfa Distribution" in said["PayloadDescription"]


def test_cookies(client: AppClient) -> None:
    plain = client.get(PROFILE).headers.get_list("set-cookie")
    secure = client.get(PROFILE, headers={"x-forwarded-proto": "https"}).headers.get_list("set-cookie")
    for cookies, names in ((plain, ("udid_nonce", "fenfa_device")), (secure, ("udid_nonce", "__Host-fenfa_device"))):
        assert [cookie.partition("=")[0] for cookie in cookies] == list(names)
        assert all("HttpOnly" in cookie and "SameSite=lax" in cookie and "Path=/" in cookie for cookie in cookies)
        assert "Max-Age=600" in cookies[0]
    assert all("Secure" in cookie for cookie in secure)


def test_by_legacy_app_and_by_product(client: AppClient, browser: Browser, variant: dict[str, Any]) -> None:
    product = variant["product_id"]
    second = client.make_variant(product, "ios")["id"]
    hidden = client.make_variant(product, "ios", published=False)["id"]
    mac = client.make_variant(product, "macos")["id"]
    by_app = post(client, browser.profile(f"?app={variant['legacy_app_id']}"))
    assert by_app.headers["location"] == f"/products/myapp?udid_bound=1&variant={variant['id']}"
    assert not browser.is_bound(f"?variant={second}")
    for named in (product, "myapp"):
        by_product = post(client, browser.profile(f"?product={named}"))
        assert by_product.headers["location"] == "/products/myapp?udid_bound=1"
    bound = [browser.is_bound(f"?variant={one}") for one in (variant["id"], second, hidden, mac)]
    assert bound == [True, True, False, False]
    assert len(devices(client)) == 1


def test_for_no_product(client: AppClient, browser: Browser) -> None:
    page = browser.get("/udid/registered")
    assert "This device is registered" not in page.text
    answered = post(client, browser.profile())
    assert answered.headers["location"] == "/udid/registered"
    page = browser.get("/udid/registered")
    assert "This device is registered" in page.text
    assert "iPhone 16 Pro" in page.text
    assert UDID not in page.text
    assert "此设备已注册" in browser.get("/udid/registered", **{"accept-language": "zh"}).text


def test_slugs_of_any_script_are_quoted(client: AppClient, browser: Browser) -> None:
    ios = client.make_variant(client.make_product("天气 测试")["id"], "ios")
    location = post(client, browser.profile(f"?variant={ios['id']}")).headers["location"]
    assert location.isascii()
    assert browser.get(location).status_code == 200


@pytest.mark.parametrize(
    ("query", "status", "message"),
    [
        ("?variant=var_nothing", 404, "variant not found"),
        ("?variant=%00", 404, "variant not found"),
        ("?app=app_nothing", 404, "app not found"),
        ("?product=nothing", 404, "product not found"),
        ("?variant={linux}", 400, "this variant is not for iOS; only iPhones and iPads are registered"),
        ("?product={product}", 400, "this product has nothing for iOS; only iPhones and iPads are registered"),
        ("?variant={hidden}", 404, "variant not found"),
    ],
)
def test_profiles_that_are_not_given(client: AppClient, query: str, status: int, message: str) -> None:
    product = client.make_product()["id"]
    linux = client.make_variant(product, "linux")["id"]
    hidden = client.make_variant(client.make_product("Other")["id"], "ios", published=False)["id"]
    answer = client.get(PROFILE + query.format(product=product, linux=linux, hidden=hidden))
    assert refusal(answer)[0] == status
    assert refusal(answer)[2] == message
    assert client.rows("SELECT * FROM enrolments") == []


# who is taken in


def test_a_device_that_comes_again_is_brought_up_to_date(client: AppClient, browser: Browser) -> None:
    post(client, browser.profile())
    first = devices(client)[0]
    post(client, browser.profile(), UDID=UDID.lower(), VERSION="23A341")
    [found] = devices(client)
    assert (found["os_version"], found["id"]) == ("26.0", first["id"])
    assert found["verified_at"] == first["verified_at"]
    assert found["enrolled_at"] > first["enrolled_at"]


def test_strangers_are_recorded_as_unverified(client: AppClient, browser: Browser) -> None:
    stranger = device(authority("impostor"))
    assert post(client, browser.profile(), stranger).status_code == 301
    assert devices(client)[0]["verified_at"] is None
    assert post(client, browser.profile()).status_code == 301
    assert devices(client)[0]["verified_at"] is not None


def test_a_stranger_changes_no_device_that_proved_who_it_is(client: AppClient, browser: Browser) -> None:
    post(client, browser.profile())
    forger = Browser(client)
    answer = post(client, forger.profile(), device(authority("impostor")), PRODUCT="iPad1,1")
    assert refusal(answer)[:2] == (409, "CONFLICT")
    assert devices(client)[0]["model"] == "iPhone17,1"
    assert not forger.is_bound()


def test_proof_sends_away_who_came_before_it(client: AppClient, browser: Browser) -> None:
    """Somebody who only knows a UDID registers it first; the device itself takes it from them."""
    forger = Browser(client)
    post(client, forger.profile(), device(authority("impostor")))
    assert "This device is registered" in forger.get("/udid/registered").text
    post(client, browser.profile())
    assert "This device is registered" in browser.get("/udid/registered").text
    assert "This device is registered" not in forger.get("/udid/registered").text


def test_enforce_refuses_strangers(tmp_path: Path) -> None:
    with running(tmp_path / "data", udid_verify="enforce") as client:
        browser = Browser(client)
        profile = browser.profile()
        answer = post(client, profile, device(authority("impostor")))
        message = "Apple does not vouch for this reply, and this server takes no others"
        assert refusal(answer) == (400, "BAD_REQUEST", message)
        assert devices(client) == []
        assert post(client, profile).status_code == 301  # the profile is still good for the device itself


def test_a_production_server_trusts_apple_alone(tmp_path: Path) -> None:
    runtime = open_runtime(Config(data_dir=str(tmp_path), given=frozenset({"data_dir"})))
    runtime.database.close()
    assert runtime.device_authorities == apple_authorities()
    assert authority().pem not in runtime.device_authorities


# once, in time, and for the right profile


def test_a_second_reply_is_led_on_and_changes_nothing(client: AppClient, browser: Browser, variant: Any) -> None:
    profile = browser.profile(f"?variant={variant['id']}")
    first = post(client, profile)
    before = client.rows("SELECT * FROM devices"), client.rows("SELECT * FROM audit")
    other = device(key=rsa_key("other"))
    for again in (
        post(client, profile),
        post(client, profile, other, UDID="b" * 40, PRODUCT="iPad1,1"),
        client.post(asked(profile)["URL"], content=b"noise"),
    ):
        assert (again.status_code, again.headers["location"]) == (301, first.headers["location"])
    assert (client.rows("SELECT * FROM devices"), client.rows("SELECT * FROM audit")) == before
    client.clock.move(minutes=50)
    assert post(client, profile).status_code == 301  # also later than a first reply may come


def test_two_replies_at_once_make_one_device(client: AppClient, browser: Browser, variant: Any) -> None:
    profile = browser.profile(f"?variant={variant['id']}")
    url, reply = respond(profile)
    _, other = respond(profile, UDID="b" * 40)
    for bodies in ((reply, reply), (reply, other, reply)):
        answers = client.together(*(("POST", url, {"content": body}) for body in bodies))
        assert {(one.status_code, one.headers["location"]) for one in answers} == {
            (301, f"/products/myapp?udid_bound=1&variant={variant['id']}")
        }
        assert len(devices(client)) == 1
        assert client.rows("SELECT count(*) FROM audit WHERE action = 'device.enrol'") == [(1,)]


@pytest.mark.parametrize(("minutes", "status"), [(9.9, 301), (10, 400), (59, 400), (1000, 400)])
def test_ten_minutes(client: AppClient, browser: Browser, minutes: float, status: int) -> None:
    profile = browser.profile()
    client.clock.move(minutes=minutes)
    answer = post(client, profile)
    assert answer.status_code == status
    assert len(devices(client)) == (status == 301)
    if status == 400:
        assert refusal(answer) == (400, "BAD_REQUEST", OVER)


def test_minutes_can_be_set(tmp_path: Path) -> None:
    with running(tmp_path / "data", udid_minutes="2") as client:
        browser = Browser(client)
        profile = browser.profile()
        client.clock.move(minutes=3)
        assert post(client, profile).status_code == 400


def test_nonces_that_are_none(client: AppClient, browser: Browser) -> None:
    _, reply = respond(browser.profile())
    for query in ("", "?nonce=", "?nonce=x", "?nonce=%00", "?nonce=" + "x" * 5000, "?nonce=' OR 1=1 --"):
        client.clock.move(minutes=1)
        answer = client.post(CALLBACK + query, content=reply)
        assert refusal(answer) == (400, "BAD_REQUEST", OVER)
    assert devices(client) == []


def test_challenges_that_are_wrong(client: AppClient, browser: Browser) -> None:
    profile, other = browser.profile(), Browser(client).profile()
    url, right = asked(profile)["URL"], asked(profile)["Challenge"]
    for challenge in (
        None,
        "",
        right[:-1],
        right + "x",
        right.upper(),
        asked(other)["Challenge"],
        browser.cookies["udid_nonce"],
    ):
        client.clock.move(minutes=1)
        answer = client.post(url, content=Reply(answer_with(challenge)).encode())
        assert refusal(answer) == (400, "BAD_REQUEST", "the reply answers another profile; get a new one from the page")
    assert devices(client) == []
    client.clock.move(minutes=1)
    assert client.post(url, content=Reply(answer_with(right)).encode()).status_code == 301


def answer_with(challenge: str | None) -> bytes:
    return answer(challenge)


def test_a_reply_to_another_profile_is_refused(client: AppClient, browser: Browser) -> None:
    first, second = browser.profile(), browser.profile()
    _, reply = respond(first)
    assert client.post(asked(second)["URL"], content=reply).status_code == 400
    assert devices(client) == []


def test_what_is_taken_away_meanwhile(client: AppClient, browser: Browser, variant: Any) -> None:
    profile = browser.profile(f"?variant={variant['id']}")
    client.admin("DELETE", f"/admin/api/products/{variant['product_id']}")
    assert refusal(post(client, profile))[2] == OVER


# limits


def test_64_kib(client: AppClient, browser: Browser) -> None:
    url, reply = respond(browser.profile())
    assert client.post(url, content=reply.ljust(65_536, b"\0")).status_code == 400
    too_large = client.post(url, content=reply.ljust(65_537, b"\0"))
    assert refusal(too_large) == (413, "PAYLOAD_TOO_LARGE", "the reply is too large")
    assert client.post(url, content=bytes(2_000_000)).status_code == 413
    assert client.post(url, content=reply).status_code == 301


@pytest.mark.parametrize(("method", "url", "usual"), [("GET", PROFILE, 200), ("POST", CALLBACK, 400)])
def test_ten_calls_a_minute(client: AppClient, method: str, url: str, usual: int) -> None:
    statuses = [client.request(method, url).status_code for _ in range(12)]
    assert statuses == [usual] * 10 + [429] * 2
    refused = client.request(method, url)
    assert refusal(refused) == (429, "RATE_LIMITED", "too many requests; try again in 60 seconds")
    assert refused.headers["retry-after"] == "60"
    client.address = "192.0.2.7"
    assert client.request(method, url).status_code == usual
    client.address = "127.0.0.1"
    client.clock.move(seconds=60)
    assert client.request(method, url).status_code == usual
    assert "127.0.0.1" not in str(client.rows("SELECT * FROM call_counts"))


def test_ipv6_counts_by_household(client: AppClient) -> None:
    for number in range(10):
        client.address = f"2001:db8::{number}"
        assert client.get(PROFILE).status_code == 200
    client.address = "2001:db8::ffff:1"
    assert client.get(PROFILE).status_code == 429
    client.address = "2001:db8:1::1"
    assert client.get(PROFILE).status_code == 200


def test_the_limit_can_be_set(tmp_path: Path) -> None:
    with running(tmp_path / "data", udid_calls_per_minute="2") as client:
        assert [client.get(PROFILE).status_code for _ in range(3)] == [200, 200, 429]


def test_status_needs_no_profile(client: AppClient, variant: Any) -> None:
    for query in ("", f"?variant={variant['id']}", "?nonce=x", "?variant=var_nothing&nonce=' OR 1=1"):
        assert client.get(STATUS + query).json() == {"ok": True, "data": {"bound": False}}
    assert client.get(f"{STATUS}?nonce=%00").status_code == 400


def test_status_by_nonce_in_the_query(client: AppClient, browser: Browser, variant: Any) -> None:
    profile = browser.profile(f"?variant={variant['id']}")
    nonce = browser.cookies["udid_nonce"]
    url = f"{STATUS}?variant={variant['id']}&nonce={nonce}"
    assert client.get(url).json()["data"] == {"bound": False}
    post(client, profile)
    assert client.get(url).json()["data"] == {"bound": True}
    assert client.get(f"{STATUS}?nonce={nonce}&variant=var_other").json()["data"] == {"bound": False}


# what damaged and hostile replies do over HTTP: some of the ten thousand, and of the matrix


def test_damaged_replies_are_refused_and_leave_nothing(tmp_path: Path) -> None:
    chance = random.Random(7)
    with running(tmp_path / "data", udid_calls_per_minute="1000000", udid_verify="enforce") as client:
        browser = Browser(client)
        url, reply = respond(browser.profile())
        for _ in range(300):
            answer = client.post(url, content=damage(reply, chance))
            assert answer.status_code in (400, 413), answer.text
            refusal(answer)
        assert devices(client) == []
        assert client.post(url, content=reply).status_code == 301


# privacy


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[tuple[AppClient, Path]]:
    folder = tmp_path / "replies"
    with running(tmp_path / "data", udid_save_replies=str(folder)) as client:
        yield client, folder


def test_replies_are_kept_where_that_is_asked_for(kept: tuple[AppClient, Path]) -> None:
    client, folder = kept
    browser = Browser(client)
    url, reply = respond(browser.profile())
    client.post(url, content=reply[:-1])
    client.post(url, content=reply)
    files = sorted(folder.iterdir(), key=lambda file: file.stat().st_size)
    assert [file.read_bytes() for file in files] == [reply[:-1], reply]
    assert {file.stat().st_mode & 0o777 for file in files} == {0o600}
    client.post(f"{CALLBACK}?nonce=x", content=reply)
    assert len(list(folder.iterdir())) == 2  # strangers fill no disk


def test_no_secret_of_an_enrolment_is_stored(client: AppClient, browser: Browser) -> None:
    profile = browser.profile()
    post(client, profile)
    secrets = [*browser.cookies.values(), asked(profile)["Challenge"]]
    assert len(secrets) == 3
    for table in ("enrolments", "device_sessions", "audit", "call_counts"):
        stored = str(client.rows(f"SELECT * FROM {table}"))
        assert not [secret for secret in secrets if secret in stored], table
        assert UDID not in stored


def test_old_enrolments_and_browsers_are_forgotten(client: AppClient, browser: Browser) -> None:
    from fenfa.services.sweeps import GRACE, sweep

    profile = browser.profile()
    post(client, profile)
    browser.profile()
    client.clock.move(minutes=30)
    sweep(client.runtime, GRACE)
    assert client.rows("SELECT count(*) FROM enrolments") == [(2,)]
    client.clock.move(minutes=45)
    sweep(client.runtime, GRACE)
    assert client.rows("SELECT count(*) FROM enrolments") == [(0,)]
    assert client.rows("SELECT count(*) FROM call_counts") == [(0,)]
    assert "This device is registered" in browser.get("/udid/registered").text
    client.clock.move(days=365)
    assert "This device is registered" not in browser.get("/udid/registered").text
    sweep(client.runtime, GRACE)
    assert client.rows("SELECT count(*) FROM device_sessions") == [(0,)]
    assert client.rows("SELECT * FROM devices") == []  # it was not used for a year


def test_a_browser_keeps_its_cookie_when_it_asks_again(client: AppClient, browser: Browser) -> None:
    post(client, browser.profile())
    value = browser.cookies["fenfa_device"]
    browser.profile()
    assert browser.cookies["fenfa_device"] == value
    assert "This device is registered" in browser.get("/udid/registered").text
    stranger = Browser(client)
    stranger.cookies["fenfa_device"] = "planted"
    stranger.profile()
    assert stranger.cookies["fenfa_device"] != "planted"


def test_signed_profiles(tmp_path: Path) -> None:
    from tests.apple.test_signing import site, stored

    folder = tmp_path / "tls"
    folder.mkdir()
    stored(folder, site())
    files = {"udid_sign_cert": str(folder / "chain.pem"), "udid_sign_key": str(folder / "key.pem")}
    with running(tmp_path / "data", **files) as client:
        browser = Browser(client)
        profile = browser.profile()
        assert not profile.startswith(b"<?xml")
        assert post(client, profile).status_code == 301
        [ending] = client.admin("GET", "/admin/api/expiring")["items"]
        assert (ending["kind"], ending["name"], ending["state"]) == ("profile_signing", "CN=get.example.com", "soon")
        client.clock.move(days=365)
        assert browser.profile().startswith(b"<?xml")  # expired: unsigned, and still good


def test_files_that_cannot_sign_are_told(tmp_path: Path) -> None:
    with running(tmp_path / "data", udid_sign_cert="/nowhere/chain.pem", udid_sign_key="/nowhere/key.pem") as client:
        assert Browser(client).profile().startswith(b"<?xml")
        [ending] = client.admin("GET", "/admin/api/expiring")["items"]
        assert (ending["kind"], ending["state"], ending["ends_at"]) == ("profile_signing", "broken", None)
        assert ending["message"] == "a file cannot be read: No such file or directory"


def test_the_list_for_admins_still_needs_an_admin(client: AppClient, browser: Browser) -> None:
    post(client, browser.profile())
    assert browser.get("/admin/api/ios_devices").status_code == 401
    assert client.get("/admin/api/ios_devices", headers=ADMIN).json()["data"]["items"][0]["udid"] == UDID
