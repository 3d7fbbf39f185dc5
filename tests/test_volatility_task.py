"""The volatility task: rules, frequencies within binomial bounds, the published test schedules."""

import numpy as np
import pytest
import torch
from scipy import stats

from pfc_metarl.tasks.volatility import HIGH_FIRST, LOW_FIRST, Process, Schedule, Volatility


def rngs(networks: int) -> list[np.random.Generator]:
    return [np.random.default_rng([seed, 9]) for seed in range(networks)]


def within_binomial_bounds(successes: int, n: int, p: float) -> bool:
    low, high = stats.binom.interval(0.9999, n, p)
    return bool(low <= successes <= high)


def played(course: Process | Schedule, sessions: int = 500, reward_scale: float = 0.01) -> dict[str, np.ndarray]:
    """Random choices."""
    task, rng = Volatility(200, course, reward_scale), np.random.default_rng(1)
    task.begin(rngs(2), sessions)
    for _ in range(task.steps):
        task.step(torch.from_numpy(rng.integers(0, 2, (2, sessions))))
    return task.record()


def test_training_process_frequencies() -> None:
    record = played(Process())
    volatile, p_left = record["volatile"], record["p_left"]
    # r is tied to v
    assert set(np.unique(p_left[volatile])) == {0, 1} and set(np.unique(p_left[~volatile])) == {0.25, 0.75}
    side, before = p_left > 0.5, volatile[:-1]
    switched = side[1:] != side[:-1]
    assert not switched[~before].any()  # the side stays while v = 0, and when v changes from 0
    assert within_binomial_bounds(switched[before].sum(), before.sum(), 0.2)
    # independent of whether v changes on the same trial
    changed = volatile[1:] != before
    both = switched & changed
    assert within_binomial_bounds(both.sum(), (changed & before).sum(), 0.2)
    for start in (volatile[0], side[0]):
        assert within_binomial_bounds(start.sum(), start.size, 0.5)


def test_k_is_log_uniform_between_episodes() -> None:
    """With one k per episode, the mean rate of changes and its variance between episodes are those of exp(U)."""
    changes = np.concatenate([(v[1:] != v[:-1]).sum(0).ravel() for v in (played(Process())["volatile"],)])
    low, high, n = np.exp(-4.5), np.exp(-3.5), 199
    mean, square = high - low, (high**2 - low**2) / 2  # of k
    error = changes.std() / np.sqrt(changes.size)
    assert abs(changes.mean() - n * mean) < 4 * error
    variance = n * (mean - square) + n**2 * (square - mean**2)  # binomial, and of k
    assert changes.var() == pytest.approx(variance, rel=0.2)
    assert changes.var() > n * mean * 1.2  # a k per trial would make it binomial


def test_outcomes_rewards_and_magnitudes() -> None:
    for course in (Process(), Schedule()):
        record = played(course)
        left_good = record["good_arm"] == 0
        for p in np.unique(record["p_left"]):
            chosen = left_good[record["p_left"] == p]
            assert within_binomial_bounds(chosen.sum(), chosen.size, p)
        magnitude = np.where(record["choice"] == 0, record["magnitude_left"], record["magnitude_right"])
        np.testing.assert_array_equal(
            record["reward"], np.where(record["choice"] == record["good_arm"], magnitude, 0).astype(np.float32)
        )
        for side in ("left", "right"):
            sample = record[f"magnitude_{side}"].ravel()[::7]
            assert stats.kstest(sample / 100, stats.beta(4, 4).cdf).pvalue > 1e-4
        both = record["magnitude_left"].ravel(), record["magnitude_right"].ravel()
        assert abs(np.corrcoef(*both)[0, 1]) < 0.01


@pytest.mark.parametrize("order", [LOW_FIRST, HIGH_FIRST])
def test_schedules_are_the_published_ones(order: str) -> None:
    record = played(Schedule(order), sessions=200)
    p, volatile = record["p_left"][:, 0], record["volatile"][:, 0]
    expected = np.concatenate([np.full(100, 0.75), np.repeat([0.2, 0.8, 0.2, 0.8], 25)])
    if order == HIGH_FIRST:
        expected = expected[::-1]
    for episode in range(p.shape[1]):
        mirrored = expected if p[0, episode] > 0.5 else 1 - expected
        np.testing.assert_allclose(p[:, episode], mirrored, atol=1e-6)
    np.testing.assert_array_equal(volatile, np.repeat(np.isin(expected, [0.2, 0.8])[:, None], p.shape[1], axis=1))
    assert within_binomial_bounds((p[0] > 0.5).sum(), p.shape[1], 0.5)


@pytest.mark.parametrize("scale", [0.01, 1.0])
def test_scale_of_reward_and_cue(scale: float) -> None:
    task = Volatility(200, Process(), scale)
    seen = task.begin(rngs(1), 3)
    for t in range(2):
        magnitude = seen / scale
        choice = torch.tensor([[0, 1, 0]])
        seen, reward = task.step(choice)
        for episode, arm in enumerate([0, 1, 0]):
            paid = magnitude[0, episode, arm] if task.good_arm[t, 0, episode] == arm else 0
            assert reward[0, episode] == pytest.approx(float(paid) * scale, rel=1e-5)
            assert task.record()["magnitude_right"][t, 0, episode] == pytest.approx(float(magnitude[0, episode, 1]))


def test_a_network_meets_the_same_task_alone_and_among_others() -> None:
    for course in (Process(), Schedule()):
        together, alone = Volatility(200, course), Volatility(200, course)
        together.begin(rngs(3), 5)
        alone.begin(rngs(3)[2:], 5)
        for name in ("good_arm", "magnitude", "p_left", "volatile"):
            assert torch.equal(getattr(together, name)[:, 2:], getattr(alone, name))
