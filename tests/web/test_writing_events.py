"""Events are written by one at a time, so that whoever has waited for it finds all of them."""

import asyncio
from types import SimpleNamespace
from typing import Any

from fenfa.services.traffic import EventBuffer
from fenfa.vocabulary import EventType
from fenfa.web.app import write_events
from tests.services.shop import event


def test_the_second_waits_for_the_first() -> None:
    async def write_twice() -> list[str]:
        order, commit = [], asyncio.Event()

        async def write(_unit: Any, drained: list[Any]) -> None:
            await commit.wait()
            order.append(f"{len(drained)} written")

        async def note(name: str) -> None:
            await write_events(runtime)
            order.append(name)

        runtime: Any = SimpleNamespace(events=EventBuffer(), database=SimpleNamespace(write=write))
        runtime.events.add(event(EventType.VISIT))
        tasks = [asyncio.create_task(note(name)) for name in ("first", "second")]
        await asyncio.sleep(0)
        commit.set()
        await asyncio.gather(*tasks)
        return order

    assert asyncio.run(write_twice()) == ["1 written", "first", "second"]
