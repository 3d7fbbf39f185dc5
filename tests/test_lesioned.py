"""Networks that lack reward, action or memory from the start of their training."""

from dataclasses import replace

import pytest
import torch
from fakes import SMALL
from torch import Tensor

from pfc_metarl.a2c import BOUNDS, Learner, loss
from pfc_metarl.config import Config
from pfc_metarl.networks.agent import Agent, Seen
from pfc_metarl.networks.policies import Softmax

CONFIG = Config(units=6, networks=2, episodes=80, episodes_per_update=5, learning_rate=0.01)
LESIONS = ["no-reward", "no-action", "no-memory"]
TASK = SMALL["two_step"]


def trained(name: str, plainly: bool) -> Learner:
    made = Learner(replace(CONFIG, agent=name), TASK, CONFIG.seeds)
    made.network.play_plainly = plainly  # type: ignore[misc]
    for _ in range(4):
        made.learn()
    return made


def logits(network: Agent, seen: Seen) -> Tensor:
    return network(seen, network.start(seen.rewards.shape[2])).logits


@pytest.mark.parametrize("plainly", [False, True])
@pytest.mark.parametrize("name", LESIONS)
def test_what_is_lacking_bears_on_nothing_after_training(name: str, plainly: bool) -> None:
    made = trained(name, plainly)
    seen = made.play().seen
    before = logits(made.network, seen)
    assert before.std() > 0.01  # it has learned something
    at = 7
    earlier = torch.arange(len(seen.rewards))[:, None, None, None] < at
    changed = {
        "no-reward": seen._replace(rewards=seen.rewards + 3),
        "no-action": seen._replace(actions=(seen.actions + 1) % 3),
        "no-memory": seen._replace(observations=torch.where(earlier, 3.0, seen.observations)),
    }
    for lesion, other in changed.items():
        after = logits(made.network, other)
        later = slice(at, None) if lesion == "no-memory" else slice(None)
        alike = torch.allclose(before[later], after[later], atol=1e-6)
        assert alike == (lesion == name), lesion


@pytest.mark.parametrize("name", LESIONS)
def test_all_else_is_learned(name: str) -> None:
    made, first = trained(name, plainly=False), Learner(replace(CONFIG, agent=name), TASK, CONFIG.seeds)
    fixed = made.network.fixed()
    for (called, p), q in zip(made.network.named_parameters(), first.network.parameters()):
        if name == "no-memory" and "initial" in called:
            continue  # nothing is remembered of an episode's start
        held = fixed.get(p, torch.zeros_like(p, dtype=torch.bool))
        assert torch.equal(p[held], q[held])
        assert (p != q)[~held].float().mean() > 0.5 or not (~held).any()


@pytest.mark.parametrize("withheld", ["positive", "negative", "all"])
def test_withheld_errors_teach_nothing(withheld: str) -> None:
    """The gradient is that of the steps whose errors are not withheld."""
    torch.manual_seed(0)
    steps = 40
    logits = torch.randn(steps, 1, 1, 3, requires_grad=True)
    values, targets = torch.randn(steps, 1, 1, requires_grad=True), torch.randn(steps, 1, 1)
    on, actions = torch.ones(steps, 1, 1), torch.randint(3, (steps, 1, 1))
    delta = (targets - values).detach()
    kept = {"positive": delta < 0, "negative": delta > 0, "all": delta != delta}[withheld]
    told = [
        torch.autograd.grad(loss(Softmax(3), logits, values, actions, targets, 0.3, 0.0, *more).sum(), (logits, values))
        for more in ((on, BOUNDS[withheld]), (on * kept,))
    ]
    for one, other in zip(*told):
        torch.testing.assert_close(one, other)
