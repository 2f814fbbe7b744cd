"""Every store that releases lie in. New builds go to the one that the settings name; each release remembers where it went, so a
change of settings moves nothing and breaks nothing.

A bucket that was ever used has a row in `stores`, by its endpoint and name, with the keys that it was last reached by. The
local disk has none: its name is `local`.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from fenfa.config import Config
from fenfa.db.alone import one_by_one
from fenfa.db.engine import Database
from fenfa.db.tables import stores
from fenfa.errors import BadInput, NotFound
from fenfa.services.records import stamp
from fenfa.services.settings import Settings, load_settings
from fenfa.services.trials import try_storage
from fenfa.services.vault import Keys, seal, unseal
from fenfa.storage import BACKENDS
from fenfa.storage.base import LOCAL, Address, Storage
from fenfa.storage.staging import Staging
from fenfa.vocabulary import new_id

_PARTS = ("endpoint", "bucket", "region", "public_url", "access_key", "secret_key")
_SECRET = ("access_key", "secret_key")
NAMES = frozenset({"storage_type", *(f"s3_{part}" for part in _PARTS)})
"""The settings that say where new builds go."""


@dataclass(frozen=True)
class Stores:
    """Opens stores, each once for what opens it. Its methods block, but for `open` of what was open already."""

    local: Storage
    database: Database
    keys: Keys
    config: Config
    clock: Callable[[], datetime]
    _opened: dict[Address, Storage] = field(default_factory=dict, compare=False)

    def current(self) -> Storage:
        """Where new builds go."""
        return self._reach(address_in(self.keys, self.database.read_now(load_settings, self.config)))

    def named(self, kind: str) -> Storage:
        """The local disk, or the bucket of the settings, whether new builds go there or not."""
        settings = self.database.read_now(load_settings, self.config)
        return self._reach(address_in(self.keys, settings, {"storage_type": kind}))

    def _reach(self, wanted: Address) -> Storage:
        if wanted.kind == LOCAL:
            return self.local
        known = self.database.read_now(find_address, self.keys, wanted)
        if known is None or replace(known, name=wanted.name) != wanted:
            known = self.database.write_now(keep_address, stamp(self.clock()), self.keys, wanted)
        return self.open(known)

    def of(self, name: str) -> Storage:
        """The store that `releases.storage` calls so."""
        return self.local if name == LOCAL else self.open(self.database.read_now(self.address_of, name))

    def every(self) -> Iterator[Storage]:
        """All that hold or held releases."""
        yield self.local
        for name in self.database.read_now(_names):
            yield self.of(name)

    def open(self, address: Address) -> Storage:
        if address.kind == LOCAL:
            return self.local
        if address not in self._opened:
            self._opened[address] = BACKENDS[address.kind](address)
        return self._opened[address]

    def address_of(self, connection: Connection, name: str) -> Address:
        if name == LOCAL:
            return Address()
        row = connection.execute(select(stores).where(stores.c.id == name)).first()
        if row is None:
            raise NotFound("the store of this build is not known any more; restore the database from a backup")
        return _address(self.keys, row)


def address_in(keys: Keys, settings: Settings, changes: Mapping[str, Any] | None = None) -> Address:
    """What the settings name, with `changes` laid over them; its name is not known yet. `BadInput` without a bucket."""

    def said(name: str) -> str:
        if changes and name in changes:
            return str(changes[name])
        value = str(settings[name])
        return unseal(keys, name, value) if value and name in settings.sealed else value

    if said("storage_type") == LOCAL:
        return Address()
    if not said("s3_bucket"):
        raise BadInput("s3_bucket is required for the storage s3")
    parts: dict[str, Any] = {part: said(f"s3_{part}") for part in _PARTS}
    return Address("s3", "", **parts)


def require_working(address: Address, staging: Staging) -> None:
    """Writes, reads, reads a part and deletes; `BadInput` with what went wrong. Blocks."""
    failed = try_storage(BACKENDS[address.kind](address), staging)[-1]
    if failed.problem:
        raise BadInput(
            "s3_bucket cannot be used ({step}): {reason}", step=str(failed.step), reason=failed.problem.message
        )


def find_address(connection: Connection, keys: Keys, wanted: Address) -> Address | None:
    """The row of this bucket, with the keys that it was last reached by."""
    same = (stores.c.endpoint == wanted.endpoint, stores.c.bucket == wanted.bucket)
    row = connection.execute(select(stores).where(*same)).first()
    return _address(keys, row) if row else None


def keep_address(connection: Connection, now: str, keys: Keys, wanted: Address) -> Address:
    """Notes how a bucket is reached; gives its address with its name."""
    one_by_one(connection, "stores")  # several servers may meet a new bucket at once
    known = find_address(connection, keys, wanted)
    named = replace(wanted, name=known.name if known else new_id("sto"))
    values = {part: getattr(named, part) for part in _PARTS}
    values |= {part: seal(keys, named.name, values[part]) if values[part] else "" for part in _SECRET}
    if known:
        connection.execute(update(stores).where(stores.c.id == named.name).values(**values, updated_at=now))
    else:
        connection.execute(
            insert(stores).values(id=named.name, kind=named.kind, **values, created_at=now, updated_at=now)
        )
    return named


def _address(keys: Keys, row: Row[Any]) -> Address:
    told: dict[str, Any] = {part: getattr(row, part) for part in _PARTS}
    told |= {part: unseal(keys, row.id, told[part]) if told[part] else "" for part in _SECRET}
    return Address(row.kind, row.id, **told)


def _names(connection: Connection) -> list[str]:
    return list(connection.scalars(select(stores.c.id).order_by(stores.c.seq)))
