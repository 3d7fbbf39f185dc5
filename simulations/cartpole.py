"""CartPole of which neither the length nor what an action does is known: a family of Gymnasium environments as a task.

Each trial has one of them, in several episodes; a network that remembers finds out which, one without memory cannot.
"""

from dataclasses import dataclass, replace
from functools import partial
from typing import Annotated

import gymnasium
import numpy as np
import pandas as pd

from pfc_metarl.comparison import Curve, Quantity, Single, compare
from pfc_metarl.config import TESTED, Config, Count, Positive, Probability
from pfc_metarl.networks import WITHOUT_MEMORY
from pfc_metarl.random_streams import TEST, generators
from pfc_metarl.rollout import play
from pfc_metarl.simulation import Networks, Simulation, Tables, Tested
from pfc_metarl.tasks.gymnasium import Family

MEMORY, NO_MEMORY = "memory", "no memory"


class Reversible(gymnasium.ActionWrapper):
    """An environment of two actions, which may be exchanged."""

    reverse = False

    def action(self, action: int) -> int:
        """The other one, if they are."""
        return 1 - action if self.reverse else action


def make_cartpole(longest: int) -> gymnasium.Env:
    """CartPole, cut short after so many steps."""
    return Reversible(gymnasium.make("CartPole-v1", max_episode_steps=longest))


def vary_cartpole(env: gymnasium.Env, rng: np.random.Generator, shortest: float, longest: float) -> None:
    """Exchange the actions in one half of all, and draw the length of (half) the pole."""
    assert isinstance(env, Reversible)
    env.reverse = bool(rng.random() < 0.5)
    physics = env.unwrapped
    physics.length = float(rng.uniform(shortest, longest))  # type: ignore[attr-defined]
    physics.polemass_length = physics.masspole * physics.length  # type: ignore[attr-defined]


