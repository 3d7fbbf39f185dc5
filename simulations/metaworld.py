"""Meta-World's ML1 (Yu et al. 2019): a robot arm is to reach a place that nothing shows, in several episodes.

Continuous actions; the state is kept from one episode on a goal to the next. Beside a network without memory, random
actions, and hands that go straight to the place, or to the middle of all places.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import Annotated, Any, SupportsFloat

import numpy as np
import pandas as pd
from gymnasium.spaces import Box
from gymnasium.wrappers import TransformObservation, TransformReward

from pfc_metarl.comparison import Curve, Quantity, Single, compare
from pfc_metarl.config import TESTED, Config, Count, NotNegative, Probability
from pfc_metarl.errors import ConfigError
from pfc_metarl.networks import WITHOUT_MEMORY
from pfc_metarl.random_streams import REFERENCE, TEST, generators
from pfc_metarl.rollout import play
from pfc_metarl.simulation import Networks, Simulation, Tables, Tested
from pfc_metarl.tasks.episodes import Episodes
from pfc_metarl.tasks.gymnasium import Family
from pfc_metarl.trials import trial_table

MEMORY, NO_MEMORY, RANDOM = "memory", "no memory", "random actions"
TOLD, MIDDLE = "told the goal", "to the middle"
GOALS = 1
"""Seed with which Meta-World draws its goals: 50 to train on, 50 others to test on."""
LENGTH = 0.1
"""In what, in metres, networks see places: about as far as goals lie apart."""
MOST = 10.0
"""That a step pays."""


@cache
def benchmark(environment: str) -> Any:
    """Meta-World's benchmark of one kind of task, with goals to train and to test on."""
    from metaworld import ML1  # late: it takes seconds, and few have it

    try:
        return ML1(environment, seed=GOALS)
    except ValueError as error:
        raise ConfigError(f"environment: {error}") from None


def make_arm(environment: str, steps: int) -> Any:
    """The robot arm, whose episodes are cut short after so many steps.

    What is seen is told by how far it is from where the hand rests, in LENGTH; rewards as a share of the MOST.
    """
    arm = benchmark(environment).train_classes[environment]()
    arm.max_path_length = steps
    arm.set_task(benchmark(environment).train_tasks[0])
    at_rest = arm.reset()[0]
    anywhere = Box(-np.inf, np.inf, at_rest.shape)
    return TransformReward(TransformObservation(arm, partial(near, at_rest), anywhere), share)


