"""Tabular MDPs, beside the table of Duan et al. 2016 (RL2): networks and known algorithms, by total reward."""

from dataclasses import dataclass
from functools import partial
from typing import Annotated

import numpy as np
import pandas as pd
from annotated_types import Ge, Interval

from pfc_metarl.agents.agent import ReferenceAgent
from pfc_metarl.agents.many_arms import PUBLICATION
from pfc_metarl.agents.tabular_mdp import AGENTS, KNOWN, TUNED, known_optimum
from pfc_metarl.analysis.total_rewards import PUBLISHED_TASKS, earned, mean_by, quantities, total_rewards, tune
from pfc_metarl.comparison import Curve, Quantity, Single, compare
from pfc_metarl.config import TESTED, Config, Count, NotNegative, Positive, Probability
from pfc_metarl.progress import progress
from pfc_metarl.published import Number, published, published_number
from pfc_metarl.random_streams import REFERENCE, TEST, generator, generators
from pfc_metarl.rollout import play
from pfc_metarl.simulation import Networks, Simulation, Tables, Tested
from pfc_metarl.tasks import TabularMDP
from pfc_metarl.trials import NETWORKS

TUNING = len(AGENTS)
"""Index of the random numbers on which known algorithms are tuned."""
OF_KNOWN = "optimum, "
"""Arrays of what those earn who know the MDPs."""
OF_MDP = ("means", "cumulative")
"""What an MDP's record says of it."""
SHARES = "Mishra 2018"
"""The publication that tells rewards of other methods as a share of theirs."""


@dataclass(frozen=True)
class TabularMDPsConfig(Config):
    """Duan et al. 2016 ("D"); they trained 256 gated recurrent units by proximal policy optimisation."""

    episodes_per_mdp: tuple[int, ...] = (10, 25)
    """Episodes on one MDP, a set of networks for each number (D: these, 50, 75 and 100)."""
    states: Annotated[Count, Ge(2)] = 10
    """States of an MDP (D: 10)."""
    actions: Annotated[int, Interval(ge=2, le=100)] = 5
    """Actions in each state (D: 5)."""
    horizon: Count = 10
    """Steps of an episode (D: 10)."""
    discount: Probability = 0.99
    """Discount factor gamma (D: 0.99)."""
    trace_decay: Probability = 0.3
    """Lambda of the returns (D: 0.3)."""
    entropy_cost: NotNegative = 0.0
    """Weight of the policy's entropy at the start (D: 0)."""
    learning_rate: Positive = 1e-3
    """Learning rate at the start (D: steps are as large as a bound on the policy's change allows)."""
    test_episodes: Annotated[Count, Ge(2), TESTED] = PUBLISHED_TASKS
    """MDPs that each network plays, weights frozen, and then each known algorithm (D)."""
    tuning_episodes: Annotated[Count, TESTED] = 500
    """Other MDPs, on which what known algorithms leave open is tuned (D: on those that are shown)."""

    def __post_init__(self) -> None:
        super().__post_init__()
        numbers = self.episodes_per_mdp
        self.require("episodes_per_mdp", bool(numbers) and min(numbers) >= 1, "whole numbers of at least 1")
        self.require("episodes_per_mdp", len(set(numbers)) == len(numbers), "different ones")


def tasks(config: TabularMDPsConfig) -> dict[str, TabularMDP]:
    """A training task for each number of episodes."""
    size = config.states, config.actions, config.horizon
    return {f"{number} episodes": TabularMDP(number, *size) for number in config.episodes_per_mdp}


def test(config: TabularMDPsConfig, networks: Networks) -> Tested:
    """Networks play MDPs of as many episodes as they were trained on.

    Returns:
        The trial table of the first number's networks; arrays by condition: what was earned in each episode (network,
        MDP, episode) and, OF_KNOWN, what an agent that knows the MDP earns in one (network, MDP).
    """
    arrays, trials = {}, pd.DataFrame()
    for index, (name, task) in enumerate(progress(tasks(config).items(), "playing")):
        played = play(networks[name], task, generators(TEST, config.seeds, index), config.test_episodes)
        arrays[name] = by_episode(played.field("reward"), task)
        means, cumulative = (played.field(field).reshape(-1, *played.field(field).shape[2:]) for field in OF_MDP)
        arrays[OF_KNOWN + name] = known_optimum(means, cumulative, task.horizon).reshape(config.networks, -1)
        trials = trials if len(trials) else played.table()
    return Tested(trials, arrays)


