"""What each of Apple's errors becomes: a sentence that says what to do, and whether asking again helps."""

from datetime import UTC, datetime
from typing import Any

import pytest

from fenfa.apple.refusals import REASONS, explain, is_about_team
from fenfa.errors import AppleBusy, AppleRefused

NOW = datetime(2026, 11, 2, 9, 30, tzinfo=UTC)
DATE = "Mon, 02 Nov 2026 09:30:05 GMT"
UDID = "00008110-000A1D0E3C38801E"


def document(code: str = "", detail: str = "", title: str = "") -> dict[str, Any]:
    return {"errors": [{"status": "0", "code": code, "title": title, "detail": detail}]}


REFUSED = [
    (401, document("NOT_AUTHORIZED"), {"date": DATE}, "key", "revoked"),
    (401, document("NOT_AUTHORIZED"), {}, "key", "revoked"),
    (401, None, {"date": "Mon, 02 Nov 2026 09:34:00 GMT"}, "clock", "set the clock"),
    (401, None, {"date": "Mon, 02 Nov 2026 09:20:00 GMT"}, "clock", "set the clock"),
    (401, None, {"date": "nonsense"}, "key", "revoked"),
    (403, document("FORBIDDEN.REQUIRED_AGREEMENTS_MISSING_OR_EXPIRED"), {}, "agreements", "Account Holder"),
    (403, document("FORBIDDEN_ERROR"), {}, "role", "team key"),
    (403, None, {}, "role", "team key"),
    (409, document("ENTITY_ERROR", f"A device with number '{UDID}' already exists on this team."), {}, "duplicate", ""),
    (
        409,
        document("ENTITY_ERROR", "Your maximum number of registered iPhone devices has been reached."),
        {},
        "slots",
        "100",
    ),
    (409, document("ENTITY_ERROR", "You have reached the device limit."), {}, "slots", "100"),
    (409, document("ENTITY_ERROR.ATTRIBUTE.INVALID", f"An invalid value '{UDID}' was provided"), {}, "device", "UDID"),
    (400, document("PARAMETER_ERROR.INVALID"), {}, "other", "PARAMETER_ERROR.INVALID"),
    (404, {"errors": "none"}, {}, "other", "404"),
    (418, document("<script>"), {}, "other", "418"),
    (302, None, {}, "other", "302"),
]


@pytest.mark.parametrize(("status", "body", "headers", "reason", "advice"), REFUSED)
def test_refusals(status: int, body: Any, headers: dict[str, str], reason: str, advice: str) -> None:
    error = explain(status, headers, body, NOW)
    assert isinstance(error, AppleRefused)
    assert (error.reason, error.code, error.retry_after) == (reason, "UPSTREAM_ERROR", None)
    assert advice in error.message
    assert UDID not in error.message
    assert is_about_team(error) is (reason in ("key", "clock", "agreements", "role"))


@pytest.mark.parametrize(
    ("status", "headers", "wait", "asked"),
    [
        (429, {}, 60, True),
        (429, {"retry-after": "7"}, 7, True),
        (429, {"retry-after": "0"}, 0, True),
        (429, {"retry-after": "99999999"}, 3600, True),
        (429, {"retry-after": "soon"}, 60, True),
        (500, {}, 5, False),
        (503, {"retry-after": "30"}, 30, True),
        (599, {"retry-after": "²"}, 5, False),
    ],
)
def test_what_passes(status: int, headers: dict[str, str], wait: int, asked: bool) -> None:
    error = explain(status, headers, None, NOW)
    assert isinstance(error, AppleBusy)
    assert (error.retry_after, error.asked) == (wait, asked)


def test_every_reason_comes_about() -> None:
    assert {case[3] for case in REFUSED} == set(REASONS)


@pytest.mark.parametrize("body", [None, [], "", 5, {}, {"errors": []}, {"errors": [5]}, {"errors": [{"code": ["x"]}]}])
def test_documents_of_any_shape(body: Any) -> None:
    assert isinstance(explain(409, {}, body, NOW), AppleRefused)
