"""The two-step task: rules step by step, frequencies within binomial bounds."""

import numpy as np
from playing import begun, left_or_right, play, within_binomial_bounds

from pfc_metarl.tasks.task import CENTRE, LEFT, RIGHT
from pfc_metarl.tasks.two_step import TwoStep


def make(trials: int = 100) -> TwoStep:
    return TwoStep(trials, common_probability=0.8, reward_high=0.9, reward_low=0.1, switch_probability=0.025)


def test_frequencies() -> None:
    choices, now = left_or_right(), {}

    def choose(t: int, world: object) -> object:
        """Random choices, and the same side in the state."""
        trial, step = divmod(t, 3)
        if step == 1:
            now["choice"] = choices(trial, world)
        return CENTRE if step == 0 else now["choice"]

    trials = play(begun(make(), episodes=400), choose).world.trials
    common = trials["state"] == trials["choice"]
    np.testing.assert_array_equal(common, trials["common"])
    assert within_binomial_bounds(common.sum(), common.size, 0.8)
    good, rewarded = trials["good_state"], trials["reward"]
    for better, p in ((True, 0.9), (False, 0.1)):
        chosen = (trials["state"] == good) == better
        assert within_binomial_bounds(rewarded[chosen].sum(), chosen.sum(), p)
    switched = good[..., 1:] != good[..., :-1]
    assert within_binomial_bounds(switched.sum(), switched.size, 0.025)
    assert within_binomial_bounds(good[..., 0].sum(), good[..., 0].size, 0.5)
    assert trials["valid"].all()


def test_one_trial_step_by_step() -> None:
    world = begun(make(trials=10), networks=1, episodes=2)
    cue = {"fixation": [1, 0, 0, 0], "choice": [0, 1, 0, 0], "S1": [0, 0, 1, 0], "S2": [0, 0, 0, 1], "blank": [0] * 4}
    assert world.observation[0].tolist() == [cue["fixation"]] * 2
    world.step(np.array([[CENTRE, LEFT]]))
    assert world.observation[0].tolist() == [cue["choice"]] * 2
    assert world.reward.tolist() == [[0, -1]]  # the second one did not fixate
    world.step(np.array([[RIGHT, CENTRE]]))
    first = world.trials[0, :, 0]
    state = "S2" if first["common"][0] else "S1"
    assert world.observation[0].tolist() == [cue[state], cue["blank"]]
    assert world.reward.tolist() == [[0, -1]]  # the second one made no choice, and reaches no state
    world.step(np.array([[RIGHT, LEFT]]))
    assert world.observation[0].tolist() == [cue["fixation"]] * 2
    paid = first["pays"][0, 1 if state == "S2" else 0]
    assert world.reward.tolist() == [[paid, 0]]
    assert first["choice"].tolist() == [1, -1]
    assert first["state"].tolist() == [1 if state == "S2" else 0, -1]
    assert first["valid"].tolist() == [True, False]


def test_centre_is_invalid_in_the_state() -> None:
    world = begun(make(trials=10), networks=1, episodes=50)
    met = play(world, lambda t, world: (CENTRE, LEFT, CENTRE)[t], steps=3)
    assert (met.rewards[2] == -1).all()
    assert not world.trials["valid"][..., 0].any() and not world.trials["reward"][..., 0].any()


def test_led_along_a_table_it_meets_its_transitions_and_rewards() -> None:
    task = make()
    met = {
        "choice": np.array([0, 1, -1, 0]),
        "common": np.array([True, False, True, False]),
        "reward": np.array([1, 0, 0, 1]),
        "valid": np.array([True, True, False, True]),
    }
    assert task.responses(met).tolist() == [[2, 0, 0], [2, 1, 1], [2, 2, 2], [2, 0, 0]]
    world = begun(make(trials=4), networks=1, episodes=1)
    task.lead(world.records[0], world.trials[0, 0], met)
    rewards = play(world, lambda t, world: task.responses(met).ravel()[t]).rewards.reshape(4, 3)
    assert rewards.tolist() == [[0, 0, 1], [0, 0, 0], [0, -1, -1], [0, 0, 1]]
    assert world.trials[0, 0]["state"].tolist() == [0, 0, -1, 1]
