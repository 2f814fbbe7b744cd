"""CSV exports: exact header lines, filters, cells that no spreadsheet runs, and streaming."""

import csv
import io
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fenfa.services.exports import event_chunks
from fenfa.services.extents import EventFilter
from fenfa.services.traffic import record_events
from fenfa.vocabulary import EventType
from tests.services.shop import event
from tests.support.client import ADMIN, AppClient, refusal
from tests.web.api.test_devices import add, bind

HEADERS = {
    "releases": "app_id,variant_id,release_id,version,build,created_at,size_bytes,sha256,download_count,channel",
    "events": "ts,type,app_id,variant_id,release_id,ip,ua,extra",
    "ios_devices": "udid,device_name,model,os_version,created_at,verified_at",
}
FORMULAS = [
    "=1+1",
    "+1",
    "-1",
    "@SUM(A1)",
    "\t=1",
    " =1",
    '"=1',
    "'=1",
    "=cmd|' /C calc'!A0",
    "＝1+1",
    "＋1",
    "－1",
    "＠x",
]


def export(client: AppClient, noun: str, query: str = "") -> list[list[str]]:
    answer = client.get(f"/admin/exports/{noun}.csv?{query}", headers=ADMIN)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"] == f'attachment; filename="{noun}.csv"'
    assert answer.headers["cache-control"] == "no-store"
    first, *_ = answer.content.decode().split("\r\n")
    assert first == HEADERS[noun]
    return list(csv.reader(io.StringIO(answer.text, newline="")))[1:]


@pytest.mark.parametrize("noun", HEADERS)
def test_an_empty_export_is_its_header(client: AppClient, noun: str) -> None:
    assert export(client, noun) == []


def test_releases(client: AppClient) -> None:
    made = client.make_release(version='1.0, "final"', build="7", channel="beta")
    client.get(f"/d/{made['release']['id']}")
    client.flush()
    app, release = made["app"], made["release"]
    about = [app["id"], app["variant_id"], release["id"], '1.0, "final"', "7", "2026-11-02T09:30:00.000Z"]
    assert export(client, "releases") == [[*about, "20", release["sha256"], "1", "beta"]]


def test_filters_of_releases(client: AppClient) -> None:
    first = client.make_release(version="1")
    client.clock.move(days=1)
    second = client.make_release(version="2")
    expected = {
        f"app_id={first['app']['id']}": ["1"],
        f"variant_id={second['app']['variant_id']}": ["2"],
        f"release_id={first['release']['id']}": ["1"],
        "from=2026-11-03": ["2"],
        "to=2026-11-02": ["1"],
        "variant_id=var_x": [],
        "": ["2", "1"],
    }
    for query, versions in expected.items():
        assert [row[3] for row in export(client, "releases", query)] == versions, query


def test_events(client: AppClient) -> None:
    made = client.make_release()
    variant = made["app"]["variant_id"]
    for body in ({"extra": {"a": 'é, "x"'}}, {}):
        client.post("/events", json={"type": "visit", "variant_id": variant, **body}, headers={"User-Agent": "=1+1"})
    client.get(f"/d/{made['release']['id']}")
    client.flush()
    rows = export(client, "events")
    ts, address = "2026-11-02T09:30:00.000Z", "127.0.0.0"
    shared = [made["app"]["id"], variant]
    assert rows[1] == [ts, "visit", *shared, "", address, "'=1+1", ""]
    assert rows[2] == [ts, "visit", *shared, "", address, "'=1+1", '{"a": "é, \\"x\\""}']
    assert [row[1] for row in export(client, "events", "type=download")] == ["download"]
    assert export(client, "events", "to=2026-11-01") == []
    assert len(export(client, "events", f"variant_id={variant}&from=2026-11-02&to=2026-11-02")) == 3


def test_devices(client: AppClient) -> None:
    variant = client.make_variant(client.make_product()["id"], "ios")
    bind(client, add(client, "one", "00008110-000A1D0E3C38801E", "2026-11-01"), variant["id"])
    add(client, "two", "00008110-000A1D0E3C38801F", "2026-11-02")
    row = ["00008110-000A1D0E3C38801E", "Phone one", "iPhone17,1", "19.1", "2026-11-01T10:00:00.000Z", ""]
    for query in (
        f"variant_id={variant['id']}",
        f"app_id={variant['legacy_app_id']}",
        "q=Phone%20one",
        "to=2026-11-01",
    ):
        assert export(client, "ios_devices", query) == [row], query
    assert len(export(client, "ios_devices")) == 2


@pytest.mark.parametrize("noun", HEADERS)
def test_filters_that_are_refused(client: AppClient, noun: str) -> None:
    for query in ("from=x", "to=2026-1-1", "variant_id=%00"):
        assert refusal(client.get(f"/admin/exports/{noun}.csv?{query}", headers=ADMIN))[:2] == (400, "BAD_REQUEST")


@pytest.mark.parametrize("formula", [f for f in FORMULAS if "\t" not in f])
def test_formulas_are_texts(client: AppClient, formula: str) -> None:
    client.make_release(version=formula, channel=formula)
    [row] = export(client, "releases")
    for cell in (row[3], row[9]):
        assert cell == f"'{formula.strip()}"


def rows_of(values: list[dict[str, Any]]) -> list[list[str]]:
    """What an export makes of these events, without an application around it."""
    from fenfa.services.exports import _lines

    text = _lines([one.values() for one in values]).decode()
    return list(csv.reader(io.StringIO(text, newline="")))


@given(
    st.lists(st.fixed_dictionaries({"a": st.text(st.characters(), min_size=1), "b": st.text(min_size=1)}), min_size=1)
)
@example([{"a": formula, "b": formula} for formula in FORMULAS])
def test_no_cell_starts_a_formula_and_every_cell_comes_back(values: list[dict[str, str]]) -> None:
    for sent, row in zip(values, rows_of(values), strict=True):
        for text, cell in zip(sent.values(), row, strict=True):
            assert not cell.startswith(tuple("=+-@\t\r\n＝＋－＠"))
            assert cell.lstrip("'").lstrip(" \"'") == text.encode("utf-8", "replace").decode().lstrip(" \"'")


def test_exports_are_streamed_in_batches(client: AppClient) -> None:
    variant = client.make_release()["app"]["variant_id"]
    visit = event(EventType.VISIT, variant_id=variant)
    client.runtime.database.write_now(record_events, [visit] * 2300)
    pieces = list(event_chunks(client.runtime.database, EventFilter()))
    assert [piece.count(b"\r\n") for piece in pieces] == [1, 1000, 1000, 300]
    assert len(export(client, "events")) == 2300
