"""Actor and critic apart: what each of them sees, and no gradient through the prediction error.

(Stimulation of the error: test_rollout.py.)
"""

import pytest
import torch
from fakes import SMALL, agent_of, lively, rngs

from pfc_metarl.dopamine import prediction_error, prediction_errors
from pfc_metarl.networks import AGENTS
from pfc_metarl.networks.actor_critic import ActorCriticRPE
from pfc_metarl.rollout import play

TASK = SMALL["optogenetics"]
NAMES = [name for name, agent in AGENTS.items() if issubclass(agent, ActorCriticRPE)]
every_agent = pytest.mark.parametrize("name", NAMES)


def test_prediction_errors_of_an_episode() -> None:
    rewards, values = torch.tensor([[1.0, 0.0, 2.0]]), torch.tensor([[0.5, 1.0, -1.0]])
    expected = [[1 + 0.9 * 1.0 - 0.5, 0.9 * -1.0 - 1.0]]
    assert prediction_errors(rewards.numpy(), values.numpy(), 0.9).tolist()[0] == pytest.approx(expected[0])
    assert prediction_error(1.0, 2.0, 0.5, 0.9) == pytest.approx(2.3)


@every_agent
def test_prediction_error_by_hand(name: str) -> None:
    """A critic whose read-out is its bias alone, V = 2: the actor sees r + .9 * 2 - 2 in place of the reward."""
    agent = agent_of(name, TASK, 1, 2)
    agent.value.weight.zero_()
    agent.value.bias.fill_(2.0)
    played = play(agent, TASK, rngs(1, 2), 5)
    assert (played.values == 2).all() and played.rewards.std() > 0.5
    error = (played.rewards[:-1] - 0.2).unsqueeze(-1)
    observation, action = played.seen.observations[1:], torch.nn.functional.one_hot(played.actions[:-1], 3)
    state = agent.actor.start(5)
    nothing = torch.zeros(2, 5, 4)  # no error and no action on the first step
    state = agent.actor.step(torch.cat([played.seen.observations[0], nothing], -1), state)
    for t, inputs in enumerate(torch.cat([observation, error, action], -1), start=1):
        state = agent.actor.step(inputs, state)
        torch.testing.assert_close(played.activity[t], state[0])


@every_agent
def test_the_actor_does_not_see_the_reward(name: str) -> None:
    """A critic that ignores the reward, and errors without it: nothing of the reward is left in the policy."""
    agent = agent_of(name, TASK, 1, 2)
    seen = play(agent, TASK, rngs(1, 2), 5).seen
    changed = seen._replace(rewards=seen.rewards + 1.0, added=seen.added - 1.0)  # the error stays r + gamma V' - V
    changed.rewards[0] = 0  # of an episode's first step there is neither
    changed.added[0] = 0
    agent.critic.input_weight[:, TASK.observations[0]] = 0
    one, other = (agent(x, agent.start(5)) for x in (seen, changed))
    torch.testing.assert_close(one.logits, other.logits)
    agent.critic.input_weight[:, TASK.observations[0]] = 1  # a critic that sees it has other values
    one, other = (agent(x, agent.start(5)) for x in (seen, changed))
    assert not torch.isclose(one.values[1:], other.values[1:]).any()


@every_agent
def test_no_gradient_flows_through_the_prediction_error(name: str) -> None:
    agent = agent_of(name, TASK, 1, 2).requires_grad_(True)
    seen = play(agent, TASK, rngs(1, 2), 5).seen
    agent(seen, agent.start(5)).logits.square().sum().backward()
    assert all(p.grad is None or not p.grad.any() for p in (*agent.critic.parameters(), *agent.value.parameters()))
    assert agent.actor.input_weight.grad[:, TASK.observations[0]].any()  # while the actor does learn to use it
    agent.zero_grad()
    agent(seen, agent.start(5)).values.square().sum().backward()
    assert all(p.grad is None or not p.grad.any() for p in (*agent.actor.parameters(), *agent.policy.parameters()))
    assert agent.critic.input_weight.grad.any()


def test_actor_and_critic_start_from_weights_of_their_own() -> None:
    agent = AGENTS["actor-critic-rpe"]([1], (4,), 3, 8, discount=0.9)
    assert not torch.isclose(agent.actor.input_weight, agent.critic.input_weight).any()
    assert not torch.isclose(agent.actor.hidden_weight, agent.critic.hidden_weight).any()


def test_the_discount_of_the_error_is_that_of_the_config() -> None:
    """With gamma 0 the error is r - V."""
    agent = lively(AGENTS["actor-critic-rpe"]([1, 2], TASK.observations, 3, 6, discount=0.0)).requires_grad_(False)
    seen = play(agent, TASK, rngs(1, 2), 5).seen
    state = agent.start(5)
    values = agent(seen, state).values
    inputs = []
    agent.actor.register_forward_pre_hook(lambda _, given: inputs.append(given[0]))
    agent(seen, state)
    torch.testing.assert_close(inputs[0][1:, ..., TASK.observations[0]], seen.rewards[1:] - values[:-1])
