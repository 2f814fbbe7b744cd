"""A furnished installation: products of every kind with builds, icons, events and tokens, made over the API of a running
server. Screenshots, the accessibility check and the crawls look at it."""

import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
from PIL import Image, ImageDraw

from tests.support import linux, pe
from tests.support.browser import DEVICES
from tests.support.packages import make_apk, make_ipa
from tests.web.routes import TABLE

ADMIN = {"X-Auth-Token": "dev-admin-token"}
LONG_NAME = "The quite remarkably long-named companion for everybody here"
RTL_NAME = "تطبيق الطقس"
CHANGELOG = """## What is new

- **Radar** shows the next two hours
- Widgets refresh in the background
- Fixes a crash on [older devices](https://example.com/devices)

Thanks to everybody who reported `WX-1042`."""


@dataclass
class Site:
    """`ids` holds one ID for each place that a route's path names: product_id, variant_id, release_id, slug …"""

    base: str
    ids: dict[str, str] = field(default_factory=dict)

    def pages(self) -> Iterator[str]:
        """The address of every HTML page that can be shown with what is here; links to the latest build lead to files."""
        for (method, path), gate in sorted(TABLE.items()):
            if method == "GET" and gate.html and "/latest/" not in path:
                address = _filled(path, self.ids)
                if address:
                    yield address


def furnish(base: str, folder: Path) -> Site:
    """Fills the server at `base`; packages are built in `folder`."""
    with httpx.Client(base_url=base, headers=ADMIN, timeout=60) as client:
        site = Site(base)
        weather = _weather(client, folder)
        _others(client, folder)
        _events(client, weather)
        site.ids |= {"upload_id": _propose(client, folder), "device_id": _devices(client)}
        token = client.post("/admin/api/tokens", json={"name": "CI of the app team", "scope": "upload"})
        site.ids |= {"token_id": token.raise_for_status().json()["data"]["id"]}
        product = client.get(f"/admin/api/products/{weather['app']['product_id']}").json()["data"]["product"]
        site.ids |= {"product_id": product["id"], "id_or_slug": product["slug"], "slug": product["slug"]}
        site.ids |= {"variant_id": weather["app"]["variant_id"], "release_id": weather["release"]["id"]}
        site.ids |= {"any_id": weather["app"]["id"], "app_id": weather["app"]["id"], "platform": "ios"}
    return site