def by_episode(rewards: np.ndarray, task: TabularMDP) -> np.ndarray:
    """Of rewards (..., trial): summed over each episode (..., episode)."""
    return rewards.reshape(*rewards.shape[:-1], task.episodes, task.horizon).sum(axis=-1)


def analyse(config: TabularMDPsConfig, tested: Tested) -> Tables:
    """Tables: `rewards` (condition, group, subject, reward in total, sd over MDPs), `by_episode` (condition, group,
    subject, episode, reward) and `tuned` (condition, group, parameter, value). Known algorithms play the MDPs that
    networks played."""
    rewards, curves, tuned = [], [], []
    for index, (name, task) in enumerate(progress(tasks(config).items(), "known algorithms")):
        agents, values = known_agents(config, task, index)
        tuned.append(values.assign(condition=name))
        played = {NETWORKS: tested.arrays[name]}
        for group, agent in agents.items():
            rngs = generators(TEST, config.seeds, index)
            own = np.stack([earned(agent, task, rng, config.test_episodes) for rng in rngs])
            played[group] = by_episode(own, task)
        played[KNOWN] = np.repeat(tested.arrays[OF_KNOWN + name][..., None], task.episodes, axis=-1)
        rewards += [total_rewards(group, config.seeds, own).assign(condition=name) for group, own in played.items()]
        curves += [mean_by("episode", group, config.seeds, own).assign(condition=name) for group, own in played.items()]
    tables = {"rewards": rewards, "by_episode": curves, "tuned": tuned}
    return {key: pd.concat(parts, ignore_index=True) for key, parts in tables.items()}


def known_agents(
    config: TabularMDPsConfig, task: TabularMDP, index: int
) -> tuple[dict[str, ReferenceAgent], pd.DataFrame]:
    """Known algorithms by name, tuned; and the values that were found best: see `tune`."""
    kinds = {group: partial(kind, task.states, task.actions, task.horizon) for group, kind in AGENTS.items()}
    fresh = partial(generator, REFERENCE, config.first_seed, TUNING, index)
    return tune(kinds, TUNED, task, fresh, config.tuning_episodes)


def compare_with_published(tables: Tables) -> pd.DataFrame:
    """Comparison with the published table (see `pfc_metarl.analysis.total_rewards.quantities`), and with what other
    methods earn: networks are to earn more than MAML."""
    told: list[Quantity | Curve] = quantities(tables["rewards"], PUBLICATION, list(AGENTS), "UCRL2")
    for name, own in tables["rewards"].query("group == @NETWORKS").groupby("condition", sort=False):
        if len(published(SHARES, series="MAML", condition=name)):
            snail, maml = (of_others(method, str(name)) for method in ("SNAIL", "MAML"))
            what, rule = f"reward, {name}: {NETWORKS}, beside SNAIL", f"> {maml.value:.1f}, that of MAML"
            told.append(Quantity.ordered(what, own["reward"].to_numpy(), *snail, Single(), rule, maml.value))
    return compare(told)


def of_others(method: str, condition: str) -> Number:
    """The total reward of another method: published is its share of a return that is not told, and that of random
    choices, of which the reward is."""
    random = published_number(PUBLICATION, series="random", condition=condition).value
    whole = random / published_number(SHARES, series="random", condition=condition).value
    share = published_number(SHARES, series=method, condition=condition)
    return Number(share.value * whole, share.error * whole)


PRESETS = {
    # departures from the publication: LSTMs of 96 units; advantage actor-critic; a lower discount factor and a higher
    # lambda (in a flat MDP most is earned at once); an entropy cost, which keeps choices random at first
    "fast": TabularMDPsConfig(
        preset="fast",
        networks=4,
        units=96,
        episodes=1_280_000,
        episodes_per_update=16,
        learning_rate=0.005,
        learning_rate_end=0.0,
        discount=0.7,
        trace_decay=0.5,
        state_value_cost=0.1,
        entropy_cost=0.05,
        entropy_cost_end=0.0,
    ),
    # by advantage actor-critic, which they did not use; their 250,000 steps a batch are 2,500 MDPs of 10 episodes; for
    # how long they trained is not said
    "paper": TabularMDPsConfig(preset="paper", agent="gru", units=256, episodes=2_500_000, episodes_per_update=2_500),
}

SIMULATION = Simulation(
    name="tabular_mdps",
    description=__doc__,
    presets=PRESETS,
    quick={
        "networks": 2,
        "episodes": 64,
        "episodes_per_update": 16,
        "episodes_per_mdp": (10, 2),
        "test_episodes": 20,
        "tuning_episodes": 5,
    },
    tasks=tasks,
    test=test,
    analyse=analyse,
    compare=compare_with_published,
)
