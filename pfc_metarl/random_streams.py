"""Every random number: named streams, and one generator per network.

A generator is a function of the stream, the network's seed and the stream's indices: there is nothing to save, and
what one network draws does not depend on how many others run beside it. Every stream has a number of its own and a
fixed number of indices, so that no two generators are ever the same.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from pfc_metarl.errors import ConfigError

LARGEST = 2**32 - 1
"""Of seeds and indices: NumPy cuts larger ones into several words, and two keys could become one."""


class Stream(NamedTuple):
    """One use of random numbers."""

    number: int
    """Unlike that of any other stream."""
    indices: tuple[str, ...]
    """What tells the stream's generators apart, besides the seed."""


INITIAL_WEIGHTS = Stream(0, ("part",))
"""Of one array of weights (or one module) each."""
TRAINING = Stream(1, ("update",))
"""What an update meets: chances of the tasks, then the draws of the actions."""
TEST = Stream(2, ("condition",))
"""What a test meets, in the same order, then the stimulator."""
REFERENCE = Stream(3, ("agent", "condition"))
"""Reference agents at play."""
RUNNING = Stream(4, ("test", "slot", "episode"))
"""Episodes that follow each other in a slot; test: 0 in training, from 1 in tests."""
PICTURES = Stream(5, ("side",))
"""Crops of the bundled photographs, of training (0) and held out (1); order of a folder's (2)."""
RECOVERY = Stream(6, ("model",))
"""Simulated subjects whose parameters are to come back; the seed is the subject's number."""
AUXILIARY = Stream(7, ("update",))
"""What further losses of networks leave to chance."""
STREAMS = {name: stream for name, stream in globals().copy().items() if isinstance(stream, Stream)}


def generator(stream: Stream, seed: int, *indices: int) -> np.random.Generator:
    """The generator of a seed at these indices.

    Raises:
        ConfigError: a seed or index that NumPy would not keep whole.
        TypeError: not as many indices as the stream has.
    """
    if len(indices) != len(stream.indices):
        raise TypeError(f"the stream has the indices {stream.indices}, not {indices}")
    key = [seed, stream.number, *indices]
    if not all(0 <= k <= LARGEST for k in key):
        raise ConfigError(f"seeds and indices of random numbers lie between 0 and {LARGEST}, not {key}")
    return np.random.default_rng(key)


def generators(stream: Stream, seeds: Sequence[int], *indices: int) -> list[np.random.Generator]:
    """One generator per network."""
    return [generator(stream, seed, *indices) for seed in seeds]
