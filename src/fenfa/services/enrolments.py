"""Enrolments: a browser gets a profile, a device answers it once, and from then on the browser is known as that device.

Three random values: the nonce is in the profile's URL and in a short cookie, the challenge inside the profile alone, and the
browser's own value in a lasting cookie. Stored are their hashes.
"""

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import Connection, delete, exists, insert, or_, select, update

from fenfa.db.tables import device_bindings, device_sessions, devices, enrolments, products
from fenfa.db.upserts import upsert
from fenfa.errors import BadInput
from fenfa.services import audit
from fenfa.services.devices import Sighting, bind_device, see_device
from fenfa.services.products import find_product
from fenfa.services.records import Record, record, stamp
from fenfa.services.variants import find_variant, list_variants
from fenfa.services.visibility import PUBLIC, require_visible
from fenfa.vocabulary import Platform

if TYPE_CHECKING:
    from fenfa.apple.device_reply import DeviceReply

KEPT = timedelta(hours=1)
"""How long an enrolment that is over is remembered, so that a device that asks again is led on again."""
KNOWN = timedelta(days=365)
"""How long a browser is known as its device."""
_OVER = "this profile has been answered too late, or is not of this server; get a new one from the page"
_STRANGER = "Apple does not vouch for this reply, and this server takes no others"


@dataclass(frozen=True)
class Subject:
    """What a device is enrolled for: a variant, all of a product's variants for iOS, or nothing in particular."""

    product_id: str | None = None
    variant_id: str | None = None


@dataclass(frozen=True)
class Begun:
    """The secrets of an enrolment, which leave the server this once."""

    nonce: str
    challenge: str
    browser: str


@dataclass(frozen=True)
class Goal:
    """Where a device is led when it has answered; both empty if it was enrolled for nothing in particular."""

    slug: str = ""
    variant_id: str = ""


def find_subject(connection: Connection, variant: str, app: str, product: str) -> Subject:
    """By the ID of a variant, a legacy app's, or a product's ID or slug. `NotFound` for what the public may not see."""
    if variant or app:
        found = find_variant(connection, variant or app)
        require_visible(found, PUBLIC, "variant not found")
        if found["platform"] != Platform.IOS:
            raise BadInput("this variant is not for iOS; only iPhones and iPads are registered")
        return Subject(found["product_id"], found["id"])
    if product:
        found = require_visible(find_product(connection, product), PUBLIC, "product not found")
        if not _ios_variants(connection, found["id"]):
            raise BadInput("this product has nothing for iOS; only iPhones and iPads are registered")
        return Subject(found["id"])
    return Subject()


def begin_enrolment(connection: Connection, now: datetime, minutes: int, subject: Subject, browser: str) -> Begun:
    """`browser`: the value that the browser came with; it stays the same if it is known as a device already."""
    known = device_of_browser(connection, now, browser) is not None
    begun = Begun(_secret(), _secret(), browser if known else _secret())
    row = {
        "nonce_hash": _hashed(begun.nonce),
        "challenge_hash": _hashed(begun.challenge),
        "browser_hash": _hashed(begun.browser),
        "product_id": subject.product_id,
        "variant_id": subject.variant_id,
        "created_at": stamp(now),
        "expires_at": stamp(now + timedelta(minutes=minutes)),
    }
    connection.execute(insert(enrolments).values(row))
    return begun


def find_goal(connection: Connection, now: datetime, nonce: str) -> Goal | None:
    """Where the device goes that answered already; None while nobody has. `BadInput` for a nonce that is unknown or too old."""
    found = _enrolment(connection, nonce)
    if found["used_at"] is None and found["expires_at"] <= stamp(now):
        raise BadInput(_OVER)
    return _goal(connection, found) if found["used_at"] else None


