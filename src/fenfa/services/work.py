"""A job at work: what its kind gets, and how a step is noted."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

from sqlalchemy import Connection

from fenfa.config import Config
from fenfa.db.engine import Database
from fenfa.errors import JobStopped
from fenfa.services import jobs
from fenfa.services.records import Record
from fenfa.services.vault import Keys

P = ParamSpec("P")
T = TypeVar("T")


class Bench(Protocol):
    """What jobs need; the runtime is one."""

    @property
    def config(self) -> Config: ...
    @property
    def database(self) -> Database: ...
    @property
    def keys(self) -> Keys: ...
    @property
    def clock(self) -> Callable[[], datetime]: ...


@dataclass(frozen=True)
class Kind:
    """One kind of job. `run` blocks; it may be called again at any step, in another process, and then goes on from
    `work.memory`. `every`: made by the runner itself, that often, while it `is_needed`."""

    name: str
    run: Callable[[Bench, "Work"], None]
    every: timedelta | None = None
    is_needed: Callable[[Connection], bool] = lambda connection: True


@dataclass
class Work:
    """A leased job. Its kind reads `args` and `memory` and notes every step with `commit`."""

    bench: Bench
    job: Record
    owner: str
    stopping: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.attempts = int(self.job["attempts"])
        self.memory: dict[str, Any] = dict(self.job["memory"])
        self.cancelled = False

    @property
    def id(self) -> str:
        return str(self.job["id"])

    @property
    def args(self) -> dict[str, Any]:
        return dict(self.job["args"])

    def commit(
        self, changes: dict[str, Any], unit: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """The unit's effect and the step (`done`, `total`, `message`), with `memory`, in one transaction. `JobStopped`
        after it when the job must end here, and before it when the job is another process's by now."""
        noted = {"memory": self.memory, **changes}

        def deed(connection: Connection) -> tuple[bool, T]:
            asked = jobs.advance(connection, self.bench.clock(), self.id, self.owner, noted)
            return asked, unit(connection, *args, **kwargs)

        self.cancelled, result = self.bench.database.write_now(deed)
        self.attempts = 0
        if self.cancelled or self.stopping.is_set():
            raise JobStopped()
        return result

    def note(self, **changes: Any) -> None:
        """A step without any effect but itself."""
        self.commit(changes, lambda connection: None)
