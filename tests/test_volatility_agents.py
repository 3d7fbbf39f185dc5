"""The ideal observer against enumeration of all latent sequences; fixed-rate agents."""

import itertools

import numpy as np
import pytest

from pfc_metarl.agents.volatility import choose_best, choose_softmax, fixed_rate_trace, log_k_grid, observe
from pfc_metarl.tasks.volatility import HIGH_FIRST, LOW_FIRST, Process, Schedule, Volatility


def enumerated(outcomes: list[int], process: Process, log_k: np.ndarray) -> tuple[float, float]:
    """p(left good) and E[v] on the trial after the outcomes, by summing over every course of side, v, and k."""
    n = len(outcomes) + 1
    total = left = volatility = 0.0
    for sides in itertools.product([0, 1], repeat=n):
        for levels in itertools.product([0, 1], repeat=n):
            worse = [process.worse_volatile if level else process.worse_stable for level in levels]
            p_left = [w if side else 1 - w for w, side in zip(worse, sides)]
            for k in np.exp(log_k):
                p = 1 / (4 * len(log_k))
                for t, outcome in enumerate(outcomes):
                    p *= 1 - p_left[t] if outcome else p_left[t]
                    v = process.high_volatility * levels[t]
                    p *= v if sides[t + 1] != sides[t] else 1 - v
                    p *= k if levels[t + 1] != levels[t] else 1 - k
                total += p
                left += p * p_left[-1]
                volatility += p * process.high_volatility * levels[-1]
    return left / total, volatility / total


@pytest.mark.parametrize("process", [Process(), Process(worse_stable=0.2, worse_volatile=0.2, log_k_high=-1.0)])
def test_observer_equals_enumeration(process: Process) -> None:
    log_k = log_k_grid(process, 3)
    rng = np.random.default_rng(0)
    sequences = rng.integers(0, 2, (6, 2, 2))  # (trial, ...): any trailing axes
    beliefs = observe(sequences, process, log_k)
    for index in np.ndindex(2, 2):
        own = sequences[:, *index]
        for t in range(6):
            p_left, volatility = enumerated(own[:t].tolist(), process, log_k)
            assert beliefs.p_left[t, *index] == pytest.approx(p_left)
            assert beliefs.volatility[t, *index] == pytest.approx(volatility)


def record(course: Process | Schedule, sessions: int = 1000) -> dict[str, np.ndarray]:
    task = Volatility(200, course)
    task.begin([np.random.default_rng(3)], sessions)
    return {name: column[:, 0] for name, column in task.record().items()}


def test_observer_is_calibrated_on_its_own_process() -> None:
    own = record(Process())
    beliefs = observe(own["good_arm"], Process())
    for belief, truth in ((beliefs.p_left, own["good_arm"] == 0), (beliefs.volatility / 0.2, own["volatile"])):
        bins = np.digitize(belief, np.linspace(0, 1, 11))
        for b in np.unique(bins):
            if (bins == b).sum() > 2000:
                assert truth[bins == b].mean() == pytest.approx(belief[bins == b].mean(), abs=0.03)


def test_observer_earns_more_than_any_fixed_rate() -> None:
    own = record(Process())
    sides = own["magnitude_left"], own["magnitude_right"]

    def earned(p_left: np.ndarray) -> float:
        choice = choose_best(p_left, *sides)
        return float(np.where(choice == own["good_arm"], np.where(choice == 0, *sides), 0).mean())

    best = max(earned(fixed_rate_trace(own["good_arm"], alpha)) for alpha in np.arange(0.1, 1, 0.1))
    assert earned(observe(own["good_arm"], Process()).p_left) > best + 0.5


@pytest.mark.parametrize("order", [LOW_FIRST, HIGH_FIRST])
def test_observer_expects_more_volatility_in_the_volatile_half(order: str) -> None:
    own = record(Schedule(order), 200)
    volatility = observe(own["good_arm"], Process()).volatility
    assert volatility[own["volatile"]].mean() > 1.5 * volatility[~own["volatile"]].mean()


def test_fixed_rate_trace_by_hand() -> None:
    assert fixed_rate_trace(np.array([0, 1, 1, 0]), 0.5).tolist() == [0.5, 0.75, 0.375, 0.1875]


def test_choices_follow_expected_reward() -> None:
    p, left, right = np.array([0.9, 0.5, 0.2, 0.6]), np.array([50, 40, 60, 40]), np.array([50, 60, 60, 60])
    assert choose_best(p, left, right).tolist() == [0, 1, 1, 0 if 0.6 * 40 >= 0.4 * 60 else 1]
    many = [np.full(20_000, x) for x in (0.7, 50.0, 50.0)]
    left_share = (choose_softmax(*many, 5.0, np.random.default_rng(0)) == 0).mean()
    assert left_share == pytest.approx(1 / (1 + np.exp(-5 * 0.2)), abs=0.015)
