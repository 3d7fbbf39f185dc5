"""The reversal task as a stream: what learning carries over."""

from dataclasses import replace
from pathlib import Path

import torch

from pfc_metarl.a2c import Learner
from simulations.inferred_value import SIMULATION, make_task

CONFIG = replace(SIMULATION.quick_config("fast"), units=8)


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
