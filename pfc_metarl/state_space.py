"""What moves the state of a network from trial to trial: is it belief, updated as Bayes' rule has it?

A state is all that a network carries from step to step (of an LSTM: hidden and cell), at one step of the trial; a cycle
is what it sees from there to the same step of the next trial. Nothing here depends on what is inside a network.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from sklearn.linear_model import LinearRegression, RidgeCV
from torch import Tensor

from pfc_metarl.analysis.read_out import PENALTIES, explained
from pfc_metarl.networks.agent import Agent, Step
from pfc_metarl.rollout import Trajectory

PUSHES = (-0.4, -0.2, 0.2, 0.4)
"""Of the state along the axis of belief, in units of belief."""
CHOSEN = 200
"""States per network that are driven on."""
BINS = np.linspace(0, 1, 11)
"""Of belief, for curves."""
LIKELY = 0.05
"""Probability of a choice that is made now and then."""


class Input(NamedTuple):
    """What is seen at one step."""

    observation: Tensor
    """(network, point, number), or what can be spread to that."""
    reward: float
    """The last one."""
    action: int
    """The last one."""


Cycle = Callable[[Tensor], list[Input]]
"""From the numbers of trials done (network, point) to what is seen in the next cycle."""


class Event(NamedTuple):
    """What can happen in a trial."""

    choice: int
    """The action that it begins with."""
    cycle: Cycle


class System(NamedTuple):
    """Networks at a task whose ideal observer's belief is one number, between 0 and 1."""

    name: str
    agent: Agent
    states: Tensor
    """That were visited (network, episode, trial, number)."""
    beliefs: np.ndarray
    """The ideal observer's in these (network, episode, trial)."""
    policy: np.ndarray
    """Probabilities with which the choices of these trials were made (network, episode, trial, action)."""
    events: Mapping[str, Event]
    bayes: Callable[[str, np.ndarray, np.ndarray], np.ndarray]
    """From an event, beliefs and trials done, to the beliefs that follow."""
    probes: Sequence[Cycle]
    """Inputs after which the policy is looked at (the mean over all)."""


class Axis(NamedTuple):
    """The axis of belief in each network's state."""

    weights: np.ndarray
    """Of the read-out (network, number)."""
    offset: np.ndarray
    """(network,)."""
    direction: np.ndarray
    """By which the mean state moves per unit of belief (network, number)."""
    r2: np.ndarray
    """Of the read-out on held-out episodes (network,)."""

    def read(self, states: Tensor) -> np.ndarray:
        """Belief, as read out of states (network, point, number): (network, point)."""
        return np.einsum("nps,ns->np", states.numpy(), self.weights) + self.offset[:, None]


class Points(NamedTuple):
    """Visited states of held-out episodes, drawn at random."""

    states: Tensor
    """(network, point, number)."""
    beliefs: np.ndarray
    """(network, point)."""
    trials: Tensor
    """Done before (network, point)."""
    policy: np.ndarray
    """Of the trial's choice (network, point, action)."""


@torch.no_grad()
def visited_states(agent: Agent, played: Trajectory, step: int) -> Tensor:
    """All that networks carried after one step of each trial: (network, episode, trial, number).

    Args:
        agent: those that played, or as many others that see the very same.
        played: whole episodes.
        step: of the trial, from 0.
    """
    state, seen, kept = agent.start(played.rewards.shape[2]), played.seen, []
    steps = played.end.episodes.task.steps_per_trial
    for t in range(len(played.rewards)):
        told = (seen.observations[t], seen.rewards[t], seen.actions[t])
        state = agent.act(*told, state, seen.added[t]).state
        if t % steps == step:
            kept.append(torch.cat(state, -1))
    return torch.stack(kept, dim=2)


def drive(agent: Agent, states: Tensor, inputs: Sequence[Input]) -> tuple[Tensor, Step]:
    """Show networks some steps, from given states: those after them (network, point, number), and the last step."""
    size, state = states.shape[:2], tuple(part.contiguous() for part in states.split(agent.units, -1))
    for seen in inputs:
        observation = seen.observation.expand(*size, -1)
        reward, action = torch.full(size, seen.reward), torch.full(size, seen.action)
        step = agent.act(observation, reward, action, state, torch.zeros(size))
        state = step.state
    return torch.cat(state, -1), step


def belief_axis(states: Tensor, beliefs: np.ndarray) -> Axis:
    """Read belief out of the state, by ridge regression on the first half of the episodes; r2 is that of the others."""
    half, numbers = states.shape[1] // 2, states.shape[-1]
    told = []
    for own, belief in zip(states.numpy(), beliefs):
        x, y = own[:half].reshape(-1, numbers), belief[:half].ravel()
        model, back = RidgeCV(PENALTIES).fit(x, y), LinearRegression().fit(y[:, None], x)
        held_out = model.predict(own[half:].reshape(-1, numbers))
        told.append((model.coef_, model.intercept_, back.coef_[:, 0], explained(belief[half:].ravel(), held_out)))
    return Axis(*(np.array(column) for column in zip(*told)))


