"""The baited schedule: the task, and what known policies earn on it."""

import numpy as np
import pytest
from playing import begun, choosing, play, within_binomial_bounds
from scipy import stats

from pfc_metarl.agents.foraging import random_reward
from pfc_metarl.errors import ConfigError
from pfc_metarl.tasks.episodes import Episodes
from pfc_metarl.tasks.foraging import Foraging, ForagingWithOutcome
from pfc_metarl.tasks.task import CENTRE, LEFT, RIGHT

INTERVALS = [(0.0, 0.1), (0.2, 0.3), (0.4, 0.5)]


def test_reward_probability_grows_with_waiting() -> None:
    task = Foraging(60, 60, 0.5, [(0.15, 0.15000001)])
    pattern = [LEFT] * 4 + [RIGHT]  # right waits four trials each time; left one trial after each right
    trials = play(begun(task, episodes=2000), choosing(task, lambda trial, world: pattern[trial % 5])).world.trials
    p_right, p_left = 0.35, 0.15
    for position, p in {0: 1 - (1 - p_left) ** 2, 1: p_left, 2: p_left, 4: 1 - (1 - p_right) ** 5}.items():
        rewards = trials["reward"][..., 5 + position :: 5]
        assert within_binomial_bounds(rewards.sum(), rewards.size, p), position


def test_without_a_valid_choice_both_arms_wait() -> None:
    task = Foraging(4, 4, 0.5, [(0.15, 0.15000001)])
    pattern = [LEFT, CENTRE, CENTRE, LEFT]  # left has waited two trials, and right is not chosen at all
    met = play(begun(task, episodes=20_000), choosing(task, lambda trial, world: pattern[trial]))
    last = met.world.trials["reward"][..., 3]
    assert within_binomial_bounds(last.sum(), last.size, 1 - 0.85**3)
    assert (met.rewards[3:6:2] == -1).all() and not met.rewards[2:6:2].any()
    assert met.world.trials["valid"].all((0, 1)).tolist() == [True, False, False, True]


def test_base_probabilities_and_lengths() -> None:
    records = begun(Foraging(100, 50, 0.5, INTERVALS), episodes=5000).records
    p = records["p0_left"].ravel()
    inside = [((p >= low) & (p <= high)).sum() for low, high in INTERVALS]
    assert sum(inside) == len(p) and min(inside) > 0.3 * len(p)
    lengths = records["trials"].ravel()
    assert lengths.min() == 50 and lengths.max() == 100
    assert stats.chisquare(np.bincount(lengths - 50, minlength=51)).pvalue > 1e-4


def test_invalid_actions_and_the_end() -> None:
    world = begun(Foraging(4, 2, 0.5, INTERVALS), episodes=400)
    lengths = 2 * world.records["trials"]
    assert set(np.unique(lengths)) == {4, 6, 8}
    met = play(world, lambda t, world: (LEFT, CENTRE)[t % 2])  # wrong at both steps
    on = np.arange(8)[:, None, None] < lengths
    np.testing.assert_array_equal(met.rewards, -on.astype(float))
    np.testing.assert_array_equal(met.active, on)
    assert (world.trials["choice"] == -1).all() and not world.trials["valid"].any() and world.records["over"].all()


@pytest.mark.parametrize("left", [0.3, 0.5])
def test_random_choice_earns_what_the_formula_says(left: float) -> None:
    task, rng = Foraging(100, 100, 0.5, [(0.1, 0.1000001)]), np.random.default_rng(0)
    choose = choosing(task, lambda trial, world: rng.random(world.reward.shape) >= left)
    earned = play(begun(task, episodes=1000), choose).world.trials["reward"][..., 30:].mean()
    assert earned == pytest.approx(random_reward(0.1, 0.4, left), abs=0.005)


@pytest.mark.parametrize(
    "shortest, total, intervals, message",
    [
        (11, 0.5, INTERVALS, "shortest_episode must be 1 to 10"),
        (5, 1.5, INTERVALS, "base_probability_sum must be between 0 and 1"),
        (5, 0.4, INTERVALS, "intervals must lie between 0 and 0.4"),
        (5, 0.5, [(0.3, 0.2)], "low before high"),
        (5, 0.5, [], "intervals must"),
    ],
)
def test_schedules_that_make_no_sense(
    shortest: int, total: float, intervals: list[tuple[float, float]], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        Foraging(10, shortest, total, intervals)


def test_the_outcome_is_told_on_a_step_of_its_own() -> None:
    """The same schedule; what follows the choice is blank, whatever is done there, and pays nothing."""
    two, three = (kind(6, 4, 0.5, [(0.1, 0.4)]) for kind in (Foraging, ForagingWithOutcome))
    worlds = begun(two, episodes=200), begun(three, episodes=200)
    blank = []

    def act(t: int, world: Episodes) -> int:
        if t % 3 == 2:
            blank.append(world.observation.any())
        return (CENTRE, LEFT, t % 3)[t % 3]

    usual = play(worlds[0], lambda t, world: (CENTRE, LEFT)[t % 2])
    told = play(worlds[1], act)
    for name in ("choice", "reward", "valid"):
        np.testing.assert_array_equal(usual.world.trials[name], told.world.trials[name])
    np.testing.assert_array_equal(usual.rewards[1::2], told.rewards[1::3])
    assert not told.rewards[2::3].any() and not any(blank) and len(blank) == 6
