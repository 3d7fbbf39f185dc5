"""Simulation 5: learning to learn, Harlow's task with feature vectors for pictures (Fig. 6)."""

from dataclasses import dataclass
from typing import Annotated

import numpy as np
import pandas as pd
from annotated_types import Ge

from pfc_metarl.analysis.learning_set import INTACT, REPLACED, RESET, accuracy_by_trial, stretches_of_learning
from pfc_metarl.analysis.object_memory import components_by_trial, first_choice_preference, object_code
from pfc_metarl.config import TESTED, Config, Count, NotNegative, Positive, Probability
from pfc_metarl.published import Quantity, compare, published_value
from pfc_metarl.random_streams import TEST, generators
from pfc_metarl.rollout import by_episode, play
from pfc_metarl.simulation import Networks, Simulation, Tables, Tested
from pfc_metarl.tasks.harlow_symbolic import HarlowSymbolic


@dataclass(frozen=True)
class Simulation5Config(Config):
    """Methods, "Simulation 5": what holds with vision too."""

    networks: Count = 50
    """Networks, trained and tested together (P: 50)."""
    units: Count = 256
    """LSTM units (P: 256)."""
    episodes_per_update: Count = 32
    """Episodes per network and update, side by side (P: 32 threads, asynchronous; here together)."""
    learning_rate: Positive = 7.5e-4
    """Learning rate at the start (P: 7.5e-4)."""
    discount: Probability = 0.91
    """Discount factor gamma per action (P: 0.91)."""
    state_value_cost: NotNegative = 0.4
    """Weight of the state-value loss, beta_v (P: 0.4)."""
    entropy_cost: NotNegative = 0.001
    """Weight of the policy's entropy at the start, beta_e (P: 0.001)."""


@dataclass(frozen=True)
class HarlowConfig(Simulation5Config):
    """Methods, "Simulation 5"; the feature vectors are the twin's own."""

    episodes: Count = 3_200_000
    """Training episodes per network (P: about 1e5 on each of 32 threads)."""
    trials: Annotated[int, Ge(2)] = 6
    """Trials per episode (P)."""
    fixation_reward: NotNegative = 0.2
    """Reward for fixating (P)."""
    features: Annotated[int, Ge(2)] = 10
    """Length of an object's feature vector (our choice)."""
    test_episodes: Annotated[int, Ge(5), TESTED] = 1_000
    """Test episodes per network and condition, with new objects, weights frozen (our choice)."""
    analysed_episodes: Annotated[int, Ge(5), TESTED] = 400
    """Of these, episodes whose hidden states are kept and analysed (our choice)."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.require("analysed_episodes", self.analysed_episodes <= self.test_episodes, "at most test_episodes")


PRESETS = {
    # departures from the paper, for minutes in place of days: 8 networks of 48 units, a larger learning rate and
    # entropy cost, both falling to 0, and fewer episodes
    "fast": HarlowConfig(
        preset="fast",
        networks=8,
        units=48,
        episodes=64_000,
        learning_rate=0.01,
        learning_rate_end=0.0,
        entropy_cost=0.1,
        entropy_cost_end=0.0,
    ),
    "paper": HarlowConfig(preset="paper"),
}


def make_tasks(config: HarlowConfig) -> dict[str, HarlowSymbolic]:
    """The task, and the paper's control in which the unrewarded object is another one on every trial."""
    rules = config.trials, config.features, config.fixation_reward
    return {INTACT: HarlowSymbolic(*rules), REPLACED: HarlowSymbolic(*rules, replaced=True)}


def test(config: HarlowConfig, networks: Networks) -> Tested:
    """Let the networks play new objects, weights frozen, actions sampled.

    Returns:
        The trial table (condition, and columns as in `HarlowSymbolic`), and arrays of the analysed episodes, for
        the conditions intact and replaced: hidden_<condition> (network, episode, time, unit), rewarded_<condition>
        (network, episode, feature), and first_pair_<condition> (network, episode, 2, feature), the first trial's
        left and right object.
    """
    tasks, tables = make_tasks(config), []
    arrays: dict[str, np.ndarray] = {}
    kept = slice(config.analysed_episodes)
    for i, (condition, trained) in enumerate(((INTACT, INTACT), (RESET, INTACT), (REPLACED, REPLACED))):
        rngs = generators(TEST, config.seeds, i)
        played = play(networks[trained], tasks[trained], rngs, config.test_episodes, forget=condition == RESET)
        tables.append(played.table().assign(condition=condition))
        if condition != RESET:
            first_pair = np.stack([played.field(f"{side}_object")[:, kept, 0] for side in ("left", "right")], axis=2)
            arrays |= {
                f"hidden_{condition}": by_episode(played.activity[:, :, kept]),
                f"rewarded_{condition}": played.field("rewarded_object")[:, kept],
                f"first_pair_{condition}": first_pair,
            }
    return Tested(pd.concat(tables, ignore_index=True), arrays)


