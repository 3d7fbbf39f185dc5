"""The state of trained networks: is it belief, and is it updated as Bayes' rule has it? Bandits and the two-step task.

    python -m simulations hidden_state [--results FOLDER]

It trains nothing: its networks are those of the finished runs of bandits (correlated arms) and two_step in the results
folder.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from pfc_metarl.agents.beliefs import ideal_beliefs
from pfc_metarl.agents.two_step import ModelBased
from pfc_metarl.command_line import Where, parse
from pfc_metarl.config import Count, Settings
from pfc_metarl.finished_run import Run, load
from pfc_metarl.networks import make_agent
from pfc_metarl.networks.agent import Agent
from pfc_metarl.random_streams import REFERENCE, TEST, generators
from pfc_metarl.results import RunFolder, run_folder
from pfc_metarl.rollout import Trajectory, by_episode, play
from pfc_metarl.simulation import Options, Tables
from pfc_metarl.slow_points import slow_points
from pfc_metarl.state_space import (
    Cycle,
    Event,
    Input,
    System,
    belief_axis,
    held_out_points,
    pushed,
    update_field,
    visited_states,
)
from pfc_metarl.tasks.task import CENTRE, LEFT, RIGHT
from pfc_metarl.tasks.two_step import CHOICE_CUE, FIXATION, FIXATION_CUE, STATE_1, TwoStep
from pfc_metarl.trials import NETWORKS, UNTRAINED
from simulations import two_step

NAME = "hidden_state"
FURTHER_TEST = 2_000
"""Index of the test's random numbers: those of no other one."""
SIDE = {LEFT: "left", RIGHT: "right"}


@dataclass(frozen=True)
class Choice(Settings):
    """How much is looked at."""

    episodes: Count = 100
    """Episodes that each network plays; half of them are held out."""


def two_step_system(run: Run, agent: Agent, played: Trajectory) -> System:
    """After the fixation of each trial; belief: that S1 is the better state."""
    world, planner = played.end.episodes, two_step.planner(run.config)
    beliefs = ideal_beliefs(world.task, world.trials)[..., 0]
    outcomes = {
        f"{SIDE[choice]}, {'common' if common else 'uncommon'}, {'rewarded' if reward else 'unrewarded'}": (
            choice,
            choice if common else 1 - choice,
            reward,
        )
        for choice in (LEFT, RIGHT) for common in (1, 0) for reward in (1, 0)
    }  # fmt: skip

    def cue(trials: Tensor) -> list[Input]:
        return [Input(one_hot(CHOICE_CUE), 0.0, CENTRE)]

    def cycle(choice: int, state: int, reward: int) -> Cycle:
        seen = [Input(one_hot(STATE_1 + state), 0.0, choice), Input(one_hot(FIXATION_CUE), float(reward), choice)]
        return lambda trials: cue(trials) + seen

    def bayes(event: str, belief: np.ndarray, trials: np.ndarray) -> np.ndarray:
        return updated(planner, belief, *outcomes[event])

    events = {name: Event(outcome[0], cycle(*outcome)) for name, outcome in outcomes.items()}
    states = visited_states(agent, played, FIXATION)
    return System("two-step", agent, states, beliefs, policy(played), events, bayes, [cue])


def policy(played: Trajectory) -> np.ndarray:
    """With which each trial's choice was made (network, episode, trial, action)."""
    task = played.end.episodes.task
    return by_episode(torch.softmax(played.logits[task.choice_step :: task.steps_per_trial], -1))


def one_hot(place: int) -> Tensor:
    """What is seen in the two-step task."""
    return torch.eye(TwoStep.observations[0])[place]


def updated(planner: ModelBased, belief: np.ndarray, choice: int, state: int, reward: int) -> np.ndarray:
    """The planner's belief after a trial."""
    planner.start(belief.size)
    planner.belief[:] = belief.ravel()
    told = {"choice": choice, "state": state, "reward": reward}
    planner.observe(np.arange(belief.size), {name: np.full(belief.size, value) for name, value in told.items()})
    return planner.belief.reshape(belief.shape)


