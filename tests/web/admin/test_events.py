"""The log of events."""

import re
from typing import Any

import pytest

from tests.support.client import ADMIN, AppClient
from tests.web.api.bad_texts import GOOD_LINES

URL = "/admin/events"
IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) Version/18.5 Mobile/15E148 Safari/604.1"


def page(client: AppClient, query: str = "") -> str:
    answer = client.get(f"{URL}?{query}", headers=ADMIN)
    assert answer.status_code == 200, answer.text
    return answer.text


def rows(text: str) -> list[str]:
    """The words of each event."""
    found = re.findall(r"<tr(?: class=\"fresh\")?>\s*<td.*?</tr>", text, re.DOTALL)
    return [" ".join(re.sub("<[^>]*>", " ", row).split()) for row in found]


@pytest.fixture
def made(client: AppClient) -> dict[str, Any]:
    """A release that was visited with a phone, and downloaded a minute later by a tool."""
    made = client.make_release(version="1.2", build="7")
    client.address = "203.0.113.77"
    visit = {"type": "visit", "release_id": made["release"]["id"]}
    client.post("/events", json=visit, headers={"User-Agent": IPHONE})
    client.clock.move(minutes=1)
    client.get(f"/d/{made['release']['id']}", headers={"User-Agent": "curl/8.5.0"})
    client.flush()
    client.address = "127.0.0.1"
    return made


def test_events_say_who_did_what_and_when(client: AppClient, made: dict[str, Any]) -> None:
    text = page(client)
    assert rows(text) == [
        "09:31:00 Download M MyApp 1.2 (7) Linux curl 203.0.113.0/24",
        "09:30:00 Visit M MyApp 1.2 (7) Linux iOS 18.5 · Safari 203.0.113.0/24",
    ]
    assert "Nov 2, 2026" in text
    assert made["release"]["id"] in text
    assert "203.0.113.77" not in text


def test_what_is_gone_is_called_deleted(client: AppClient, made: dict[str, Any]) -> None:
    client.admin("DELETE", f"/admin/api/products/{made['app']['product_id']}")
    assert rows(page(client))[0] == "09:31:00 Download Deleted curl 203.0.113.0/24"


@pytest.mark.parametrize(
    ("query", "kinds"),
    [
        ("type=visit", ["Visit"]),
        ("type=click", []),
        ("platform=linux", ["Download", "Visit"]),
        ("platform=ios", []),
        ("product_id={product}", ["Download", "Visit"]),
        ("product_id=prd_other", []),
        ("variant_id={variant}&type=download", ["Download"]),
        ("release_id={release}", ["Download", "Visit"]),
        ("from=2026-11-02&to=2026-11-02", ["Download", "Visit"]),
        ("from=2026-11-03", []),
        ("to=2026-11-01", []),
    ],
)
def test_filters(client: AppClient, made: dict[str, Any], query: str, kinds: list[str]) -> None:
    ids = {"product": made["app"]["product_id"], "variant": made["app"]["variant_id"], "release": made["release"]["id"]}
    text = page(client, query.format(**ids))
    assert [row.split()[1] for row in rows(text)] == kinds
    assert ("No event fits" in text) is (not kinds)
    export = re.search(r'href="(/admin/exports/events\.csv[^"]*)"', text)
    assert export
    exported = client.get(export[1].replace("&amp;", "&"), headers=ADMIN).text
    assert len(exported.splitlines()) == 1 + len(kinds)


@pytest.mark.parametrize(
    "query", ["type=x", "platform=amiga", "from=x&to=2026-02-30", "product_id=%00", "release_id=" + "x" * 81, "live=1"]
)
def test_words_that_are_none_count_as_left_out(client: AppClient, made: dict[str, Any], query: str) -> None:
    assert len(rows(page(client, query))) == 2


def test_a_product_brings_its_variants_and_releases(client: AppClient, made: dict[str, Any]) -> None:
    assert 'id="variant_id"' not in page(client)
    text = page(client, f"product_id={made['app']['product_id']}")
    assert f'<option value="{made["app"]["variant_id"]}">Linux</option>' in text
    assert f'<option value="{made["release"]["id"]}">1.2 (7)</option>' in text
    chosen = page(client, f"release_id={made['release']['id']}")
    assert f'<option value="{made["app"]["product_id"]}" selected>MyApp</option>' in chosen


def test_pages_of_fifty(client: AppClient, made: dict[str, Any]) -> None:
    for _ in range(60):
        client.post("/events", json={"type": "click", "release_id": made["release"]["id"]})
    client.flush()
    first = page(client, "live=1")
    assert len(rows(first)) == 50
    older = re.search(r'href="([^"]*before=[^"]*)"[^>]*>Older', first)
    assert older
    assert "live" not in older[1]
    second = client.get(older[1].replace("&amp;", "&"), headers=ADMIN).text
    assert [row.split()[1] for row in rows(second)] == ["Click"] * 10 + ["Download", "Visit"]
    assert "Older" not in second
    assert "Newest" in second


def test_a_mark_that_is_none_is_refused(client: AppClient) -> None:
    answer = client.get(f"{URL}?before=x", headers=ADMIN)
    assert answer.status_code == 400
    assert answer.text.startswith("<!doctype html>")


def test_live_is_a_switch(client: AppClient, made: dict[str, Any]) -> None:
    calm, live = page(client, "type=download"), page(client, "type=download&live=1")
    assert "data-poll" not in calm
    assert "http-equiv" not in calm
    assert 'id="list" data-poll="2"' in live
    assert '<noscript><meta http-equiv="refresh" content="5"></noscript>' in live
    assert 'href="/admin/events?type=download&amp;live=1"' in calm
    assert 'href="/admin/events?type=download"' in live


def test_what_just_happened_is_marked_while_live(client: AppClient, made: dict[str, Any]) -> None:
    assert page(client, "live=1").count('class="fresh"') == 1
    assert 'class="fresh"' not in page(client)
    client.clock.move(seconds=10)
    assert 'class="fresh"' not in page(client, "live=1")


def test_no_event_yet_teaches_the_next_step(client: AppClient) -> None:
    assert "Send the first build" in page(client)
    client.make_product()
    text = page(client)
    assert "Nothing has happened yet" in text
    assert 'href="http://testserver/products/myapp"' in text


@pytest.mark.parametrize("text", GOOD_LINES)
def test_names_are_only_texts(client: AppClient, text: str) -> None:
    made = client.make_release(version=text)
    client.admin("PUT", f"/admin/api/products/{made['app']['product_id']}", json={"name": text})
    client.admin("PUT", f"/admin/api/variants/{made['app']['variant_id']}", json={"display_name": text, "arch": text})
    client.get(f"/d/{made['release']['id']}", headers={"User-Agent": text.encode()})
    client.flush()
    for path in (f"{URL}?product_id={made['app']['product_id']}", "/admin", "/admin/statistics"):
        answer = client.get(path, headers=ADMIN)
        assert answer.status_code == 200
        assert "<script>alert" not in answer.text


def test_it_is_said_in_chinese(client: AppClient, made: dict[str, Any]) -> None:
    answer = client.get(URL, headers={**ADMIN, "Accept-Language": "zh-CN"})
    for text in ("事件", "下载", "访问", "2026年11月2日", "全部平台"):
        assert text in answer.text
