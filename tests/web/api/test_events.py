"""Events: what public pages report, and the list for admins."""

import json
from typing import Any

import pytest

from tests.support.client import ADMIN, AppClient, refusal
from tests.web.shapes import EVENT, check, listed

URL = "/admin/api/events"


@pytest.fixture
def ids(client: AppClient) -> dict[str, str]:
    made = client.make_release()
    app = made["app"]
    return {"release_id": made["release"]["id"], "variant_id": app["variant_id"], "app_id": app["id"]}


def report(client: AppClient, **body: Any) -> Any:
    return client.post("/events", json={"type": "visit", **body})


def events(client: AppClient, query: str = "") -> list[dict[str, Any]]:
    client.flush()
    return list(client.admin("GET", f"{URL}?{query}")["items"])


@pytest.mark.parametrize("kind", ["visit", "click"])
@pytest.mark.parametrize("name", ["release_id", "variant_id", "app_id"])
def test_report(client: AppClient, ids: dict[str, str], kind: str, name: str) -> None:
    body = {"type": kind, name: ids[name], "extra": {"button": "install", "n": 1, "deep": {"a": [1, None, "é"]}}}
    answer = client.post("/events", json=body, headers={"User-Agent": "Mozilla/5.0 ünï".encode()})
    assert answer.status_code == 201
    assert answer.json() == {"ok": True, "data": {"recorded": True}}
    [event] = events(client)
    check(event, EVENT)
    assert event["type"] == kind
    assert (event["variant_id"], event["app_id"]) == (ids["variant_id"], ids["app_id"])
    assert event["release_id"] == (ids["release_id"] if name == "release_id" else "")
    assert event["extra"] == body["extra"]
    assert event["ua"].startswith("Mozilla/5.0")
    assert event["ts"] == "2026-11-02T09:30:00.000Z"


def test_addresses_are_cut_to_their_network(client: AppClient, ids: dict[str, str]) -> None:
    for address in ("203.0.113.77", "2001:db8:1:2:3::4", "::ffff:203.0.113.78"):
        client.address = address
        report(client, variant_id=ids["variant_id"])
    client.address = "127.0.0.1"
    assert [event["ip"] for event in events(client)] == ["203.0.113.0", "2001:db8:1::", "203.0.113.0"]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "the body is not valid JSON"),
        (b"{", "the body is not valid JSON"),
        (b"\xff", "the body is not valid JSON"),
        (b'{"type": "visit", "extra": {"a": NaN}}', "the body is not valid JSON"),
        (b'{"type": "visit", "extra": ' + b'{"a":' * 500 + b"1" + b"}" * 501, "the body is not valid JSON"),
        (b"[]", "the body is missing or not of its kind"),
        (b"null", "the body is missing or not of its kind"),
        (b"{}", "type is missing or not of its kind"),
        (b'{"type": "steal", "variant_id": "x"}', "type is missing or not of its kind"),
        (b'{"type": null, "variant_id": "x"}', "type is missing or not of its kind"),
        (
            b'{"type": "download", "variant_id": "x"}',
            "type must be visit or click; downloads are counted by the server",
        ),
        (b'{"type": "visit"}', "one of variant_id, release_id and app_id is required"),
        (b'{"type": "visit", "variant_id": ""}', "one of variant_id, release_id and app_id is required"),
        (b'{"type": "visit", "variant_id": 5}', "variant_id is missing or not of its kind"),
        (b'{"type": "visit", "variant_id": "' + b"x" * 81 + b'"}', "variant_id is missing or not of its kind"),
        (b'{"type": "visit", "variant_id": "var_x"}', "variant not found"),
        (b'{"type": "visit", "variant_id": "\\u0000"}', "variant not found"),
        (b'{"type": "visit", "variant_id": "\\ud800"}', "the body is not valid JSON"),
        (b'{"type": "visit", "app_id": "app_x"}', "app not found"),
        (b'{"type": "visit", "release_id": "rel_x"}', "release not found"),
        (b'{"type": "visit", "variant_id": "x", "extra": []}', "extra is missing or not of its kind"),
        (b'{"type": "visit", "variant_id": "x", "extra": "text"}', "extra is missing or not of its kind"),
    ],
)
def test_events_that_are_refused(client: AppClient, body: bytes, message: str) -> None:
    assert refusal(client.post("/events", content=body)) == (400, "BAD_REQUEST", message)
    client.flush()
    assert client.admin("GET", URL)["total"] == 0


def test_an_event_of_any_depth_is_written_or_refused(client: AppClient, ids: dict[str, str]) -> None:
    """A report that cannot be written would take everybody else's down with it."""
    taken = 0
    for depth in (1, 50, 100, 150, 190, 198, 199, 200, 250, 900, 3000):
        extra = "[" * depth + "]" * depth
        body = f'{{"type": "visit", "variant_id": "{ids["variant_id"]}", "extra": {{"a": {extra}}}}}'
        taken += client.post("/events", content=body).status_code == 201
    assert 3 <= taken < 11
    assert len(events(client)) == taken
    export = client.get("/admin/exports/events.csv", headers=ADMIN)
    assert len(export.text.splitlines()) == taken + 1


