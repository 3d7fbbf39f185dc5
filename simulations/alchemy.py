"""Symbolic Alchemy (Wang et al. 2021): what networks earn that were trained on it, beside the published agents."""

from dataclasses import dataclass
from typing import Annotated

import numpy as np
import pandas as pd

from pfc_metarl.agents.alchemy import AGENTS, HEURISTIC, ORACLE, PUBLICATION, RANDOM, IdealObserver
from pfc_metarl.agents.playing import play as play_agent
from pfc_metarl.comparison import Curve, Quantity, Single, compare
from pfc_metarl.config import TESTED, Config, Count
from pfc_metarl.progress import progress
from pfc_metarl.published import Number, published_number
from pfc_metarl.random_streams import REFERENCE, TEST, generator, generators
from pfc_metarl.rollout import play
from pfc_metarl.simulation import Networks, Simulation, Tables, Tested
from pfc_metarl.tasks.alchemy import Alchemy
from pfc_metarl.trials import NETWORKS, OBSERVER, SUBJECT

PUBLISHED_TRIALS = 10
"""Of an episode."""
PUBLISHED_NAME = {NETWORKS: "V-MPO"}
"""Where the publication has another one."""
ORDER = (
    (ORACLE, OBSERVER, ">"),
    (OBSERVER, HEURISTIC, ">"),
    (HEURISTIC, RANDOM, ">"),
    (RANDOM, HEURISTIC, "<"),
    (NETWORKS, RANDOM, ">"),
)
"""Who is to earn more, or less, than whom."""


@dataclass(frozen=True)
class AlchemyConfig(Config):
    """Wang et al. 2021 ("W"), who trained another network by another rule (V-MPO), for 1e9 episodes."""

    trials: Count = 10
    """Trials per episode, all of one chemistry (W: 10)."""
    steps: Count = 20
    """Steps per trial (W: 20)."""
    rotations: bool = False
    """Are looks of stones turned, in three of four episodes (W: not in what was evaluated)?"""
    test_episodes: Annotated[Count, TESTED] = 100
    """Test episodes per network, weights frozen."""
    reference_episodes: Annotated[Count, TESTED] = 125
    """Episodes of each reference agent, as often as there are networks (W: 1,000 in all)."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.require("steps", self.steps >= 15, "at least 15: agents plan for 12 potions and 3 stones")


def make_task(config: AlchemyConfig) -> Alchemy:
    """The task with the config's numbers."""
    return Alchemy(config.trials, config.steps, config.rotations)


def test(config: AlchemyConfig, networks: Networks) -> Tested:
    """The trial table of the networks, a row for each step."""
    rngs = generators(TEST, config.seeds, 0)
    return Tested(play(networks["alchemy"], make_task(config), rngs, config.test_episodes).table(), {})


def analyse(config: AlchemyConfig, tested: Tested) -> Tables:
    """Tables: `scores` (group, subject, score per episode) and `by_trial` (group, subject, trial, score)."""
    played = [tested.trials]
    for number, group in enumerate(progress(AGENTS, "reference agents")):
        for seed in config.seeds:
            agent = IdealObserver(config.rotations) if group == OBSERVER else AGENTS[group]()
            rng = generator(REFERENCE, seed, number, 0)
            own = play_agent(agent, make_task(config), rng, config.reference_episodes, group)
            played.append(own.assign(subject=seed))
    trials = pd.concat([own[[*SUBJECT, "session", "inner", "reward"]] for own in played], ignore_index=True)
    by_trial = trials.groupby([*SUBJECT, "session", "inner"], sort=False)["reward"].sum().rename("score")
    scores = by_trial.groupby([*SUBJECT, "session"], sort=False).sum().groupby(SUBJECT, sort=False).mean()
    mean = by_trial.groupby([*SUBJECT, "inner"], sort=False).mean().rename_axis(index={"inner": "trial"})
    return {"scores": scores.reset_index(), "by_trial": mean.reset_index()}


def compare_with_published(tables: Tables) -> pd.DataFrame:
    """Comparison with the published scores, where episodes have as many trials as there.

    Of reference agents each is to earn more than the next: search oracle, ideal observer, random heuristic, random
    actions. Networks are to earn more than random actions; one has learned the task if it earns more than the
    heuristic, which takes no notice of what potions do.
    """
    scores = {str(group): own["score"].to_numpy() for group, own in tables["scores"].groupby("group", sort=False)}
    as_published = tables["by_trial"]["trial"].max() == PUBLISHED_TRIALS
    quantities: list[Quantity | Curve] = []
    for group, other, sign in ORDER:
        paper = Number(np.nan, 0.0)
        if as_published:
            paper = published_number(PUBLICATION, condition="episode", series=PUBLISHED_NAME.get(group, group))
        rule, short = f"{sign} {other}", "score per episode" if group == NETWORKS else ""
        than = scores[other].mean()
        quantities.append(Quantity.ordered(f"score: {group}", scores[group], *paper, Single(), rule, than, short=short))
    bound = scores[HEURISTIC].mean()
    quantities.append(Quantity.learned("score", scores[NETWORKS], f"> {bound:.1f}, {HEURISTIC}", bound))
    return compare(quantities)


PRESETS = {
    # not tried yet: sizes alone, for an hour on two cores
    "fast": AlchemyConfig(
        preset="fast",
        units=128,
        episodes=48_000,
        episodes_per_update=16,
        learning_rate=0.003,
        learning_rate_end=0.0,
        trace_decay=0.9,
        state_value_cost=0.5,
        entropy_cost_end=0.0,
    ),
    "paper": AlchemyConfig(preset="paper", episodes=1_000_000_000),
}

SIMULATION = Simulation(
    name="alchemy",
    description=__doc__,
    presets=PRESETS,
    quick={
        "networks": 2,
        "units": 8,
        "episodes": 32,
        "episodes_per_update": 16,
        "test_episodes": 4,
        "reference_episodes": 4,
    },
    tasks=lambda config: {"alchemy": make_task(config)},
    test=test,
    analyse=analyse,
    compare=compare_with_published,
)
