"""Jobs over HTTP: list, read, cancel, try again."""

import pytest

from fenfa.services import jobs
from fenfa.services.records import stamp
from tests.support.client import ADMIN, AppClient, refusal
from tests.web.shapes import JOB, check, listed

URL = "/admin/api/jobs"


def add(client: AppClient, kind: str = "check-apple") -> str:
    now = stamp(client.clock())
    return client.runtime.database.write_now(jobs.enqueue, now, kind, {"team_id": "default"})


def test_list_and_read(client: AppClient) -> None:
    first, second = add(client), add(client, "other")
    found = client.admin("GET", URL)
    check(found, listed(JOB))
    assert [job["id"] for job in found["items"]] == [second, first]
    read = client.admin("GET", f"{URL}/{first}")
    check(read, JOB | {"job": JOB})
    assert read["args"] == {"team_id": "default"}


def test_filters(client: AppClient) -> None:
    first, second = add(client), add(client, "other")
    client.admin("POST", f"{URL}/{first}/cancel")
    expected = {"state=cancelled": [first], "state=queued": [second], "kind=other": [second], "limit=1": [second]}
    for query, ids in expected.items():
        assert [job["id"] for job in client.admin("GET", f"{URL}?{query}")["items"]] == ids, query
    assert refusal(client.get(f"{URL}?state=lazy", headers=ADMIN))[:2] == (400, "BAD_REQUEST")


def test_cancel_and_retry(client: AppClient) -> None:
    job_id = add(client)
    assert client.admin("POST", f"{URL}/{job_id}/cancel")["state"] == "cancelled"
    again = client.post(f"{URL}/{job_id}/cancel", headers=ADMIN)
    assert refusal(again) == (409, "CONFLICT", "the job is over already (cancelled)")
    assert client.admin("POST", f"{URL}/{job_id}/retry")["state"] == "queued"


@pytest.mark.parametrize("action", ["cancel", "retry"])
def test_who_did_it_is_noted(client: AppClient, action: str) -> None:
    job_id = add(client)
    client.admin("POST", f"{URL}/{job_id}/{action}")
    assert client.rows("SELECT action, target FROM audit") == [(f"job.{action}", job_id)]


@pytest.mark.parametrize(("method", "rest"), [("GET", ""), ("POST", "/cancel"), ("POST", "/retry")])
def test_missing(client: AppClient, method: str, rest: str) -> None:
    answer = client.request(method, f"{URL}/job_nothing{rest}", headers=ADMIN)
    assert refusal(answer) == (404, "NOT_FOUND", "job not found")
