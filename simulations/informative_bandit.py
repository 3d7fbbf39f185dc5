"""An 11-armed bandit in which one arm pays little, but tells which other one pays most (Wang et al. 2016)."""

from dataclasses import dataclass
from typing import Annotated

import numpy as np
import pandas as pd
from annotated_types import Ge

from pfc_metarl.agents.informative_bandit import AGENTS, optimal_rewards
from pfc_metarl.agents.many_arms import OPTIMUM
from pfc_metarl.agents.playing import play as play_agent
from pfc_metarl.analysis.informative_arm import by_trial, strategies
from pfc_metarl.comparison import Curve, Quantity, Single, compare
from pfc_metarl.config import TESTED, Config, Count, NotNegative, Positive, Probability
from pfc_metarl.random_streams import TEST, generators
from pfc_metarl.rollout import play
from pfc_metarl.simulation import Networks, Simulation, Tables, Tested
from pfc_metarl.tasks.informative_bandit import TARGET_PAYS, InformativeBandit
from pfc_metarl.trials import NETWORKS

TRAINED = "trained"


@dataclass(frozen=True)
class InformativeBanditConfig(Config):
    """Wang et al. 2016 ("A"), section 3.1.3; settings of learning are A's of `bandits` (the text tells no others)."""

    trials: Count = 5
    """Trials per episode (A: 5)."""
    episodes: Count = 20_000
    """Training episodes per network (our choice: as many as A has with two arms)."""
    learning_rate: Positive = 1e-3
    """Learning rate at the start (as in `bandits`)."""
    discount: Probability = 0.8
    """Discount factor gamma (as in `bandits`)."""
    entropy_cost: NotNegative = 1.0
    """Weight of the policy's entropy at the start (as in `bandits`)."""
    entropy_cost_end: Annotated[float | None, Ge(0)] = 0.0
    """Entropy cost at the end, reached linearly (as in `bandits`)."""
    test_episodes: Annotated[Count, TESTED] = 300
    """Test episodes per network, weights frozen; known algorithms play the same ones (A, with two arms: 300)."""


def make_task(config: InformativeBanditConfig) -> InformativeBandit:
    """The task with the config's numbers."""
    return InformativeBandit(config.trials)


def test(config: InformativeBanditConfig, networks: Networks) -> Tested:
    """Networks play with frozen weights: the trial table (columns as in `InformativeBandit`)."""
    rngs = generators(TEST, config.seeds, 0)
    return Tested(play(networks[TRAINED], make_task(config), rngs, config.test_episodes).table())


def analyse(config: InformativeBanditConfig, tested: Tested) -> Tables:
    """Tables `rewards` (see `by_trial`; the exact optimum has subject 0, and no pulls) and `strategies`; known
    algorithms play the same episodes as the networks do."""
    played = [tested.trials]
    for group, kind in AGENTS.items():
        for subject, rng in zip(config.seeds, generators(TEST, config.seeds, 0)):
            played.append(play_agent(kind(), make_task(config), rng, config.test_episodes, group))
            played[-1]["subject"] = subject
    trials, best = pd.concat(played, ignore_index=True), optimal_rewards(config.trials)
    optimum = {"group": OPTIMUM, "subject": 0, "trial": np.arange(config.trials) + 1, "reward": best}
    rewards = [by_trial(trials), pd.DataFrame(optimum | {"regret": TARGET_PAYS - best})]
    return {"rewards": pd.concat(rewards, ignore_index=True), "strategies": strategies(trials)}


def compare_with_published(tables: Tables) -> pd.DataFrame:
    """What is said in words; no numbers are published.

    The informative arm is pulled first, and then the target: in most episodes. Regret is less than Thompson sampling's,
    and its is less than UCB's. A network has learned the task if it loses less than midway from the exact optimum to
    Thompson sampling.
    """
    totals = tables["rewards"].groupby(["group", "subject"])["regret"].sum()
    regret = {str(group): own.to_numpy() for group, own in totals.groupby("group", sort=False)}
    thompson, optimum = regret["Thompson"], regret[OPTIMUM][0]
    own = tables["strategies"].query("group == @NETWORKS")
    none = (np.nan, 0.0, Single())
    midway, beside = (optimum + thompson.mean()) / 2, f"(exact optimum {optimum:.4g})"
    quantities: list[Quantity | Curve] = [
        Quantity.ordered("informative arm first, share of episodes", own["first"].to_numpy(), *none, "> .5", 0.5),
        Quantity.ordered("then the target alone, share of episodes", own["then_target"].to_numpy(), *none, "> .5", 0.5),
        Quantity.ordered(f"regret {beside}, {NETWORKS}", regret[NETWORKS], *none, "< Thompson", thompson.mean()),
        Quantity.ordered("regret, Thompson", thompson, *none, "< UCB", regret["UCB"].mean()),
        Quantity.learned("regret", regret[NETWORKS], f"< {midway:.3g}, midway from the optimum to Thompson", midway),
    ]
    return compare(quantities)


PRESETS = {
    # departures from the publication: 16 episodes per update and network, a learning rate to match that falls to 0, and
    # more episodes (in fewer updates)
    "fast": InformativeBanditConfig(
        preset="fast", episodes=64_000, episodes_per_update=16, learning_rate=0.006, learning_rate_end=0.0
    ),
    "paper": InformativeBanditConfig(preset="paper"),
}

SIMULATION = Simulation(
    name="informative_bandit",
    description=__doc__,
    presets=PRESETS,
    quick={"networks": 2, "episodes": 64, "test_episodes": 20},
    tasks=lambda config: {TRAINED: make_task(config)},
    test=test,
    analyse=analyse,
    compare=compare_with_published,
)
