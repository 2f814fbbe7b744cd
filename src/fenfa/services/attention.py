"""What needs an admin's attention, found in what is stored. The sentences and the ways out stand in the dashboard's template."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from sqlalchemy import Connection, select

from fenfa.db.tables import products, releases, uploads, variants
from fenfa.services.expiring import Ending, State
from fenfa.services.proposals import waiting_proposals
from fenfa.services.records import Record, fetch_all
from fenfa.services.space import Space
from fenfa.vocabulary import Platform, UploadState


class Matter(StrEnum):
    """The gravest first."""

    LOW_DISK = "low_disk"
    ENDED = "ended"  # a profile, a certificate or a membership is over, or Apple refuses a key
    PLAIN_HTTP = "plain_http"  # iOS installs from https alone
    ENDING = "ending"
    UPLOAD_FAILED = "upload_failed"
    UPLOAD_WAITING = "upload_waiting"  # for a person to say where it goes; it is dropped after a day
    UNPUBLISHED = "unpublished"  # products that have releases and are not shown
    DEFAULT_TOKENS = "default_tokens"


@dataclass(frozen=True)
class Concern:
    """One matter, and the rows or endings that it is about; none where the whole server is."""

    matter: Matter
    rows: list[Record] = field(default_factory=list)
    endings: list[Ending] = field(default_factory=list)


@dataclass(frozen=True)
class Surroundings:
    """What is known of the server already; `endings` are those of `fenfa.services.expiring`."""

    now: datetime
    endings: list[Ending]
    space: Space
    has_default_tokens: bool
    is_https: bool


def list_concerns(connection: Connection, around: Surroundings) -> list[Concern]:
    """The gravest first; empty: all is well."""
    states = [(ending.state(around.now), ending) for ending in around.endings]
    endings = {
        Matter.ENDED: [ending for state, ending in states if state in (State.EXPIRED, State.BROKEN)],
        Matter.ENDING: [ending for state, ending in states if state == State.SOON],
    }
    rows = {
        Matter.UPLOAD_FAILED: list_failed_uploads(connection),
        Matter.UPLOAD_WAITING: waiting_proposals(connection),
        Matter.UNPUBLISHED: list_unpublished(connection),
    }
    stands = {
        Matter.LOW_DISK: around.space.is_low,
        Matter.PLAIN_HTTP: not around.is_https and _has_ios_releases(connection),
        Matter.DEFAULT_TOKENS: around.has_default_tokens,
    }
    found = (Concern(matter, rows.get(matter, []), endings.get(matter, [])) for matter in Matter)
    return [concern for concern in found if concern.rows or concern.endings or stands.get(concern.matter)]


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
