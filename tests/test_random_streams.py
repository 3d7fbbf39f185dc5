"""No two generators are the same, and each is a function of stream, seed and indices alone."""

from itertools import product

import numpy as np
import pytest

from pfc_metarl.errors import ConfigError
from pfc_metarl.random_streams import LARGEST, STREAMS, TRAINING, Stream, generator, generators

SEEDS = range(21)
IN_USE: dict[str, tuple[range, ...]] = {
    "INITIAL_WEIGHTS": (range(120),),
    "TRAINING": (range(200),),
    "TEST": (range(20),),
    "REFERENCE": (range(12), range(10)),
    "RUNNING": (range(4), range(8), range(10)),
    "PICTURES": (range(3),),
    "RECOVERY": (range(10),),
    "AUXILIARY": (range(200),),
}
"""Indices as simulations use them: parts of a network, updates, conditions, agents, tests, slots, episodes."""


def state(stream: Stream, seed: int, *indices: int) -> int:
    """The whole of a generator's state."""
    return generator(stream, seed, *indices).bit_generator.state["state"]["state"]


def test_no_two_generators_are_the_same() -> None:
    assert set(IN_USE) == set(STREAMS)  # a new stream must be added above
    states = set()
    for name, stream in STREAMS.items():
        assert len(IN_USE[name]) == len(stream.indices)
        states |= {state(stream, *key) for key in product(SEEDS, *IN_USE[name])}
    assert len(states) == sum(len(SEEDS) * np.prod([len(r) for r in ranges]) for ranges in IN_USE.values())


def test_the_ends_of_the_ranges_are_not_the_same_either() -> None:
    """Large numbers and zeros, among which NumPy's seeding could confuse one with several."""
    ends = (0, 1, 2**16, 2**31, LARGEST)
    states = [
        state(stream, *key) for stream in STREAMS.values() for key in product(ends, repeat=1 + len(stream.indices))
    ]
    assert len(set(states)) == len(states)


def test_streams_have_numbers_of_their_own() -> None:
    numbers = [stream.number for stream in STREAMS.values()]
    assert len(set(numbers)) == len(numbers) and all(stream.indices for stream in STREAMS.values())


def test_a_generator_depends_on_its_key_alone() -> None:
    first = generator(TRAINING, 3, 7)
    np.random.default_rng(1).random(5), np.random.random(5)
    again, among = generator(TRAINING, 3, 7), generators(TRAINING, [1, 3], 7)[1]
    drawn = first.random(5)
    assert (drawn == again.random(5)).all() and (drawn == among.random(5)).all()


@pytest.mark.parametrize("name", STREAMS)
def test_wrong_indices(name: str) -> None:
    stream = STREAMS[name]
    right = (1,) * len(stream.indices)
    for wrong in (right[1:], (*right, 1)):
        with pytest.raises(TypeError, match=stream.indices[0]):
            generator(stream, 1, *wrong)
    for seed, *indices in ((LARGEST + 1, *right), (-1, *right), (1, *right[1:], 2**32), (1, *right[1:], -1)):
        with pytest.raises(ConfigError, match="between 0 and 4294967295") as caught:
            generator(stream, seed, *indices)
        assert "\n" not in str(caught.value)
