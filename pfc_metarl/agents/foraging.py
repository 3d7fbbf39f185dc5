"""What known policies earn on the baited schedule, exactly (reward per trial in the long run).

The base probabilities are known to them; n(a) follows from the choices, so that nothing is left to learn.
"""

import numpy as np
from scipy.optimize import brentq

from pfc_metarl.tasks.task import require_probabilities

LONGEST_RUN = 200
"""Runs of one arm beyond this are not looked at: by then the other arm pays almost surely (or has p0 = 0)."""


def optimal_reward(p0_left: float, p0_right: float) -> float:
    """The most that any policy earns.

    With known base probabilities the state is the arm chosen last and how long the other has waited, so that an
    optimal policy repeats a cycle: k times left, then m times right. The best of all such cycles is taken.
    """
    require_probabilities(p0_left=p0_left, p0_right=p0_right)
    runs = np.arange(1, LONGEST_RUN + 1)

    def earned(p0: float, waited: np.ndarray, run: np.ndarray) -> np.ndarray:
        return 1 - (1 - p0) ** (waited + 1) + (run - 1) * p0

    k, m = runs[:, None], runs[None, :]
    cycles = (earned(p0_left, m, k) + earned(p0_right, k, m)) / (k + m)
    return float(max(cycles.max(), p0_left, p0_right))  # or always the same arm


def random_reward(p0_left: float, p0_right: float, left: float = 0.5) -> float:
    """What independent choices earn, left with the given probability."""
    require_probabilities(p0_left=p0_left, p0_right=p0_right, left=left)
    return sum(incomes(p0_left, p0_right, left))


def incomes(p0_left: float, p0_right: float, left: float) -> tuple[float, float]:
    """Reward per trial from either arm if left is chosen with the given probability, independently on each trial.

    An arm chosen with probability q has waited n trials with probability (1 - q)^n q, whence its income
    q (1 - q (1 - p0) / (1 - (1 - q) (1 - p0))).
    """

    def income(p0: float, q: float) -> float:
        return 0.0 if q == 0 else q * (1 - q * (1 - p0) / (1 - (1 - q) * (1 - p0)))

    return income(p0_left, left), income(p0_right, 1 - left)


def matching_reward(p0_left: float, p0_right: float) -> float:
    """What independent choices earn whose ratio equals the ratio of the incomes they bring (matching law)."""
    require_probabilities(p0_left=p0_left, p0_right=p0_right)
    if min(p0_left, p0_right) == 0:
        return max(p0_left, p0_right)

    def mismatch(left: float) -> float:
        from_left, from_right = incomes(p0_left, p0_right, left)
        return from_left * (1 - left) - from_right * left

    # both income ratios per choice fall with the share of choices: one crossing
    return random_reward(p0_left, p0_right, brentq(mismatch, 1e-9, 1 - 1e-9))
