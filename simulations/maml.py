"""MAML beside recurrent networks: reward after none to three updates, or as many episodes, and the steps it takes."""

from dataclasses import dataclass, fields, replace
from typing import Annotated, Any, NamedTuple

import numpy as np
import pandas as pd
import torch
from annotated_types import Ge
from torch import Tensor

from pfc_metarl.agents.many_arms import explore_then_commit
from pfc_metarl.agents.tabular_mdp import known_optimum
from pfc_metarl.comparison import Curve, Quantity, Single, compare
from pfc_metarl.config import TESTED, Config, Count, Positive
from pfc_metarl.maml import MAMLConfig, adapt
from pfc_metarl.networks.feedforward import FeedForward
from pfc_metarl.progress import progress
from pfc_metarl.published import Number, published, published_number
from pfc_metarl.random_streams import REFERENCE, TEST, generator, generators
from pfc_metarl.rollout import Trajectory, play
from pfc_metarl.simulation import Networks, Simulation, Tables, Tested
from pfc_metarl.tasks import Bandit, Navigation, TabularMDP
from pfc_metarl.tasks.episodes import Episodes
from pfc_metarl.tasks.navigation import SPAN, known_returns
from pfc_metarl.tasks.tabular_mdp import MEAN
from pfc_metarl.tasks.task import Task
from simulations import rl2_bandits, tabular_mdps

BLOCKS = 4
"""Stretches that are compared: before an update, after one, two and three; or as many episodes."""
MAML, FIRST_ORDER, FROM_ZERO, RECURRENT = "MAML", "MAML, first order", "MAML, biases from 0", "recurrent"
NAVIGATION, MDP, MDP_EPISODES = "2-D navigation", "tabular MDP", 10
"""Problems besides bandits; and how many episodes on an MDP the published reward is of."""
PUBLISHED = "Mishra 2018"
TO_NAVIGATE: dict[str, Any] = {
    "episodes_per_update": 32,
    "learning_rate": 0.003,
    "discount": 0.5,
    "trace_decay": 0.9,
    "entropy_cost": 0.0,
}
"""How recurrent networks learn to navigate (found on seeds 1 and 2): every move is paid at once, and with a discount
factor of .9 they learn to stand still."""


class Problem(NamedTuple):
    """A family of tasks, as either method meets it."""

    rollout: Task
    """One of MAML's."""
    rollouts: int
    """Of MAML, in each block."""
    inner_learning_rate: float
    whole: Task
    """An episode of recurrent networks, all blocks on one instance."""


@dataclass(frozen=True)
class MAMLBenchConfig(MAMLConfig):
    """Finn et al. 2017 ("F") with 2-D navigation; bandits and tabular MDPs as in Mishra et al. 2018 ("M")."""

    bandits: tuple[tuple[int, int], ...] = ((5, 10), (10, 10), (50, 10), (5, 100), (10, 100))
    """Arms and pulls of each bandit (M: these). Recurrent networks, and MAML's variants, have the first alone."""
    rollouts: Count = 20
    """Rollouts in 2-D navigation, in each block (F: 20); on a bandit as many as pulls, on an MDP 10 (M)."""
    inner_learning_rate: Positive = 0.5
    """Size of an inner step on bandits (our choice)."""
    navigation_inner_learning_rate: Positive = 0.1
    """Size of an inner step in 2-D navigation (our choice: advantages are standardised; F)."""
    mdp_inner_learning_rate: Positive = 3.0
    """Size of an inner step in tabular MDPs (our choice)."""
    recurrent_episodes: Count = 48_000
    """Training episodes of each recurrent network, of four blocks each; all else that it learns by is that of the
    presets fast of rl2_bandits and tabular_mdps (in navigation: `TO_NAVIGATE`)."""
    test_episodes: Annotated[Count, Ge(2), TESTED] = 200
    """Bandits, or goals, on which each network is tested, its own weights frozen."""

    def __post_init__(self) -> None:
        super().__post_init__()
        rl2_bandits.require_bandits(self)
        at_once = rl2_bandits.PRESETS["fast"].episodes_per_update
        self.require("recurrent_episodes", self.recurrent_episodes % at_once == 0, f"a multiple of {at_once}")

    def problems(self) -> dict[str, Problem]:
        """All problems by name."""
        bandits = {
            rl2_bandits.named(arms, pulls): Problem(
                Bandit(1, arms, "independent"),
                pulls,
                self.inner_learning_rate,
                Bandit(BLOCKS * pulls, arms, "independent"),
            )
            for arms, pulls in self.bandits
        }
        mdp = (TabularMDP(1), MDP_EPISODES, self.mdp_inner_learning_rate, TabularMDP(BLOCKS * MDP_EPISODES))
        navigation = (Navigation(), self.rollouts, self.navigation_inner_learning_rate, Navigation(BLOCKS))
        return bandits | {MDP: Problem(*mdp), NAVIGATION: Problem(*navigation)}

    def for_condition(self, condition: str) -> Config:
        """MAML's variants; or recurrent networks, which learn as in rl2_bandits and tabular_mdps."""
        method, name = condition.split(": ")
        if method == RECURRENT:
            usual = tabular_mdps.PRESETS["fast"] if name == MDP else rl2_bandits.PRESETS["fast"]
            own = {"networks": self.networks, "first_seed": self.first_seed, "episodes": self.recurrent_episodes}
            own |= TO_NAVIGATE if name == NAVIGATION else {}
            return Config(**{f.name: getattr(usual, f.name) for f in fields(Config)} | own)
        problem = self.problems()[name]
        return replace(
            self,
            rollouts=problem.rollouts,
            inner_learning_rate=problem.inner_learning_rate,
            second_order=method != FIRST_ORDER,
            biases=0.0 if method == FROM_ZERO else self.biases,
        )


