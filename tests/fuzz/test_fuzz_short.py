"""The fuzz targets for a moment each; `make fuzz` runs them for as long as one likes."""

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz.mutate import mutated
from tests.fuzz.seeds import seeds
from tests.fuzz.targets import TARGETS


@pytest.mark.parametrize("name", TARGETS)
def test_what_is_right_passes(name: str) -> None:
    given_ = seeds(name)
    assert given_
    for seed in given_:
        TARGETS[name](seed)


@pytest.mark.parametrize("name", TARGETS)
def test_what_is_damaged_is_read_or_refused(name: str) -> None:
    known = seeds(name)

    @settings(max_examples=150, deadline=None)
    @given(st.sampled_from(known), st.integers(0, 1 << 32))
    def damaged(seed: bytes, number: int) -> None:
        TARGETS[name](mutated(seed, known, Random(number)))

    damaged()
