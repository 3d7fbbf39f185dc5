"""Bandits: the task."""

import numpy as np
import pytest
from playing import begun, play, within_binomial_bounds

from pfc_metarl.errors import ConfigError
from pfc_metarl.tasks.bandit import DISTRIBUTIONS, Bandit
from pfc_metarl.tasks.task import NONE


@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
def test_distributions(distribution: str) -> None:
    records = begun(Bandit(10, 2, distribution), episodes=4000).records
    left, right = records["p_0"], records["p_1"]
    assert left.mean() == pytest.approx(0.5, abs=0.02)
    if distribution == "independent":
        assert abs(np.corrcoef(left.ravel(), right.ravel())[0, 1]) < 0.05
        assert left.std() == pytest.approx(12**-0.5, abs=0.01)
    else:
        np.testing.assert_allclose(left + right, 1, atol=1e-6)
    if distribution == "medium":
        assert set(np.unique(left.round(6))) == {np.float32(0.25), np.float32(0.75)}


def test_rewards_regret_and_trial_number() -> None:
    met = play(begun(Bandit(50, 3, (0.2, 0.5, 0.9)), episodes=500), lambda t, world: t % 3)
    for t, seen in enumerate(met.observations):
        np.testing.assert_allclose(seen, t / 50)
    trials = met.world.trials
    np.testing.assert_array_equal(np.moveaxis(met.rewards, 0, -1), trials["reward"])
    for arm, p in enumerate((0.2, 0.5, 0.9)):
        rewards = trials["reward"][..., arm::3]
        assert within_binomial_bounds(rewards.sum(), rewards.size, p)
        np.testing.assert_allclose(trials["regret"][..., arm::3], 0.9 - p, atol=1e-6)
        np.testing.assert_allclose(met.world.records[f"p_{arm}"], p)


def test_trial_number_has_the_scale_that_is_given() -> None:
    met = play(begun(Bandit(11, 2, "easy", time_scale=10)), lambda t, world: 0)
    assert met.observations[-1, 0, 0, 0] == 1


def test_led_along_a_table_that_does_not_tell_probabilities() -> None:
    """Rewards are those of the table, whichever the arm; a trial without a choice pays nothing."""
    task, rewards = Bandit(4, 2, "correlated"), np.array([1, 0, 1, 0])
    choices = np.array([0, 0, 1, NONE])
    world = begun(task, networks=1, episodes=1)
    task.lead(world.records[0], world.trials[0, 0], {"choice": choices, "reward": rewards})
    met = play(world, lambda t, world: task.responses({"choice": choices})[t, 0])
    assert met.rewards[:, 0, 0].tolist() == rewards.tolist()
    assert world.trials[0, 0]["choice"].tolist() == choices.tolist()
    assert np.isnan(world.trials[0, 0]["regret"][:3]).all()


@pytest.mark.parametrize(
    "arms, distribution, message",
    [
        (2, "gaussian", "distribution must be one of independent, .*, not gaussian"),
        (3, "correlated", "arms must be 2 with the distribution correlated, not 3"),
        (3, (0.2, 0.8), "3 probabilities"),
        (2, (0.2, 1.8), "2 probabilities"),
        (2, (0.2, float("nan")), "2 probabilities"),
    ],
)
def test_bad_distributions(arms: int, distribution: str | tuple[float, ...], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Bandit(10, arms, distribution)
