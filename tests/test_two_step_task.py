"""The two-step task: rules step by step, frequencies within binomial bounds."""

import numpy as np
import torch
from scipy import stats

from pfc_metarl.tasks.two_step import CENTRE, LEFT, RIGHT, TwoStep


def make(trials: int = 100) -> TwoStep:
    return TwoStep(trials, common=0.8, reward_high=0.9, reward_low=0.1, switch=0.025)


def rngs(networks: int) -> list[np.random.Generator]:
    return [np.random.default_rng([seed, 9]) for seed in range(networks)]


def within_binomial_bounds(successes: int, n: int, p: float) -> bool:
    low, high = stats.binom.interval(0.9999, n, p)
    return low <= successes <= high


def played(sessions: int = 400) -> dict[str, np.ndarray]:
    """Random valid choices."""
    task, rng = make(), np.random.default_rng(1)
    task.begin(rngs(2), sessions)
    for _ in range(task.trials):
        task.step(torch.full((2, sessions), CENTRE))
        choice = torch.from_numpy(rng.integers(0, 2, (2, sessions)))
        task.step(choice)
        task.step(choice)
    return task.record()


def test_frequencies() -> None:
    record = played()
    choice, state, reward, good = (record[k].astype(int) for k in ("choice", "state", "reward", "good_state"))
    common = state == choice
    np.testing.assert_array_equal(common, record["common"])
    assert within_binomial_bounds(common.sum(), common.size, 0.8)
    for better, p in ((True, 0.9), (False, 0.1)):
        chosen = (state == good) == better
        assert within_binomial_bounds(reward[chosen].sum(), chosen.sum(), p)
    switched = good[1:] != good[:-1]
    assert within_binomial_bounds(switched.sum(), switched.size, 0.025)
    assert within_binomial_bounds(good[0].sum(), good[0].size, 0.5)
    assert record["valid"].all()


def test_one_trial_step_by_step() -> None:
    task = make(trials=10)
    cue = {"fixation": [1, 0, 0, 0], "choice": [0, 1, 0, 0], "S1": [0, 0, 1, 0], "S2": [0, 0, 0, 1], "blank": [0] * 4}
    assert task.begin(rngs(1), 2)[0].tolist() == [cue["fixation"]] * 2
    observation, reward = task.step(torch.tensor([[CENTRE, LEFT]]))
    assert observation[0].tolist() == [cue["choice"]] * 2
    assert reward.tolist() == [[0, -1]]  # the second one did not fixate
    observation, reward = task.step(torch.tensor([[RIGHT, CENTRE]]))
    state = "S2" if task.common[0, 0, 0] else "S1"
    assert observation[0].tolist() == [cue[state], cue["blank"]]
    assert reward.tolist() == [[0, -1]]  # the second one made no choice, and reaches no state
    observation, reward = task.step(torch.tensor([[RIGHT, LEFT]]))
    assert observation[0].tolist() == [cue["fixation"]] * 2
    paid = float(task.pays[0, 0, 0, 1 if state == "S2" else 0])
    assert reward.tolist() == [[paid, 0]]
    record = task.record()
    assert record["choice"][0, 0].tolist() == [1, -1]
    assert record["state"][0, 0].tolist() == [1 if state == "S2" else 0, -1]
    assert record["valid"][0, 0].tolist() == [True, False]


def test_centre_is_invalid_in_the_state() -> None:
    task = make(trials=10)
    task.begin(rngs(1), 50)
    for action in (CENTRE, LEFT, CENTRE):
        _, reward = task.step(torch.full((1, 50), action))
    assert (reward == -1).all()
    assert not task.record()["valid"][0].any() and (task.record()["reward"][0] == 0).all()


def test_a_network_meets_the_same_task_alone_and_among_others() -> None:
    together, alone = make(), make()
    together.begin(rngs(3), 5)
    alone.begin(rngs(3)[2:], 5)
    for name in ("good_state", "common", "pays"):
        assert torch.equal(getattr(together, name)[:, 2:], getattr(alone, name))
