"""What the state of a PostgreSQL is called, asked on the event loop for a tenth of what a query in a thread costs.

`pg_current_snapshot()` says which transactions are done, so it differs after any commit by anybody. One question at a time is on
its way; whoever asks meanwhile waits for the next, which sees everything that was committed before they asked.
"""

import asyncio
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from psycopg import AsyncConnection

_QUESTION = b"SELECT pg_current_snapshot()::text"
_PATIENCE = 5.0
_PAUSE = 1.0  # between attempts to connect

Answer = asyncio.Future[bytes | None]


class Snapshots:
    """A connection of its own to the server at `url`, on the loop of the first who asks."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._connection: AsyncConnection | None = None
        self._ear = -1
        self._connecting: asyncio.Task[None] | None = None
        self._asked: Answer | None = None
        self._said: bytes | None = None
        self._next: Answer | None = None
        self._timer: asyncio.TimerHandle | None = None

    async def current(self) -> bytes | None:
        """None where the server did not answer: then nobody knows. It never raises, and never waits for a connection."""
        if self._connection is None:
            if self._connecting is None:
                self._connecting = asyncio.create_task(self.connect())
            return None
        if self._next is None:
            loop = asyncio.get_running_loop()
            self._next = loop.create_future()
            if self._asked is None:
                loop.call_soon(self._ask)
        return await asyncio.shield(self._next)

    async def connect(self) -> None:
        """Waits a moment where that fails; whoever asks afterwards tries again."""
        import psycopg

        try:
            connection = await psycopg.AsyncConnection.connect(self._url, autocommit=True, connect_timeout=5)
        except psycopg.Error:
            await asyncio.sleep(_PAUSE)
        else:
            connection.pgconn.nonblocking = 1
            self._connection, self._ear = connection, os.dup(connection.fileno())  # libpq closes its own as it likes
            asyncio.get_running_loop().add_reader(self._ear, self._hear)
        self._connecting = None

    def close(self) -> None:
        if self._connecting is not None:
            self._connecting.cancel()
        self._drop()

    def _ask(self) -> None:
        if self._connection is None or self._next is None:
            return
        self._asked, self._next = self._next, None
        try:
            self._connection.pgconn.send_query(_QUESTION)
            self._connection.pgconn.flush()
        except Exception:  # whatever libpq says: ask the rows, they tell it better
            self._drop()
        else:
            self._timer = asyncio.get_running_loop().call_later(_PATIENCE, self._drop)

    def _hear(self) -> None:
        assert self._connection is not None
        server = self._connection.pgconn
        try:
            server.consume_input()
            while not server.is_busy():
                result = server.get_result()
                if result is None:
                    self._answer()
                    break
                self._said = result.get_value(0, 0) if result.ntuples else None
        except Exception:
            self._drop()

    def _answer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._asked is not None:
            self._asked.set_result(self._said)
        self._asked = None
        self._ask()

    def _drop(self) -> None:
        """Lets go of the connection; those who wait hear that nobody knows."""
        connection, self._connection = self._connection, None
        if self._timer is not None:
            self._timer.cancel()
        if connection is not None:
            asyncio.get_running_loop().remove_reader(self._ear)
            os.close(self._ear)
            connection.pgconn.finish()
        for waiting in (self._asked, self._next):
            if waiting is not None and not waiting.done():
                waiting.set_result(None)
        self._asked = self._next = None
