"""The reversal task as a stream: what learning carries over."""

from dataclasses import replace
from pathlib import Path

import torch

from pfc_metarl.a2c import Learner
from simulations.inferred_value import SIMULATION, make_task

CONFIG = replace(SIMULATION.config("fast", quick=True), units=8)


def test_learning_carries_state_reward_and_action_over() -> None:
    learner = Learner(CONFIG, make_task(CONFIG, 4), [1, 2])
    first = learner.play()
    learner.learn()
    second = learner.play()
    assert torch.equal(second.seen.rewards[0], first.rewards[-1])
    assert torch.equal(second.seen.actions[0], first.actions[-1])
    assert first.seen.begins[0].all() and not first.seen.begins[1:].any() and not second.seen.begins.any()
    for last, begun in zip(first.seen, second.seen):  # the step that the bootstrap was valued at
        assert torch.equal(last[-1], begun[0])
    for a, b in zip(first.end.state, second.start):
        torch.testing.assert_close(a, b)


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
