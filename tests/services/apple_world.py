"""An installation and Apple, for the tests of what lies between them."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import insert

from fenfa.db.engine import Database
from fenfa.db.tables import device_bindings, devices
from fenfa.runtime import Runtime
from fenfa.services.apple_teams import create_team
from fenfa.services.products import create_product
from fenfa.services.records import Record, stamp
from fenfa.services.registrations import get_device, registrations_of
from fenfa.services.runner import Runner
from fenfa.services.settings import save_settings
from fenfa.services.variants import create_variant
from fenfa.vocabulary import new_id
from tests.support.app_store import Account, AppStore, app_store, make_account, udid
from tests.support.client import Clock, make_runtime


@dataclass
class World:
    """`account` is that of the default team. `teams`: the accounts of further teams by our ID."""

    bench: Runtime
    clock: Clock
    store: AppStore
    account: Account
    teams: dict[str, Account] = field(default_factory=dict)

    @property
    def now(self) -> str:
        return stamp(self.clock())

    def write(self, unit: Any, *arguments: Any, **named: Any) -> Any:
        return self.bench.database.write_now(unit, *arguments, **named)

    def read(self, unit: Any, *arguments: Any, **named: Any) -> Any:
        return self.bench.database.read_now(unit, *arguments, **named)

    def configure(self) -> None:
        """Stores the default team's key."""
        self.write(save_settings, self.now, self.bench.keys, settings_of(self.account))

    def add_team(self, key_id: str, **values: Any) -> str:
        account = make_account(key_id)
        self.store.accounts[key_id] = account
        fields = {"name": key_id, **fields_of(account), **values}
        team_id: str = self.write(create_team, self.now, self.bench.keys, fields)
        self.teams[team_id] = account
        return team_id

    def add_device(self, number: int, verified: bool = True, **values: Any) -> str:
        row = {"id": new_id("dev"), "udid": udid(number), "device_name": f"Phone {number}", "model": "iPhone17,1"}
        times = {"created_at": self.now, "verified_at": self.now if verified else None}
        self.write(lambda connection: connection.execute(insert(devices).values(row | times | values)))
        return str(row["id"])

    def bind(self, device_id: str, team_id: str = "") -> None:
        """To a variant of a new product of this team."""
        product = self.write(create_product, self.now, {"name": "MyApp", "apple_team_id": team_id})
        variant = self.write(create_variant, self.now, product, {"platform": "ios"})
        row = {"device_id": device_id, "variant_id": variant, "created_at": self.now}
        self.write(lambda connection: connection.execute(insert(device_bindings).values(row)))

    def device(self, device_id: str) -> Record:
        return dict(self.read(get_device, device_id))

    def registrations(self, device_id: str) -> list[Record]:
        return list(self.read(registrations_of, device_id))

    def work(self) -> None:
        runner = Runner(self.bench)
        while runner.run_next():
            pass


def settings_of(account: Account) -> dict[str, str]:
    return {f"apple_{name}": value for name, value in fields_of(account).items()}


def fields_of(account: Account) -> dict[str, str]:
    key = account.key
    return {"key_id": key.key_id, "issuer_id": key.issuer_id, "private_key": key.private_key}


@contextmanager
def apple_world(folder: Path, database: Database) -> Iterator[World]:
    clock, account = Clock(), make_account()
    with app_store(account, clock=clock) as store:
        bench = make_runtime(folder / "data", clock, {"apple_url": store.url}, database)
        world = World(bench, clock, store, account)
        world.configure()
        yield world
