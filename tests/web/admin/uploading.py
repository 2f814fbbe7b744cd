"""What the tests of the panel's uploads share: sending a file as the form does, and reading the page of an upload."""

import re
from html import unescape
from pathlib import Path
from typing import Any

import httpx

from tests.support.client import ADMIN, AppClient

ZH = ADMIN | {"Accept-Language": "zh-CN"}


def send(client: AppClient, file: Path | bytes, name: str = "", to: str = "", **headers: str) -> httpx.Response:
    """The plain form, as a browser without scripts sends it."""
    content = file.read_bytes() if isinstance(file, Path) else file
    named = name or (file.name if isinstance(file, Path) else "app.tar.gz")
    return client.post("/admin/upload", headers=ADMIN | headers, data={"to": to}, files={"app_file": (named, content)})


def propose(client: AppClient, file: Path | bytes, name: str = "", to: str = "") -> str:
    """The address of an upload that waits."""
    answer = send(client, file, name, to)
    assert answer.status_code == 303, answer.text
    return answer.headers["location"]


def page(client: AppClient, address: str, headers: dict[str, str] = ADMIN) -> str:
    answer = client.get(address, headers=headers)
    assert answer.status_code == 200, answer.text
    return unescape(answer.text)


def form_of(text: str) -> dict[str, str]:
    """The values of the proposal's form, as the browser would send them untouched."""
    form = re.search(r'<form method="post" action="/admin/uploads/upl_[a-z0-9]+">(.*?)</form>', text, re.S)
    assert form
    values = dict(re.findall(r'name="(\w+)"[^>]*?value="([^"]*)"', _inputs(form[1])))
    chosen = re.search(r'name="place" value="([^"]*)"[^>]* checked', form[1])
    rest = {"other": "", "platform": "", "changelog": "", "place": chosen[1] if chosen else ""}
    return {name: unescape(value) for name, value in (values | rest).items()}


def _inputs(form: str) -> str:
    return "".join(tag for tag in re.findall(r"<input[^>]*>", form) if 'type="radio"' not in tag)


def publish(client: AppClient, address: str, **changes: str) -> httpx.Response:
    """Presses the button, with some fields changed."""
    return client.post(address, headers=ADMIN, data=form_of(client.get(address, headers=ADMIN).text) | changes)


def releases_of(client: AppClient) -> list[dict[str, Any]]:
    """Every release of the installation, with its product and variant."""
    names = ("product", "slug", "platform", "identifier", "version", "build", "channel", "changelog", "variant_id")
    query = (
        "SELECT products.name, products.slug, variants.platform, variants.identifier, releases.version, releases.build, "
        "releases.channel, releases.changelog, variants.id FROM releases JOIN variants ON variants.id = variant_id "
        "JOIN products ON products.id = product_id ORDER BY releases.seq"
    )
    return [dict(zip(names, row, strict=True)) for row in client.rows(query)]
