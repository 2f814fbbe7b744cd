"""Devices that were registered for iOS builds."""

from typing import Any

from sqlalchemy import Connection, Select, or_, select

from fenfa.db.tables import device_bindings, devices, variants
from fenfa.services.records import Listed, Page, contains, fetch_page, within_days


def devices_query(
    q: str = "",
    variant_id: str | None = None,
    app_id: str | None = None,
    start: str | None = None,
    end: str | None = None,
) -> Select[Any]:
    """Newest first; `q` searches name, model and UDID."""
    query = select(devices).order_by(devices.c.seq.desc())
    if q:
        columns = (devices.c.device_name, devices.c.model, devices.c.udid)
        query = query.where(or_(*(column.ilike(contains(q), escape="\\") for column in columns)))
    bound = select(device_bindings.c.device_id).join(variants, variants.c.id == device_bindings.c.variant_id)
    if variant_id:
        query = query.where(devices.c.id.in_(bound.where(variants.c.id == variant_id)))
    if app_id:
        query = query.where(devices.c.id.in_(bound.where(variants.c.app_id == app_id)))
    return within_days(query, devices.c.created_at, start, end)


def list_devices(connection: Connection, query: Select[Any], page: Page) -> Listed:
    listed = fetch_page(connection, query, page)
    for item in listed.items:
        del item["seq"]
        item["apple_registered"] = item["apple_registered_at"] is not None
    return listed