def draw_icon(colour: tuple[int, int, int], size: int = 512) -> bytes:
    """A PNG that looks like somebody's app."""
    picture = Image.new("RGB", (size, size), colour)
    pen = ImageDraw.Draw(picture)
    light = tuple(min(255, c + 60) for c in colour)
    pen.ellipse((size * 0.45, size * 0.1, size * 1.05, size * 0.7), fill=light)
    pen.rounded_rectangle((size * 0.16, size * 0.52, size * 0.8, size * 0.74), size // 9, fill="white")
    pen.ellipse((size * 0.26, size * 0.34, size * 0.62, size * 0.7), fill="white")
    out = io.BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()


def send(client: httpx.Client, file: Path, **fields: str) -> dict[str, Any]:
    """`data` of a smart upload."""
    with file.open("rb") as opened:
        answer = client.post("/smart-upload", data=fields, files={"app_file": (file.name, opened)})
    assert answer.status_code == 201, answer.text
    return dict(answer.json()["data"])


def _weather(client: httpx.Client, folder: Path) -> dict[str, Any]:
    """A product on every platform; the answer is that of its newest iOS build."""
    devices = [f"00008110-{number:016X}" for number in range(3)]
    ending = datetime.now(UTC).replace(tzinfo=None) + timedelta(days=12)
    profile = {"ProvisionedDevices": devices, "ExpirationDate": ending, "Name": "Weather ad hoc", "UUID": "weather"}
    first: dict[str, Any] = {}
    for build, version in enumerate(("2.2.0", "2.3.0", "2.4.0"), 220):
        ipa = make_ipa(folder / "weather.ipa", name="Weather", version=version, build=str(build), profile=profile)
        home = {"variant_id": first["app"]["variant_id"]} if first else {"create": "1"}
        sent = send(client, ipa, changelog=CHANGELOG, channel="beta" if build == 222 else "", **home)
        first = first or sent
    product_id = sent["app"]["product_id"]
    about = {"name": "Weather", "description": "Forecasts, radar and warnings for the places you care about."}
    client.put(f"/admin/api/products/{product_id}", json=about).raise_for_status()
    client.put(f"/admin/api/products/{product_id}/icon", content=draw_icon((38, 110, 190))).raise_for_status()
    apk = make_apk(folder / "weather.apk", name="Weather", version="2.4.0", build=222, abis=("arm64-v8a",))
    program = pe.program(strings={"ProductName": "Weather", "ProductVersion": "2.4.0"}, signer="Example Ltd")
    for platform, arch, name, content in (
        ("android", "", "weather-2.4.0.apk", apk.read_bytes()),
        ("macos", "arm64", "Weather-arm64.zip", _zip(folder)),
        ("macos", "x86_64", "Weather-x86_64.zip", _zip(folder)),
        ("windows", "x64", "WeatherSetup.exe", program),
        ("linux", "amd64", "weather_2.4.0_amd64.deb", linux.deb({"./usr/bin/weather": b"#!/bin/sh\n"})),
    ):
        _publish(client, product_id, {"platform": platform, "arch": arch}, name, content, version="2.4.0")
    return sent


def _others(client: httpx.Client, folder: Path) -> None:
    ipa = make_ipa(
        folder / "rtl.ipa", identifier="com.example.rtl", name=RTL_NAME, profile={"ProvisionsAllDevices": True}
    )
    send(client, ipa, create="1")
    for build in range(1, 31):
        apk = make_apk(
            folder / "notes.apk", identifier="com.example.notes", name="Field Notes", version=f"1.{build}", build=build
        )
        sent = send(client, apk, create="1", changelog=f"- Change number {build}")
    notes = client.get(f"/admin/api/products/{sent['app']['product_id']}").json()["data"]["product"]
    client.put(f"/admin/api/products/{notes['id']}/icon", content=draw_icon((30, 130, 90))).raise_for_status()
    client.post("/admin/api/products", json={"name": LONG_NAME}).raise_for_status()
    draft = {"name": "Kiosk", "published": False, "description": "The lobby's touch screen."}
    client.post("/admin/api/products", json=draft).raise_for_status()


def _publish(
    client: httpx.Client, product_id: str, variant: dict[str, str], name: str, content: bytes, **fields: str
) -> None:
    made = client.post(f"/admin/api/products/{product_id}/variants", json=variant).raise_for_status().json()["data"]
    form, files = {"variant_id": made["id"], **fields}, {"app_file": (name, content)}
    client.post("/upload", data=form, files=files).raise_for_status()


def _devices(client: httpx.Client) -> str:
    """The ID of one of some; the newest iOS build is for the first three."""
    lines = [f"00008110-{number:016X}\tTest phone {number}\tios\n" for number in range(5)]
    client.post("/admin/api/devices/import", content="".join(lines)).raise_for_status()
    return str(client.get("/admin/api/ios_devices").json()["data"]["items"][0]["id"])


def _propose(client: httpx.Client, folder: Path) -> str:
    """The ID of an upload that waits in the panel."""
    ipa = make_ipa(folder / "weather-2.5.ipa", name="Weather", version="2.5.0", build="230")
    with ipa.open("rb") as opened:
        answer = client.post("/admin/upload", files={"app_file": (ipa.name, opened)})
    return answer.headers["location"].rpartition("/")[2]


def _events(client: httpx.Client, sent: dict[str, Any]) -> None:
    for device in DEVICES.values():
        agent = {
            "User-Agent": device.get("user_agent", "Mozilla/5.0 (X11; Linux x86_64) Chrome/140.0.0.0 Safari/537.36")
        }
        visit = {"type": "visit", "variant_id": sent["app"]["variant_id"], "release_id": sent["release"]["id"]}
        client.post("/events", json=visit, headers=agent).raise_for_status()
        client.get(f"/d/{sent['release']['id']}", headers=agent).raise_for_status()


def _zip(folder: Path) -> bytes:
    """A zip that a desktop platform takes."""
    return make_apk(folder / "desktop.zip").read_bytes()


def _filled(path: str, ids: dict[str, str]) -> str:
    try:
        return path.format(**ids)
    except KeyError:
        return ""
