"""A target, and how its seeds are damaged."""

import random
from collections.abc import Callable
from dataclasses import dataclass

_NUMBERS = (
    b"\0",
    b"\x01",
    b"\x7f",
    b"\x80",
    b"\xff",
    b"\xff" * 2,
    b"\xff" * 4,
    b"\0" * 4,
    b"\x7f" + b"\xff" * 3,
    b"\xff" * 8,
)


@dataclass(frozen=True)
class Target:
    """A reader of bytes, and the good files that it starts from."""

    name: str
    seeds: Callable[[], list[bytes]]
    read: Callable[[bytes], object]


def damage(data: bytes, chance: random.Random) -> bytes:
    """One to eight changes, mostly where the file is not empty; sometimes it is cut or grows."""
    changed = bytearray(data)
    for _ in range(chance.randint(1, 8)):
        place = _place(changed, chance)
        kind = chance.random()
        if kind < 0.4:
            changed[place : place + 1] = bytes([chance.randrange(256)])
        elif kind < 0.8:
            number = chance.choice(_NUMBERS)
            changed[place : place + len(number)] = number
        elif kind < 0.88:
            del changed[place : place + chance.randint(1, 64)]
        elif kind < 0.96:
            other = _place(changed, chance)
            piece = changed[other : other + chance.randint(1, 64)]
            changed[place : place + len(piece)] = piece
        else:
            del changed[place:]
    return bytes(changed)


def _place(data: bytearray, chance: random.Random) -> int:
    place = 0
    for _ in range(8):
        place = chance.randrange(len(data) + 1)
        if any(data[place : place + 2]):
            break
    return place