@pytest.mark.parametrize("number", ["1e999", "-1e999", "9" * 400, "1e-999", "0.1", "-0"])
def test_numbers_of_any_size_come_back_as_json(client: AppClient, ids: dict[str, str], number: str) -> None:
    client.post("/events", content=f'{{"type":"visit","variant_id":"{ids["variant_id"]}","extra":{{"n":{number}}}}}')
    client.flush()

    def no_constant(name: str) -> None:
        raise AssertionError(f"{name} is no JSON")

    json.loads(client.get(URL, headers=ADMIN).text, parse_constant=no_constant)


def test_sixty_a_minute(client: AppClient, ids: dict[str, str]) -> None:
    assert [report(client, **ids).status_code for _ in range(62)] == [201] * 60 + [429] * 2
    refused = report(client, **ids)
    assert refusal(refused) == (429, "RATE_LIMITED", "too many requests; try again in 60 seconds")
    assert refused.headers["retry-after"] == "60"
    client.clock.move(seconds=59)
    assert report(client, **ids).status_code == 429
    client.address = "2001:db8::1"
    assert report(client, **ids).status_code == 201
    client.address = "127.0.0.1"
    client.clock.move(seconds=1)
    assert report(client, **ids).status_code == 201
    assert len(events(client)) == 62


def test_eight_kibibytes(client: AppClient, ids: dict[str, str]) -> None:
    head = f'{{"type": "visit", "variant_id": "{ids["variant_id"]}", "extra": {{"a": "'
    for size, status in ((8192, 201), (8193, 400), (2_000_000, 400)):
        body = head + "x" * (size - len(head) - 3) + '"}}'
        assert len(body) == size
        answer = client.post("/events", content=body)
        assert answer.status_code == status
    assert refusal(answer) == (400, "BAD_REQUEST", "an event is at most 8192 bytes")


def test_what_is_not_published_takes_no_events(client: AppClient, ids: dict[str, str]) -> None:
    product = client.admin("GET", "/admin/api/products")["items"][0]["id"]
    for hidden in (ids["variant_id"], product):
        client.admin("PUT", f"/admin/api/apps/{hidden}/unpublish")
        for name, value in ids.items():
            assert refusal(report(client, **{name: value}))[:2] == (400, "BAD_REQUEST")
        client.admin("PUT", f"/admin/api/apps/{hidden}/publish")
    assert report(client, **ids).status_code == 201


def test_a_user_agent_cannot_hide_controls(client: AppClient, ids: dict[str, str]) -> None:
    headers = {"User-Agent": b"a\x1b[31mb\x7f" + b"x" * 1000}
    client.post("/events", json={"type": "visit", **ids}, headers=headers)
    [event] = events(client)
    assert event["ua"].startswith("a[31mbxxx")
    assert len(event["ua"]) <= 400


# the list


def test_filters(client: AppClient, ids: dict[str, str]) -> None:
    other = client.make_release(b"another")
    report(client, **ids)
    client.clock.move(days=1)
    client.post("/events", json={"type": "click", "variant_id": ids["variant_id"]})
    client.clock.move(days=1)
    client.get(f"/d/{other['release']['id']}")
    listed_events = client.admin("GET", URL)
    check(listed_events, listed(EVENT))
    expected = {
        "": ["download", "click", "visit"],
        "type=click": ["click"],
        "type=download": ["download"],
        f"variant_id={ids['variant_id']}": ["click", "visit"],
        f"app_id={ids['app_id']}": ["click", "visit"],
        f"release_id={ids['release_id']}": ["visit"],
        f"variant_id={ids['variant_id']}&type=visit": ["visit"],
        "variant_id=var_nothing": [],
        "from=2026-11-03": ["download", "click"],
        "to=2026-11-03": ["click", "visit"],
        "from=2026-11-03&to=2026-11-03": ["click"],
        "from=2026-11-05": [],
        "from=&to=&type=visit": ["visit"],
        "limit=1": ["download"],
        "limit=1&offset=1": ["click"],
    }
    for query, types in expected.items():
        assert [event["type"] for event in events(client, query)] == types, query
    assert client.admin("GET", f"{URL}?limit=1")["total"] == 3


def test_both_days_are_inclusive_to_the_last_millisecond(client: AppClient, ids: dict[str, str]) -> None:
    client.clock.now = client.clock.now.replace(hour=0, minute=0)
    report(client, **ids)
    client.clock.now = client.clock.now.replace(hour=23, minute=59, second=59, microsecond=999_999)
    report(client, **ids)
    assert len(events(client, "from=2026-11-02&to=2026-11-02")) == 2
    assert events(client, "to=2026-11-01") == events(client, "from=2026-11-03") == []


@pytest.mark.parametrize(
    "query",
    [
        *(
            "type=steal",
            "from=2026-1-1",
            "from=02.11.2026",
            "to=2026-13-01",
            "to=2026-11-32",
            "from=2026-11-02T00:00:00Z",
        ),
        *("from=today", "to=%00", "variant_id=%00", f"app_id={'x' * 300}", "from=' OR 1=1"),
    ],
)
def test_filters_that_are_refused(client: AppClient, query: str) -> None:
    status, code, message = refusal(client.get(f"{URL}?{query}", headers=ADMIN))
    assert (status, code) == (400, "BAD_REQUEST")
    assert message.startswith(f"{query.partition('=')[0]}: ")
