"""What needs an admin's attention, found in what is stored. The sentences and the ways out stand in the dashboard's template."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, func, select

from fenfa.db.tables import products, releases, uploads, variants
from fenfa.services.records import Record, fetch_all
from fenfa.services.space import Space
from fenfa.vocabulary import Platform, UploadState


class Matter(StrEnum):
    """The gravest first."""

    LOW_DISK = "low_disk"
    EXPIRED = "expired"  # nobody can install these builds any more
    PLAIN_HTTP = "plain_http"  # iOS installs from https alone
    EXPIRING = "expiring"
    UPLOAD_FAILED = "upload_failed"
    UNPUBLISHED = "unpublished"  # products that have releases and are not shown
    DEFAULT_TOKENS = "default_tokens"


@dataclass(frozen=True)
class Concern:
    """One matter, and the rows that it is about; none where the whole server is."""

    matter: Matter
    subjects: list[Record] = field(default_factory=list)


@dataclass(frozen=True)
class Surroundings:
    """What the database does not know of the server. `now` and `soon` are times in stored form."""

    now: str
    soon: str
    space: Space
    has_default_tokens: bool
    is_https: bool


def list_concerns(connection: Connection, around: Surroundings) -> list[Concern]:
    """The gravest first; empty: all is well."""
    endings = list_endings(connection, around.soon)
    rows = {
        Matter.EXPIRED: [one for one in endings if one["ends"] <= around.now],
        Matter.EXPIRING: [one for one in endings if one["ends"] > around.now],
        Matter.UPLOAD_FAILED: list_failed_uploads(connection),
        Matter.UNPUBLISHED: list_unpublished(connection),
    }
    stands = {
        Matter.LOW_DISK: around.space.is_low,
        Matter.PLAIN_HTTP: not around.is_https and _has_ios_releases(connection),
        Matter.DEFAULT_TOKENS: around.has_default_tokens,
    }
    return [Concern(matter, rows.get(matter, [])) for matter in Matter if rows.get(matter) or stands.get(matter)]


def list_endings(connection: Connection, until: str) -> list[Record]:
    """The newest releases of variants whose profile or whose last certificate ends by then, soonest first.

    Each with `release_id, version, build, product_id, product_name, ends` and `what`: profile or certificate.
    """
    newest = select(func.max(releases.c.seq)).group_by(releases.c.variant_id)
    profile = releases.c.package["provisioning_profile"]
    query = (
        select(
            *_NAMED, profile["expiration_date"].as_string().label("profile"), profile["certificates"].label("signers")
        )
        .join(variants, variants.c.id == releases.c.variant_id)
        .join(products, products.c.id == variants.c.product_id)
        .where(releases.c.seq.in_(newest))
    )
    found = [_ending(row) for row in fetch_all(connection, query)]
    return sorted((one for one in found if "" < one["ends"] <= until), key=lambda one: str(one["ends"]))


def list_failed_uploads(connection: Connection, limit: int = 5) -> list[Record]:
    """Newest first, each with `file_name, error, updated_at`; the sweep forgets them after a day."""
    query = select(uploads.c.file_name, uploads.c.error, uploads.c.updated_at)
    query = query.where(uploads.c.state == UploadState.FAILED).order_by(uploads.c.updated_at.desc()).limit(limit)
    return fetch_all(connection, query)


def list_unpublished(connection: Connection) -> list[Record]:
    """Products that have releases and are not published, each with `product_id, product_name`."""
    query = select(products.c.id.label("product_id"), products.c.name.label("product_name"))
    filled = select(variants.c.product_id).join(releases, releases.c.variant_id == variants.c.id)
    return fetch_all(
        connection, query.where(~products.c.published, products.c.id.in_(filled)).order_by(products.c.name)
    )


def _has_ios_releases(connection: Connection) -> bool:
    query = select(releases.c.seq).join(variants, variants.c.id == releases.c.variant_id)
    return connection.execute(query.where(variants.c.platform == Platform.IOS).limit(1)).first() is not None


_NAMED = (
    releases.c.id.label("release_id"),
    releases.c.version,
    releases.c.build,
    products.c.id.label("product_id"),
    products.c.name.label("product_name"),
)


def _ending(row: Record) -> Record:
    """A build is signed with one of the certificates; only when the last has ended can none be valid."""
    profile, signers = row.pop("profile") or "", row.pop("signers") or []
    last = max((str(one.get("not_after") or "") for one in signers), default="")
    ends: dict[str, Any] = {what: end for what, end in (("profile", profile), ("certificate", last)) if end}
    first = min(ends, key=lambda what: str(ends[what]), default="")
    return row | {"what": first, "ends": ends.get(first, "")}
