"""What ends, and when: profiles and certificates of the newest builds, Apple's keys and memberships, our own certificate."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, func, select

from fenfa.db.packing import json_object
from fenfa.db.tables import products, releases, variants
from fenfa.services.apple_teams import health_of, list_teams
from fenfa.services.records import Record, fetch_all, stamp
from fenfa.services.slots import year_end

SOON = timedelta(days=30)


class Ends(StrEnum):
    """What it is that ends."""

    PROFILE = "profile"  # builds with it stop installing and stop running
    CERTIFICATE = "certificate"  # as above, for all builds that it signed
    PROFILE_SIGNING = "profile_signing"  # enrolment profiles are shown as unverified
    APPLE_KEY = "apple_key"  # has no date: it works, or Apple refuses it
    APPLE_MEMBERSHIP = "apple_membership"


class State(StrEnum):
    BROKEN = "broken"  # of a key: Apple refuses it now
    EXPIRED = "expired"
    SOON = "soon"
    LATER = "later"


@dataclass
class Ending:
    """One thing that ends. `ends_at`: a time in stored form, or empty for what is broken now; then `message` says how. `key` names
    it for good, `releases` are those that it concerns: `{release_id, version, build, variant_id, product_id, product_name}`."""

    kind: Ends
    key: str
    name: str
    ends_at: str
    message: str = ""
    team_id: str = ""
    releases: list[Record] = field(default_factory=list)

    def state(self, now: datetime) -> State:
        if not self.ends_at:
            return State.BROKEN
        if self.ends_at <= stamp(now):
            return State.EXPIRED
        return State.SOON if self.ends_at <= stamp(now + SOON) else State.LATER

    def days_left(self, now: datetime) -> int | None:
        """Whole days; negative once it is over, None for what has no date."""
        return (datetime.fromisoformat(self.ends_at) - now).days if self.ends_at else None


def list_endings(connection: Connection, now: datetime, others: Iterable[Ending] = ()) -> list[Ending]:
    """All that is known to end, the most urgent first. `others`: what the database does not know of."""
    found = [*_builds(connection), *_teams(connection, now.date()), *others]
    return sorted(found, key=lambda one: (one.ends_at, one.kind, one.key))


def _builds(connection: Connection) -> list[Ending]:
    """Of the newest release of each channel of a variant: what older ones need is not asked for any more."""
    found: dict[tuple[Ends, str], Ending] = {}
    for row in fetch_all(connection, _NEWEST):
        profile, signing = row.pop("profile") or {}, row.pop("signing") or {}
        for ending in (_of_profile(profile), _of_signer(profile, signing)):
            if ending is not None:
                found.setdefault((ending.kind, ending.key), ending).releases.append(row)
    return list(found.values())


def _of_profile(profile: dict[str, Any]) -> Ending | None:
    ends = _stored(profile.get("expiration_date"))
    key, name = str(profile.get("uuid") or profile.get("name") or ""), str(profile.get("name") or "")
    return Ending(Ends.PROFILE, key, name, ends) if ends else None


def _of_signer(profile: dict[str, Any], signing: dict[str, Any]) -> Ending | None:
    """The signer's own certificate. Where the signature does not tell, the profile's that lasts longest: it may be any of them."""
    if not profile:
        return None  # what Windows and Android do with old certificates is their own affair
    own = (signing.get("certificates") or [])[:1]
    dated = [(_stored(one.get("not_after")), one) for one in own or profile.get("certificates") or []]
    ends, best = max(dated, key=lambda pair: pair[0], default=("", dict[str, Any]()))
    return Ending(Ends.CERTIFICATE, str(best.get("sha256") or ""), str(best.get("name") or ""), ends) if ends else None


def _teams(connection: Connection, today: date) -> list[Ending]:
    found = []
    for team in list_teams(connection):
        health, ends = health_of(connection, team["id"]), year_end(team["membership_ends"], today)
        if health["connected"] is False:
            found.append(Ending(Ends.APPLE_KEY, team["id"], team["key_id"], "", health["message"], team["id"]))
        if ends:
            at = stamp(datetime.combine(date.fromisoformat(ends), time(), UTC))
            found.append(Ending(Ends.APPLE_MEMBERSHIP, team["id"], team["name"], at, "", team["id"]))
    return found


def _stored(text: object) -> str:
    """A time as inspectors write it, in the form in which times compare; empty for none."""
    try:
        return stamp(datetime.fromisoformat(str(text))) if text else ""
    except ValueError:
        return ""


_NEWEST = (
    select(
        releases.c.id.label("release_id"),
        releases.c.version,
        releases.c.build,
        releases.c.variant_id,
        products.c.id.label("product_id"),
        products.c.name.label("product_name"),
        json_object(releases.c.package, "provisioning_profile").label("profile"),
        json_object(releases.c.package, "signing").label("signing"),
    )
    .join(variants, variants.c.id == releases.c.variant_id)
    .join(products, products.c.id == variants.c.product_id)
    .where(releases.c.seq.in_(select(func.max(releases.c.seq)).group_by(releases.c.variant_id, releases.c.channel)))
    .order_by(releases.c.seq.desc())
)
