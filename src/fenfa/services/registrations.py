"""Registrations: which device is registered with which Apple team, and which still has to be."""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

from sqlalchemy import Connection, delete, func, select, update

from fenfa.apple.devices import SLOTS, AppleDevice, family_of, normal_udid
from fenfa.db.tables import apple_registrations, device_bindings, devices, products, variants
from fenfa.db.upserts import upsert
from fenfa.services.apple_teams import default_team
from fenfa.services.records import Record, fetch_all, fetch_one
from fenfa.services.slots import CONFIRM_BELOW, count_slots, note_listing

_CHUNK = 500
Pair = tuple[str, str]
"""(device ID, team ID)"""


def get_device(connection: Connection, device_id: str) -> Record:
    return fetch_one(connection, select(devices).where(devices.c.id == device_id), "device not found")


def registrations_of(connection: Connection, device_id: str) -> list[Record]:
    """Of one device, by age: `{team_id, apple_device_id, status, family, added_at, created_at, updated_at}`."""
    columns = [column for column in apple_registrations.c if column.name not in ("seq", "device_id")]
    query = select(*columns).where(apple_registrations.c.device_id == device_id).order_by(apple_registrations.c.seq)
    return fetch_all(connection, query)


def teams_of(connection: Connection, device_id: str) -> list[str]:
    """The teams of the products that the device is bound to; the default team without any."""
    return [team for _, team in wanted_pairs(connection, [device_id])]


def wanted_pairs(connection: Connection, device_ids: Sequence[str] | None = None, team_id: str = "") -> list[Pair]:
    """Each of the devices (None: every verified one) with each of its teams, or with this team alone."""
    chosen = products.c.apple_team_id
    joined = devices.outerjoin(device_bindings, device_bindings.c.device_id == devices.c.id)
    joined = joined.outerjoin(variants, variants.c.id == device_bindings.c.variant_id)
    joined = joined.outerjoin(products, products.c.id == variants.c.product_id)
    query = select(devices.c.id, func.coalesce(chosen, "")).select_from(joined).order_by(devices.c.seq, chosen)
    asked = devices.c.verified_at.is_not(None) if device_ids is None else devices.c.id.in_(device_ids)
    otherwise = team_id or default_team(connection)
    pairs = ((row[0], team_id or row[1] or otherwise) for row in connection.execute(query.where(asked)))
    return list(dict.fromkeys(pairs))


def unregistered(connection: Connection, pairs: Iterable[Pair]) -> list[Pair]:
    known = {
        (row.device_id, row.team_id)
        for row in connection.execute(select(apple_registrations.c.device_id, apple_registrations.c.team_id))
    }
    return [pair for pair in pairs if pair not in known]


def plan(connection: Connection, pairs: Sequence[Pair], today: date) -> list[Record]:
    """What registering these would take, a record a team: `{team_id, device_ids, families, needs_confirmation}`, where a family
    is `{family, wanted, left, left_after}`; `left` None while Apple's list was not read yet."""
    by_team: dict[str, list[str]] = {}
    for device_id, team_id in unregistered(connection, pairs):
        by_team.setdefault(team_id, []).append(device_id)
    return [_plan(connection, team_id, ids, today) for team_id, ids in by_team.items()]


def keep(connection: Connection, now: str, team_id: str, device_id: str, found: AppleDevice) -> None:
    """Notes that Apple has the device; nothing if it was erased here meanwhile."""
    if connection.scalar(select(devices.c.id).where(devices.c.id == device_id)):
        _store(connection, now, team_id, [(device_id, found)])


def keep_listing(connection: Connection, now: str, started: str, team_id: str, listed: Sequence[AppleDevice]) -> int:
    """Brings our registrations to what Apple's whole list says, which was asked for at `started`; gives how many devices of
    ours are on it."""
    ours = _ids_by_udid(connection, [device.udid for device in listed])
    found = [(ours[device.udid], device) for device in listed if device.udid in ours]
    _store(connection, now, team_id, found)
    _drop_missing(connection, started, team_id, {device_id for device_id, _ in found})
    note_listing(connection, now, team_id, listed)
    return len(found)


def _plan(connection: Connection, team_id: str, device_ids: list[str], today: date) -> Record:
    left = {slots["family"]: slots["left"] for slots in count_slots(connection, team_id, today)}
    models = connection.execute(select(devices.c.model).where(devices.c.id.in_(device_ids)))
    wanted: dict[str, int] = {}
    for (model,) in models:
        wanted[family_of(model)] = wanted.get(family_of(model), 0) + 1
    families = [_family(family, number, left) for family, number in sorted(wanted.items())]
    scarce = any(one["left_after"] is not None and one["left_after"] < CONFIRM_BELOW for one in families)
    return {"team_id": team_id, "device_ids": device_ids, "families": families, "needs_confirmation": scarce}


def _family(family: str, wanted: int, left: dict[str, int]) -> Record:
    """A family of which Apple's list has no device has all its slots; of one that is not known nothing can be said."""
    free = left.get(family, SLOTS) if left and family else None
    return {"family": family, "wanted": wanted, "left": free, "left_after": None if free is None else free - wanted}


def _store(connection: Connection, now: str, team_id: str, found: Sequence[tuple[str, AppleDevice]]) -> None:
    rows: list[dict[str, Any]] = [
        {
            "device_id": device_id,
            "team_id": team_id,
            "apple_device_id": device.id,
            "status": device.status,
            "family": device.device_class,
            "added_at": device.added_date,
            "created_at": now,
            "updated_at": now,
        }
        for device_id, device in found
    ]
    upsert(connection, apple_registrations, rows, ("device_id", "team_id"), keep=("created_at",))
    _show(connection, [device_id for device_id, _ in found])


def _drop_missing(connection: Connection, started: str, team_id: str, present: set[str]) -> None:
    """Registrations that Apple does not list any more. Those that were made while it listed are not meant."""
    older = (apple_registrations.c.team_id == team_id, apple_registrations.c.created_at < started)
    gone = [
        one for one in connection.scalars(select(apple_registrations.c.device_id).where(*older)) if one not in present
    ]
    for start in range(0, len(gone), _CHUNK):
        chunk = gone[start : start + _CHUNK]
        connection.execute(delete(apple_registrations).where(*older, apple_registrations.c.device_id.in_(chunk)))
    _show(connection, gone)


def _show(connection: Connection, device_ids: Sequence[str]) -> None:
    """Carries each device's first registration into its own row, where lists show it."""
    mine = select(apple_registrations).where(apple_registrations.c.device_id == devices.c.id)
    first = mine.order_by(apple_registrations.c.seq).limit(1).correlate(devices)
    at = first.with_only_columns(apple_registrations.c.created_at).scalar_subquery()
    name = first.with_only_columns(apple_registrations.c.apple_device_id).scalar_subquery()
    shown = {"apple_registered_at": at, "apple_device_id": func.coalesce(name, "")}
    for start in range(0, len(device_ids), _CHUNK):
        chunk = device_ids[start : start + _CHUNK]
        connection.execute(update(devices).where(devices.c.id.in_(chunk)).values(shown))


def _ids_by_udid(connection: Connection, udids: Sequence[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for start in range(0, len(udids), _CHUNK):
        chunk = udids[start : start + _CHUNK]
        query = select(devices.c.udid, devices.c.id).where(devices.c.udid.in_([*chunk, *(u.lower() for u in chunk)]))
        found |= {normal_udid(row.udid): row.id for row in connection.execute(query)}
    return found
