"""Rows for the tests of the services: a product, its variants and releases, made through the services themselves."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection

from fenfa.runtime import Runtime
from fenfa.services.products import create_product
from fenfa.services.records import stamp
from fenfa.services.releases import insert_release
from fenfa.services.traffic import Event, record_events
from fenfa.services.variants import create_variant, get_variant
from fenfa.vocabulary import EventType, new_id

NOW = "2026-11-02T09:30:00.000Z"


@dataclass
class Shop:
    """One write transaction, and short ways to fill it."""

    connection: Connection
    bench: Runtime
    made: Counter[str] = field(default_factory=Counter)

    @property
    def now(self) -> str:
        return stamp(self.bench.clock())

    def product(self, name: str = "MyApp", **values: Any) -> str:
        return create_product(self.connection, self.now, {"name": name, **values})

    def variant(self, product_id: str | None = None, platform: str = "linux", **values: Any) -> str:
        return create_variant(self.connection, self.now, product_id or self.product(), {"platform": platform} | values)

    def release(self, variant_id: str | None = None, **values: Any) -> str:
        variant_id = variant_id or self.variant()
        row = release_row(variant_id, **values)
        insert_release(self.connection, get_variant(self.connection, variant_id)["product_id"], row)
        return str(row["id"])

    def record(self, *happened: Event) -> None:
        record_events(self.connection, happened)


def release_row(variant_id: str, **values: Any) -> dict[str, Any]:
    release_id = new_id("rel")
    key = f"uploads/prd_00000000/var_00000000/{release_id}/app.tar.gz"
    row = {"id": release_id, "variant_id": variant_id, "version": "1.0", "size_bytes": 3, "sha256": "0" * 64}
    times = {"created_at": NOW, "updated_at": NOW}
    return row | {"storage_key": key, "file_name": "app.tar.gz", "file_ext": "tar.gz", "package": {}} | times | values


def event(kind: EventType = EventType.DOWNLOAD, **values: Any) -> Event:
    ids = {f"{noun}_id": "" for noun in ("product", "app", "variant", "release")}
    given = {
        "ts": NOW,
        "type": kind,
        **ids,
        "ip": "192.0.2.0",
        "ua": "curl",
        "visitor": "visitor",
        "extra": {},
    } | values
    return Event(**given)
