"""Actor and critic apart: prediction errors, no gradient through them, and stimulation."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from pfc_metarl.a2c import Learner
from pfc_metarl.dopamine import Stimulation
from pfc_metarl.errors import ConfigError
from pfc_metarl.network import ActorCriticRPE, PrefrontalNetwork
from pfc_metarl.rollout import generators, play
from pfc_metarl.tasks.optogenetics import Optogenetics
from simulations.optogenetics import SIMULATION, make_task

CONFIG = SIMULATION.quick_config("fast")


def agent(seeds: tuple[int, ...] = (1, 2)) -> ActorCriticRPE:
    network = ActorCriticRPE(list(seeds), 4, 3, 8, discount=0.9)
    with torch.no_grad():  # values and policies that vary
        for head in (network.policy, network.value):
            head.weight.normal_(generator=torch.Generator().manual_seed(3))
    return network.requires_grad_(False)


def task() -> Optogenetics:
    return Optogenetics(5, 20, (0.5, 0.125), 1.0, 4.0)


def rngs() -> list[np.random.Generator]:
    return generators([1, 2], 9, 0)


def test_the_actor_sees_the_prediction_error() -> None:
    trajectory = play(agent(), task(), rngs(), 5)
    rewards, values, seen = trajectory.rewards, trajectory.values, trajectory.inputs[..., -1]
    assert (seen[0] == 0).all()
    torch.testing.assert_close(seen[1:], rewards[:-1] + 0.9 * values[1:] - values[:-1])
    assert seen[1:].abs().min() > 0


def test_prediction_error_by_hand() -> None:
    """Values from a critic whose read-out is its bias alone: V = 2, so delta = r + .9 * 2 - 2."""
    network = agent()
    network.value.weight.zero_()
    network.value.bias.fill_(2.0)
    trajectory = play(network, task(), rngs(), 5)
    torch.testing.assert_close(trajectory.inputs[1:, ..., -1], trajectory.rewards[:-1] - 0.2)


def test_the_actor_does_not_see_the_reward() -> None:
    network = agent()
    inputs = torch.randn(6, 2, 3, network.input_size)
    changed = inputs.clone()
    changed[..., network.observations] += 1.0
    state = network.start(3)
    torch.testing.assert_close(network.states(inputs, state), network.states(changed, state))
    assert not torch.allclose(network(inputs, state)[1], network(changed, state)[1])  # the critic does


def test_acting_equals_learning_pass() -> None:
    network = agent()
    trajectory = play(network, task(), rngs(), 5)
    _, values = network(trajectory.inputs, network.start(5))
    torch.testing.assert_close(values, trajectory.values)
    torch.testing.assert_close(network.states(trajectory.inputs, network.start(5)), trajectory.hidden)


def test_no_gradient_flows_through_the_prediction_error() -> None:
    network = agent().requires_grad_(True)
    trajectory = play(network, task(), rngs(), 5)
    assert not trajectory.inputs.requires_grad
    logits, _ = network(trajectory.inputs, network.start(5))
    logits.square().sum().backward()
    critic = [*network.critic.parameters(), *network.value.parameters()]
    assert all(p.grad is None or (p.grad == 0).all() for p in critic)
    assert network.lstm.input_weight.grad[:, -1].abs().sum() > 0  # while the actor does learn to use it


def test_size_zero_changes_nothing() -> None:
    without = play(agent(), task(), rngs(), 20)
    stimulated = play(agent(), task(), rngs(), 20, stimulation=Stimulation("risky_reward", 0.0))
    assert torch.equal(without.actions, stimulated.actions) and torch.equal(without.values, stimulated.values)
    assert torch.equal(without.inputs, stimulated.inputs)


@pytest.mark.parametrize("event, size", [("risky_reward", -4.0), ("safe_reward", -1.0), ("risky_loss", 1.0)])
def test_the_event_is_hit_exactly_as_often_as_it_occurs(event: str, size: float) -> None:
    task_ = task()
    trajectory = play(agent(), task_, rngs(), 50, stimulation=Stimulation(event, size))
    natural = trajectory.rewards[:-1] + 0.9 * trajectory.values[1:] - trajectory.values[:-1]
    added = (trajectory.inputs[1:, ..., -1] - natural)[1::2]  # after the choices of all trials but the last
    record = task_.record()
    risky, paid = record["risky"][:-1] == 1, record["reward"][:-1] > 0
    occurs = {"risky_reward": risky & paid, "safe_reward": record["risky"][:-1] == 0, "risky_loss": risky & ~paid}[
        event
    ]
    torch.testing.assert_close(added, torch.from_numpy(occurs * size).float(), rtol=0, atol=1e-5)
    assert (trajectory.inputs[1:, ..., -1] - natural)[0::2].abs().max() < 1e-5  # never after fixation


def test_stretch_and_probability_of_stimulation() -> None:
    whole = Stimulation("safe_reward", -1.0)
    play(agent(), task(), rngs(), 200, stimulation=whole)
    late = Stimulation("safe_reward", -1.0, first_step=20)
    early = Stimulation("safe_reward", -1.0, last_step=19)
    half = Stimulation("safe_reward", 0.0, probability=0.5)
    for stimulation in (late, early, half):
        play(agent(), task(), rngs(), 200, stimulation=stimulation)
    assert 0 < early.stimulated <= 5 * 400  # five forced safe pulls
    assert late.stimulated > 0
    assert 0.4 * whole.stimulated < half.stimulated < 0.6 * whole.stimulated


def test_bad_stimulation() -> None:
    with pytest.raises(ConfigError, match="only the agent actor-critic-rpe"):
        play(PrefrontalNetwork([1, 2], 4, 3, 8), task(), rngs(), 2, stimulation=Stimulation("risky_loss", 1.0))
    with pytest.raises(ConfigError, match="unknown event jackpot; choose one of: safe_reward"):
        play(agent(), task(), rngs(), 2, stimulation=Stimulation("jackpot", 1.0))
    with pytest.raises(ConfigError, match="event"):
        replace(CONFIG, size=-4.0)
    with pytest.raises(ConfigError, match="risky_probabilities"):
        replace(CONFIG, risky_probabilities=(0.5, 1.5))


def test_it_learns_alone_as_among_others() -> None:
    both, alone = (Learner(CONFIG, make_task(CONFIG), seeds) for seeds in ([1, 2], [2]))
    for _ in range(2):
        both.learn(), alone.learn()
    for p, own in zip(both.network.parameters(), alone.network.parameters()):
        torch.testing.assert_close(p[1:], own, rtol=1e-3, atol=1e-5)
