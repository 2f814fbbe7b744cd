"""Opens configuration, database, storage and clock once. A frozen dataclass without behaviour."""

import fcntl
import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from fenfa.apple.device_ca import apple_authorities
from fenfa.apple.signing import ProfileSigner
from fenfa.config import Config
from fenfa.db.engine import Database, open_database
from fenfa.errors import ConfigInvalid
from fenfa.inspectors import inspect
from fenfa.inspectors.base import Distant, PackageInfo
from fenfa.inspectors.icons import clean_icon
from fenfa.services.stores import Stores
from fenfa.services.traffic import EventBuffer
from fenfa.services.vault import Keys, open_keys
from fenfa.storage import BACKENDS
from fenfa.storage.base import Address
from fenfa.storage.staging import Staging


@dataclass(frozen=True)
class Runtime:
    """Everything that a request, a command or a sweep may need."""

    config: Config
    database: Database
    storage: Stores
    staging: Staging
    keys: Keys
    events: EventBuffer
    clock: Callable[[], datetime]
    inspect: Callable[[Path | Distant, str], PackageInfo]
    clean_icon: Callable[[bytes], bytes]
    device_authorities: tuple[bytes, ...]  # certificates in PEM; whose word on a device counts
    signer: ProfileSigner


def utc_now() -> datetime:
    return datetime.now(UTC)


def open_runtime(config: Config, clock: Callable[[], datetime] = utc_now, database: Database | None = None) -> Runtime:
    """The database's schema must be at its head already, see `fenfa.db.migrate`."""
    folder = open_data_folder(config)
    keys = open_keys(folder / "secret.key", config.secret_key)
    database = database or open_database(config.database_url, config.database_file)
    local = BACKENDS["local"](Address(folder=folder))
    return Runtime(
        config=config,
        database=database,
        storage=Stores(local, database, keys, config, clock),
        staging=Staging(folder / "staging"),
        keys=keys,
        events=EventBuffer(),
        clock=clock,
        inspect=partial(inspect, slots=folder / "readers"),
        clean_icon=partial(clean_icon, slots=folder / "readers"),
        device_authorities=apple_authorities(),
        signer=ProfileSigner(config.udid_sign_cert, config.udid_sign_key),
    )


def open_data_folder(config: Config) -> Path:
    folder = Path(config.data_dir).absolute()
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o750)
    except OSError as error:
        raise ConfigInvalid(
            f"{folder}: cannot be made ({error.strerror}); set FENFA_DATA_DIR to a writable folder"
        ) from None
    return folder


def lock_data_folder(config: Config) -> int:
    """A lock on the data folder that lives as long as the returned file descriptor; one server at a time may hold it."""
    folder = open_data_folder(config)
    fd = os.open(folder / "server.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(fd)
        raise ConfigInvalid(f"{folder}: another Fenfa is running on this data folder; stop it first") from None
    return fd
