"""Safe against risky: rules, frequencies, events."""

import numpy as np
import pytest
import torch
from scipy import stats

from pfc_metarl.rollout import generators
from pfc_metarl.tasks.optogenetics import CENTRE, FORCED_LEFT, FREE, LEFT, Optogenetics


def begun(episodes: int) -> Optogenetics:
    task = Optogenetics(5, 20, (0.5, 0.125), 1.0, 4.0)
    task.begin(generators([1, 2], 9, 0), episodes)
    return task


def test_frequencies_and_forced_pairs() -> None:
    task = begun(2000)
    while task.time < task.steps:
        cue = task.cues[task.time // 2]
        action = torch.where(cue == FREE, task.risky_side, cue - FORCED_LEFT)
        action = action if task.time % 2 else torch.full_like(action, CENTRE)
        task.step(action)
    record = task.record()
    forced = task.cues[:10].view(5, 2, 2, 2000) - FORCED_LEFT
    assert (forced.sum(1) == 1).all()  # one of either side in each pair
    assert not record["free"][:10].any() and record["free"][10:].all()
    assert (record["risky"][:10].sum(0) == 5).all() and (record["risky"] >= 0).all()
    for p in (0.5, 0.125):
        rewards = record["reward"][(record["risky"] == 1) & (record["p_risky"] == p)]
        assert set(np.unique(rewards)) == {0.0, 4.0}
        low, high = stats.binom.interval(0.9999, rewards.size, p)
        assert low <= (rewards > 0).sum() <= high
    assert (record["reward"][record["risky"] == 0] == 1).all()
    for share in (record["p_risky"][0] == 0.5, record["risky_side"][0] == 0):
        assert share.mean() == pytest.approx(0.5, abs=0.04)


def test_invalid_actions() -> None:
    task = begun(50)
    _, reward = task.step(torch.full((2, 50), LEFT))
    assert (reward == -1).all()  # no fixation
    wrong = 1 - (task.cues[0] - FORCED_LEFT)
    _, reward = task.step(wrong)
    assert (reward == -1).all() and (task.record()["risky"][0] == -1).all()
    assert not any(event.any() for event in task.events().values())


def test_events_are_exclusive_and_only_after_choices() -> None:
    task, rng = begun(200), np.random.default_rng(0)
    for t in range(task.steps):
        fixate = torch.full((2, 200), CENTRE)
        task.step(fixate if t % 2 == 0 else torch.from_numpy(rng.integers(0, 3, (2, 200))))
        events = task.events()
        count = sum(event.int() for event in events.values())
        valid = task.risky[t // 2] >= 0
        assert torch.equal(count, (valid if t % 2 else torch.zeros_like(valid)).int())
        if t % 2:
            reward = task.reward[t // 2]
            assert (reward[events["risky_reward"]] == 4).all() and (reward[events["safe_reward"]] == 1).all()
            assert (reward[events["risky_loss"]] == 0).all()
