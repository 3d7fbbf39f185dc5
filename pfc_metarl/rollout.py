"""An agent plays episodes of a task, or is led along somebody else's."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from pfc_metarl.dopamine import Stimulation
from pfc_metarl.errors import ConfigError
from pfc_metarl.networks.agent import Agent, Seen, State, Stimulus
from pfc_metarl.networks.policies import Gaussian, Policy
from pfc_metarl.tasks.episodes import Episodes, Renew, led_episodes
from pfc_metarl.tasks.task import Task
from pfc_metarl.trials import NETWORKS, check_trials, trial_table


class Carry(NamedTuple):
    """Where streams and running episodes stand: given back to `play`, they go on."""

    state: State
    """The agent's state."""
    reward: Tensor
    """Last reward (network, episode)."""
    action: Tensor
    """Last action (network, episode), none (see `Policy`) where an episode begins."""
    begins: Tensor
    """Whether an episode begins with the next step (network, episode)."""
    episodes: Episodes
    """The episodes in progress."""


class Trajectory(NamedTuple):
    """All that happened in a play; tensors are (time, network, episode, ...)."""

    seen: Seen
    """What the agent saw; where episodes run on, one step more: what follows the last action."""
    start: State
    """The agent's state before the first step (network, episode, ...)."""
    actions: Tensor
    """Actions (see `Policy`)."""
    rewards: Tensor
    """Reward that follows the action."""
    logits: Tensor
    """Of which the policy is made (..., output)."""
    values: Tensor
    """The agent's value before the action."""
    activity: Tensor
    """Of the units that give the policy, when the action was chosen (..., unit)."""
    active: Tensor
    """Whether the step counts: False after an episode's end."""
    end: Carry
    """Where it ended."""
    seeds: list[int]
    """One per network."""

    @property
    def probabilities(self) -> Tensor:
        """With which each action was chosen, (time, network, episode); NaN where somebody who is followed made none.
        Of the softmax policy: continuous actions have none."""
        chosen = torch.softmax(self.logits, -1).gather(-1, self.actions.clamp(min=0).unsqueeze(-1)).squeeze(-1)
        return chosen.masked_fill(self.actions < 0, torch.nan)

    def table(self, group: str = NETWORKS) -> pd.DataFrame:
        """The trial table; where a trial has a fixed number of steps with `probability`, that of its choice."""
        world, subjects = self.end.episodes, np.array(self.seeds)
        if world.task.running:
            which, numbers, records, own = world.ended()
            return trial_table(world.task.name, records, own, subjects[which], numbers + 1, group)
        networks, episodes, trials = world.trials.shape
        rows = np.argsort(subjects)  # the table is sorted by seed
        who, number = np.repeat(subjects[rows], episodes), np.tile(np.arange(1, episodes + 1), networks)
        records, own = world.records[rows].reshape(-1), world.trials[rows].reshape(-1, trials)
        table = trial_table(world.task.name, records, own, who, number, group)
        if world.task.continuous or not world.task.steps_per_trial:
            return table
        chosen = self.probabilities[world.task.choice_step :: world.task.steps_per_trial]
        probability = by_episode(chosen)[rows].reshape(-1, trials)
        return table.assign(probability=probability[np.arange(trials) < records["trials"][:, None]])

    def field(self, name: str) -> np.ndarray:
        """A field of the records, of episodes (network, episode, ...) or of trials (network, episode, trial, ...)."""
        world = self.end.episodes
        return (world.trials if name in world.trials.dtype.names else world.records)[name]


def by_episode(x: Tensor) -> np.ndarray:
    """(time, network, episode, ...) -> array (network, episode, time, ...)."""
    return x.movedim(0, 2).cpu().numpy()