def complete_enrolment(connection: Connection, now: datetime, nonce: str, reply: "DeviceReply", enforce: bool) -> Goal:
    """Takes the device in. The nonce is used up in this transaction: of several replies at once, one does anything.

    `BadInput` unless the reply repeats the challenge; `enforce` asks for one that Apple vouches for.
    """
    found = _enrolment(connection, nonce)
    if not hmac.compare_digest(found["challenge_hash"], _hashed(reply.challenge)):
        raise BadInput("the reply answers another profile; get a new one from the page")
    if enforce and not reply.is_verified:
        raise BadInput(_STRANGER)
    mine = (enrolments.c.nonce_hash == found["nonce_hash"], enrolments.c.used_at.is_(None))
    in_time = enrolments.c.expires_at > stamp(now)
    if not connection.execute(update(enrolments).where(*mine, in_time).values(used_at=stamp(now))).rowcount:
        return _already_over(connection, nonce)
    _take_in(connection, stamp(now), found, reply)
    return _goal(connection, found)


def is_bound(connection: Connection, now: datetime, nonce: str, browser: str, variant_id: str) -> bool:
    """Whether a device answered this nonce, or the browser is known as one, and (if asked) is bound to the variant."""
    found = connection.execute(select(enrolments).where(enrolments.c.nonce_hash == _hashed(nonce))).mappings().first()
    known = device_of_browser(connection, now, browser)
    device_id = (found and found["device_id"]) or (known and known["id"])
    if not device_id or not variant_id:
        return bool(device_id)
    bound = (device_bindings.c.device_id == device_id, device_bindings.c.variant_id == variant_id)
    return bool(connection.scalar(select(exists().where(*bound))))


def device_of_browser(connection: Connection, now: datetime, browser: str) -> Record | None:
    """The whole row of the device. Not for pages: its UDID is nobody's to see, not even here."""
    if not browser:
        return None
    mine = (device_sessions.c.browser_hash == _hashed(browser), device_sessions.c.created_at > stamp(now - KNOWN))
    query = select(devices).join(device_sessions, device_sessions.c.device_id == devices.c.id).where(*mine)
    row = connection.execute(query).first()
    return record(row) if row else None


def forget_old(connection: Connection, now: datetime) -> None:
    over = or_(enrolments.c.expires_at < stamp(now - KEPT), enrolments.c.used_at < stamp(now - KEPT))
    connection.execute(delete(enrolments).where(over))
    connection.execute(delete(device_sessions).where(device_sessions.c.created_at <= stamp(now - KNOWN)))


def _take_in(connection: Connection, now: str, enrolment: Record, reply: "DeviceReply") -> None:
    seen = Sighting(reply.udid, reply.device_name, reply.product, reply.os_version, reply.os_build, reply.is_verified)
    device_id = see_device(connection, now, seen)
    wanted = [enrolment["variant_id"]] if enrolment["variant_id"] else []
    if enrolment["product_id"] and not wanted:
        wanted = _ios_variants(connection, enrolment["product_id"])
    bind_device(connection, now, device_id, wanted)
    mine = enrolments.c.nonce_hash == enrolment["nonce_hash"]
    connection.execute(update(enrolments).where(mine).values(device_id=device_id))
    session = {"browser_hash": enrolment["browser_hash"], "device_id": device_id, "is_verified": reply.is_verified}
    upsert(connection, device_sessions, [{**session, "created_at": now}], ["browser_hash"])
    audit.note(
        connection, now, "device", "device.enrol", device_id, {"verified": reply.is_verified, "variants": wanted}
    )


def _already_over(connection: Connection, nonce: str) -> Goal:
    """Another reply was faster, or time ran out meanwhile."""
    found = _enrolment(connection, nonce)
    if found["used_at"] is None:
        raise BadInput(_OVER)
    return _goal(connection, found)


def _enrolment(connection: Connection, nonce: str) -> Record:
    found = connection.execute(select(enrolments).where(enrolments.c.nonce_hash == _hashed(nonce))).first()
    if found is None:
        raise BadInput(_OVER)
    return record(found)


def _goal(connection: Connection, enrolment: Record) -> Goal:
    if not enrolment["product_id"]:
        return Goal()
    query = select(products.c.slug).where(products.c.id == enrolment["product_id"])
    return Goal(str(connection.scalar(query)), enrolment["variant_id"] or "")


def _ios_variants(connection: Connection, product_id: str) -> list[str]:
    listed = list_variants(connection, product_id, published_only=True)
    return [variant["id"] for variant in listed if variant["platform"] == Platform.IOS]


def _secret() -> str:
    return secrets.token_urlsafe(32)


def _hashed(value: str) -> str:
    return hashlib.sha256(value.encode(errors="replace")).hexdigest()
