"""Damaged files, the same ones on every run: a reader gives something or refuses, and never breaks. See `tests.fuzz`."""

import random
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fenfa.errors import BadPackage
from tests.fuzz.base import Target, damage
from tests.fuzz.targets import ALL


@pytest.mark.parametrize("target", ALL, ids=lambda target: target.name)
def test_good_files_are_read(target: Target) -> None:
    """The first seed of each target at least; others may be parts of files."""
    target.read(target.seeds()[0])


@pytest.mark.parametrize("target", ALL, ids=lambda target: target.name)
def test_a_damaged_file_is_refused_at_worst(target: Target) -> None:
    seeds = target.seeds()

    @settings(max_examples=60, derandomize=True, deadline=None, database=None)
    @given(st.sampled_from(range(len(seeds))), st.integers(0, 1 << 30))
    def check(number: int, chance: int) -> None:
        with suppress(BadPackage):
            target.read(damage(seeds[number], random.Random(chance)))

    check()


@pytest.mark.parametrize("target", ALL, ids=lambda target: target.name)
@settings(max_examples=30, derandomize=True, deadline=None, database=None)
@given(data=st.binary(max_size=600))
def test_noise_is_refused_at_worst(target: Target, data: bytes) -> None:
    with suppress(BadPackage):
        target.read(data)
