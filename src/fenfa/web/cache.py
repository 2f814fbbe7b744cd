"""Rendered public answers, kept as bytes until the product's revision moves.

A look-up costs a dictionary and the change mark of the database, which moves with any commit; requests that come together share
one. Only when it moved is the product's revision read again. Every worker has a cache of its own and all of them are right.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from fenfa.config import Config
from fenfa.db.engine import Database, Mark
from fenfa.errors import FenfaError
from fenfa.services.products import revision, revisions
from fenfa.services.settings import Settings, load_settings
from fenfa.web.face import look_of
from fenfa.web.files import names_tag
from fenfa.web.rsgi import Answer, Asked, HeaderLookup
from fenfa.web.urls import base_of, fixed_base

_MOST_ENTRIES = 512
_LARGEST = 512 * 1024
_PATHS = ("/products/", "/api/products/")
T = TypeVar("T")
"""The headers that an answer without a body does not have."""
Clock = Callable[[], datetime]
Key = tuple[str, str, str, str]


def said_key(path: str, query: str, scheme: str, host: str | None, look: str) -> Key:
    """By what the client says alone: with the product's revision it tells the address too, since settings move that."""
    return path, query, f"{scheme} {host or ''}", look


class ChangeMark:
    """The database's change mark, asked once a turn of the event loop.

    A request that begins after another process or request got its answer runs in a later turn, so nobody sees the past.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._asked = False
        self._mark: Mark | None = None

    def __call__(self) -> Mark | None:
        if not self._asked:
            self._mark, self._asked = self._database.change_mark(), True
            asyncio.get_running_loop().call_soon(self._forget)
        return self._mark

    async def awaited(self) -> Mark | None:
        """The same on any engine."""
        return self() if self._database.inline else await self._database.awaited_mark()

    def _forget(self) -> None:
        self._asked = False


@dataclass(slots=True)
class Rendered:
    """A public answer of a product, and what it is to a client that has it already."""

    product_id: str
    revision: int
    until: datetime | None
    etag: str
    full: Answer
    unchanged: Answer
    mark: Mark | None = None
    """The database's when the revision was last looked at. The mark of the rendering itself could hide a commit between the
    reading of the rows and that of the mark; None forces one more look."""

    def for_client(self, known: str | None) -> Answer:
        """`known` is the client's If-None-Match."""
        return self.unchanged if known and names_tag(known, self.etag) else self.full


class Revisions:
    """Revisions of products, as they are when asked or later: one query at a time, which answers all who asked before it began."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._turn = asyncio.Lock()
        self._wanted: set[str] = set()
        self._next: asyncio.Task[dict[str, int]] | None = None

    async def of(self, product_id: str) -> int | None:
        self._wanted.add(product_id)
        if self._next is None:
            self._next = asyncio.create_task(self._ask())
        return (await asyncio.shield(self._next)).get(product_id)

    async def _ask(self) -> dict[str, int]:
        async with self._turn:
            wanted, self._wanted, self._next = self._wanted, set(), None
            return await self._database.read(revisions, wanted)


class PageCache:
    """Answers by (path, query, base URL, look). `size` 0 keeps nothing."""

    def __init__(self, database: Database, mark: ChangeMark, config: Config, clock: Clock, size: int) -> None:
        self._database = database
        self._clock = clock
        self._current_mark = mark
        self._config = config
        self.size = size
        self._kept: OrderedDict[Key, Rendered] = OrderedDict()
        self._settings: Settings | None = None
        self._settings_mark: Mark | None = None
        self._revisions = Revisions(database)

    async def current(self, key: Key) -> Rendered | None:
        """What is kept and still right, for databases that must be waited for. Every change of a product or of the settings
        moves the product's revision in its own transaction."""
        found = self._kept.get(key)
        if found is None or (found.until and self._clock() >= found.until):
            return None
        mark = await self._current_mark.awaited()
        if mark is None or mark != found.mark:
            if await self._revisions.of(found.product_id) != found.revision:
                return None
            found.mark = mark
        return found

    def later_answer(self, asked: Asked) -> Coroutine[None, None, Answer | None] | None:
        """What `answer` is on databases that answer inline."""
        if asked.method != "GET" or not asked.path.startswith(_PATHS) or asked.headers.get("x-forwarded-proto"):
            return None
        look = look_of(asked.headers) if asked.path.startswith("/products/") else ""
        key = said_key(asked.path, asked.query, "http", asked.headers.get("host"), look)
        return self._later(key, asked.headers.get("if-none-match")) if key in self._kept else None

    async def _later(self, key: Key, known: str | None) -> Answer | None:
        try:
            found = await self.current(key)
        except FenfaError:
            return None  # the application meets it again, and knows how to say it
        return found.for_client(known) if found else None

    def answer(self, asked: Asked) -> Answer | None:
        """For the fast path of the server. None: ask the application."""
        if not self._kept or asked.method != "GET" or not asked.path.startswith(_PATHS):
            return None
        base = self.plain_base(asked.headers)
        look = look_of(asked.headers) if asked.path.startswith("/products/") else ""
        found = self._kept.get((asked.path, asked.query, base, look)) if base else None
        if found is None or not self._is_current(found):
            return None
        return found.for_client(asked.headers.get("if-none-match"))

    def keep(self, key: Key, rendered: Rendered) -> None:
        if not self.size or len(rendered.full[2]) > _LARGEST:
            return
        self._kept[key] = rendered
        if len(self._kept) > self.size:
            self._kept.popitem(last=False)

    def settings(self) -> Settings:
        """The settings, read again only after a commit. For databases that answer inline."""
        mark = self._current_mark()
        if self._settings is None or mark is None or mark != self._settings_mark:
            self._settings = self._database.read_now(load_settings, self._config)
            self._settings_mark = mark
        return self._settings

    def plain_base(self, headers: HeaderLookup) -> str:
        """The base URL where it is beyond doubt; whose X-Forwarded-Proto counts is not this module's knowledge."""
        forwarded = headers.get("x-forwarded-proto")
        return fixed_base(self.settings()) if forwarded else base_of(self.settings(), "http", headers.get("host"))

    def _is_current(self, kept: Rendered) -> bool:
        if kept.until and self._clock() >= kept.until:
            return False
        mark = self._current_mark()
        if mark != kept.mark:
            if self._database.read_now(revision, kept.product_id) != kept.revision:
                return False
            kept.mark = mark
        return True


class CommitCache(Generic[T]):
    """Values that are right until anybody commits anything: a look-up is a mark and a dictionary."""

    def __init__(self, database: Database, mark: ChangeMark) -> None:
        self._database = database
        self._current_mark = mark
        self._mark: Mark | None = None
        self._found: dict[str, T] = {}

    async def get(self, key: str, unit: Callable[[Any, str], T]) -> T:
        """What `unit(connection, key)` gives, or gave since the last commit. What it raises is not kept."""
        mark = await self._current_mark.awaited()
        found = self._look(key, mark)
        if found is None:
            found = await self._database.read(unit, key)
            if mark == self._mark:
                self._found[key] = found
        return found

    def peek(self, key: str) -> T | None:
        """The value, if it has been asked for since the last commit; None where the mark must be waited for."""
        mark = self._current_mark()
        return None if mark is None else self._look(key, mark)

    def _look(self, key: str, mark: Mark | None) -> T | None:
        if mark is None or mark != self._mark or len(self._found) > _MOST_ENTRIES:
            self._found, self._mark = {}, mark
        return self._found.get(key)
