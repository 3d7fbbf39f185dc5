"""What loops compiled by numba have in common: how they are compiled, and functions that the compiler can vectorise.

It vectorises loops over contiguous arrays whose indices it knows not to be negative: hence slices, and ranges from 0.
"""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba
import numpy as np
from numba.core.caching import FunctionCache

F = np.float32
FAST = {"contract", "reassoc", "nsz", "arcp", "afn"}
"""Liberties that the compiler may take with rounding; not that no number is NaN: divergence must be seen."""
kernel = numba.njit(nogil=True, error_model="numpy", fastmath=FAST)
FILES = (
    "loops.py", "tasks/task.py", "networks/kernels.py", "networks/gradients.py", "networks/updates.py",
    "agents/alchemy_bounds.py", "agents/alchemy_search.py", "analysis/learning_rates.py",
)  # fmt: skip
"""Whose functions, and constants, are compiled into each other; in this folder."""
_EDITION = hashlib.sha256(b"".join((Path(__file__).parent / name).read_bytes() for name in FILES)).hexdigest()


class _Kept(FunctionCache):
    """Compiled code on disk, of one edition of all `FILES` (numba itself would see edits of a function's own alone)."""

    def _index_key(self, *told: Any) -> tuple:
        return (*super()._index_key(*told), _EDITION)


def kept(function: Callable) -> Callable:
    """A `kernel` that is kept on disk: for what knows no task, and calls nothing of files other than `FILES`."""
    made = kernel(function)
    if not numba.config.DISABLE_JIT:  # type: ignore[attr-defined]
        made._cache = _Kept(function)  # type: ignore[attr-defined]
    return made


@numba.njit(error_model="numpy", fastmath=FAST, inline="always")
def tanh(x):  # type: ignore[no-untyped-def]
    """A rational approximation to about 2e-7 (coefficients of Eigen's), which the compiler can vectorise."""
    x = min(max(x, F(-7.90531110763549805)), F(7.90531110763549805))
    y = x * x
    p = F(-2.76076847742355e-16)
    p = p * y + F(2.00018790482477e-13)
    p = p * y + F(-8.60467152213735e-11)
    p = p * y + F(5.12229709037114e-08)
    p = p * y + F(1.48572235717979e-05)
    p = p * y + F(6.37261928875436e-04)
    p = p * y + F(4.89352455891786e-03)
    q = F(1.19825839466702e-06)
    q = q * y + F(1.18534705686654e-04)
    q = q * y + F(2.26843463243900e-03)
    q = q * y + F(4.89352518554385e-03)
    return x * p / q


@numba.njit(error_model="numpy", fastmath=FAST, inline="always")
def logistic(x):  # type: ignore[no-untyped-def]
    """1 / (1 + exp(-x))."""
    return F(0.5) + F(0.5) * tanh(F(0.5) * x)
