"""The eye against PyTorch's own layers; the agent behind it, whatever it is; learning from pixels."""

import weakref
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from fakes import TWO_STEP, lively, rngs
from torch import Tensor, nn

from pfc_metarl.a2c import Learner
from pfc_metarl.config import Config
from pfc_metarl.errors import ConfigError
from pfc_metarl.networks import AGENTS, agent_class, seeing
from pfc_metarl.networks.agent import Agent, Seen, State, Unroll
from pfc_metarl.networks.seeing import Eye, SeeingNetwork
from pfc_metarl.rollout import play
from pfc_metarl.tasks.episodes import Episodes
from pfc_metarl.tasks.harlow_gaze import GazeParameters, HarlowGaze

VIEW, FEATURES, STEPS, EPISODES = 28, 12, 7, 3
FILTERS = ((4, 8, 4), (6, 3, 2))
close = torch.testing.assert_close


@dataclass(frozen=True)
class SeeingConfig(Config):
    """What such a simulation's config has besides."""

    units: int = 6
    filters: tuple[tuple[int, int, int], ...] = FILTERS
    features: int = FEATURES


def gaze_task(steps: int = 30, **parameters: object) -> HarlowGaze:
    """With a small view and random pictures."""
    geometry = GazeParameters(**{"view": VIEW, **parameters})  # type: ignore[arg-type]
    size = geometry.picture_pixels
    return HarlowGaze(geometry, np.random.default_rng(0).integers(0, 256, (10, size, size, 3), np.uint8), steps)


def network(*seeds: int, agent: str = "prefrontal") -> SeeingNetwork:
    """A seeing network as a config describes it."""
    return SeeingNetwork.build(SeeingConfig(agent=agent), gaze_task(), seeds)


UNFIT = ("belief", "posterior-sampling", "distributional", "symmetric-predictors", "episodic")
"""Agents that need what this task does not tell: of which kind an instance is, the last reward of an episode, or a
context."""
each_agent = pytest.mark.parametrize("agent", [name for name in AGENTS if name not in UNFIT])


def lively_network(*seeds: int, agent: str = "prefrontal") -> SeeingNetwork:
    """One whose policy depends on what it sees."""
    one = network(*seeds, agent=agent)
    lively(one.agent)
    return one


def views(*size: int) -> Tensor:
    """Random pictures (*size, height, width, channel)."""
    return torch.from_numpy(np.random.default_rng(1).integers(0, 256, (*size, VIEW, VIEW, 3), np.uint8))


def seen(networks: int) -> Seen:
    """Random sights, with episodes that begin on the way."""
    rng, size = torch.Generator().manual_seed(5), (STEPS, networks, EPISODES)
    begins = torch.rand(size, generator=rng) < 0.25
    last = torch.randint(-1, 3, size, generator=rng).masked_fill(begins, -1)
    return Seen(views(*size), torch.randn(size, generator=rng), last, begins, torch.randn(size, generator=rng))


def torch_layers(eye: Eye, index: int) -> nn.Sequential:
    """One network's eye from PyTorch's layers."""
    first, second, last = *eye.convolutions, eye.connected
    out = nn.Sequential(
        nn.Conv2d(3, 4, 8, 4), nn.ReLU(), nn.Conv2d(4, 6, 3, 2), nn.ReLU(),
        nn.Flatten(), nn.Linear(6 * 2 * 2, FEATURES), nn.ReLU(),
    )  # fmt: skip
    with torch.no_grad():
        for layer, own in zip((out[0], out[2], out[5]), (first, second, last)):
            layer.weight.copy_(own.weight[index].reshape(layer.weight.shape))
            layer.bias.copy_(own.bias[index])
    return out


