"""Policies against PyTorch's distributions; and what continuous actions ask of play and learning."""

import numpy as np
import pytest
import torch
from fakes import TWO_STEP, lively, rngs
from scipy import stats

from pfc_metarl.a2c import Learner
from pfc_metarl.config import Config
from pfc_metarl.errors import ConfigError
from pfc_metarl.networks import AGENTS, make_agent
from pfc_metarl.networks.policies import Gaussian, Policy, Softmax
from pfc_metarl.rollout import play
from pfc_metarl.tasks import Navigation

CONFIG = Config(units=6, networks=2, episodes=64, episodes_per_update=4, learning_rate=0.01)
close = torch.testing.assert_close


def pytorchs(policy: Policy, out: torch.Tensor) -> torch.distributions.Distribution:
    if isinstance(policy, Softmax):
        return torch.distributions.Categorical(logits=out)
    mean, log_sd = out.chunk(2, -1)
    return torch.distributions.Independent(torch.distributions.Normal(mean, log_sd.exp()), 1)


@pytest.mark.parametrize("policy", [Softmax(3), Gaussian(2)], ids=["softmax", "gaussian"])
def test_they_are_those_of_pytorch(policy: Policy) -> None:
    torch.manual_seed(1)
    out = torch.randn(5, 2, 4, policy.outputs)
    noise = torch.from_numpy(policy.noise(rngs(1, 2), 5, 4)).transpose(0, 1)
    action = policy.draw(out, noise)
    assert action.shape == policy.none(5, 2, 4).shape and policy.shown(action).shape == (5, 2, 4, policy.actions)
    assert not policy.shown(policy.none(5, 2, 4)).any()
    theirs = pytorchs(policy, out)
    close(policy.log_probability(out, action), theirs.log_prob(action))
    close(policy.entropy(out), theirs.entropy())


def test_draws_are_normal() -> None:
    policy, out = Gaussian(2), torch.tensor([0.5, -1.0, 0.0, 0.7])
    drawn = policy.draw(out, torch.from_numpy(policy.noise(rngs(3), 4_000)[0])).numpy()
    for column, mean, sd in zip(drawn.T, (0.5, -1.0), (1.0, np.exp(0.7))):
        assert stats.kstest(column, "norm", (mean, sd)).pvalue > 0.001
    assert abs(np.corrcoef(drawn.T)[0, 1]) < 0.06


def test_networks_learn_with_continuous_actions() -> None:
    """Play and unroll agree, and the loss's gradient is not that of a softmax."""
    task = Navigation(episodes=2, horizon=5)
    learner = Learner(CONFIG, task, CONFIG.seeds)
    lively(learner.network)
    assert not learner.network.compiled
    played = learner.play()
    assert played.actions.shape == (10, 2, 4, 2) and played.seen.actions[1:].equal(played.actions[:-1])
    unrolled = learner.network(played.seen, played.start)
    close(unrolled.logits, played.logits, rtol=1e-4, atol=1e-5)
    before = [p.detach().clone() for p in learner.network.parameters()]
    for _ in range(2):
        learner.learn()
    assert all(not torch.equal(p, q) for p, q in zip(before, learner.network.parameters()))
    table = played.table()
    assert len(table) == 2 * 4 * 10 and "probability" not in table


def test_a_network_finds_its_way() -> None:
    """Paid for going right: the mean of the first number rises, that of the second does not."""

    def right(task, episode, trials, action):  # type: ignore[no-untyped-def]
        return float(action[0])

    class Right(Navigation):
        act = staticmethod(right)

    config = Config(units=4, networks=2, episodes=3_200, episodes_per_update=16, learning_rate=0.02, entropy_cost=0.0)
    learner = Learner(config, Right(1, 3), config.seeds)
    while learner.update < config.updates:
        learner.learn()
    mean = play(learner.network, Right(1, 3), rngs(1, 2), 50).logits[..., :2].mean(dim=(0, 2))
    assert (mean[:, 0] > 1).all() and (mean[:, 1].abs() < mean[:, 0] / 2).all()


def test_what_does_not_fit_is_refused() -> None:
    fits = {name for name, kind in AGENTS.items() if kind.acts_continuously}
    assert {"prefrontal", "gru", "rnn"} <= fits and "actor-critic-rpe" not in fits
    with pytest.raises(
        ConfigError, match="^agent actor-critic-rpe chooses among actions; those of navigation are cont"
    ):
        make_agent(Config(agent="actor-critic-rpe"), Navigation(), [1])
    discrete = AGENTS["prefrontal"]([1], Navigation.observations, 2, 4)
    with pytest.raises(ConfigError, match="^actions of navigation are numbers, those of these networks choices$"):
        play(discrete, Navigation(), rngs(1), 1)
    continuous = AGENTS["prefrontal"]([1], TWO_STEP.observations, 3, 4, continuous=True)
    with pytest.raises(ConfigError, match="^actions of two_step are choices, those of these networks numbers$"):
        play(continuous, TWO_STEP, rngs(1), 1)