def analyse(config: HarlowConfig, tested: Tested) -> Tables:
    """All tables of Figure 6."""
    points, stretches = stretches_of_learning(tested.learning[tested.learning["condition"] == INTACT])
    components, codes, preferences = [], [], []
    for condition in (INTACT, REPLACED):
        own = tested.trials[tested.trials["condition"] == condition]["choice"].to_numpy()
        choices = own.reshape(config.networks, config.test_episodes, config.trials)[:, : config.analysed_episodes]
        for k, seed in enumerate(config.seeds):
            hidden = tested.arrays[f"hidden_{condition}"][k]
            hidden = hidden.reshape(*choices.shape[1:], HarlowSymbolic.steps_per_trial, -1)
            rewarded, pair = (tested.arrays[f"{name}_{condition}"][k] for name in ("rewarded", "first_pair"))
            if condition == INTACT:
                components.append(components_by_trial(hidden[:, :, 1], choices[k], seed))
            codes.append(object_code(hidden[:, :, 0], rewarded, seed).assign(condition=condition))
            predicted = first_choice_preference(pair[:, 0], pair[:, 1], choices[k, :, 0])
            preferences.append((condition, seed, predicted))
    return {
        **behaviour(config, tested.trials),
        "change_points": points,
        "stretches": stretches,
        "components": pd.concat(components),
        "object_code": pd.concat(codes),
        "first_choices": pd.DataFrame(preferences, columns=["condition", "subject", "predicted"]),
    }


def behaviour(config: HarlowConfig, trials: pd.DataFrame) -> Tables:
    """Accuracy by trial, of whoever behaves."""
    return {"accuracy": accuracy_by_trial(trials)}


def compare_with_paper(tables: Tables) -> pd.DataFrame:
    """Comparison of Figure 6, in percent; distance: 5. The stretches of learning are cut where performance has grown by
    equal steps, so that their levels agree for any learner; they are drawn, not compared.

    Every network counts, in our columns; the paper's curves are those of its 14 successful networks of 50.
    """
    return compare(behaviour_quantities(tables))


def behaviour_quantities(tables: Tables) -> list[Quantity]:
    """What of `behaviour` is compared: networks as trained, or all that animals did."""
    accuracy = tables["accuracy"]
    own = accuracy[accuracy["condition"].isin([INTACT, ""])]
    intact = own.pivot(index="subject", columns="trial", values="accuracy")
    by_trial = accuracy_quantities("trained", intact, "> trial 1", intact[1])
    return [quantity._replace(short=f"trial {trial}") for trial, quantity in by_trial.items()]


def accuracy_quantities(
    name: str, accuracy: pd.DataFrame, direction: str, than: pd.Series | float
) -> dict[int, Quantity]:
    """Accuracy on each trial of the paper's episodes (where ours are so long), to be at chance on the first.

    Args:
        name: of what is compared.
        accuracy: in percent, subjects by trials.
        direction, than: what must hold on the trials after the first; see `Quantity.ordered`.
    """
    quantities = {}
    for trial in accuracy.columns.intersection(range(1, 7)):
        label, ours = f"{name}, trial {trial}: % correct", accuracy[trial]
        paper = published_value(6, panel="c", series="meta-RL", condition="final", x=trial)
        monkeys = published_value(6, panel="b", series="monkeys", condition="257-312", x=trial)
        if trial == 1:
            quantities[trial] = Quantity(label, ours, paper, 5, "50 within 5", 5 - (ours - 50).abs(), monkeys)
        else:
            quantities[trial] = Quantity.ordered(label, ours, paper, 5, direction, than, animal=monkeys)
    return quantities


SIMULATION = Simulation(
    name="harlow",
    description=__doc__,
    presets=PRESETS,
    quick={"networks": 2, "episodes": 1_600, "test_episodes": 40, "analysed_episodes": 40},
    tasks=make_tasks,
    test=test,
    analyse=analyse,
    compare=compare_with_paper,
    behaviour=behaviour,
    behaviour_quantities=behaviour_quantities,
    tracked="correct",
)
