"""The reversal task as a stream: rules, frequencies, what is carried over; the labels of its analysis."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import stats

from pfc_metarl.a2c import Learner
from pfc_metarl.rollout import generators
from pfc_metarl.tasks.inferred_value import CENTRE, InferredValue
from simulations.inferred_value import SIMULATION, ideal_observers, label_trials, make_task

CONFIG = replace(SIMULATION.quick_config("fast"), units=8)


def rngs(index: int = 0) -> list[np.random.Generator]:
    return generators([1, 2], 9, index)


def play_well(task: InferredValue, episodes: int, index: int = 0) -> torch.Tensor:
    task.begin(rngs(index), episodes)
    rewards = []
    for t in range(task.steps):
        action = task.cue[t // 4] if t % 4 == 2 else torch.full((2, episodes), CENTRE)
        rewards.append(task.step(action)[1])
    return torch.stack(rewards)


def test_rewards_and_screens() -> None:
    task = InferredValue(4, 5, 0.5)
    rewards = play_well(task, 30)
    pays = (task.cue == task.rewarded).float()
    assert torch.equal(rewards[2::4], pays) and (rewards.unflatten(0, (-1, 4))[:, [0, 1, 3]] == 0).all()
    assert task.record()["valid"].all()
    task.begin(rngs(), 30)
    wrong = []
    for t in range(task.steps):
        bad = 1 - task.cue[t // 4] if t % 4 == 2 else torch.zeros(2, 30, dtype=torch.long)
        observation, reward = task.step(bad)
        wrong.append(reward)
        expected = [(task.cue[t // 4] + 1)] * 2 + [torch.full((2, 30), 3), torch.zeros(2, 30).long()]
        assert torch.equal(observation.argmax(-1), expected[t % 4])
    assert (torch.stack(wrong) == -1).all()


def test_contingency_changes_at_block_starts_only_and_half_the_time() -> None:
    task = InferredValue(50, 5, 0.5)
    play_well(task, 60)
    changed = (task.rewarded[1:] != task.rewarded[:-1]).numpy()
    at_start = changed[4::5]
    low, high = stats.binom.interval(0.9999, at_start.size, 0.5)
    assert low <= at_start.sum() <= high
    assert changed.sum() == at_start.sum()


def test_the_stream_goes_on() -> None:
    task = InferredValue(3, 5, 0.0)
    play_well(task, 40)
    before = task.rewarded[-1].clone()
    play_well(task, 40, index=1)
    assert torch.equal(task.rewarded[0], before)  # without switches the rewarded cue stays


def test_learning_carries_state_reward_and_action_over() -> None:
    learner = Learner(CONFIG, make_task(CONFIG, 4), [1, 2])
    first = learner.learn()
    second = learner.learn()
    network = learner.network
    seen = second.inputs[0]
    torch.testing.assert_close(seen[..., network.observations], first.rewards[-1])
    assert torch.equal(seen[..., network.observations + 1 :].argmax(-1), first.actions[-1])
    torch.testing.assert_close(first.inputs[-1], second.inputs[0])  # the input that the bootstrap was valued at
    assert not torch.allclose(second.hidden[0], first.hidden[0])


def test_resumed_stream_equals_uninterrupted(tmp_path: Path) -> None:
    whole, broken = (Learner(CONFIG, make_task(CONFIG, 4), [1, 2]) for _ in range(2))
    for _ in range(4):
        whole.learn()
    for _ in range(2):
        broken.learn()
    torch.save(broken.state_dict(), tmp_path / "x.pt")
    resumed = Learner(CONFIG, make_task(CONFIG, 4), [1, 2])
    resumed.load_state_dict(torch.load(tmp_path / "x.pt", weights_only=True))
    for _ in range(2):
        resumed.learn()
    for a, b in zip(whole.network.parameters(), resumed.network.parameters()):
        assert torch.equal(a, b)


def test_labels() -> None:
    trials = pd.DataFrame(
        {
            "subject": 1,
            "session": 1,
            "block": np.repeat([1, 2, 3], 3),
            "trial_in_block": [1, 2, 3] * 3,
            "cue": [0, 1, 0, 1, 1, 0, 1, 0, 0],
            "rewarded_cue": np.repeat([0, 1, 0], 3),
        }
    )
    got = label_trials(trials)
    assert got["comparison"].tolist() == [""] * 3 + ["before reversal", "experienced", ""] + [
        "before reversal",
        "inferred",
        "",
    ]
    assert got["cue_rewarded"].tolist()[3:5] == ["after", "after"] and got["cue_rewarded"].tolist()[6] == "before"


def test_ideal_observers() -> None:
    table = ideal_observers(SIMULATION.presets["paper"]).set_index(["observer", "comparison", "cue_rewarded"])
    error = table["prediction_error"]
    assert error["boundary-aware", "before reversal", "before"] == 0
    assert error["boundary-aware", "inferred", "after"] == pytest.approx(0.81 * 0.5)
    assert error["boundary-blind", "before reversal", "before"] == pytest.approx(0.324)
    assert error["boundary-blind", "experienced", "before"] == pytest.approx(-0.324)