@torch.no_grad()
def play(
    agent: Agent,
    task: Task,
    rngs: Sequence[np.random.Generator] = (),
    episodes: int = 1,
    *,
    start: Carry | None = None,
    renew: Renew | None = None,
    stimulation: Stimulation | None = None,
    forget: bool = False,
    given: pd.DataFrame | None = None,
) -> Trajectory:
    """Play whole episodes (or the next stretch of such as run on), weights fixed, actions drawn from the policy.

    Args:
        agent: the networks.
        task: the task.
        rngs: one generator per network, for the task, then the actions, then the stimulation.
        episodes: number of episodes per network.
        start: where an earlier play ended, if its episodes run on; None: at their start.
        renew: where the task is `running`, the generator of each slot's n-th episode.
        stimulation: what is added to the prediction error, and on which event.
        forget: begin every trial as an episode begins, state, last reward and last action (a lesion of all memory).
        given: a trial table of the task: lead the networks along its subjects' own choices and outcomes; an episode for
            each of its sessions, in their order. Nothing is drawn.

    Raises:
        ConfigError: networks that were built for another task; stimulation of an agent that does not see prediction
            errors, or on an event unknown to the task.
        TableError: the table cannot be used.
    """
    if agent.task_name not in ("", task.name):
        raise ConfigError(f"these networks were built for {agent.task_name}, not for {task.name}")
    if isinstance(agent.action_policy, Gaussian) != task.continuous:
        kinds = ["numbers", "choices"][:: 1 if task.continuous else -1]
        raise ConfigError(f"actions of {task.name} are {kinds[0]}, those of these networks {kinds[1]}")
    if (agent.observations, agent.actions) != (task.observations, task.actions):
        raise ConfigError(
            f"{task.name} shows {task.observations} and takes {task.actions} actions; these networks were built for"
            f" {agent.observations} and {agent.actions}"
        )
    if stimulation is not None and not agent.sees_prediction_errors:
        raise ConfigError("stimulation acts on prediction errors, which only agents named actor-critic-rpe see")
    if given is None:
        world, actions = _begin(task, len(agent.seeds), episodes, rngs, start, renew), None
        noise = agent.action_policy.noise(rngs, task.steps, world.reward.shape[1])
    else:
        world, actions = led_episodes(task, check_trials(given, task.name), len(agent.seeds))
        noise = np.zeros((len(agent.seeds), len(actions), world.reward.shape[1], task.actions), np.float32)
    steps = noise.shape[1]
    protocol = stimulation and stimulation.draw(rngs, steps, world.reward.shape[1], task.events)
    return perform(agent, world, noise, start, actions, protocol, renew, forget)


@torch.no_grad()
def perform(
    agent: Agent,
    world: Episodes,
    noise: np.ndarray,
    start: Carry | None = None,
    actions: np.ndarray | None = None,
    protocol: Stimulus | None = None,
    renew: Renew | None = None,
    forget: bool = False,
) -> Trajectory:
    """`play`, with all that chance decides: in compiled loops, where the agent has them, else step by step.

    Args:
        agent: the agent.
        world: the episodes at their start, which are stepped.
        noise: added to the logits, of which the action is the arg max (network, time, episode, action).
        start, renew, forget: see `play`.
        actions: of somebody who is followed (time, network, episode); None: nobody.
        protocol: of a stimulation, as drawn.
    """
    task, steps = world.task, noise.shape[1]
    if agent.compiled and not (forget or task.running):
        return _play_compiled(agent, start or _at_start(agent, world), world, noise, actions, protocol)
    choose = _draw(agent.action_policy, noise, agent.device) if actions is None else _follow(actions, agent.device)
    added = torch.zeros(steps + 1, *world.reward.shape, device=agent.device)
    now = start or _at_start(agent, world)
    first, seen, done = now.state, [], []
    for t in range(steps + (task.continues or task.running)):
        if forget:
            now = _forget(agent.action_policy, now, world)
        observation = torch.from_numpy(world.observation.copy()).to(agent.device)
        seen.append(Seen(observation, now.reward, now.action, now.begins, added[t]))
        if t == steps:
            break
        state = _begun(agent, now) if now.begins.any() else now.state
        step = agent.act(observation, now.reward, now.action, state, added[t])
        action = choose(t, step.logits)
        active = torch.from_numpy(~world.records["over"])
        begins = torch.from_numpy(world.step(action.cpu().numpy(), renew)).to(agent.device)
        reward = torch.from_numpy(world.reward.copy()).to(agent.device)
        done.append((action, reward, step.logits, step.value, step.activity, active.to(agent.device)))
        if protocol:
            added[t + 1] = torch.from_numpy(protocol[1][t] * (world.records["event"] == protocol[0])).to(agent.device)
        now = Carry(step.state, reward, action, begins, world)
        if task.running:
            now = _withhold(agent.action_policy, now, begins)
    whole = Seen(*(torch.stack(x) for x in zip(*seen)))
    acts, rewards, logits, values, activity, on = (torch.stack(x) for x in zip(*done))
    return Trajectory(whole, first, acts, rewards, logits, values, activity, on, now, agent.seeds)


