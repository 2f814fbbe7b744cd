"""What ends, as JSON and as a calendar: the sentences for people, and what only the configuration knows."""

from collections.abc import Callable
from datetime import date, datetime
from typing import Any

from fenfa.feeds.calendar import Deadline
from fenfa.runtime import Runtime
from fenfa.services.expiring import Ending, Ends
from fenfa.services.records import stamp
from fenfa.web.i18n import marked
from fenfa.web.urls import Urls

_TITLES = {
    Ends.PROFILE: marked("Provisioning profile {name} ends"),
    Ends.CERTIFICATE: marked("Signing certificate {name} ends"),
    Ends.PROFILE_SIGNING: marked("Certificate of the enrolment profiles ends"),
    Ends.APPLE_KEY: marked("Apple refuses the API key {name}"),
    Ends.APPLE_MEMBERSHIP: marked("Apple membership ends"),
}
_NOTES = {
    Ends.PROFILE: marked(
        "Builds with it stop installing and running. Make a new profile and upload a build that holds it."
    ),
    Ends.CERTIFICATE: marked(
        "Builds that it signed stop running. Make a new certificate and upload builds that it signed."
    ),
    Ends.PROFILE_SIGNING: marked("Devices will show enrolment profiles as not verified. Renew the certificate."),
    Ends.APPLE_KEY: marked("Devices cannot be registered until this is settled."),
    Ends.APPLE_MEMBERSHIP: marked(
        "Renew it at developer.apple.com; after that, the devices on the team's list can be cleared."
    ),
}


def own_endings(runtime: Runtime) -> list[Ending]:
    """Of the certificate that signs enrolment profiles, where one is configured. Looks at files."""
    state = runtime.signer.state(runtime.clock())
    if not state.is_configured:
        return []
    ends_at = stamp(state.expires_at) if state.expires_at else ""
    return [Ending(Ends.PROFILE_SIGNING, "udid.sign_cert", state.subject, ends_at, "" if ends_at else state.problem)]


def ending_view(ending: Ending, now: datetime) -> dict[str, Any]:
    return {
        "kind": ending.kind,
        "name": ending.name,
        "ends_at": ending.ends_at or None,
        "days_left": ending.days_left(now),
        "state": ending.state(now),
        "message": ending.message,
        "team_id": ending.team_id,
        "releases": ending.releases,
    }


def ending_title(ending: Ending, translate: Callable[[str], str]) -> str:
    return translate(_TITLES[ending.kind]).format(name=ending.name)


def ending_advice(ending: Ending, translate: Callable[[str], str]) -> str:
    """What it means, and what to do."""
    return "\n".join(translate(part) for part in (ending.message, _NOTES[ending.kind]) if part)


def ending_note(ending: Ending, translate: Callable[[str], str]) -> str:
    """The advice, and what is concerned."""
    concerned = sorted({release["product_name"] for release in ending.releases})
    return "\n".join(filter(None, (ending_advice(ending, translate), ", ".join(concerned))))


def deadline_of(ending: Ending, now: datetime, urls: Urls, translate: Callable[[str], str]) -> Deadline:
    """What has no date is broken today."""
    day = date.fromisoformat(ending.ends_at[:10]) if ending.ends_at else now.date()
    return Deadline(
        uid=f"{ending.kind}-{ending.key}@{urls.base.partition('://')[2]}",
        day=day,
        title=ending_title(ending, translate),
        note=ending_note(ending, translate),
        url=f"{urls.base}/admin",
        made_at=now,
    )