def tasks(config: MAMLBenchConfig) -> dict[str, Task]:
    """MAML on every problem; its variants and recurrent networks on the first bandit, MDPs and navigation."""
    told: dict[str, Task] = {}
    for place, (name, problem) in enumerate(config.problems().items()):
        told[f"{MAML}: {name}"] = problem.rollout
        if place == 0 or name in (MDP, NAVIGATION):
            told[f"{FIRST_ORDER}: {name}"] = problem.rollout
            told[f"{RECURRENT}: {name}"] = problem.whole
        if place == 0:
            told[f"{FROM_ZERO}: {name}"] = problem.rollout
    return told


def test(config: MAMLBenchConfig, networks: Networks) -> Tested:
    """Networks adapt to fresh instances.

    Returns:
        The trial table of recurrent networks on the first bandit; arrays: by condition what was earned in each block
        (network, instance, block): of bandits and MDPs in all of a block, in navigation the mean over rollouts.
    """
    arrays, trials = {}, pd.DataFrame()
    for index, (condition, network) in enumerate(progress(networks.items(), "adapting")):
        method, name = condition.split(": ")
        problem, rngs = config.problems()[name], generators(TEST, config.seeds, index)
        if method == RECURRENT:
            played = play(network, problem.whole, rngs, config.test_episodes)
            rewards = played.rewards.unflatten(0, (BLOCKS, -1)).sum(1).permute(1, 2, 0)
            trials = trials if len(trials) else played.table()
        else:
            own = config.for_condition(condition)
            assert isinstance(network, FeedForward) and isinstance(own, MAMLConfig)
            blocks = adapt(network, problem.rollout, own, rngs, config.test_episodes, BLOCKS - 1)
            rewards = torch.stack([in_block(block, name) for block in blocks], -1).unflatten(0, (config.networks, -1))
        arrays[condition] = rewards.numpy()
    return Tested(trials, arrays)


def in_block(played: Trajectory, name: str) -> Tensor:
    """What copies earned in a block: (copy,)."""
    earned = played.rewards.sum(0)  # (copy, rollout)
    return earned.mean(1) if name == NAVIGATION else earned.sum(1)


def analyse(config: MAMLBenchConfig, tested: Tested) -> Tables:
    """Tables: `adaptation` (problem, method, subject, block from 0 to 3, steps that an instance has taken before it,
    reward, sd over instances) and `bounds` (problem, name, reward)."""
    rows = []
    for condition, rewards in tested.arrays.items():
        method, name = condition.split(": ")
        problem = config.problems()[name]
        each = problem.whole.steps // BLOCKS if method == RECURRENT else problem.rollout.steps * problem.rollouts
        for subject, own in zip(config.seeds, rewards):
            for block in range(BLOCKS):
                told = {"problem": name, "method": method, "subject": subject, "block": block, "steps": block * each}
                rows.append({**told, "reward": own[:, block].mean(), "sd": own[:, block].std(ddof=1)})
    return {"adaptation": pd.DataFrame(rows), "bounds": bounds(config)}


