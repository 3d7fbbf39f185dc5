"""Symbolic Alchemy (Wang et al. 2021): what networks earn that were trained on it, beside the published agents."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

import numpy as np
import pandas as pd
from annotated_types import Ge

from pfc_metarl.agents.alchemy import AGENTS, HEURISTIC, ORACLE, PUBLICATION, PUBLISHED_NAME, RANDOM, IdealObserver
from pfc_metarl.agents.alchemy_belief import PARTS, followed
from pfc_metarl.agents.playing import play as play_agent
from pfc_metarl.analysis.belief_quality import read_out_of_beliefs
from pfc_metarl.comparison import Curve, Quantity, Single, compare
from pfc_metarl.config import TESTED, Config, Count
from pfc_metarl.led import watch
from pfc_metarl.networks import make_agent
from pfc_metarl.progress import progress
from pfc_metarl.published import Number, published_number
from pfc_metarl.random_streams import REFERENCE, TEST, generator, generators
from pfc_metarl.rollout import by_episode, play
from pfc_metarl.simulation import Networks, Simulation, Tables, Tested
from pfc_metarl.tasks.alchemy import Alchemy
from pfc_metarl.trials import NETWORKS, OBSERVER, SUBJECT, UNTRAINED, check_trials, sessions_of

PUBLISHED_TRIALS = 10
"""Of an episode."""
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
    read_out_episodes: Annotated[Count, Ge(5), TESTED] = 50
    """The first of them, in which the ideal observer's belief is read out of the network's state (our choice)."""
    reference_episodes: Annotated[Count, TESTED] = 125
    """Episodes of each reference agent, as often as there are networks (W: 1,000 in all)."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.require("read_out_episodes", self.read_out_episodes <= self.test_episodes, "at most test_episodes")
        self.require("steps", self.steps >= 15, "at least 15: agents plan for 12 potions and 3 stones")


def make_task(config: AlchemyConfig) -> Alchemy:
    """The task with the config's numbers."""
    return Alchemy(config.trials, config.steps, config.rotations)


def test(config: AlchemyConfig, networks: Networks) -> Tested:
    """Networks play, weights frozen; untrained ones see the very same.

    Returns:
        The trial table of the networks, a row for each step; arrays: the states of both, state and untrained_state
        (network, episode, trial, unit), and by part of the chemistry what the ideal observer would believe (network,
        episode, trial, kind), both before the last action of each trial of the episodes that are read out.
    """
    task, many = make_task(config), config.read_out_episodes
    played = play(networks["alchemy"], task, generators(TEST, config.seeds, 0), config.test_episodes)
    trials, last = played.table(), slice(config.steps - 1, None, config.steps)
    states = {"state": played.activity, "untrained_state": watch(make_agent(config, task, config.seeds), played)}
    arrays = {name: by_episode(activity[last, :, :many]) for name, activity in states.items()}
    told = check_trials(trials[trials["session"] <= many], "alchemy")
    known = [list(what_is_known(config, own)) for _, own in progress(list(sessions_of(told)), "what can be known")]
    for part in parts(config):
        whole = np.array([[at[part] for at in of_trials] for of_trials in known], np.float32)
        arrays[part] = whole.reshape(len(config.seeds), many, *whole.shape[1:])
    return Tested(trials, arrays)


def parts(config: AlchemyConfig) -> list[str]:
    """Of a chemistry, those that are to be found out."""
    return [part for part in PARTS if part != "rotation" or config.rotations]


def what_is_known(config: AlchemyConfig, session: pd.DataFrame) -> Iterator[dict[str, np.ndarray]]:
    """The ideal observer's belief before the last action of each trial of a session."""
    for t, belief in enumerate(followed(session, config.rotations), 1):
        if t % config.steps == 0:
            yield belief.marginals()


def analyse(config: AlchemyConfig, tested: Tested) -> Tables:
    """Tables: `scores` (group, subject, score per episode), `by_trial` (group, subject, trial, score) and `knowledge`
    (group, part of the chemistry, subject, r2: see `read_out_of_beliefs`)."""
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
    states = {NETWORKS: tested.arrays["state"], UNTRAINED: tested.arrays["untrained_state"]}
    knowledge = [
        read_out_of_beliefs(states[group], tested.arrays[part], config.seeds).assign(group=group, part=part)
        for group in states
        for part in parts(config)
    ]
    tables = {"scores": scores.reset_index(), "by_trial": mean.reset_index()}
    return {**tables, "knowledge": pd.concat(knowledge, ignore_index=True)}


def compare_with_published(tables: Tables) -> pd.DataFrame:
    """Comparison with the published scores, where episodes have as many trials as there.

    Of reference agents each is to earn more than the next: search oracle, ideal observer, random heuristic, random
    actions. Networks are to earn more than random actions; one has learned the task if it earns more than the
    heuristic, which takes no notice of what potions do. Of each part of the chemistry their state is to tell more of
    the ideal observer's belief than that of untrained networks.
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
    for part, own in tables["knowledge"].groupby("part", sort=False):
        r2 = own.pivot(index="subject", columns="group", values="r2")
        name, of_untrained = f"belief about the {str(part).replace('_', ' ')}, read out: r2", r2[UNTRAINED].to_numpy()
        whose = "> untrained networks"
        quantities.append(Quantity.ordered(name, r2[NETWORKS].to_numpy(), np.nan, 0.0, Single(), whose, of_untrained))
    bound = scores[HEURISTIC].mean()
    quantities.append(Quantity.learned("score", scores[NETWORKS], f"> {bound:.1f}, {HEURISTIC}", bound))
    return compare(quantities)


PRESETS = {
    # departures from the publication: 64 units, advantage actor-critic, 1/8,000 of the episodes; a low discount
    # factor (what an action earns is mostly earned in the same trial)
    "fast": AlchemyConfig(
        preset="fast",
        units=64,
        episodes=120_000,
        episodes_per_update=16,
        learning_rate=0.02,
        learning_rate_end=0.0,
        discount=0.8,
        trace_decay=0.7,
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
        "test_episodes": 6,
        "read_out_episodes": 5,
        "reference_episodes": 4,
    },
    tasks=lambda config: {"alchemy": make_task(config)},
    test=test,
    analyse=analyse,
    compare=compare_with_published,
)
