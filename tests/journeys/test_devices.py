"""Devices on a real server: enrolled once however often they answer, and seen by nobody: no page, JSON, address or log line."""

import re
from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import unquote, urljoin

import httpx
import pytest

from tests.support import device_ca
from tests.support.device_ca import asked, device, respond
from tests.support.packages import make_ipa
from tests.support.server import FenfaServer, fenfa_server, query
from tests.web.routes import TABLE

pytestmark = pytest.mark.journey
UDIDS = [f"00008110-{number:016X}" for number in (0xA1D0E3C38801E, 0xB2E1F4D49912F)]
OLD = "0123456789abcdef0123456789abcdef01234567"
SEEDED = {
    *("F2LXK0ABCDEF", "35 123456 123456 7", "Annas geheimes Telefon", "anna@example.com", "Apple Distribution: Anna"),
    *("MIGTAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBHkwdwIBAQQg",),
}
"""Serial, IMEI, name, address, certificate's owner, and an API key."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FenfaServer]:
    with fenfa_server(tmp_path_factory.mktemp("devices"), "--workers", "2") as started:
        yield started


def stranger(server: FenfaServer) -> httpx.Client:
    return httpx.Client(base_url=server.url, timeout=30)


def test_replies_at_once_to_two_processes_make_one_device(server: FenfaServer) -> None:
    with stranger(server) as browser, ThreadPoolExecutor(16) as threads:
        for number in range(10):
            url, reply = respond(browser.get("/udid/profile.mobileconfig").content, UDID=f"{number:040x}")
            answers = list(threads.map(lambda _, url=url, reply=reply: browser.post(url, content=reply), range(16)))
            assert {(one.status_code, one.headers["location"]) for one in answers} == {(301, "/udid/registered")}
    assert query(server, "SELECT count(*), count(DISTINCT udid) FROM devices") == [(10, 10)]
    assert query(server, "SELECT count(*) FROM audit WHERE action = 'device.enrol'") == [(10,)]
    assert query(server, "SELECT count(verified_at) FROM devices") == [(0,)]  # they are not Apple's


def test_a_crawl_finds_nothing_personal(server: FenfaServer, tmp_path: Path) -> None:
    ids, secrets = furnish(server, tmp_path)
    personal = [*SEEDED, *forms_of(*UDIDS, OLD)]
    with stranger(server) as browser:
        enrol(browser, ids["variant_id"], secrets)
        seen = crawl(browser, starts(ids))
        for udid in (*UDIDS, OLD):  # whoever sends one gets nothing back, and leaves no line
            for url in (
                f"/products/{udid}",
                f"/udid/status?variant={udid}&nonce={udid}",
                f"/d/{udid}",
                f"/icon/{udid}",
            ):
                browser.get(url, headers={"cookie": f"udid_nonce={udid}; fenfa_device={udid}"})
                browser.post(f"/udid/callback?nonce={udid}", content=udid.encode())
    assert len(seen) > 30
    assert any("com.example.app" in text for text in seen.values())  # it looks inside
    found = [(url, one) for url, text in seen.items() for one in personal if one.lower() in unquote(url + text).lower()]
    assert found == []
    assert server.terminate() == 0
    log = server.log.lower()
    assert "/udid/callback" in log
    assert [one for one in (*personal, *secrets) if one.lower() in log] == []
    assert query(server, "SELECT count(*) FROM device_bindings") == [(3,)]


def furnish(server: FenfaServer, folder: Path) -> tuple[dict[str, str], list[str]]:
    """IDs of things that hold personal data, and an admin's secrets."""
    owner = device_ca.issue(
        None,
        {"common_name": "Apple Distribution: Anna (TEAM123456)", "email_address": "anna@example.com"},
        device_ca.rsa_key("a", 2048),
    )
    profile = {"ProvisionedDevices": [*UDIDS, OLD], "DeveloperCertificates": [owner.certificate]}
    ipa = make_ipa(folder / "app.ipa", identifier="com.example.app", name="MyApp", profile=profile)
    variant = server.make_variant("ios")
    made = server.upload(variant, ipa.read_bytes(), "app.ipa").json()["data"]
    (key,) = [text for text in SEEDED if text.startswith("MIG")]
    secrets = {
        "apple_key_id": "ABC123DEF4",
        "apple_private_key": f"-----BEGIN PRIVATE KEY-----\n{key}\n-----END PRIVATE KEY-----",
    }
    server.client.put("/admin/api/settings", json=secrets)
    ids = {"variant_id": variant, "release_id": made["release"]["id"], "product_id": made["app"]["product_id"]}
    return ids | {"app_id": made["app"]["id"], "any_id": made["app"]["id"], "slug": "myapp", "id_or_slug": "myapp"}, []


def enrol(browser: httpx.Client, variant_id: str, secrets: list[str]) -> None:
    said = {"SERIAL": "F2LXK0ABCDEF", "IMEI": "35 123456 123456 7", "DEVICE_NAME": "Annas geheimes Telefon"}
    for udid in (*UDIDS, OLD):
        profile = browser.get(f"/udid/profile.mobileconfig?variant={variant_id}").content
        url, reply = respond(profile, device(), UDID=udid, **said)
        answer = httpx.post(url, content=reply)
        assert answer.status_code == 301
        secrets += [asked(profile)["Challenge"], *browser.cookies.values()]


def forms_of(*udids: str) -> list[str]:
    return [form for udid in udids for form in (udid, udid.replace("-", ""))]


def starts(ids: dict[str, str]) -> list[str]:
    """Every public address and every page of the panel, with all IDs that are known."""
    more = {
        "path": "fenfa.css",
        "platform": "ios",
        "arch": "arm64",
        "token_id": "x",
        "job_id": "x",
        "team_id": "x",
        "device_id": "x",
        "upload_id": "x",
    }
    public = [path for (method, path), gate in TABLE.items() if method == "GET" and gate.scope in ("none", "panel")]
    filled = [path.format_map({**more, **ids}) for path in public]
    queries = (f"?variant={ids['variant_id']}", f"?r={ids['release_id']}", "?udid_bound=1", "?all=1")
    return filled + [f"/products/myapp{query}" for query in queries]


def crawl(browser: httpx.Client, first: list[str]) -> dict[str, str]:
    """All that can be reached from there on this server: address → headers and text."""
    waiting, seen = deque(first), dict[str, str]()
    while waiting:
        url = waiting.popleft()
        if url in seen or len(seen) > 400:
            continue
        answer = browser.get(url)
        is_text = not answer.headers.get("content-type", "").startswith(("image/", "application/octet-stream"))
        seen[url] = f"{answer.headers}\n{answer.text if is_text else ''}"
        links = re.findall(r'(?:href|src|action)="([^"]+)"|"(https?://[^"\\]+)"', seen[url]) if is_text else []
        found = [link for pair in links for link in pair if link] + [answer.headers.get("location", "")]
        absolute = (urljoin(f"{browser.base_url}", link.replace("&amp;", "&")) for link in found if link)
        waiting += [link for link in absolute if link.startswith(str(browser.base_url)) and "#" not in link]
    return seen
