"""What every agent must fulfil; a new one is tested by being registered in AGENTS."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from fakes import SMALL, TWO_STEP, agent_of, lively, rngs

from pfc_metarl.a2c import Learner
from pfc_metarl.config import Config
from pfc_metarl.errors import ConfigError
from pfc_metarl.networks import AGENTS, agent_class, make_agent
from pfc_metarl.networks.agent import Agent, Seen, State, Unroll, last_seen
from pfc_metarl.networks.policies import Softmax
from pfc_metarl.rollout import play
from pfc_metarl.tasks.episodes import Episodes

STEPS, EPISODES = 9, 3
SEEDS = (1, 2)
CONFIG = Config(units=6, episodes=64, episodes_per_update=4, learning_rate=0.01)
close = torch.testing.assert_close
every_agent = pytest.mark.parametrize("name", AGENTS)


def anything_seen(actions: int = 3) -> Seen:
    """Random sights, with episodes that begin on the way (then without last reward and action)."""
    rng = torch.Generator().manual_seed(5)
    size = (STEPS, len(SEEDS), EPISODES)
    begins = torch.rand(size, generator=rng) < 0.25
    begins[0, 0], begins[0, 1], begins[4], begins[5] = True, False, True, False
    rewards = torch.randn(size, generator=rng).masked_fill(begins, 0)
    last = torch.randint(-1, actions, size, generator=rng).masked_fill(begins, -1)
    observations = torch.randn(*size, *TWO_STEP.observations, generator=rng)
    return Seen(observations, rewards, last, begins, torch.randn(size, generator=rng))


def on_the_way(agent: Agent) -> State:
    """A state after some steps."""
    state = agent.start(EPISODES)
    for step in zip(*anything_seen()):
        seen = Seen(*step)
        state = agent.act(seen.observations, seen.rewards, seen.actions, state, seen.added).state
    return state


def step_by_step(agent: Agent, seen: Seen, state: State) -> Unroll:
    """What `act` does along the way, the state put back where an episode begins."""
    steps = []
    for each in zip(*seen):
        now = Seen(*each)
        state = tuple(
            torch.where(now.begins.view(*now.begins.shape, *[1] * (s.dim() - 2)), s0, s)
            for s0, s in zip(agent.start(EPISODES), state)
        )
        step = agent.act(now.observations, now.rewards, now.actions, state, now.added)
        state = step.state
        steps.append(step[:3])
    return Unroll(*(torch.stack(x) for x in zip(*steps)))


@every_agent
def test_shapes(name: str) -> None:
    agent = agent_of(name, TWO_STEP, *SEEDS)
    state = agent.start(EPISODES)
    assert state and all(s.shape[:2] == (len(SEEDS), EPISODES) for s in state)
    out = agent(anything_seen(), state)
    size = (STEPS, len(SEEDS), EPISODES)
    assert out.logits.shape == (*size, TWO_STEP.actions) and out.values.shape == size
    assert out.activity.shape == (*size, agent.units)
    step = agent.act(*(x[0] for x in anything_seen()[:3]), state, torch.zeros(len(SEEDS), EPISODES))
    assert [s.shape for s in step.state] == [s.shape for s in state]
    assert all(p.shape[0] == len(SEEDS) for p in agent.parameters())


@every_agent
def test_acting_step_by_step_equals_the_unroll(name: str) -> None:
    agent = agent_of(name, TWO_STEP, *SEEDS)
    seen, before = anything_seen(), on_the_way(agent)
    stepped, unrolled = step_by_step(agent, seen, before), agent(seen, before)
    for one, other in zip(stepped, unrolled):
        assert one.std() > 0.05  # something to compare
        close(one, other)
    if not sum(s.numel() for s in before):
        return  # it has no memory
    from_start = agent(seen, agent.start(EPISODES))
    assert not torch.isclose(from_start.logits[0, 1], unrolled.logits[0, 1]).all()  # where none began, the state counts
    close(from_start.logits[0, 0], unrolled.logits[0, 0])  # and where one began, it does not
    close(from_start.logits[4:], unrolled.logits[4:])


@every_agent
def test_prediction_errors_count_for_agents_that_see_them_alone(name: str) -> None:
    agent, seen = agent_of(name, TWO_STEP, *SEEDS), anything_seen()
    state = agent.start(EPISODES)
    same = [torch.equal(a, b) for a, b in zip(agent(seen, state), agent(seen._replace(added=-seen.added), state))]
    assert same == ([False, True, False] if agent.sees_prediction_errors else [True, True, True])


@every_agent
def test_weights_depend_on_the_own_seed_alone(name: str) -> None:
    three, alone = make_agent(Config(agent=name), TWO_STEP, [1, 2, 3]), make_agent(Config(agent=name), TWO_STEP, [3])
    assert three.seeds == [1, 2, 3]
    for among, own in zip(three.parameters(), alone.parameters(), strict=True):
        assert torch.equal(among[2:], own)
    drawn = [p for p in three.parameters() if len(p.unique()) > 10]  # not set to a constant
    assert drawn and not any(torch.isclose(p[0], p[1]).all() for p in drawn)


@every_agent
def test_a_network_plays_the_same_alone_and_among_others(name: str) -> None:
    together = play(agent_of(name, TWO_STEP, 1, 2, 3), TWO_STEP, rngs(1, 2, 3), EPISODES)
    alone = play(agent_of(name, TWO_STEP, 2), TWO_STEP, rngs(2), EPISODES)
    assert torch.equal(together.actions[:, 1:2], alone.actions)
    assert torch.equal(together.rewards[:, 1:2], alone.rewards)
    close(together.logits[:, 1:2], alone.logits)
    close(together.values[:, 1:2], alone.values)


@every_agent
def test_a_network_learns_the_same_alone_and_among_others(name: str) -> None:
    config = replace(CONFIG, agent=name)
    together, alone = Learner(config, TWO_STEP, [1, 2, 3]), Learner(config, TWO_STEP, [2])
    before = [p.clone() for p in alone.network.parameters()]
    for _ in range(3):
        together.learn(), alone.learn()
    for among, own in zip(together.network.parameters(), alone.network.parameters()):
        close(among[1:2], own, rtol=1e-3, atol=1e-5)
    held = [p for p, where in alone.network.fixed().items() if where.all()]
    for parameter, old in zip(alone.network.parameters(), before):
        assert torch.equal(parameter, old) == any(parameter is p for p in held)  # all others are learned


@every_agent
def test_playing_leaves_the_weights_as_they_are(name: str) -> None:
    agent = agent_of(name, TWO_STEP, *SEEDS).requires_grad_(True)
    before = {key: value.clone() for key, value in agent.state_dict().items()}
    played = play(agent, TWO_STEP, rngs(*SEEDS), EPISODES)
    assert not played.logits.requires_grad
    assert all(torch.equal(value, before[key]) for key, value in agent.state_dict().items())
    assert all(p.grad is None for p in agent.parameters())


@every_agent
def test_an_auxiliary_loss_reaches_the_gradient(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sum of all weights' squares as an extra loss: its gradient, 2 w, is added to the other."""

    def squares(self: Agent) -> torch.Tensor:
        return torch.stack([p.square().flatten(1).sum(1) for p in self.parameters()]).sum(0)

    def more(self: Agent, episodes: Episodes, generators: list[np.random.Generator]) -> torch.Tensor:
        assert episodes.records.shape == (len(SEEDS), 4) and len(generators) == len(SEEDS)
        return AGENTS[name].auxiliary_loss(self, episodes, generators) + squares(self)

    monkeypatch.setitem(AGENTS, "extra", type("Extra", (AGENTS[name],), {"auxiliary_loss": more}))
    losses, gradients = [], []
    for agent in (name, "extra"):
        learner = Learner(replace(CONFIG, agent=agent), TWO_STEP, list(SEEDS))
        lively(learner.network)
        losses.append(learner.losses(learner.play()))
        losses[-1].sum().backward()
        gradients.append([p.grad for p in learner.network.parameters()])
    assert not learner.network.compiled  # loops that know nothing of it
    close(losses[1] - losses[0], squares(learner.network), rtol=1e-4, atol=1e-4)
    for p, without, with_it in zip(learner.network.parameters(), *gradients):
        close(with_it - without, 2 * p.detach(), rtol=1e-3, atol=1e-3)


def test_last_seen_is_one_vector() -> None:
    observation = torch.tensor([[[0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]])
    seen = last_seen(observation, torch.tensor([[0.5, -1.0, 0.0]]), torch.tensor([[2, 0, -1]]), Softmax(3))
    assert seen.tolist() == [[[0, 1, 0.5, 0, 0, 1], [1, 0, -1, 1, 0, 0], [1, 1, 0, 0, 0, 0]]]


def test_an_unknown_agent() -> None:
    for make in (lambda: agent_class("lstm"), lambda: make_agent(Config(agent="lstm"), SMALL["bandit"], [1])):
        with pytest.raises(ConfigError, match="unknown agent lstm; choose one of: prefrontal, gru") as caught:
            make()
        assert all(name in str(caught.value) for name in AGENTS) and "\n" not in str(caught.value)