def bounds(config: MAMLBenchConfig) -> pd.DataFrame:
    """What is earned at the least, and at the most after one update: problem, name, reward (mean over all instances).

    Bandits: by random choices, by who explores and then commits, and last by who knows the best arm, exactly. MDPs: by
    random choices, exactly, and by one that knows the MDP, over 1,000 of them (what one update brings is not known).
    Navigation: standing still, and straight to the goal, over 10,000 goals.
    """
    rows = []
    for (arms, pulls), name in zip(config.bandits, config.problems()):
        rows += [(name, "random choices", pulls / 2), (name, "explore, then commit", explore_then_commit(arms, pulls))]
        rows.append((name, "the best arm", pulls * arms / (arms + 1)))
    task = TabularMDP(1)
    drawn = Episodes(task, 1, 1_000)
    drawn.begin([generator(REFERENCE, config.first_seed, 0, 1)])
    best = known_optimum(drawn.records["means"][0], drawn.records["cumulative"][0], task.horizon).mean()
    rows += [(MDP, "random choices", MDP_EPISODES * task.horizon * MEAN), (MDP, "known MDP", MDP_EPISODES * best)]
    goals = generator(REFERENCE, config.first_seed, 0, 0).uniform(-SPAN, SPAN, (10_000, 2))
    for what, earned in zip(("standing still", "straight to the goal"), known_returns(goals)):
        rows.append((NAVIGATION, what, earned.mean()))
    return pd.DataFrame(rows, columns=["problem", "name", "reward"])


def compare_with_published(tables: Tables) -> pd.DataFrame:
    """Comparison with the published numbers of MAML on bandits and MDPs, which are taken for the reward after one
    update, and of methods with each other.

    MAML is to gain by its update; recurrent networks are to earn more in the second block than MAML after one update. A
    network has learned to adapt if it earns more than midway between the first two bounds.
    """
    after = tables["adaptation"].pivot(index=["problem", "method", "subject"], columns="block", values="reward")
    bound = tables["bounds"].set_index(["problem", "name"])["reward"]
    quantities: list[Quantity | Curve] = []
    for name in after.index.unique("problem"):
        own = {str(method): part.to_numpy() for method, part in after.loc[name].groupby("method")}
        maml, what = own[MAML], f"reward, {name}: "
        paper = Number(np.nan, 0.0)
        if name == MDP:
            paper = tabular_mdps.of_others(MAML, f"{MDP_EPISODES} episodes")
        elif len(published(PUBLISHED, series=MAML, condition=name)):
            paper = published_number(PUBLISHED, series=MAML, condition=name)
        told = f"{what}MAML after one update"
        before = maml[:, 0]
        quantities.append(Quantity.ordered(told, maml[:, 1], *paper, Single(), "> before", before, short=name))
        if RECURRENT in own:
            rule = "> MAML after one update"
            second = own[RECURRENT][:, 1]
            quantities.append(
                Quantity.ordered(f"{what}recurrent, second block", second, np.nan, 0.0, Single(), rule, maml[:, 1])
            )
        low, high = bound[name].iloc[:2]
        midway = (low + high) / 2
        rule = f"> {midway:.2f}, midway between bounds"
        quantities.append(Quantity.learned(f"reward after one update, {name}", maml[:, 1], rule, midway))
    return compare(quantities)


PRESETS = {
    # departures from the publication: tanh units; RMSProp, not a trust region; fewer updates
    "fast": MAMLBenchConfig(
        preset="fast",
        units=64,
        episodes=10_000,
        episodes_per_update=20,
        learning_rate=0.003,
        learning_rate_end=0.0,
        discount=0.99,
        entropy_cost=0.0,
    ),
    # 2-D navigation as in the authors' code: 100 units a layer, 20 rollouts, 40 goals an update, inner steps of .5
    "paper": MAMLBenchConfig(
        preset="paper",
        units=100,
        episodes=4_000,
        episodes_per_update=40,
        discount=0.99,
        entropy_cost=0.0,
        navigation_inner_learning_rate=0.5,
    ),
}

SIMULATION = Simulation(
    name="maml",
    description=__doc__,
    presets=PRESETS,
    quick={
        "networks": 2,
        "units": 8,
        "episodes": 20,
        "episodes_per_update": 5,
        "bandits": ((5, 10), (3, 6)),
        "rollouts": 3,
        "recurrent_episodes": 128,
        "test_episodes": 5,
    },
    tasks=tasks,
    test=test,
    analyse=analyse,
    compare=compare_with_published,
)
