"""What Apple's errors mean, and what to do about them.

Source: App Store Connect API, "Interpreting and Handling Errors": `errors: [{status, code, title, detail}]`. Apple's own words stay
here: they name devices, and say less than ours.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any

from fenfa.errors import AppleBusy, AppleRefused, UpstreamFailed

REASONS = ("agreements", "clock", "device", "duplicate", "key", "other", "role", "slots")
_CLOCK_SKEW = 60.0
_LONGEST_WAIT = 3600
_CODE = re.compile(r"[A-Z][A-Z_.]{2,80}")


def explain(status: int, headers: Mapping[str, str], document: Any, now: datetime) -> UpstreamFailed:
    """The error of an answer that is none of 200 and 201. `document`: its JSON, or None."""
    code, words = _first(document)
    if status == 429:
        return _busy(AppleBusy("Apple asks to wait: too many requests in this hour", retry_after=60), headers, True)
    if status >= 500:
        return _busy(AppleBusy("Apple's server failed; try again in a moment", retry_after=5), headers, False)
    if status == 401:
        return _key_refused(headers, now)
    if status == 403:
        return _forbidden(code)
    if status == 409:
        return _conflict(words)
    return AppleRefused("Apple refused this ({code}); try again later", reason="other", code=code or str(status))


def is_about_team(error: AppleRefused) -> bool:
    """Whether every other device would be refused as well."""
    return error.reason in ("agreements", "clock", "key", "role")


def no_slots() -> AppleRefused:
    return AppleRefused("no slots are left: Apple takes 100 devices of a family in a membership year", reason="slots")


def _busy(error: AppleBusy, headers: Mapping[str, str], asked: bool) -> AppleBusy:
    """With the wait that the answer asks for, if it does."""
    told = headers.get("retry-after", "")
    error.asked = asked
    if re.fullmatch(r"\d{1,9}", told):
        error.asked, error.retry_after = True, min(int(told), _LONGEST_WAIT)
    return error


def _key_refused(headers: Mapping[str, str], now: datetime) -> AppleRefused:
    if abs(_ahead(headers, now)) > _CLOCK_SKEW:
        return AppleRefused(
            "this server's clock is wrong, so Apple refuses its key; set the clock and try again", reason="clock"
        )
    return AppleRefused(
        "Apple does not accept the API key: it was revoked, or key ID, issuer ID and private key do not belong together",
        reason="key",
    )


def _forbidden(code: str) -> AppleRefused:
    if "AGREEMENTS" in code:
        return AppleRefused(
            "Apple waits for the Account Holder to accept an agreement at developer.apple.com/account; the API key is fine",
            reason="agreements",
        )
    return AppleRefused(
        "the API key may not do this; make a team key (not an individual one) with the role App Manager or Admin",
        reason="role",
    )


def _conflict(words: str) -> AppleRefused:
    """Apple has one code for all of these; only its sentence tells them apart, so no promise hangs on that."""
    if "already exists" in words:
        return AppleRefused("Apple knows this device but does not show it; try again later", reason="duplicate")
    if re.search(r"maximum|limit\b|no more devices", words):
        return no_slots()
    return AppleRefused("Apple does not accept this device; check its UDID", reason="device")


def _first(document: Any) -> tuple[str, str]:
    """Code and lower-case words of the first error; empty for anything else."""
    errors = document.get("errors") if isinstance(document, dict) else None
    first = errors[0] if isinstance(errors, list) and errors and isinstance(errors[0], dict) else {}
    code = str(first.get("code", ""))
    return code if _CODE.fullmatch(code) else "", f"{first.get('title', '')} {first.get('detail', '')}".lower()


def _ahead(headers: Mapping[str, str], now: datetime) -> float:
    """Seconds by which our clock is ahead of Apple's; 0 when it does not say."""
    try:
        return (now - parsedate_to_datetime(headers.get("date", ""))).total_seconds()
    except (TypeError, ValueError):
        return 0.0
