"""Statistics of everything, a product, a variant or a release."""

import re
from typing import Any

import pytest

from tests.support.client import ADMIN, AppClient
from tests.web.admin.test_dashboard import figures

URL = "/admin/statistics"
IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) Version/18.5 Mobile/15E148 Safari/604.1"


def page(client: AppClient, query: str = "") -> str:
    answer = client.get(f"{URL}?{query}", headers=ADMIN)
    assert answer.status_code == 200, answer.text
    return answer.text


def breakdowns(text: str) -> dict[str, list[list[str]]]:
    """By title: the words of each row."""
    found = {}
    for title, body in re.findall(r"<h2>([^<]*)</h2>\s*<table class=\"breakdown\">(.*?)</table>", text, re.DOTALL):
        rows = [re.sub("<[^>]*>", "|", row).split("|") for row in re.findall(r"<tr>\s*<td.*?</tr>", body, re.DOTALL)]
        found[title] = [[word.strip() for word in row if word.strip()] for row in rows]
    return found


@pytest.fixture
def made(client: AppClient) -> dict[str, Any]:
    """Two releases: three downloads of the first on the first day, one of the second on the day after, and one visit."""
    made = client.make_release(version="1.0", build="1")
    for agent in (IPHONE, IPHONE, "curl/8.5.0"):
        client.get(f"/d/{made['release']['id']}", headers={"User-Agent": agent})
    client.clock.move(days=1)
    second = client.upload(made["app"]["variant_id"], b"more bytes", version="1.1", build="2").json()["data"][
        "release"
    ]["id"]
    client.get(f"/d/{second}", headers={"User-Agent": IPHONE})
    client.post("/events", json={"type": "visit", "release_id": second}, headers={"User-Agent": IPHONE})
    client.flush()
    return made | {"second": second}


def test_totals_days_and_parts(client: AppClient, made: dict[str, Any]) -> None:
    text = page(client)
    assert figures(client, URL) == {"Downloads": "4", "Visits": "1", "Clicks": "0", "Devices": "3"}
    assert "Nov 2, 2026: 3, before: 0" in text
    assert "Nov 3, 2026: 1, before: 0" in text
    found = breakdowns(text)
    assert found["Products"] == [["MyApp", "4", "100%"]]
    assert found["Systems"] == [["iOS 18", "3", "75%"], ["Not told", "1", "25%"]]
    assert found["Browsers and apps"] == [["Safari", "3", "75%"], ["curl", "1", "25%"]]
    assert "Releases" not in found


def test_of_a_product_by_variant_and_release(client: AppClient, made: dict[str, Any]) -> None:
    found = breakdowns(page(client, f"product_id={made['app']['product_id']}"))
    assert found["Variants"] == [["Linux", "4", "100%"]]
    assert found["Releases"] == [["Linux 1.0 (1)", "3", "75%"], ["Linux 1.1 (2)", "1", "25%"]]
    assert "Products" not in found


def test_of_a_release(client: AppClient, made: dict[str, Any]) -> None:
    assert figures(client, f"{URL}?release_id={made['second']}")["Downloads"] == "1"
    assert set(breakdowns(page(client, f"release_id={made['second']}"))) == {"Systems", "Browsers and apps"}


def test_of_any_days_beside_as_many_before(client: AppClient, made: dict[str, Any]) -> None:
    text = page(client, "from=2026-11-03&to=2026-11-03")
    assert "Nov 3, 2026: 1, before: 3" in text
    assert "−67%" in text
    assert figures(client, f"{URL}?to=2026-11-02")["Downloads"] == "3"
    assert 'value="2026-11-03"' in text


def test_of_another_measure(client: AppClient, made: dict[str, Any]) -> None:
    visits = breakdowns(page(client, "show=visits"))
    assert visits["Systems"] == [["iOS 18", "1", "100%"]]
    devices = page(client, "show=unique_devices")
    assert "Nov 2, 2026: 2, before: 0" in devices
    assert breakdowns(devices)["Systems"][0] == ["iOS 18", "3", "75%"]


def test_the_same_numbers_as_a_table(client: AppClient, made: dict[str, Any]) -> None:
    table = page(client).split('class="numbers"')[1]
    rows = [re.findall(r"<td[^>]*>([^<]*)</td>", row) for row in re.findall(r"<tr><td.*?</tr>", table)]
    assert len(rows) == 30
    assert rows[0] == ["Nov 3, 2026", "1", "1", "0", "1", "0"]
    assert rows[1] == ["Nov 2, 2026", "3", "0", "0", "2", "0"]


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("from=2026-11-04", "From must not be after to"),
        ("from=1800-01-01", "Dates must be after 1970"),
        ("to=x", "To must be a date, YYYY-MM-DD"),
    ],
)
def test_days_that_cannot_be_are_said_and_the_usual_ones_shown(
    client: AppClient, made: dict[str, Any], query: str, sentence: str
) -> None:
    assert f'role="alert">{sentence}<' in page(client, query)
    assert figures(client, f"{URL}?{query}")["Downloads"] == "4"


def test_the_many_small_are_one(client: AppClient) -> None:
    release = client.make_release()["release"]["id"]
    for number in range(12):
        client.clock.move(minutes=1)  # one address may report only so many a minute
        for _ in range(12 - number):
            client.post(
                "/events", json={"type": "visit", "release_id": release}, headers={"User-Agent": f"tool-{number:02}/1"}
            )
    client.flush()
    programs = breakdowns(page(client, "show=visits"))["Browsers and apps"]
    assert [row[0] for row in programs] == [*(f"tool-{number:02}" for number in range(8)), "Others"]
    assert programs[-1] == ["Others", "10", "13%"]


def test_of_nothing(client: AppClient) -> None:
    text = page(client, "product_id=prd_unknown")
    assert "Nothing in these days" in text
    assert breakdowns(text) == {}


def test_it_is_said_in_chinese(client: AppClient, made: dict[str, Any]) -> None:
    answer = client.get(URL, headers={**ADMIN, "Accept-Language": "zh-CN"})
    for text in ("统计", "2026年11月2日：3，此前：0", "系统", "浏览器与应用", "未知"):
        assert text in answer.text
