"""Trying out a store: all four steps on a good one, the step that fails on a bad one, and nothing left behind."""

from pathlib import Path

import pytest

from fenfa.errors import Unavailable
from fenfa.services.trials import Step, try_storage
from fenfa.storage.local import LocalStorage
from fenfa.storage.staging import Staging


@pytest.fixture
def staging(tmp_path: Path) -> Staging:
    return Staging(tmp_path / "staging")


def leftovers(folder: Path) -> list[Path]:
    return [path for name in ("uploads", "staging") for path in (folder / name).rglob("*")]


def test_a_good_store_passes_every_step(tmp_path: Path, staging: Staging) -> None:
    outcomes = try_storage(LocalStorage(tmp_path), staging)
    assert [outcome.step for outcome in outcomes] == list(Step)
    assert all(outcome.problem is None and 0 <= outcome.seconds < 30 for outcome in outcomes)
    assert leftovers(tmp_path) == []


class Forgetful(LocalStorage):
    """Gives other bytes than it was given, in the middle."""

    def read(self, key: str, start: int, size: int) -> bytes:
        content = super().read(key, start, size)
        return content if start == 0 else content[::-1]


class Sticky(LocalStorage):
    """Says that it deleted, and did not."""

    def delete(self, key: str) -> None:
        """Nothing."""


class Closed(LocalStorage):
    def put(self, *_args: object, **_named: object) -> None:
        raise Unavailable("the bucket does not answer")


class Broken(LocalStorage):
    def read(self, key: str, start: int, size: int) -> bytes:
        raise OSError(5, "Input/output error")


@pytest.mark.parametrize(
    ("kind", "step", "problem"),
    [
        (Closed, Step.WRITE, "the bucket does not answer"),
        (Broken, Step.READ, "the store does not work: Input/output error"),
        (Forgetful, Step.RANGE, "the store gives other bytes than it was given"),
        (Sticky, Step.DELETE, "the store still holds what was deleted"),
    ],
)
def test_a_bad_store_fails_at_its_step(
    tmp_path: Path, staging: Staging, kind: type[LocalStorage], step: Step, problem: str
) -> None:
    outcomes = try_storage(kind(tmp_path), staging)
    assert outcomes[-1].step == step
    assert str(outcomes[-1].problem) == problem
    assert [outcome.problem for outcome in outcomes[:-1]] == [None] * (len(outcomes) - 1)
    if kind is not Sticky:
        assert leftovers(tmp_path) == []