def near(at_rest: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """What is seen, by how far it is from where the hand rests."""
    return (seen - at_rest) / LENGTH


def share(reward: SupportsFloat) -> float:
    """A reward, as a share of the most."""
    return float(reward) / MOST


def draw_goal(arm: Any, rng: np.random.Generator, environment: str, test: bool) -> None:
    """One of the goals."""
    goals = benchmark(environment).test_tasks if test else benchmark(environment).train_tasks
    arm.unwrapped.set_task(goals[rng.integers(len(goals))])


@dataclass(frozen=True)
class MetaWorldConfig(Config):
    """Meta-World+ (2025, "M") trained RL2 by trust-region or proximal policy optimisation with 10 episodes a goal."""

    environment: str = "reach-v3"
    """Name of the kind of task, as Meta-World has it."""
    episodes_per_trial: Count = 3
    """Episodes on one goal (M: 10)."""
    longest_episode: Count = 500
    """Steps of an episode (M: 500)."""
    discount: Probability = 0.99
    """Discount factor gamma (our choice)."""
    trace_decay: Probability = 0.95
    """Lambda of the returns (our choice)."""
    entropy_cost: NotNegative = 0.0
    """Weight of the policy's entropy at the start (our choice)."""
    test_episodes: Annotated[Count, TESTED] = 40
    """Goals, of those that were not trained on, in each of which a network is tested, weights frozen."""

    def for_condition(self, condition: str) -> Config:
        """Without memory the network sees the observation alone."""
        self.require("agent", self.agent not in WITHOUT_MEMORY, "one with memory, to be laid beside one without")
        return replace(self, agent="feedforward") if condition == NO_MEMORY else self


def make_task(config: MetaWorldConfig, test: bool = False) -> Family:
    """The arm with the goals to train on, or with those to test on."""
    make: Callable[[], Any] = partial(make_arm, config.environment, config.longest_episode)
    vary = partial(draw_goal, environment=config.environment, test=test)
    return Family(make, vary, config.episodes_per_trial, config.episodes_per_trial * config.longest_episode)


def test(config: MetaWorldConfig, networks: Networks) -> Tested:
    """Networks, and reference agents, play with the goals that were not trained on: the trial table, and condition."""
    tables, task = [], make_task(config, test=True)
    for name, network in networks.items():
        rngs = generators(TEST, config.seeds, 0)
        tables.append(play(network, task, rngs, config.test_episodes).table().assign(condition=name))
    tables += [by_rule(config, task, name).assign(condition=name) for name in (RANDOM, MIDDLE, TOLD)]
    return Tested(pd.concat(tables, ignore_index=True))


def by_rule(config: MetaWorldConfig, task: Family, name: str) -> pd.DataFrame:
    """The trial table of a reference agent, with the networks' goals: actions drawn evenly between their bounds, or a
    hand that goes to the goal, or to the middle of the goals that networks train on."""
    world = Episodes(task, config.networks, config.test_episodes)
    world.begin(generators(TEST, config.seeds, 0))
    rngs = generators(REFERENCE, config.seeds, 0, 0)
    arms = task.environments(*world.records.shape)
    middle = np.mean(places(config.environment), axis=0) if name == MIDDLE else None
    while not world.records["over"].all():
        if name == RANDOM:
            actions = np.stack([rng.uniform(-1, 1, (config.test_episodes, task.actions)) for rng in rngs])
        else:
            actions = np.stack([[towards(arm.unwrapped, middle) for arm in row] for row in arms])
        world.step(actions)
    who = np.repeat(config.seeds, config.test_episodes)
    session = np.tile(np.arange(config.test_episodes) + 1, config.networks)
    return trial_table(task.name, world.records.reshape(-1), world.trials.reshape(len(who), -1), who, session, name)


def places(environment: str) -> list[np.ndarray]:
    """Where the goals are that networks train on, in metres."""
    arm, told = benchmark(environment).train_classes[environment](), []
    for goal in benchmark(environment).train_tasks:
        arm.set_task(goal)
        arm.reset()
        told.append(arm._target_pos)
    return told


def towards(arm: Any, place: np.ndarray | None) -> np.ndarray:
    """The action that moves the hand to a place (None: the goal), at full speed from LENGTH away."""
    way = (arm._target_pos if place is None else place) - arm.get_endeff_pos()
    return np.append(way / LENGTH, 0)  # the last number moves the fingers


def analyse(config: MetaWorldConfig, tested: Tested) -> Tables:
    """Tables: `scores` (condition, subject, episode, reward, success: means over goals) and `along` (the same of
    networks along the training, with the goals to train on, by how many were played: instances)."""
    by = ["condition", "subject", "trial"]
    scores = tested.trials.groupby(by, sort=False)[["reward", "success"]].mean().reset_index()
    return {
        "scores": scores.rename(columns={"trial": "episode"}),
        "along": tested.learning.rename(columns={"episode": "instances", "trial": "episode"}),
    }


def compare_conditions(tables: Tables) -> pd.DataFrame:
    """Nothing is published of three episodes. With memory the last episode is to earn more than the first, than without
    memory, than random actions do, and than a hand that goes to the middle of all goals. A network has learned if it
    succeeds in more than half of its last episodes."""
    scores = tables["scores"].set_index(["condition", "subject", "episode"])
    mean, success = scores["reward"].unstack(), scores["success"].unstack()
    first, last = mean.columns.min(), mean.columns.max()
    own, other, chance, middle = (mean.loc[condition] for condition in (MEMORY, NO_MEMORY, RANDOM, MIDDLE))
    none = (np.nan, 0.0, Single())
    gain, what = (own[last] - own[first]).to_numpy(), "return, last episode"
    quantities: list[Quantity | Curve] = [
        Quantity.ordered(f"{what} less first: {MEMORY}", gain, *none, "> 0", 0.0),
        Quantity.ordered(f"{what}: {MEMORY}", own[last].to_numpy(), *none, "> no memory", other[last].to_numpy()),
        Quantity.ordered(f"{what}: {NO_MEMORY}", other[last].to_numpy(), *none, "> random", chance[last].to_numpy()),
        Quantity.ordered(
            f"{what}: {MEMORY}, beside chance", own[last].to_numpy(), *none, "> random", chance[last].to_numpy()
        ),
        Quantity.ordered(
            f"{what}: {MEMORY}, beside the middle", own[last].to_numpy(), *none, f"> {MIDDLE}", middle[last].to_numpy()
        ),
        *(
            Quantity.learned(f"success, last episode: {name}", success.loc[name][last].to_numpy(), "> .5", 0.5)
            for name in (MEMORY, NO_MEMORY)
        ),
    ]
    return compare(quantities)


PRESETS = {
    # departures: 100 steps an episode, not 500; 3 episodes a goal; few networks (the simulator is slow); a lower
    # discount factor (every step tells how near the place is)
    "fast": MetaWorldConfig(
        preset="fast",
        networks=4,
        units=64,
        longest_episode=100,
        episodes=3_000,
        episodes_per_update=10,
        learning_rate=0.003,
        learning_rate_end=0.0,
        discount=0.8,
        trace_decay=0.9,
        state_value_cost=0.5,
    ),
    "paper": MetaWorldConfig(preset="paper", episodes_per_trial=10),
}

SIMULATION = Simulation(
    name="metaworld",
    description=__doc__,
    presets=PRESETS,
    quick={
        "networks": 2,
        "units": 8,
        "episodes": 8,
        "episodes_per_update": 4,
        "longest_episode": 10,
        "test_episodes": 4,
    },
    tasks=lambda config: dict.fromkeys((MEMORY, NO_MEMORY), make_task(config)),
    test=test,
    analyse=analyse,
    compare=compare_conditions,
    tracked=("reward", "success"),
)