@pytest.mark.parametrize("piece", [256, 4])
def test_the_eye_and_its_gradients_equal_pytorchs_layers(piece: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seeing, "PIECE", piece)
    eye, shown = Eye([1, 2], (VIEW, VIEW, 3), FILTERS, FEATURES), views(STEPS, 2, EPISODES)
    with torch.no_grad():
        for bias in (layer.bias for layer in (*eye.convolutions, eye.connected)):
            bias.uniform_(-0.3, 0.3)
    features, weights = eye(shown), torch.randn(STEPS, 2, EPISODES, FEATURES)
    (features * weights).sum().backward()
    for k in range(2):
        layers = torch_layers(eye, k)
        out = layers((shown[:, k].flatten(0, 1) / 255 - 0.5).permute(0, 3, 1, 2)) / FEATURES**0.5
        close(features[:, k].flatten(0, 1), out)
        (out * weights[:, k].flatten(0, 1)).sum().backward()
        for layer, own in zip((layers[0], layers[2], layers[5]), (*eye.convolutions, eye.connected)):
            assert layer.weight.grad.std() > 0.01
            close(own.weight.grad[k].reshape(layer.weight.shape), layer.weight.grad, rtol=1e-4, atol=1e-5)
            close(own.bias.grad[k], layer.bias.grad, rtol=1e-4, atol=1e-5)


def test_for_the_gradient_bytes_are_kept_in_place_of_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    made, numbers = [], seeing._numbers

    def watched(shown: Tensor) -> Tensor:
        out = numbers(shown)
        made.append(weakref.ref(out))
        return out

    monkeypatch.setattr(seeing, "_numbers", watched)
    out = Eye([1, 2], (VIEW, VIEW, 3), FILTERS, FEATURES)(views(1, 2, 5))
    assert out.requires_grad and len(made) == 2 and all(ref() is None for ref in made)  # gone before the gradient
    out.sum().backward()
    assert len(made) == 4


def test_initial_weights_have_the_size_that_keeps_signals() -> None:
    eye = Eye([1, 2], (84, 84, 3), ((16, 8, 4), (32, 4, 2)), 256)
    for layer in (*eye.convolutions, eye.connected):
        inputs = layer.weight[0, 0].numel()
        for own in layer.weight:
            assert own.std().item() == pytest.approx((2 / inputs) ** 0.5, rel=4 / own.numel() ** 0.5)
        assert not layer.bias.any()
    assert [tuple(layer.weight.shape) for layer in (*eye.convolutions, eye.connected)] == [
        (2, 16, 3, 8, 8), (2, 32, 16, 4, 4), (2, 256, 32, 9, 9),
    ]  # fmt: skip


@pytest.mark.parametrize("agent", UNFIT)
def test_agents_that_do_not_fit_are_refused(agent: str) -> None:
    with pytest.raises(ConfigError, match=f"^agent {agent} "):
        network(1, agent=agent)


@each_agent
def test_weights_depend_on_the_own_seed_alone(agent: str) -> None:
    three, alone = network(1, 2, 3, agent=agent), network(3, agent=agent)
    for (name, among), own in zip(three.named_parameters(), alone.parameters(), strict=True):
        assert among.shape[0] == 3 and torch.equal(among[2:], own), name
        if name.startswith("eye") and name.endswith("weight"):
            assert not torch.isclose(among[0], among[1]).all(), name


@each_agent
def test_the_agent_behind_sees_features_and_all_else_unchanged(agent: str) -> None:
    one, shown = lively_network(1, 2, agent=agent), seen(2)
    state = one.start(EPISODES)
    alone = agent_class(agent).build(SeeingConfig(agent=agent), one_vector_task(), [1, 2])
    alone.load_state_dict(one.agent.state_dict())
    by_hand = alone(shown._replace(observations=one.eye(shown.observations)), state)
    for a, b in zip(one(shown, state), by_hand):
        assert a.std() > 0.01
        assert torch.equal(a, b)
    assert (one.units, one.actions, one.observations) == (alone.units, 3, (VIEW, VIEW, 3))
    assert one.sees_prediction_errors == alone.sees_prediction_errors


def one_vector_task() -> HarlowGaze:
    """The task as it looks behind the eye."""
    task = gaze_task()
    task.observations = (FEATURES,)
    return task


