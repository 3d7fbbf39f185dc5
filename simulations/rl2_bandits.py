"""Bandits of many arms, beside the table of Duan et al. 2016 (RL2): networks and known algorithms, by total reward."""

from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any

import numpy as np
import pandas as pd
from annotated_types import Ge

from pfc_metarl.agents.agent import ReferenceAgent
from pfc_metarl.agents.bandits import Gittins
from pfc_metarl.agents.many_arms import AGENTS, GITTINS, OPTIMUM, PUBLICATION, TUNED, optimal_total_reward
from pfc_metarl.analysis.total_rewards import PUBLISHED_TASKS, earned, mean_by, quantities, total_rewards, tune
from pfc_metarl.comparison import compare
from pfc_metarl.config import TESTED, Config, Count, NotNegative, Positive, Probability
from pfc_metarl.progress import progress
from pfc_metarl.random_streams import REFERENCE, TEST, generator, generators
from pfc_metarl.rollout import play
from pfc_metarl.simulation import Networks, Simulation, Tables, Tested
from pfc_metarl.tasks.bandit import Bandit
from pfc_metarl.trials import NETWORKS

TUNING = len(AGENTS) + 1
"""Index of the random numbers on which known algorithms are tuned: those of none."""
MOST_PULLS = 12
"""For which the exact optimum is computed (seconds; of 100 pulls, years)."""


@dataclass(frozen=True)
class RL2BanditsConfig(Config):
    """Duan et al. 2016 ("D"); they trained 256 gated recurrent units by proximal policy optimisation."""

    bandits: tuple[tuple[int, int], ...] = ((5, 10), (10, 10), (50, 10), (5, 100), (10, 100))
    """Arms and pulls of each bandit, a set of networks for each (D: these, and 10 arms with 500 pulls)."""
    discount: Probability = 0.99
    """Discount factor gamma (D: 0.99)."""
    trace_decay: Probability = 0.3
    """Lambda of the returns (D: 0.3)."""
    entropy_cost: NotNegative = 0.0
    """Weight of the policy's entropy at the start (D: 0)."""
    learning_rate: Positive = 1e-3
    """Learning rate at the start (D: steps are as large as a bound on the policy's change allows)."""
    test_episodes: Annotated[Count, TESTED] = PUBLISHED_TASKS
    """Bandits that each network plays, weights frozen, and each known algorithm, as often as there are networks (D)."""
    tuning_episodes: Annotated[Count, Ge(2), TESTED] = 1_000
    """Other bandits, on which what known algorithms leave open is tuned (D: on those that are shown)."""

    def __post_init__(self) -> None:
        super().__post_init__()
        require_bandits(self)


def require_bandits(config: Any) -> None:
    """Refuse a config whose `bandits` are not different pairs of arms and pulls."""
    sizes = all(len(pair) == 2 and 2 <= pair[0] <= 50 and pair[1] >= 1 for pair in config.bandits)
    config.require("bandits", bool(config.bandits) and sizes, "pairs: 2 to 50 arms, and pulls")
    config.require("bandits", len(set(config.bandits)) == len(config.bandits), "different ones")


def named(arms: int, pulls: int) -> str:
    """A bandit's name in tables."""
    return f"{arms} arms, {pulls} pulls"


def tasks(config: RL2BanditsConfig) -> dict[str, Bandit]:
    """A training task for each bandit."""
    return {named(arms, pulls): Bandit(pulls, arms, "independent") for arms, pulls in config.bandits}


def test(config: RL2BanditsConfig, networks: Networks) -> Tested:
    """Networks play the bandits that they were trained on.

    Returns:
        The trial table of the first bandit's networks (of all, it would be millions of rows); arrays: the rewards of
        each bandit, by its name (network, episode, trial).
    """
    arrays, trials = {}, pd.DataFrame()
    for index, (name, task) in enumerate(progress(tasks(config).items(), "playing")):
        played = play(networks[name], task, generators(TEST, config.seeds, index), config.test_episodes)
        arrays[name] = played.field("reward").astype(np.int8)
        trials = trials if len(trials) else played.table()
    return Tested(trials, arrays)


def analyse(config: RL2BanditsConfig, tested: Tested) -> Tables:
    """Tables: `rewards` (condition, group, subject, reward in total, sd over bandits; subject 0: exact), `by_trial`
    (condition, group, subject, trial, reward) and `tuned` (condition, group, parameter, value)."""
    rewards, by_trial, tuned = [], [], []
    for index, (name, task) in enumerate(progress(tasks(config).items(), "known algorithms")):
        agents, values = known_agents(config, task, index)
        tuned.append(values.assign(condition=name))
        played = {NETWORKS: tested.arrays[name]}
        for number, (group, agent) in enumerate(agents.items()):
            rngs = generators(REFERENCE, config.seeds, number, index)
            played[group] = np.stack([earned(agent, task, rng, config.test_episodes) for rng in rngs])
        rewards += [total_rewards(group, config.seeds, own).assign(condition=name) for group, own in played.items()]
        by_trial += [mean_by("trial", group, config.seeds, own).assign(condition=name) for group, own in played.items()]
        if task.trials <= MOST_PULLS:
            exact = {"group": OPTIMUM, "subject": 0, "reward": optimal_total_reward(task.actions, task.trials)}
            rewards.append(pd.DataFrame([{**exact, "sd": np.nan, "condition": name}]))
    tables = {"rewards": rewards, "by_trial": by_trial, "tuned": tuned}
    return {key: pd.concat(parts, ignore_index=True) for key, parts in tables.items()}


def known_agents(config: RL2BanditsConfig, task: Bandit, index: int) -> tuple[dict[str, ReferenceAgent], pd.DataFrame]:
    """Known algorithms by name, tuned; and the values that were found best: see `tune`."""
    kinds = {group: partial(kind, task.actions) for group, kind in AGENTS.items()}
    fresh = partial(generator, REFERENCE, config.first_seed, TUNING, index)
    agents, found = tune(kinds, TUNED, task, fresh, config.tuning_episodes)
    return {GITTINS: Gittins(task.actions, 1 - 1 / task.trials), **agents}, found  # its horizon: the episode


def compare_with_published(tables: Tables) -> pd.DataFrame:
    """Comparison with the published table; see `pfc_metarl.analysis.total_rewards.quantities`."""
    return compare(quantities(tables["rewards"], PUBLICATION, [GITTINS, *AGENTS], "UCB1"))


PRESETS = {
    # departures from the publication: LSTMs of 48 units; advantage actor-critic
    "fast": RL2BanditsConfig(
        preset="fast",
        episodes=2_304_000,
        episodes_per_update=64,
        learning_rate=0.02,
        learning_rate_end=0.0,
        discount=0.98,
        trace_decay=0.8,
        state_value_cost=0.5,
        entropy_cost=0.05,
        entropy_cost_end=0.0,
    ),
    # by advantage actor-critic, which they did not use; their 250,000 steps a batch are 2,500 episodes of 100 pulls;
    # for how long they trained is not said
    "paper": RL2BanditsConfig(preset="paper", agent="gru", units=256, episodes=2_500_000, episodes_per_update=2_500),
}

SIMULATION = Simulation(
    name="rl2_bandits",
    description=__doc__,
    presets=PRESETS,
    quick={
        "networks": 2,
        "episodes": 128,
        "episodes_per_update": 16,
        "bandits": ((5, 10), (3, 20)),
        "test_episodes": 20,
        "tuning_episodes": 10,
    },
    tasks=tasks,
    test=test,
    analyse=analyse,
    compare=compare_with_published,
)