@dataclass(frozen=True)
class CartPoleConfig(Config):
    """Network and learning; nothing of it is published."""

    episodes_per_trial: Count = 3
    """Episodes on one CartPole."""
    longest_episode: Count = 100
    """Steps after which an episode is cut short (Gymnasium's CartPole-v1: 500)."""
    shortest_pole: Positive = 0.25
    """Half of its length, metres (Gymnasium's: .5)."""
    longest_pole: Positive = 1.5
    """Half of its length, metres."""
    discount: Probability = 0.95
    """Discount factor gamma (our choice)."""
    trace_decay: Probability = 0.95
    """Lambda of the returns (our choice)."""
    test_episodes: Annotated[Count, TESTED] = 200
    """CartPoles on which each network is tested, weights frozen."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.require("longest_pole", self.longest_pole >= self.shortest_pole, "at least shortest_pole")

    def for_condition(self, condition: str) -> Config:
        """Without memory the network sees the observation alone."""
        self.require("agent", self.agent not in WITHOUT_MEMORY, "one with memory, to be laid beside one without")
        return replace(self, agent="feedforward") if condition == NO_MEMORY else self


def make_task(config: CartPoleConfig) -> Family:
    """The family."""
    vary = partial(vary_cartpole, shortest=config.shortest_pole, longest=config.longest_pole)
    return Family(partial(make_cartpole, config.longest_episode), vary, config.episodes_per_trial)


def reversed_ones(config: CartPoleConfig, seeds: pd.Series) -> pd.Series:
    """Whether the actions were exchanged in the environments that these seeds draw."""
    env = make_cartpole(config.longest_episode)

    def reverses(seed: int) -> bool:
        vary_cartpole(env, np.random.default_rng(seed), config.shortest_pole, config.longest_pole)
        return bool(env.reverse)  # type: ignore[attr-defined]

    return seeds.map({seed: reverses(seed) for seed in seeds.unique()})


def test(config: CartPoleConfig, networks: Networks) -> Tested:
    """Networks play with frozen weights.

    Returns:
        The trial table (columns as in `Family`), and condition and reversed; arrays: by condition the cart's mean
        velocity on each instance, metres a second (network, instance).
    """
    tables, arrays = [], {}
    for name, network in networks.items():
        rngs = generators(TEST, config.seeds, 0)  # all meet the same ones
        played = play(network, make_task(config), rngs, config.test_episodes)
        tables.append(played.table().assign(condition=name))
        speed, on = played.seen.observations[: len(played.active), ..., 1], played.active
        arrays[f"velocity, {name}"] = ((speed * on).sum(0) / on.sum(0)).numpy()
    trials = pd.concat(tables, ignore_index=True)
    return Tested(trials.assign(reversed=reversed_ones(config, trials["seed"])), arrays)


def analyse(config: CartPoleConfig, tested: Tested) -> Tables:
    """Tables: `scores` (condition, reversed, subject, episode, reward: mean over CartPoles), `along` (the same along
    the training, by how many CartPoles were played: instances), `velocity` (condition, reversed, subject, velocity:
    mean of the cart's over CartPoles, from which one can tell whether actions are exchanged if it depends on it) and
    `most` (reward of an episode that is cut short)."""
    by = ["condition", "reversed", "subject", "trial"]
    means = tested.trials.groupby(by, sort=False)["reward"].mean().reset_index()
    instances = tested.trials.groupby(["condition", "subject", "session"], sort=False)["reversed"].first().reset_index()
    velocity = np.concatenate([tested.arrays[f"velocity, {name}"].ravel() for name in (MEMORY, NO_MEMORY)])
    each = instances.assign(velocity=velocity).groupby(by[:3], sort=False)["velocity"].mean()
    return {
        "velocity": each.reset_index(),
        "scores": means.rename(columns={"trial": "episode"}),
        "along": tested.learning.rename(columns={"episode": "instances", "trial": "episode"}),
        "most": pd.DataFrame({"reward": [config.longest_episode]}),
    }


def compare_conditions(tables: Tables) -> pd.DataFrame:
    """Nothing is published. With memory the last episode is to earn more than the first, and more than without memory;
    without it nothing is to be gained from the first to the last but what chance gives. (Those without memory may have
    the cart remember: then its velocity differs with what actions do.)

    A network with memory has learned if in its last episode it earns more than midway from those without it to the
    most that can be earned.
    """
    mean = tables["scores"].groupby(["condition", "subject", "episode"], sort=False)["reward"].mean().unstack()
    first, last = mean.columns.min(), mean.columns.max()
    own, other = (mean.loc[condition] for condition in (MEMORY, NO_MEMORY))
    none = (np.nan, 0.0, Single())
    midway = (other[last].mean() + tables["most"]["reward"].iloc[0]) / 2
    rule = f"> {midway:.1f}, midway from no memory to the most"
    gain, apart = (
        "reward, last episode less first: ",
        "cart's mean velocity, actions as usual or exchanged, difference: ",
    )
    velocity = tables["velocity"].pivot(index=["condition", "subject"], columns="reversed", values="velocity")
    velocity = velocity.reindex(columns=[False, True])  # of few instances all may be of one kind
    told = (velocity[True] - velocity[False]).abs()
    quantities: list[Quantity | Curve] = [
        Quantity.ordered(gain + MEMORY, (own[last] - own[first]).to_numpy(), *none, "> 0", 0.0),
        Quantity.ordered(
            "reward, last episode: " + MEMORY, own[last].to_numpy(), *none, "> no memory", other[last].to_numpy()
        ),
        Quantity.ordered(
            "reward, first episode: " + MEMORY, own[first].to_numpy(), *none, "> no memory", other[first].to_numpy()
        ),
        Quantity.ordered(
            "reward, last episode: " + NO_MEMORY, other[last].to_numpy(), *none, "< memory", own[last].to_numpy()
        ),
        Quantity.ordered(
            apart + NO_MEMORY, told.loc[NO_MEMORY].to_numpy(), *none, "> memory", told.loc[MEMORY].to_numpy()
        ),
        Quantity.learned("reward, last episode", own[last].to_numpy(), rule, midway),
    ]
    return compare(quantities)


PRESETS = {
    # found on seeds 1 and 2: with discount factors of .95 and more networks learn slower, and less
    "fast": CartPoleConfig(
        preset="fast",
        episodes=16_000,
        episodes_per_update=16,
        learning_rate=0.01,
        learning_rate_end=0.0,
        discount=0.9,
        trace_decay=0.9,
        entropy_cost=0.1,
        entropy_cost_end=0.0,
    ),
    "paper": CartPoleConfig(preset="paper", episodes=20_000),
}

SIMULATION = Simulation(
    name="cartpole",
    description=__doc__,
    presets=PRESETS,
    quick={"networks": 2, "episodes": 32, "episodes_per_update": 16, "longest_episode": 20, "test_episodes": 4},
    tasks=lambda config: dict.fromkeys((MEMORY, NO_MEMORY), make_task(config)),
    test=test,
    analyse=analyse,
    compare=compare_conditions,
    tracked=("reward",),
)