@each_agent
def test_acting_step_by_step_equals_the_unroll(agent: str) -> None:
    one, shown = lively_network(1, 2, agent=agent), seen(2)
    unrolled = one(shown, one.start(EPISODES))
    state, steps = one.start(EPISODES), []
    for each in zip(*shown):
        now = Seen(*each)
        state = begun(one, now, state)
        step = one.act(now.observations, now.rewards, now.actions, state, now.added)
        state = step.state
        steps.append(step[:3])
    for whole, own in zip(unrolled, Unroll(*(torch.stack(x) for x in zip(*steps)))):
        close(own, whole, rtol=1e-4, atol=1e-5)


def begun(agent: Agent, now: Seen, state: State) -> State:
    """The state, put back where an episode begins."""
    starts = zip(agent.start(EPISODES), state)
    return tuple(torch.where(now.begins.view(*now.begins.shape, *[1] * (s.dim() - 2)), s0, s) for s0, s in starts)


def test_replicas_equal_each_alone() -> None:
    """Policies, values and gradients."""
    three, alone, shown = lively_network(1, 2, 3), lively_network(2), seen(3)
    own = Seen(*(x[:, 1:2] for x in shown))
    among, by_itself = three(shown, three.start(EPISODES)), alone(own, alone.start(EPISODES))
    for a, b in zip(among, by_itself):
        close(a[:, 1:2], b)
    (among.logits.square().sum() + among.values.sum()).backward()
    (by_itself.logits.square().sum() + by_itself.values.sum()).backward()
    for (name, a), b in zip(three.named_parameters(), alone.parameters(), strict=True):
        close(a.grad[1:2], b.grad, rtol=1e-4, atol=1e-5, msg=name)


def test_an_auxiliary_loss_comes_from_the_agent_behind() -> None:
    one = network(1, 2)
    given = Episodes(TWO_STEP, 2, 3), rngs(1, 2)
    assert one.auxiliary_loss(*given) == 0.0
    one.agent.auxiliary_loss = lambda episodes, rngs: torch.tensor([1.0, 2.0])  # type: ignore[method-assign]
    assert one.auxiliary_loss(*given).tolist() == [1, 2]


def renew(network: int, slot: int, number: int) -> np.random.Generator:
    """Of the episodes' chances."""
    return np.random.default_rng([network, slot, number])


def test_what_acted_is_what_learns_across_ends_of_episodes() -> None:
    """The policy that played the gaze task, step by step, is that of the unroll from which it learns."""
    one, task = lively_network(1, 2).requires_grad_(False), gaze_task(longest=60)
    played = play(one, task, [np.random.default_rng(k) for k in range(2)], EPISODES, renew=renew)
    assert played.seen.begins[1:].any() and played.seen.observations.dtype == torch.uint8
    unrolled = one(played.seen, played.start)
    assert unrolled.logits.std() > 0.05
    close(unrolled.logits[:-1], played.logits, rtol=1e-4, atol=1e-5)
    close(unrolled.values[:-1], played.values, rtol=1e-4, atol=1e-5)


def test_it_learns_to_fixate() -> None:
    """A task of the cross alone, ends of 16 steps: standing still is rewarded, which a random policy seldom does."""
    config = SeeingConfig(units=8, episodes=20 * 16, episodes_per_update=16, learning_rate=0.005, entropy_cost=0.001)
    learner = Learner(config, gaze_task(steps=20, longest=16, fixate_for=12), [1, 2])
    before = [p.clone() for p in learner.network.eye.parameters()]
    rewards = torch.stack([learner.learn().rewards.mean((0, 2)) for _ in range(config.updates)])
    assert isinstance(learner.network, SeeingNetwork)
    assert (rewards[-5:].mean(0) > 2 * rewards[:5].mean(0)).all() and (rewards[:5].mean(0) > 0).all()
    assert not any(torch.equal(p, old) for p, old in zip(learner.network.eye.parameters(), before))
