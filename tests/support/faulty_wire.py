"""The wire to an engine, which a test damages: a TCP proxy before the engine's port, with a fault that may change at any moment.

    with faulty_wire(port) as wire:
        …  # talk to wire.port
        wire.fault = Fault.STALLED

Bytes pass as they are, the Host header too: whoever signs it signs this port, and the engine checks that.
"""

import asyncio
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from enum import StrEnum
from itertools import count

_CHUNK = 64 * 1024
_PIECE = 4 * 1024
_PAUSE = 0.01  # so that a slow connection carries 400 KiB a second
_REFUSED = (
    "HTTP/1.1 {} Refused\r\ncontent-type: application/xml\r\ncontent-length: 7\r\nconnection: close\r\n\r\n<Error>"
)
_RESET = struct.pack("ii", 1, 0)


class Fault(StrEnum):
    NONE = "none"
    SLOW = "slow"
    STALLED = "stalled"  # nothing passes, no connection ends
    ERROR_500 = "500"
    ERROR_503 = "503"
    CUT = "cut"  # reset in the middle of a request, or of its answer: the engine did what nobody hears of
    TRUNCATED = "truncated"  # the answer ends early, without an error


class FaultyWire:
    """`fault` counts from the next bytes on, for the connections that are there too."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._fault = Fault.NONE
        self._turns = count()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), daemon=True)
        self._thread.start()
        self._ready.wait()

    @property
    def fault(self) -> Fault:
        return self._fault

    @fault.setter
    def fault(self, fault: Fault) -> None:
        self._loop.call_soon_threadsafe(self._turn_to, fault)

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join()

    def _turn_to(self, fault: Fault) -> None:
        self._fault = fault
        self._moving.clear() if fault == Fault.STALLED else self._moving.set()

    async def _run(self) -> None:
        self._loop, self._over, self._moving = asyncio.get_running_loop(), asyncio.Event(), asyncio.Event()
        self._moving.set()
        self._tasks: set[asyncio.Task[None]] = set()
        server = await asyncio.start_server(self._connect, sock=self._listener)
        self._ready.set()
        await self._over.wait()
        server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._tasks.add(task)
        with suppress(OSError, asyncio.CancelledError):
            await self._carry(reader, writer)
        self._tasks.discard(task)
        writer.transport.abort()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            from_engine, to_engine = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:  # the engine is down: as if the client had met it itself
            _reset(writer)
            return
        ways = (
            asyncio.ensure_future(self._forth(reader, to_engine, writer)),
            asyncio.ensure_future(self._back(from_engine, writer)),
        )
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            to_engine.transport.abort()

    async def _forth(
        self, reader: asyncio.StreamReader, engine: asyncio.StreamWriter, client: asyncio.StreamWriter
    ) -> None:
        while data := await reader.read(_CHUNK):
            await self._moving.wait()
            if self._fault in (Fault.ERROR_500, Fault.ERROR_503):
                client.write(_REFUSED.format(self._fault).encode())
                await client.drain()
                client.close()
                return
            if self._fault == Fault.CUT and next(self._turns) % 2:
                engine.write(data[: len(data) // 2])
                _reset(client)
                return
            await self._pass(data, engine)

    async def _back(self, reader: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        while data := await reader.read(_CHUNK):
            await self._moving.wait()
            if self._fault in (Fault.CUT, Fault.TRUNCATED):
                client.write(data[: len(data) // 2])
                await client.drain()
                _reset(client) if self._fault == Fault.CUT else client.close()
                return
            await self._pass(data, client)
        client.close()

    async def _pass(self, data: bytes, writer: asyncio.StreamWriter) -> None:
        step = _PIECE if self._fault == Fault.SLOW else _CHUNK
        for start in range(0, len(data), step):
            writer.write(data[start : start + step])
            await writer.drain()
            if self._fault == Fault.SLOW:
                await asyncio.sleep(_PAUSE)


def _reset(writer: asyncio.StreamWriter) -> None:
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    writer.transport.abort()


@contextmanager
def faulty_wire(target: int) -> Iterator[FaultyWire]:
    wire = FaultyWire(target)
    try:
        yield wire
    finally:
        wire.close()
