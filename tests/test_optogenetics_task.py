"""Safe against risky: rules, frequencies, events."""

import numpy as np
import pytest
from playing import begun, choosing, play, within_binomial_bounds

from pfc_metarl.errors import ConfigError
from pfc_metarl.tasks.episodes import Episodes
from pfc_metarl.tasks.optogenetics import Optogenetics
from pfc_metarl.tasks.task import CENTRE, LEFT, NONE

TASK = Optogenetics(5, 20, (0.5, 0.125), 1.0, 4.0)


def risky_if_free(trial: int, world: Episodes) -> np.ndarray:
    now = world.trials[..., trial]
    return np.where(now["free"], world.records["risky_side"], now["forced_side"])


def test_frequencies_and_forced_pairs() -> None:
    met = play(begun(TASK, episodes=2000), choosing(TASK, risky_if_free))
    trials, p_risky = met.world.trials, met.world.records["p_risky"]
    pairs = trials["forced_side"][..., :10].reshape(2, 2000, 5, 2)
    assert (pairs.sum(-1) == 1).all()  # one of either side in each pair
    assert within_binomial_bounds(pairs[..., 0].sum(), pairs[..., 0].size, 0.5)
    assert not trials["free"][..., :10].any() and trials["free"][..., 10:].all()
    assert (trials["forced_side"][..., 10:] == NONE).all()
    assert (trials["risky"][..., :10].sum(-1) == 5).all() and trials["valid"].all()
    side = met.world.records["risky_side"][..., None]
    np.testing.assert_array_equal(trials["choice"], np.where(trials["risky"] == 1, side, 1 - side))
    for p in (0.5, 0.125):
        rewards = trials["reward"][p_risky == p][trials["risky"][p_risky == p] == 1]
        assert set(np.unique(rewards)) == {0.0, 4.0}
        assert within_binomial_bounds((rewards > 0).sum(), rewards.size, p)
    assert (trials["reward"][trials["risky"] == 0] == 1).all()
    for share in (p_risky == 0.5, side == 0):
        assert within_binomial_bounds(share.sum(), share.size, 0.5)


def test_what_is_shown() -> None:
    met = play(begun(TASK, episodes=50), choosing(TASK, risky_if_free))
    shown = met.observations.argmax(-1)
    assert (met.observations.sum(-1) == 1).all() and (shown[::2] == 0).all()
    forced = np.moveaxis(met.world.trials["forced_side"], -1, 0)
    np.testing.assert_array_equal(shown[1::2], np.where(forced == NONE, 3, 1 + forced))


def test_invalid_actions() -> None:
    world = begun(TASK, episodes=50)
    wrong = 1 - world.trials["forced_side"][..., 0]
    met = play(world, lambda t, world: (LEFT, wrong)[t], steps=2)  # no fixation, then the arm that is not shown
    assert (met.rewards == -1).all() and not met.events.any()
    first = world.trials[..., 0]
    assert (first["risky"] == NONE).all() and (first["choice"] == NONE).all() and not first["valid"].any()
    assert not first["reward"].any()


def test_events_are_told_by_outcomes_and_only_after_choices() -> None:
    rng = np.random.default_rng(0)
    choose = choosing(TASK, lambda trial, world: rng.integers(0, 3, world.reward.shape))
    met = play(begun(TASK, episodes=200), choose)
    assert not met.events[::2].any()
    events, rewards = met.events[1::2], met.rewards[1::2]
    np.testing.assert_array_equal(events > 0, np.moveaxis(met.world.trials["valid"], -1, 0))
    assert TASK.events == ("safe_reward", "risky_reward", "risky_loss")
    for number, paid in enumerate((1, 4, 0), start=1):
        assert (events == number).any() and (rewards[events == number] == paid).all()
    assert (rewards[events == 0] == -1).all()


def test_led_along_a_table_without_sides_of_the_risky_arm() -> None:
    met = {
        "choice": np.array([NONE, 1, 0, 0]),
        "risky": np.array([NONE, 0, 1, 1]),
        "reward": np.array([0.0, 1.0, 4.0, 0.0]),
        "p_risky": np.full(4, 0.5),
    }
    world = Episodes(TASK, 1, 1, trials=4)
    world.records["trials"] = 4
    TASK.lead(world.records[0], world.trials[0, 0], met)
    assert TASK.responses(met)[0].tolist() == [CENTRE, CENTRE]
    played = play(world, lambda t, world: TASK.responses(met).ravel()[t], steps=8)
    assert played.rewards[1::2, 0, 0].tolist() == [-1, 1, 4, 0] and played.events[1::2, 0, 0].tolist() == [0, 1, 2, 3]
    assert world.records["risky_side"] == LEFT and world.trials["free"].all()


@pytest.mark.parametrize("probabilities", [(), (0.5, 1.2)])
def test_probabilities_that_make_no_sense(probabilities: tuple[float, ...]) -> None:
    with pytest.raises(ConfigError, match="risky_probabilities must be between 0 and 1"):
        Optogenetics(5, 20, probabilities, 1.0, 4.0)


def test_forced_pulls_that_tell_nothing() -> None:
    """Nothing follows them, and no event is there to be stimulated; free pulls are as before."""
    silent = Optogenetics(5, 20, (0.5, 0.125), 1.0, 4.0, forced_outcomes=False)
    usual, met = (play(begun(task, episodes=50), choosing(task, risky_if_free)) for task in (TASK, silent))
    free, before, trials = met.world.trials["free"], usual.world.trials, met.world.trials
    assert not trials["reward"][~free].any() and trials["valid"].all() and before["reward"][~free].any()
    np.testing.assert_array_equal(trials["reward"][free], before["reward"][free])
    is_free = np.moveaxis(free, -1, 0)
    np.testing.assert_array_equal(met.events[1::2], np.where(is_free, usual.events[1::2], 0))
    np.testing.assert_array_equal(met.rewards[1::2], np.where(is_free, usual.rewards[1::2], 0))
