"""Simulation 5 from pixels: networks that see learn Harlow's task, tested on held-out pictures (Fig. 6).

An "episode" of training is one stretch of actions in one slot; the task's own episodes run on from stretch to stretch.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Annotated

import numpy as np
import pandas as pd

from pfc_metarl.analysis.learning_set import (
    HELD_OUT_PICTURES,
    RESET,
    TRAINING_PICTURES,
    accuracy_by_trial,
    stretches_of_learning,
)
from pfc_metarl.comparison import Quantity, compare
from pfc_metarl.config import TESTED, Count
from pfc_metarl.errors import ConfigError
from pfc_metarl.networks.agent import Agent
from pfc_metarl.random_streams import RUNNING, TEST, generator, generators
from pfc_metarl.rollout import Trajectory, play
from pfc_metarl.simulation import Networks, Simulation, Tables, Tested
from pfc_metarl.tasks.harlow_gaze import GazeParameters, HarlowGaze
from pfc_metarl.tasks.pictures import Pictures, bundled_pictures, load_images
from simulations.harlow import Simulation5Config, accuracy_quantities, climb_quantities

TRAINED = "pixels"
"""The condition of training."""
SOLVED = 90.0
"""A network has solved the task if it is right on this % of held-out pairs on each trial after the first."""


@dataclass(frozen=True)
class HarlowGazeConfig(Simulation5Config):
    """Methods, "Simulation 5". The episodes of an update run on, each in a slot of its own."""

    learned_start: bool = False
    """The state at an episode's start is 0 (P)."""
    episodes: Count = 28_800_000
    """Stretches of training per network (P: about 1e5 episodes per thread, of at most 900 actions, 9 stretches)."""
    unroll: Count = 100
    """Actions per stretch, after which the weights are updated (P: 100)."""
    features: Count = 256
    """Units of the eye's last layer (256, Mirowski et al. 2016; P: "a conventional image-processing network")."""
    filters: tuple[tuple[int, int, int], ...] = ((16, 8, 4), (32, 4, 2))
    """Number, size and stride of each convolution's filters (Mirowski et al. 2016)."""
    task: GazeParameters = field(default_factory=GazeParameters)
    """Geometry and timing."""
    images: str = ""
    """Folder of pictures (jpg, png), 2,000 or more; "": crops of bundled photographs (our choice; P: ImageNet)."""
    test_actions: Annotated[Count, TESTED] = 2_000
    """Actions per slot in the test on held-out pictures, weights frozen (our choice)."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.require("filters", len(self.filters) > 0, "at least one")
        size = self.task.view
        for number, width, stride in self.filters:
            fits = number >= 1 and 1 <= width <= size and stride >= 1
            self.require("filters", fits, "numbers, sizes and strides of at least 1 that fit into the view")
            size = (size - width) // stride + 1


PRESETS = {
    # departures from the paper, for minutes on one core in place of days on 32: one network, a view of half the
    # resolution, a smaller eye and LSTM, shorter unrolls, another learning rate and entropy cost, both falling
    "fast": HarlowGazeConfig(
        preset="fast",
        networks=1,
        episodes=96_000,
        unroll=50,
        units=96,
        features=64,
        filters=((16, 6, 3), (16, 4, 2)),
        task=GazeParameters(view=42),
        learning_rate=1e-3,
        learning_rate_end=0.0,
        entropy_cost=0.01,
        entropy_cost_end=0.0,
    ),
    "paper": HarlowGazeConfig(preset="paper"),
}


@cache
def load_pictures(images: str, size: int) -> Pictures:
    """Training and held-out pictures, the same for all seeds."""
    return load_images(Path(images), size) if images else bundled_pictures(size)


def make_task(config: HarlowGazeConfig, held_out: bool) -> HarlowGaze:
    """Running episodes with one of the two sets of pictures."""
    pictures = load_pictures(config.images, config.task.picture_pixels)
    return HarlowGaze(config.task, pictures.held_out if held_out else pictures.training, config.unroll)


def test(config: HarlowGazeConfig, networks: Networks) -> Tested:
    """Frozen weights, on training and on held-out pictures, and on these without memory from trial to trial.

    Returns:
        The trial table (condition, and columns as in `HarlowGaze`), and arrays: views (time, height, width, 3) and
        rewards (time,) of an episode of the first network on held-out pictures.
    """
    agent, conditions = networks[TRAINED], (TRAINING_PICTURES, HELD_OUT_PICTURES, RESET)
    tables = [play_in(config, agent, condition, i) for i, condition in enumerate(conditions)]
    if all(table.empty for table in tables):
        raise ConfigError(f"no episode ended within {config.test_actions} test actions; let --test-actions be more")
    return Tested(pd.concat(tables, ignore_index=True), one_episode(config, agent, len(conditions)))


def play_in(config: HarlowGazeConfig, agent: Agent, condition: str, index: int) -> pd.DataFrame:
    """The trial table of a condition, played stretch by stretch for the sake of memory."""
    task, slots = make_task(config, held_out=condition != TRAINING_PICTURES), config.episodes_per_update
    endless = playing_on(config, agent, task, index, slots, forget=condition == RESET)
    tables = [played.table() for played in islice(endless, -(-config.test_actions // config.unroll))]
    table = pd.concat(tables).sort_values(["subject", "session", "trial"], ignore_index=True)
    return table.assign(condition=condition)


def playing_on(
    config: HarlowGazeConfig, agent: Agent, task: HarlowGaze, index: int, slots: int, forget: bool = False
) -> Iterator[Trajectory]:
    """The networks go on playing, stretch by stretch; each test (from 0) has chances of its own."""
    rngs, carry = generators(TEST, config.seeds, index), None

    def renew(network: int, slot: int, number: int) -> np.random.Generator:
        return generator(RUNNING, config.seeds[network], index + 1, slot, number)

    while True:
        played = play(agent, task, rngs, slots, start=carry, renew=renew, forget=forget)
        carry = played.end
        yield played


def one_episode(config: HarlowGazeConfig, agent: Agent, index: int) -> dict[str, np.ndarray]:
    """What the first network sees and earns in an episode on held-out pictures (its first 150 actions at most)."""
    views: list[np.ndarray] = []
    rewards: list[np.ndarray] = []
    for played in playing_on(config, agent, make_task(config, held_out=True), index, slots=1):
        ends = np.append(np.flatnonzero(played.seen.begins[1:, 0, 0].cpu()) + 1, len(played.rewards))
        views.append(played.seen.observations[: ends[0], 0, 0].cpu().numpy())
        rewards.append(played.rewards[: ends[0], 0, 0].cpu().numpy())
        if len(ends) > 1 or sum(len(part) for part in rewards) >= 150:
            break
    return {"views": np.concatenate(views), "rewards": np.concatenate(rewards)}


def analyse(config: HarlowGazeConfig, tested: Tested) -> Tables:
    """The tables of Figure 6c."""
    accuracy = accuracy_by_trial(tested.trials)
    points, stretches = stretches_of_learning(tested.learning)
    worst = held_out(accuracy)[lambda table: table["trial"] > 1].groupby("subject")["accuracy"].min()
    solved = points.assign(solved=points["subject"].map(worst) >= SOLVED)
    return {"accuracy": accuracy, "stretches": stretches, "networks": solved}


def held_out(accuracy: pd.DataFrame) -> pd.DataFrame:
    """The rows of networks as trained on held-out pictures."""
    return accuracy[accuracy["condition"] == HELD_OUT_PICTURES]


def compare_with_paper(tables: Tables) -> pd.DataFrame:
    """Comparison of Figure 6c, in percent, for all networks trained."""
    wide = held_out(tables["accuracy"]).pivot(index="subject", columns="trial", values="accuracy")
    wide = wide.fillna(0)  # a network that never got so far has not solved the task
    worst = wide.drop(columns=1, errors="ignore").min(axis=1).to_numpy()
    learned = Quantity.learned("worst of trials 2 to 6 on held-out pictures, %", worst, f"> {SOLVED:g}", SOLVED)
    quantities = accuracy_quantities("held-out pictures", wide, f"> {SOLVED:g}", SOLVED)
    return compare([*quantities, *climb_quantities(tables["stretches"], wide), learned])


SIMULATION = Simulation(
    name="harlow_gaze",
    description=__doc__,
    presets=PRESETS,
    quick={
        "networks": 2,
        "episodes": 32,
        "episodes_per_update": 4,
        "unroll": 20,
        "units": 16,
        "features": 8,
        "filters": ((4, 6, 3), (4, 4, 2)),
        "task": GazeParameters(view=42, longest=200),
        "test_actions": 200,
    },
    tasks=lambda config: {TRAINED: make_task(config, held_out=False)},
    test=test,
    analyse=analyse,
    compare=compare_with_paper,
    tracked=("correct",),
)
