"""Trying out a store the way builds use it: write, read, read a part, delete."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from secrets import token_bytes
from time import monotonic

from fenfa.errors import FenfaError, NotFound, Unavailable
from fenfa.storage.base import Storage, release_key
from fenfa.storage.staging import Staging
from fenfa.vocabulary import new_id

_SIZE = 64 * 1024
_PART = slice(_SIZE // 3, _SIZE // 2)


class Step(StrEnum):
    WRITE = "write"
    READ = "read"
    RANGE = "range"
    DELETE = "delete"


@dataclass(frozen=True)
class Outcome:
    """`problem` is None for a step that went well."""

    step: Step
    seconds: float
    problem: FenfaError | None = None


def try_storage(storage: Storage, staging: Staging) -> list[Outcome]:
    """The steps up to the first that fails; what was written is removed again. Blocks.

    The object is named like one of a build, so that a sweep removes what a crash in between leaves.
    """
    key = release_key(new_id("prd"), new_id("var"), new_id("rel"), "trial.bin")
    content = token_bytes(_SIZE)
    found: list[Outcome] = []
    try:
        for step, deed in _deeds(storage, staging, key, content):
            found.append(_timed(step, deed))
            if found[-1].problem:
                break
    finally:
        with suppress(FenfaError, OSError):  # said already, by the step that failed
            storage.delete(key)
    return found


def _deeds(storage: Storage, staging: Staging, key: str, content: bytes) -> Iterator[tuple[Step, Callable[[], object]]]:
    yield Step.WRITE, lambda: _write(storage, staging, key, content)
    yield Step.READ, lambda: _expect(storage.read(key, 0, len(content) + 1), content)
    yield Step.RANGE, lambda: _expect(storage.read(key, _PART.start, _PART.stop - _PART.start), content[_PART])
    yield Step.DELETE, lambda: _delete(storage, key)


def _timed(step: Step, deed: Callable[[], object]) -> Outcome:
    started = monotonic()
    problem: FenfaError | None = None
    try:
        deed()
    except FenfaError as error:
        problem = error
    except OSError as error:
        problem = Unavailable("the store does not work: {reason}", reason=error.strerror or type(error).__name__)
    return Outcome(step, monotonic() - started, problem)


def _write(storage: Storage, staging: Staging, key: str, content: bytes) -> None:
    staged = staging.create(new_id("trial"), len(content))
    try:
        staged.write(content)
        staged.seal()
        storage.put(staged.path, key, staged.sha256, b"{}")
    finally:
        staged.discard()


def _expect(got: bytes, wanted: bytes) -> None:
    if got != wanted:
        raise Unavailable("the store gives other bytes than it was given")


def _delete(storage: Storage, key: str) -> None:
    storage.delete(key)
    with suppress(NotFound):
        storage.read(key, 0, 1)
        raise Unavailable("the store still holds what was deleted")
