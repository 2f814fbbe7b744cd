"""Statistics of products, variants and releases."""

from datetime import date, timedelta
from itertools import pairwise
from typing import Any

import pytest

from tests.support.client import ADMIN, AppClient, refusal
from tests.web.shapes import PRODUCT, RELEASE, VARIANT, Shape, check

COUNTS: Shape = {"downloads": int, "visits": int, "clicks": int}
TOTALS: Shape = COUNTS | {"unique_devices": int}
PLACE: Shape = {f"{noun}_id": str for noun in ("product", "variant", "release")} | COUNTS
REPORT: Shape = {
    "product": PRODUCT,
    "from": str,
    "to": str,
    "totals": TOTALS,
    "totals_before": TOTALS,
    "daily": [{"date": str} | TOTALS],
    "systems": [{"system": str, "version": str} | COUNTS],
    "programs": [{"program": str, "in_app": bool, "is_installer": bool} | COUNTS],
    "places": [PLACE | {"platform": str, "arch": str, "version": str, "build": int, "channel": str}],
}
IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) Version/18.5 Mobile/15E148 Safari/604.1"


@pytest.fixture
def product(client: AppClient) -> str:
    return str(client.make_product()["id"])


def busy(client: AppClient) -> dict[str, Any]:
    """A release with a visit and a download yesterday, and two downloads today, one of them by a tool."""
    made = client.make_release(version="1.2", build="7", channel="beta")
    phone = {"User-Agent": IPHONE}
    client.post("/events", json={"type": "visit", "release_id": made["release"]["id"]}, headers=phone)
    client.get(f"/d/{made['release']['id']}", headers=phone)
    client.clock.move(days=1)
    for agent in (IPHONE, "curl/8.5.0"):
        client.get(f"/d/{made['release']['id']}", headers={"User-Agent": agent})
    client.flush()
    return made


@pytest.mark.parametrize("noun", ["product", "release"])
def test_of_thirty_days(client: AppClient, noun: str) -> None:
    made = busy(client)
    ids = {"product": made["app"]["product_id"], "release": made["release"]["id"]}
    report = client.admin("GET", f"/admin/api/{noun}s/{ids[noun]}/stats")
    check(report, REPORT | ({"release": RELEASE} if noun == "release" else {}))
    assert (report["from"], report["to"], len(report["daily"])) == ("2026-10-05", "2026-11-03", 30)
    assert report["totals"] == {"downloads": 3, "visits": 1, "clicks": 0, "unique_devices": 3}
    assert set(report["totals_before"].values()) == {0}
    systems = [(one["system"], one["version"], one["downloads"], one["visits"]) for one in report["systems"]]
    assert systems == [("iOS", "18", 2, 1), ("", "", 1, 0)]
    assert [(one["program"], one["downloads"]) for one in report["programs"]] == [("Safari", 2), ("curl", 1)]
    [place] = report["places"]
    assert (place["release_id"], place["version"], place["build"], place["channel"]) == (
        ids["release"],
        "1.2",
        7,
        "beta",
    )
    assert (place["product_id"], place["downloads"], place["visits"]) == (ids["product"], 3, 1)


def test_of_any_dates(client: AppClient) -> None:
    url = f"/admin/api/products/{busy(client)['app']['product_id']}/stats"
    today = client.admin("GET", f"{url}?from=2026-11-03&to=2026-11-03")
    assert [day["date"] for day in today["daily"]] == ["2026-11-03"]
    assert (today["totals"]["downloads"], today["totals_before"]["downloads"]) == (2, 1)
    assert client.admin("GET", f"{url}?to=2026-11-02")["totals"]["downloads"] == 1
    assert client.admin("GET", f"{url}?from=2026-11-04&to=2026-11-05")["totals"]["downloads"] == 0


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("from=2026-11-03&to=2026-11-02", "from must not be after to"),
        ("from=2026-11-04", "from must not be after to"),
        ("from=2016-10-01", "from and to must be at most ten years apart"),
        ("to=2026-02-30", "to must be a date, YYYY-MM-DD"),
        ("to=0001-01-01", "dates must be after 1970"),
        ("from=today", "from: must be a date, YYYY-MM-DD"),
    ],
)
def test_of_impossible_dates(client: AppClient, product: str, query: str, message: str) -> None:
    answer = client.get(f"/admin/api/products/{product}/stats?{query}", headers=ADMIN)
    assert refusal(answer) == (400, "BAD_REQUEST", message)


def test_visits_without_a_release_have_a_place(client: AppClient, product: str) -> None:
    variant = client.make_variant(product)["id"]
    client.post("/events", json={"type": "visit", "variant_id": variant})
    client.flush()
    [place] = client.admin("GET", f"/admin/api/products/{product}/stats")["places"]
    assert (place["variant_id"], place["release_id"], place["version"], place["visits"]) == (variant, "", None, 1)


def test_of_a_variant(client: AppClient) -> None:
    made = client.make_release()
    variant, release = made["app"]["variant_id"], made["release"]["id"]
    for event in ("visit", "visit", "click"):
        client.post("/events", json={"type": event, "variant_id": variant})
    client.get(f"/d/{release}", headers={"User-Agent": "one"})
    client.clock.move(days=1)
    for agent in ("one", "two", "two"):
        client.get(f"/d/{release}", headers={"User-Agent": agent})
    client.flush()
    stats = client.admin("GET", f"/admin/api/variants/{variant}/stats")
    totals = {"downloads": int, "visits": int, "clicks": int, "unique_devices": int}
    daily = {"date": str} | totals
    check(stats, {"product": PRODUCT, "variant": VARIANT, "releases": [RELEASE], "totals": totals, "daily": [daily]})
    assert stats["totals"] == {"downloads": 4, "visits": 2, "clicks": 1, "unique_devices": 3}
    assert len(stats["daily"]) == 30
    assert stats["daily"][-2:] == [
        {"date": "2026-11-02", "downloads": 1, "visits": 2, "clicks": 1, "unique_devices": 1},
        {"date": "2026-11-03", "downloads": 3, "visits": 0, "clicks": 0, "unique_devices": 2},
    ]
    days = [date.fromisoformat(day["date"]) for day in stats["daily"]]
    assert all(later - earlier == timedelta(days=1) for earlier, later in pairwise(days))


@pytest.mark.parametrize("days", [1, 7, 366])
def test_of_some_days(client: AppClient, product: str, days: int) -> None:
    variant = client.make_variant(product)["id"]
    assert len(client.admin("GET", f"/admin/api/variants/{variant}/stats?days={days}")["daily"]) == days


@pytest.mark.parametrize("days", ["0", "-1", "367", "x", "", "1.5", "9" * 30])
def test_of_impossible_days(client: AppClient, product: str, days: str) -> None:
    variant = client.make_variant(product)["id"]
    answer = client.get(f"/admin/api/variants/{variant}/stats?days={days}", headers=ADMIN)
    assert refusal(answer)[:2] == (400, "BAD_REQUEST")
    assert refusal(answer)[2].startswith("days: should be ")
