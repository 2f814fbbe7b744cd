"""/metrics: its form, what it counts, and who may read it."""

from contextlib import suppress
from pathlib import Path

import httpx
import psutil
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families
from starlette.routing import Route

from fenfa.inspectors.slots import taken
from fenfa.vocabulary import EventType
from fenfa.web.meter import Meter, every_route
from tests.support.client import ADMIN, UPLOAD, AppClient, running
from tests.support.server import PATIENCE, fenfa_server, wait_for
from tests.web.routes import TABLE


def read_samples(text: str) -> dict[str, float]:
    """Every sample by name and labels, as an independent parser reads them; it refuses what is not OpenMetrics."""
    parsed = text_string_to_metric_families(text)  # type: ignore[no-untyped-call]  # it has no types
    return {
        sample.name + "".join(f" {value}" for value in sample.labels.values()): sample.value
        for family in parsed
        for sample in family.samples
    }


def test_the_form_and_the_state_of_things(client: AppClient) -> None:
    client.make_release()
    answer = client.get("/metrics")
    assert answer.headers["content-type"] == "application/openmetrics-text; version=1.0.0; charset=utf-8"
    found = read_samples(answer.text)
    assert (found["fenfa_releases"], found["fenfa_uploads ready"], found["fenfa_jobs failed"]) == (1, 1, 0)
    assert found["fenfa_storage_size_bytes"] >= found["fenfa_storage_free_bytes"] > 0
    assert found["fenfa_parsers_busy"] == 0
    with taken(Path(client.runtime.config.data_dir) / "readers"):
        assert read_samples(client.get("/metrics").text)["fenfa_parsers_busy"] == 1


def test_requests_count_by_route_and_class(client: AppClient) -> None:
    meter: Meter = client.app.state.meter
    [page] = [route for route in every_route(client.app.routes) if getattr(route, "path", "") == "/products/{slug}"]
    assert isinstance(page, Route)
    route = {"endpoint": page.endpoint, "path_params": {"slug": "x"}}
    meter("GET", "/products/secret-name", route, 200, 700, 0.02)
    meter("GET", "/products/secret-name", None, 200, 300, 0.00001)
    meter("GET", "/products/other", route, 404, 10, 20.0)
    meter("GET", "/no/such/place", {}, 404, 10, 0.01)
    meter("GET", "/products/other", route, 0, 0, 0.01)  # the client hung up before there was an answer
    text = client.get("/metrics").text
    found = read_samples(text)
    assert found["fenfa_http_requests_total /products/{slug} 2xx"] == 2
    assert found["fenfa_http_requests_total /products/{slug} 4xx"] == 1
    assert found["fenfa_http_requests_total other 4xx"] == 1
    assert found["fenfa_http_response_bytes_total /products/{slug}"] == 1010
    prefix = "fenfa_http_request_duration_seconds"
    assert found[f"{prefix}_bucket /products/{{slug}} 0.001"] == 1
    assert found[f"{prefix}_bucket /products/{{slug}} 0.025"] == 2
    assert found[f"{prefix}_bucket /products/{{slug}} 10.0"] == 2
    assert found[f"{prefix}_count /products/{{slug}}"] == 3
    assert found[f"{prefix}_sum /products/{{slug}}"] == pytest.approx(20.02001)
    assert "secret-name" not in text


def test_events_and_errors_count_when_they_are_written(client: AppClient) -> None:
    made = client.make_release()
    for _ in range(3):
        assert client.get(f"/d/{made['release']['id']}").status_code == 200
    client.flush()
    client.sql("DROP TABLE settings")
    assert client.get("/readyz").status_code == 503
    assert client.get("/admin/api/settings", headers=ADMIN).status_code == 503
    found = read_samples(client.get("/metrics").text)
    assert found[f"fenfa_events_total {EventType.DOWNLOAD}"] == 3
    assert found["fenfa_errors_total error"] >= 1


@pytest.mark.parametrize(
    ("networks", "address", "headers", "status"),
    [
        ("127.0.0.1, ::1", "127.0.0.1", {}, 200),
        ("127.0.0.1, ::1", "192.0.2.7", {}, 401),
        ("127.0.0.1, ::1", "192.0.2.7", UPLOAD, 401),  # the public defaults count on loopback alone
        ("127.0.0.1, ::1", "127.0.0.1", {"X-Forwarded-For": "198.51.100.9"}, 401),
        ("127.0.0.1, ::1", "127.0.0.1", {"X-Real-IP": "127.0.0.1"}, 401),
        ("127.0.0.1, ::1", "127.0.0.1", {"Via": "1.1 proxy", **ADMIN}, 200),
        ("127.0.0.1, ::1", "127.0.0.1", {"Via": "1.1 proxy", **UPLOAD}, 403),
        ("10.0.0.0/8", "10.2.3.4", {}, 200),
        ("10.0.0.0/8", "127.0.0.1", {}, 401),
        ("10.0.0.0/8", "127.0.0.1", {"X-Forwarded-For": "10.2.3.4"}, 200),
        ("off", "127.0.0.1", ADMIN, 404),
    ],
)
def test_who_may_read(tmp_path: Path, networks: str, address: str, headers: dict[str, str], status: int) -> None:
    with running(tmp_path / "data", metrics=networks) as client:
        client.address = address
        assert client.get("/metrics", headers=headers).status_code == status


def test_workers_add_up_and_outlive_each_other(tmp_path: Path) -> None:
    routes = [Route("/d/{release_id}", lambda _request: None)]
    first, second = (Meter(routes, str(tmp_path), number) for number in (1, 2))
    for meter in (first, second, second):
        meter("GET", "/d/x", None, 200, 1, 0.0)
    replaced = Meter(routes, str(tmp_path), 1)
    replaced("GET", "/d/x", None, 206, 1, 0.0)
    (tmp_path / "metrics" / "1-1-1").write_bytes(b"of a server that is gone")
    for meter in (first, second, replaced, Meter(routes, str(tmp_path), 3)):
        assert meter.totals().routes["/d/{release_id}"][1] == 4
        meter.close()


def test_the_routes_are_all_named(client: AppClient) -> None:
    named = set(client.app.state.meter.routes)
    assert {path for _, path in TABLE} - named == {"/static/{path}"}


@pytest.mark.journey
def test_two_workers_and_a_killed_one_lose_no_count(tmp_path: Path) -> None:
    asked = 'fenfa_http_requests_total{route="/robots.txt",status="2xx"}'
    with fenfa_server(tmp_path, "--workers", "2") as server:
        for _ in range(20):
            answer = httpx.get(f"{server.url}/robots.txt", timeout=PATIENCE)  # a connection each: both workers get some
            answer.raise_for_status()
        psutil.Process(server.process.pid).children()[0].kill()
        assert f"{asked} 20\n" in wait_for(lambda: answered(f"{server.url}/metrics"))
        assert server.terminate() == 0


def answered(url: str) -> str | None:
    """None while the worker that has the connection is going."""
    with suppress(httpx.TransportError):
        return httpx.get(url).text
    return None
