"""Devices that were registered for iOS builds."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, delete, func, insert, or_, select, update

from fenfa.apple.models import model_name
from fenfa.db.tables import apple_registrations, device_bindings, device_sessions, devices, products, variants
from fenfa.errors import Conflict, NotFound
from fenfa.services import audit
from fenfa.services.records import (
    Listed,
    Page,
    Record,
    contains,
    fetch_all,
    fetch_one,
    fetch_page,
    record,
    stamp,
    within_days,
)
from fenfa.vocabulary import new_id


class AppleState(StrEnum):
    """What Apple has of a device, with any of the teams."""

    NONE = "none"
    ENABLED = "enabled"
    DISABLED = "disabled"
    PROCESSING = "processing"  # also every word that we do not know


@dataclass(frozen=True)
class Sighting:
    """A device that answered a profile. `udid` in our form; empty texts say nothing new. `is_verified`: Apple vouches for it."""

    udid: str
    device_name: str
    model: str
    os_version: str
    os_build: str
    is_verified: bool


def devices_query(
    q: str = "",
    variant_id: str | None = None,
    app_id: str | None = None,
    start: str | None = None,
    end: str | None = None,
    apple: AppleState | None = None,
    verified: bool | None = None,
    device_ids: Sequence[str] | None = None,
) -> Select[Any]:
    """Newest first; `q` searches name, model and UDID, `apple` is what Apple has of it."""
    query = select(devices).order_by(devices.c.seq.desc())
    if q:
        columns = (devices.c.device_name, devices.c.model, devices.c.udid)
        query = query.where(or_(*(column.ilike(contains(q), escape="\\") for column in columns)))
    bound = select(device_bindings.c.device_id).join(variants, variants.c.id == device_bindings.c.variant_id)
    if variant_id:
        query = query.where(devices.c.id.in_(bound.where(variants.c.id == variant_id)))
    if app_id:
        query = query.where(devices.c.id.in_(bound.where(variants.c.app_id == app_id)))
    if apple:
        query = query.where(_at_apple(apple))
    if verified is not None:
        query = query.where(devices.c.verified_at.is_not(None) == verified)
    if device_ids is not None:
        query = query.where(devices.c.id.in_(device_ids))
    return within_days(query, devices.c.created_at, start, end)


def get_device(connection: Connection, device_id: str) -> Record:
    """With `variants`: those it was registered for, the latest first, each with its product's name."""
    device = fetch_one(connection, select(devices).where(devices.c.id == device_id), "device not found")
    names = (variants.c.id, variants.c.display_name, variants.c.identifier, variants.c.product_id)
    bound = select(*names, products.c.name.label("product_name"), device_bindings.c.created_at.label("bound_at"))
    bound = bound.join(device_bindings, device_bindings.c.variant_id == variants.c.id)
    bound = bound.join(products, products.c.id == variants.c.product_id).where(device_bindings.c.device_id == device_id)
    del device["seq"]
    device["model_name"] = model_name(device["model"])
    return device | {"variants": fetch_all(connection, bound.order_by(device_bindings.c.seq.desc()))}


def list_devices(connection: Connection, query: Select[Any], page: Page) -> Listed:
    listed = fetch_page(connection, query, page)
    for item in listed.items:
        del item["seq"]
        item["model_name"] = model_name(item["model"])
        item["apple_registered"] = item["apple_registered_at"] is not None
    return listed


def see_device(connection: Connection, now: str, seen: Sighting) -> str:
    """Makes the device or brings it up to date; gives its ID. `Conflict` when a device that proved who it is would change by
    word of one that did not: anybody who knows a UDID can write such a reply."""
    row = connection.execute(select(devices).where(devices.c.udid.in_([seen.udid, seen.udid.lower()]))).first()
    known = record(row) if row else None
    if known and known["verified_at"] and not seen.is_verified:
        raise Conflict(
            "this device has proved before who it is, and this reply does not; try again on the device itself"
        )
    values = _told(seen) | {"enrolled_at": now}
    if known is None:
        return _add_device(
            connection, seen.udid, values | {"created_at": now, "verified_at": now if seen.is_verified else None}
        )
    if seen.is_verified and not known["verified_at"]:
        values["verified_at"] = now
        connection.execute(delete(device_sessions).where(device_sessions.c.device_id == known["id"]))
    connection.execute(update(devices).where(devices.c.id == known["id"]).values(udid=seen.udid, **values))
    return str(known["id"])


def bind_device(connection: Connection, now: str, device_id: str, variant_ids: Sequence[str]) -> None:
    """Notes which variants the device is meant for; twice is harmless."""
    missing = [variant_id for variant_id in variant_ids if variant_id not in bound_variants(connection, device_id)]
    for variant_id in missing:
        row = {"device_id": device_id, "variant_id": variant_id, "created_at": now}
        connection.execute(insert(device_bindings).values(row))


def bound_variants(connection: Connection, device_id: str) -> list[str]:
    query = select(device_bindings.c.variant_id).where(device_bindings.c.device_id == device_id)
    return list(connection.scalars(query.order_by(device_bindings.c.seq)))


def count_losses(connection: Connection, device_id: str) -> Record:
    """What erasing the device takes with it: `{bindings, browsers, registrations}`."""
    tables = {"bindings": device_bindings, "browsers": device_sessions, "registrations": apple_registrations}
    counts = (
        select(func.count()).where(table.c.device_id == device_id).scalar_subquery().label(name)
        for name, table in tables.items()
    )
    return fetch_one(connection, select(*counts), "device not found")


def erase_device(connection: Connection, device_id: str) -> None:
    """With all that hangs on it. Apple notices nothing."""
    if not connection.execute(delete(devices).where(devices.c.id == device_id)).rowcount:
        raise NotFound("device not found")


def forget_unused(connection: Connection, now: datetime, days: int) -> int:
    """Erases devices that did not answer, were not bound and opened no browser for so many days, and gives how many; those on an
    Apple team's list count as used. `days` 0: none. A line of the audit trail says how many."""
    if not days:
        return 0
    before = stamp(now - timedelta(days=days))
    used = [
        select(table.c.device_id).where(table.c.created_at >= before) for table in (device_bindings, device_sessions)
    ]
    ids = [devices.c.id.not_in(query) for query in (*used, select(apple_registrations.c.device_id))]
    answered = func.coalesce(devices.c.enrolled_at, devices.c.created_at)
    erased = connection.execute(delete(devices).where(answered < before, devices.c.created_at < before, *ids)).rowcount
    if erased:
        audit.note(connection, stamp(now), "", "device.forget-unused", f"{erased} devices", {})
    return erased


def _at_apple(state: AppleState) -> ColumnElement[bool]:
    ids, status = select(apple_registrations.c.device_id), apple_registrations.c.status
    if state == AppleState.NONE:
        return devices.c.id.not_in(ids)
    if state == AppleState.PROCESSING:
        return devices.c.id.in_(ids.where(status.not_in(("ENABLED", "DISABLED"))))
    return devices.c.id.in_(ids.where(status == state.upper()))


def _told(seen: Sighting) -> Record:
    """What the device said; where it was silent, what is known stays."""
    texts = {"device_name": seen.device_name, "model": seen.model}
    system = {"os_version": seen.os_version, "os_build": seen.os_build}
    return {name: text for name, text in texts.items() if text} | (system if any(system.values()) else {})


def _add_device(connection: Connection, udid: str, values: Record) -> str:
    device_id = new_id("dev")
    connection.execute(insert(devices).values(id=device_id, udid=udid, **values))
    return device_id
