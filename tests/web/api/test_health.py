"""Health."""

from tests.support.client import AppClient, refusal


def test_health(client: AppClient) -> None:
    answer = client.get("/healthz")
    assert (answer.status_code, answer.json()) == (200, {"ok": True, "data": {"status": "ok"}})


def test_health_without_a_database(client: AppClient) -> None:
    client.sql("DROP TABLE products")
    assert refusal(client.get("/healthz"))[:2] == (503, "UNAVAILABLE")
