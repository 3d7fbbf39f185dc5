"""The volatility task: rules, frequencies within binomial bounds, the published test schedules."""

import numpy as np
import pytest
from playing import begun, left_or_right, play, within_binomial_bounds
from scipy import stats

from pfc_metarl.errors import ConfigError
from pfc_metarl.tasks.volatility import HIGH_FIRST, LOW_FIRST, Process, Schedule, Volatility


def played(course: Process | Schedule, episodes: int = 500) -> np.ndarray:
    """Random choices; the records (network, episode, trial)."""
    return play(begun(Volatility(200, course), episodes=episodes), left_or_right()).world.trials


def test_training_process_frequencies() -> None:
    trials = played(Process())
    volatile, p_left = trials["volatile"], trials["p_left"]
    # r is tied to v
    assert set(np.unique(p_left[volatile])) == {0, 1} and set(np.unique(p_left[~volatile])) == {0.25, 0.75}
    side, before = p_left > 0.5, volatile[..., :-1]
    switched = side[..., 1:] != side[..., :-1]
    assert not switched[~before].any()  # the side stays while v = 0, and when v changes from 0
    assert within_binomial_bounds(switched[before].sum(), before.sum(), 0.2)
    # independent of whether v changes on the same trial
    changed = volatile[..., 1:] != before
    both = switched & changed
    assert within_binomial_bounds(both.sum(), (changed & before).sum(), 0.2)
    for start in (volatile[..., 0], side[..., 0]):
        assert within_binomial_bounds(start.sum(), start.size, 0.5)


def test_k_is_log_uniform_between_episodes() -> None:
    """With one k per episode, the mean rate of changes and its variance between episodes are those of exp(U)."""
    volatile = begun(Volatility(200, Process()), episodes=500).trials["volatile"]
    changes = (volatile[..., 1:] != volatile[..., :-1]).sum(-1).ravel()
    low, high, n = np.exp(-4.5), np.exp(-3.5), 199
    mean, square = high - low, (high**2 - low**2) / 2  # of k
    error = changes.std() / np.sqrt(changes.size)
    assert abs(changes.mean() - n * mean) < 4 * error
    variance = n * (mean - square) + n**2 * (square - mean**2)  # binomial, and of k
    assert changes.var() == pytest.approx(variance, rel=0.2)
    assert changes.var() > n * mean * 1.2  # a k per trial would make it binomial


def test_outcomes_rewards_and_magnitudes() -> None:
    for course in (Process(), Schedule()):
        trials = played(course)
        left_good = trials["good_arm"] == 0
        for p in np.unique(trials["p_left"]):
            chosen = left_good[trials["p_left"] == p]
            assert within_binomial_bounds(chosen.sum(), chosen.size, p)
        magnitude = np.where(trials["choice"] == 0, trials["magnitude_left"], trials["magnitude_right"])
        np.testing.assert_array_equal(
            trials["reward"], np.where(trials["choice"] == trials["good_arm"], magnitude, np.float32(0))
        )
        for side in ("left", "right"):
            sample = trials[f"magnitude_{side}"].ravel()[::7]
            assert stats.kstest(sample / 100, stats.beta(4, 4).cdf).pvalue > 1e-4
        both = trials["magnitude_left"].ravel(), trials["magnitude_right"].ravel()
        assert abs(np.corrcoef(*both)[0, 1]) < 0.01


@pytest.mark.parametrize("order", [LOW_FIRST, HIGH_FIRST])
def test_schedules_are_the_published_ones(order: str) -> None:
    trials = begun(Volatility(200, Schedule(order)), networks=1, episodes=200).trials[0]
    p, volatile = trials["p_left"], trials["volatile"]
    expected = np.concatenate([np.full(100, 0.75), np.repeat([0.2, 0.8, 0.2, 0.8], 25)])
    if order == HIGH_FIRST:
        expected = expected[::-1]
    for episode in p:
        np.testing.assert_allclose(episode, expected if episode[0] > 0.5 else 1 - expected, atol=1e-6)
    assert (volatile == np.isin(expected, [0.2, 0.8])).all()
    assert within_binomial_bounds((p[:, 0] > 0.5).sum(), len(p), 0.5)


@pytest.mark.parametrize("scale", [0.01, 1.0])
def test_scale_of_reward_and_cue(scale: float) -> None:
    task = Volatility(200, Process(), scale)
    met = play(begun(task, networks=1), lambda t, world: [[0, 1, 0]], steps=2)
    for t in range(2):
        for episode, arm in enumerate([0, 1, 0]):
            trial, magnitude = met.world.trials[0, episode, t], met.observations[t, 0, episode] / scale
            paid = magnitude[arm] if trial["good_arm"] == arm else 0
            assert met.rewards[t, 0, episode] == pytest.approx(float(paid) * scale, rel=1e-5)
            assert trial["magnitude_right"] == pytest.approx(float(magnitude[1]))


@pytest.mark.parametrize("course", [Process(worse_stable=1.5), Process(high_volatility=-0.1), Schedule("low last")])
def test_courses_that_make_no_sense(course: Process | Schedule) -> None:
    with pytest.raises(ConfigError, match="must be"):
        Volatility(200, course)
