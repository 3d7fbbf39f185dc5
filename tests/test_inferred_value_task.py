"""The reversal task as a stream: rules, frequencies, what is carried over."""

import numpy as np
import pytest
from playing import Met, begun, choosing, play, rngs, within_binomial_bounds

from pfc_metarl.errors import ConfigError
from pfc_metarl.tasks.episodes import Episodes
from pfc_metarl.tasks.inferred_value import InferredValue


def as_told(trial: int, world: Episodes) -> np.ndarray:
    return world.trials["cue"][..., trial]


def play_well(task: InferredValue, episodes: int) -> Met:
    return play(begun(task, episodes=episodes), choosing(task, as_told))


def by_trial(x: np.ndarray) -> np.ndarray:
    """(time, network, episode) -> (network, episode, trial, step)"""
    return np.moveaxis(x, 0, -1).reshape(*x.shape[1:], -1, 4)


def test_rewards_and_screens() -> None:
    task = InferredValue(4, 5, 0.5)
    met = play_well(task, 30)
    trials, rewards = met.world.trials, by_trial(met.rewards)
    pays = trials["cue"] == trials["rewarded_cue"]
    np.testing.assert_array_equal(rewards[..., 2], pays)
    assert not rewards[..., [0, 1, 3]].any() and trials["valid"].all()
    np.testing.assert_array_equal(trials["reward"], pays)
    shown = by_trial(met.observations.argmax(-1))
    assert (met.observations.sum(-1) == 1).all()
    for step, place in enumerate((0, 1 + trials["cue"], 1 + trials["cue"], 3)):
        assert (shown[..., step] == place).all()
    assert (trials["block"][0, 0] == np.repeat([1, 2, 3, 4], 5)).all()
    assert (trials["trial_in_block"][0, 0] == np.tile(np.arange(1, 6), 4)).all()


def test_every_wrong_action_costs() -> None:
    def wrong(t: int, world: Episodes) -> object:
        trial, step = divmod(t, 4)
        return 1 - world.trials["cue"][..., trial] if step == 2 else 0

    met = play(begun(InferredValue(4, 5, 0.5), episodes=30), wrong)
    assert (met.rewards == -1).all()
    assert not met.world.trials["valid"].any() and not met.world.trials["reward"].any()


@pytest.mark.parametrize("step", [0, 1, 3])
def test_one_wrong_action_makes_the_trial_invalid_but_the_right_one_is_paid(step: int) -> None:
    well = choosing(InferredValue(1, 2, 0.5), as_told)
    met = play(begun(InferredValue(1, 2, 0.5), episodes=50), lambda t, world: 0 if t == step else well(t, world))
    first = met.world.trials[..., 0]
    np.testing.assert_array_equal(met.rewards[2], first["cue"] == first["rewarded_cue"])
    assert (met.rewards[step] == -1).all() and met.rewards[2].any()
    assert not first["valid"].any() and not first["reward"].any() and met.world.trials["valid"][..., 1].all()


def test_contingency_changes_at_block_starts_only_and_half_the_time() -> None:
    rewarded = play_well(InferredValue(50, 5, 0.5), 60).world.trials["rewarded_cue"]
    changed = rewarded[..., 1:] != rewarded[..., :-1]
    at_start = changed[..., 4::5]
    assert within_binomial_bounds(at_start.sum(), at_start.size, 0.5)
    assert changed.sum() == at_start.sum()
    start = begun(InferredValue(1, 5, 0.5), episodes=500).records["rewarded"]
    assert within_binomial_bounds(start.sum(), start.size, 0.5)


@pytest.mark.parametrize("switch_probability, same", [(0.0, True), (1.0, False)])
def test_the_stream_goes_on(switch_probability: float, same: bool) -> None:
    """From stretch to stretch the rewarded cue stays, or changes, as it does from block to block."""
    task, last = InferredValue(3, 5, switch_probability), np.empty(0)
    world = begun(task, episodes=40)
    for stretch in range(3):
        if stretch:
            world.begin(rngs(key=20 + stretch))
        rewarded = play(world, choosing(task, as_told)).world.trials["rewarded_cue"]
        assert 0 < rewarded.mean() < 1
        if stretch:
            assert ((rewarded[..., 0] == last) == same).all()
        last = rewarded[..., -1].copy()


def test_a_probability_that_makes_no_sense() -> None:
    with pytest.raises(ConfigError, match="switch_probability must be between 0 and 1"):
        InferredValue(3, 5, 1.5)
