"""The ideal observer against enumeration of all latent sequences; fixed-rate agents."""

import itertools

import numpy as np
import pytest

from pfc_metarl.agents.playing import play
from pfc_metarl.agents.volatility import FixedRate, IdealObserver, beliefs, choose_best, log_k_grid, traces
from pfc_metarl.tasks.episodes import Episodes
from pfc_metarl.tasks.volatility import HIGH_FIRST, LOW_FIRST, Process, Schedule, Volatility


def enumerated(outcomes: list[int], process: Process) -> tuple[float, float]:
    """p(left good) and E[v] on the trial after the outcomes, by summing over every course of side, v, and k."""
    n, k = len(outcomes) + 1, np.exp(log_k_grid(process))
    total = left = volatility = 0.0
    for sides in itertools.product([0, 1], repeat=n):
        for levels in itertools.product([0, 1], repeat=n):
            worse = [process.worse_volatile if level else process.worse_stable for level in levels]
            p_left = [w if side else 1 - w for w, side in zip(worse, sides)]
            p = np.full(len(k), 1 / (4 * len(k)))
            for t, outcome in enumerate(outcomes):
                p *= 1 - p_left[t] if outcome else p_left[t]
                v = process.high_volatility * levels[t]
                p *= v if sides[t + 1] != sides[t] else 1 - v
                p *= k if levels[t + 1] != levels[t] else 1 - k
            total += p.sum()
            left += p.sum() * p_left[-1]
            volatility += p.sum() * process.high_volatility * levels[-1]
    return left / total, volatility / total


@pytest.mark.parametrize("process", [Process(), Process(worse_stable=0.2, worse_volatile=0.2, log_k_high=-1.0)])
def test_observer_equals_enumeration(process: Process) -> None:
    sequences = np.random.default_rng(0).integers(0, 2, (5, 2, 2))  # (trial, ...): any trailing axes
    got = beliefs(sequences, process)
    for index in np.ndindex(2, 2):
        own = sequences[:, *index]
        for t in range(5):
            p_left, volatility = enumerated(own[:t].tolist(), process)
            assert got.p_left[t, *index] == pytest.approx(p_left)
            assert got.volatility[t, *index] == pytest.approx(volatility)


def record(course: Process | Schedule, sessions: int = 1000) -> dict[str, np.ndarray]:
    """What happens, (trial, session)."""
    world = Episodes(Volatility(200, course), 1, sessions)
    world.begin([np.random.default_rng(3)])
    columns = ("good_arm", "volatile", "magnitude_left", "magnitude_right")
    return {name: world.trials[0][name].T for name in columns}


def test_observer_is_calibrated_on_its_own_process() -> None:
    own = record(Process())
    got = beliefs(own["good_arm"], Process())
    for belief, truth in ((got.p_left, own["good_arm"] == 0), (got.volatility / 0.2, own["volatile"])):
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

    best = max(map(earned, traces(own["good_arm"], np.arange(0.1, 1, 0.1))))
    assert earned(beliefs(own["good_arm"], Process()).p_left) > best + 0.5
    played = play(IdealObserver(Process()), Volatility(200, Process()), np.random.default_rng(0), 1000, "observer")
    assert played["reward"].mean() > best


@pytest.mark.parametrize("order", [LOW_FIRST, HIGH_FIRST])
def test_observer_expects_more_volatility_in_the_volatile_half(order: str) -> None:
    own = record(Schedule(order), 200)
    volatility = beliefs(own["good_arm"], Process()).volatility
    assert volatility[own["volatile"]].mean() > 1.5 * volatility[~own["volatile"]].mean()


def test_traces_by_hand() -> None:
    assert traces(np.array([0, 1, 1, 0]), np.array([0.5, 1.0])).tolist() == [[0.5, 0.75, 0.375, 0.1875], [0.5, 1, 0, 0]]


def test_choices_follow_expected_reward() -> None:
    p, left, right = np.array([0.9, 0.5, 0.2, 0.6]), np.array([50, 40, 60, 40]), np.array([50, 60, 60, 60])
    assert choose_best(p, left, right).tolist() == [0, 1, 1, 0 if 0.6 * 40 >= 0.4 * 60 else 1]
    agent, row = FixedRate(learning_rate=0.4, inverse_temperature=5.0), np.array([0])
    agent.start(1)
    agent.observe(row, {"good_arm": row})  # left was good: .7
    got = agent.probabilities({"magnitude_left": row + 50, "magnitude_right": row + 40})
    p_left = 1 / (1 + np.exp(-5 * (0.7 * 0.5 - 0.3 * 0.4)))
    assert got[0].tolist() == pytest.approx([p_left, 1 - p_left])