def bandit_system(run: Run, agent: Agent, played: Trajectory) -> System:
    """After each trial's choice was made; belief: the posterior mean of the left arm's probability, arms p and 1 - p.

    The outcome of a choice is seen at the next trial, so that beliefs are those before the trial.
    """
    world = played.end.episodes
    speaks = np.where(world.trials["choice"] == LEFT, world.trials["reward"], 1 - world.trials["reward"])
    before = np.concatenate([np.zeros((*speaks.shape[:2], 1)), speaks.cumsum(axis=2)[..., :-1]], axis=2)
    beliefs = (before + 1) / (np.arange(speaks.shape[2]) + 2)
    outcomes = {
        f"{SIDE[choice]}, {'rewarded' if reward else 'unrewarded'}": (choice, reward)
        for choice in (LEFT, RIGHT) for reward in (1, 0)
    }  # fmt: skip

    def cycle(choice: int, reward: int) -> Cycle:
        return lambda trials: [Input(((trials + 1) / run.config.trials).unsqueeze(-1), float(reward), choice)]

    def bayes(event: str, belief: np.ndarray, trials: np.ndarray) -> np.ndarray:
        choice, reward = outcomes[event]
        for_left = reward if choice == LEFT else 1 - reward
        return (belief * (trials + 2) + for_left) / (trials + 3)

    events = {name: Event(outcome[0], cycle(*outcome)) for name, outcome in outcomes.items()}
    states, probes = visited_states(agent, played, 0), [event.cycle for event in events.values()]
    return System("bandits", agent, states, beliefs, policy(played), events, bayes, probes)


SYSTEMS: dict[str, tuple[str, Callable[[Run, Agent, Trajectory], System]]] = {
    "bandits": ("correlated", bandit_system),
    "two_step": (two_step.PUBLISHED, two_step_system),
}
"""By simulation: the condition of training, and how its networks are looked at."""


def systems(choice: Choice, where: Where) -> Iterator[tuple[str, System]]:
    """Trained networks, and the same ones before training that see the very same; by group."""
    for name, (condition, look) in SYSTEMS.items():
        run = load(run_folder(where.results, name, where.quick).path)
        agent, task = run.by_condition[condition], run.tasks[condition]
        played = play(agent, task, generators(TEST, agent.seeds, FURTHER_TEST), choice.episodes)
        yield NETWORKS, look(run, agent, played)
        yield UNTRAINED, look(run, make_agent(run.config, task, agent.seeds).requires_grad_(False), played)


def tables_of(group: str, system: System) -> Tables:
    """All tables of one group of networks."""
    axis, seeds = belief_axis(system.states, system.beliefs), system.agent.seeds
    points = held_out_points(system, generators(REFERENCE, seeds, 0, 0))
    curves, fits = update_field(system, axis, points)
    fits["read_out"] = fits["subject"].map(dict(zip(seeds, axis.r2)))
    tables = {"update_field": curves, "updates": fits}
    if group == NETWORKS:
        tables["pushes"] = pushed(system, axis, points, generators(REFERENCE, seeds, 0, 1))
        tables["slow_points"] = slow_points(system, axis, points, system.beliefs.shape[2] // 2)
    return {name: table.assign(group=group) for name, table in tables.items()}


def prepare(arguments: Sequence[str]) -> Callable[[], RunFolder]:
    """Command line; what is returned does what it asks for."""
    return partial(run, *parse(NAME, str(__doc__), Choice(), Where(), arguments))


def run(choice: Choice, where: Where) -> RunFolder:
    """Look at the networks, and write the tables."""
    folder = run_folder(Options(results=where.results).results, NAME, where.quick)
    with folder.locked():
        made = [tables_of(group, system) for group, system in systems(choice, where)]
        names = dict.fromkeys(name for tables in made for name in tables)
        whole = {f"{n}.csv": pd.concat([t[n] for t in made if n in t], ignore_index=True) for n in names}
        folder.write_whole(NAME, choice, {"analyse": whole})
    print(f"results in {folder.path}")
    return folder