def _play_compiled(
    agent: Agent, now: Carry, world: Episodes, noise: np.ndarray, given: np.ndarray | None, stimulus: Stimulus | None
) -> Trajectory:
    """The same, in the agent's compiled loops."""
    steps, told, size = noise.shape[1], noise.shape[1] + world.task.continues, world.observation.shape[-1]
    followed = None if given is None else np.ascontiguousarray(given.swapaxes(0, 1))
    last = now.reward.numpy(), now.action.numpy()
    played = agent.unroll(world, now.state, *last, noise, followed, stimulus)

    def by_time(x: np.ndarray, steps: int = steps) -> Tensor:
        return torch.from_numpy(x.swapaxes(0, 1)[:steps])

    actions, rewards = by_time(played.actions[:, 1:]), by_time(played.rewards)
    begins = torch.zeros(told, *now.begins.shape, dtype=torch.bool)
    begins[0] = now.begins
    seen = Seen(
        observations=by_time(played.inputs[..., :size], told),
        rewards=by_time(played.inputs[..., size], told),
        actions=by_time(played.actions, told),
        begins=begins,
        added=by_time(played.added, told),
    )
    end = Carry(played.state, rewards[-1].clone(), actions[-1].clone(), torch.zeros_like(now.begins), world)
    outcome = (by_time(played.logits), by_time(played.values), by_time(played.activity), by_time(played.active))
    return Trajectory(seen, now.state, actions, rewards, *outcome, end, agent.seeds)


def _begin(
    task: Task,
    networks: int,
    episodes: int,
    rngs: Sequence[np.random.Generator],
    start: Carry | None,
    renew: Renew | None,
) -> Episodes:
    """The episodes at their start, or as an earlier play left them."""
    if len(rngs) != networks:
        raise ConfigError(f"play needs a generator for each of the {networks} networks, not {len(rngs)}")
    world = Episodes(task, networks, episodes) if start is None else start.episodes.copy()
    if not task.running:
        world.begin(rngs)
    elif renew is None:
        raise ConfigError(
            f"episodes of {task.name} follow each other: play needs renew, the generators of their chances"
        )
    elif start is None:
        world.begin_running(renew)
    return world


def _at_start(agent: Agent, world: Episodes) -> Carry:
    """Every episode begins."""
    size, device = world.reward.shape, agent.device
    nothing, no_action = torch.zeros(size, device=device), agent.action_policy.none(*size).to(device)
    state = tuple(s.clone() for s in agent.start(size[1]))
    return Carry(state, nothing, no_action, torch.ones(size, dtype=torch.bool, device=device), world)


def _begun(agent: Agent, now: Carry) -> State:
    """The agent's state, put back where an episode begins."""
    fresh = agent.start(now.reward.shape[1])

    def where(s0: Tensor, s: Tensor) -> Tensor:
        return torch.where(now.begins.view(*now.begins.shape, *[1] * (s.dim() - 2)), s0, s)

    return tuple(where(s0, s) for s0, s in zip(fresh, now.state))


def _forget(policy: Policy, now: Carry, world: Episodes) -> Carry:
    """Begin anew wherever a trial begins."""
    return _withhold(policy, now, now.begins | torch.from_numpy(world.trial_begins()).to(now.begins.device))


def _withhold(policy: Policy, now: Carry, begins: Tensor) -> Carry:
    """No last reward and action where an episode begins."""
    none = policy.none(*begins.shape).to(begins.device)
    action = torch.where(begins.view(*begins.shape, *[1] * (none.dim() - begins.dim())), none, now.action)
    return now._replace(reward=now.reward.masked_fill(begins, 0), action=action, begins=begins)


def _draw(policy: Policy, noise: np.ndarray, device: torch.device) -> Callable[[int, Tensor], Tensor]:
    """Draws from the policy."""
    own = torch.from_numpy(noise).to(device)
    return lambda t, out: policy.draw(out, own[:, t])


def _follow(actions: np.ndarray, device: torch.device) -> Callable[[int, Tensor], Tensor]:
    """The actions that are given, (time, network, episode)."""
    given = torch.from_numpy(actions).to(device)
    return lambda t, logits: given[t]
