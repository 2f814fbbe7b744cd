"""A page that knows the visitor's device: what it says on the way from a stranger to an installed build."""

from pathlib import Path
from typing import Any

import pytest

from tests.support.agents import AGENTS
from tests.support.client import AppClient
from tests.support.device_ca import respond
from tests.support.packages import make_ipa
from tests.web.public.test_page import HTTPS, Page, send

STRANGER = "00008120-001122334455001E"


class Phone:
    """Safari on an iPhone: keeps its cookies, and may answer profiles."""

    def __init__(self, client: AppClient) -> None:
        self.client = client
        self.cookies: dict[str, str] = {}

    def visit(self, url: str) -> Page:
        cookies = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        headers = {"user-agent": AGENTS["iphone"], "cookie": cookies, **HTTPS}
        answer = self.client.get(url, headers=headers)
        assert answer.status_code == 200, answer.text
        self.cookies |= dict(answer.cookies)
        self.headers, self.content = answer.headers, answer.content
        return Page(answer.text) if "html" in answer.headers["content-type"] else Page("")

    def register(self, link: str, **changes: Any) -> str:
        """Where the device is led."""
        self.visit(link)
        url, reply = respond(self.content, **changes)
        answer = self.client.post(url, content=reply, headers={"content-type": "application/pkcs7-signature"})
        return str(answer.headers["location"])


@pytest.fixture
def phone(client: AppClient) -> Phone:
    return Phone(client)


def test_from_stranger_to_installed(client: AppClient, phone: Phone, tmp_path: Path) -> None:
    send(client, make_ipa(tmp_path / "a.ipa"))
    page = phone.visit("/products/example")
    assert page.panel == "Register this device first"
    back = phone.visit(phone.register(page.buttons[0].link))
    assert back.panel == "This device is registered"
    assert [button.text for button in back.buttons] == ["Install on this iPhone"]
    for _ in range(2):
        later = phone.visit("/products/example")
        assert (later.panel, later.buttons[0].text) == ("", "Install on this iPhone")
    assert Phone(client).visit("/products/example").panel == "Register this device first"


def test_a_device_waits_for_a_build(client: AppClient, phone: Phone, tmp_path: Path) -> None:
    sent = send(client, make_ipa(tmp_path / "a.ipa", build="1"))
    link = phone.visit("/products/example").buttons[0].link
    phone.visit(phone.register(link, UDID=STRANGER))
    page = phone.visit("/products/example")
    assert page.panel == "This device waits for a build"
    assert "The team registers it with Apple" in page.html
    assert [button.text for button in page.buttons] == ["Look again"]
    client.sql("UPDATE devices SET apple_registered_at = '2026-11-02T10:00:00.000Z'")
    assert "Registered with Apple" in phone.visit("/products/example").html
    with_it = make_ipa(tmp_path / "b.ipa", build="2", profile={"ProvisionedDevices": [STRANGER]})
    send(client, with_it, variant_id=sent["app"]["variant_id"])
    assert phone.visit("/products/example").buttons[0].text == "Install on this iPhone"


def test_a_known_device_is_registered_for_each_app(client: AppClient, phone: Phone, tmp_path: Path) -> None:
    send(client, make_ipa(tmp_path / "a.ipa", identifier="com.example.a", name="First"))
    send(client, make_ipa(tmp_path / "b.ipa", identifier="com.example.b", name="Second"))
    phone.visit(phone.register(phone.visit("/products/first").buttons[0].link, UDID=STRANGER))
    second = phone.visit("/products/second")
    assert second.panel == "Register this device for this app"
    phone.visit(phone.register(second.buttons[0].link, UDID=STRANGER))
    assert phone.visit("/products/second").panel == "This device waits for a build"


def test_pages_of_known_devices_are_theirs_alone(client: AppClient, phone: Phone, tmp_path: Path) -> None:
    send(client, make_ipa(tmp_path / "a.ipa"))
    Phone(client).visit("/products/example")
    phone.visit(phone.register("/udid/profile.mobileconfig"))
    for _ in range(2):
        page = phone.visit("/products/example")
        assert phone.headers["cache-control"] == "no-store"
        assert phone.headers["content-encoding"] == "gzip"
        assert "etag" not in phone.headers
        assert "00008110" not in page.html


def test_a_cookie_that_nobody_gave_out_means_nothing(client: AppClient, phone: Phone, tmp_path: Path) -> None:
    send(client, make_ipa(tmp_path / "a.ipa"))
    phone.cookies["__Host-fenfa_device"] = "invented"
    assert phone.visit("/products/example").panel == "Register this device first"
    client.make_product("Empty")
    assert "Nothing to install yet" in phone.visit("/products/empty").html