def held_out_points(system: System, rngs: Sequence[np.random.Generator]) -> Points:
    """Some visited states of the second half of the episodes, of all but the first trial."""
    networks, episodes, trials = system.beliefs.shape
    drawn = [(rng.integers(episodes // 2, episodes, CHOSEN), rng.integers(1, trials, CHOSEN)) for rng in rngs]
    episode, trial = (np.array(part) for part in zip(*drawn))
    at = np.arange(networks)[:, None], episode, trial
    return Points(system.states[at], system.beliefs[at], torch.from_numpy(trial).float(), system.policy[at])


@torch.no_grad()
def update_field(system: System, axis: Axis, points: Points) -> tuple[pd.DataFrame, pd.DataFrame]:
    """How far each event moves the belief that is read out of the state, beside Bayes' update.

    Every event is made to happen in every one of the points, also where its choice is one that is hardly ever made
    there (with a probability below `LIKELY`): such tables apart, for no training has shaped what follows.

    Returns:
        Curves: task, subject, likely, event, belief (of the ideal observer, middle of a bin), update, bayes (means), n.
        Fits over all points and events: task, subject, likely, slope (1: as Bayes has it) and r2 of the update on
        Bayes', and r2_by_event, of the mean update of each event (what a rule that knows no belief explains).
    """
    before, trials, tables = axis.read(points.states), points.trials.numpy(), []
    for event, (choice, cycle) in system.events.items():
        after, _ = drive(system.agent, points.states, cycle(points.trials))
        likely = points.policy[..., choice] >= LIKELY
        update = axis.read(after) - before
        bayes = system.bayes(event, points.beliefs, trials) - points.beliefs
        for k, subject in enumerate(system.agent.seeds):
            told = {"belief": points.beliefs[k], "update": update[k], "bayes": bayes[k], "likely": likely[k]}
            tables.append(pd.DataFrame(told).assign(task=system.name, subject=subject, event=event))
    whole = pd.concat(tables, ignore_index=True)
    middle = pd.cut(whole["belief"], BINS, labels=(BINS[1:] + BINS[:-1]) / 2, include_lowest=True).astype(float)
    keys = ["task", "subject", "likely", "event", "belief"]
    groups = whole.assign(belief=middle).groupby(keys)[["update", "bayes"]]
    curves = groups.mean().join(groups.size().rename("n")).reset_index()
    fits = []
    for (subject, likely), own in whole.groupby(["subject", "likely"]):
        line = LinearRegression().fit(own[["bayes"]], own["update"])
        mean = own.groupby("event")["update"].transform("mean")
        r2 = [float(explained(own["update"].to_numpy(), p)) for p in (line.predict(own[["bayes"]]), mean.to_numpy())]
        fits.append((system.name, subject, likely, line.coef_[0], *r2))
    return curves, pd.DataFrame(fits, columns=["task", "subject", "likely", "slope", "r2", "r2_by_event"])


@torch.no_grad()
def pushed(system: System, axis: Axis, points: Points, rngs: Sequence[np.random.Generator]) -> pd.DataFrame:
    """States are pushed along the axis of belief, and as far along others along which they move by themselves.

    Returns:
        Table: task, subject, direction (belief, other; or observed: nothing is pushed, the change is that of points
        whose belief differs by as much), push (in units of belief), and the mean changes, over the probes, of log_odds
        (of the first action against the second) and value, and of belief (read out at the next trial); size: the mean
        absolute change of log_odds (other directions have either sign, so that their mean change would be near 0
        whatever they do).
    """
    difference = points.states - points.states.roll(1, dims=1)
    along = torch.from_numpy(axis.direction).float().unsqueeze(1)
    unit = along / along.norm(dim=-1, keepdim=True)
    other = difference - (difference * unit).sum(-1, keepdim=True) * unit
    other = other / other.norm(dim=-1, keepdim=True).clamp(min=1e-9) * along.norm(dim=-1, keepdim=True)
    signs = torch.from_numpy(np.stack([rng.choice([-1.0, 1.0], CHOSEN) for rng in rngs])).float().unsqueeze(-1)
    rest, rows = probed(system, axis, points.states, points.trials), []
    observed = [
        [LinearRegression().fit(b[:, None], own).coef_[0] for b, own in zip(points.beliefs, part)] for part in rest
    ]
    for size in PUSHES:
        for direction, vector in (("belief", along), ("other", other * signs)):
            after = probed(system, axis, points.states + size * vector, points.trials)
            change = [(a - r).mean(axis=1) for a, r in zip(after, rest)] + [np.abs(after[0] - rest[0]).mean(axis=1)]
            rows += [(direction, size, s, *own) for s, *own in zip(system.agent.seeds, *change)]
        rows += [
            ("observed", size, s, *(size * slope for slope in own), abs(size * own[0]))
            for s, *own in zip(system.agent.seeds, *observed)
        ]
    return pd.DataFrame(rows, columns=["direction", "push", "subject", "log_odds", "value", "belief", "size"]).assign(
        task=system.name
    )


def probed(system: System, axis: Axis, states: Tensor, trials: Tensor) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Log odds of the first action against the second, value, and belief at the next trial: means over the probes."""
    told = []
    for probe in system.probes:
        _, step = drive(system.agent, states, probe(trials))
        told.append((step.logits[..., 0] - step.logits[..., 1], step.value))
    beliefs = [axis.read(drive(system.agent, states, event.cycle(trials))[0]) for event in system.events.values()]
    odds, value = (torch.stack(part).mean(0).numpy() for part in zip(*told))
    return odds, value, np.mean(beliefs, axis=0)
