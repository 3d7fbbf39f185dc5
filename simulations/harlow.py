"""Simulation 5: learning to learn, Harlow's task with feature vectors for pictures (Fig. 6)."""

from dataclasses import dataclass
from typing import Annotated

import numpy as np
import pandas as pd
from annotated_types import Ge

from pfc_metarl.analysis.learning_set import INTACT, REPLACED, RESET, accuracy_by_trial, stretches_of_learning
from pfc_metarl.analysis.object_memory import components_by_trial, first_choice_preference, object_code
from pfc_metarl.comparison import Curve, Part, Quantity, Several, compare, weighted
from pfc_metarl.config import TESTED, Config, Count, NotNegative, Positive, Probability
from pfc_metarl.errors import TableError
from pfc_metarl.published import Number, published_number, published_value, sum_of
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
    """Comparison of Figure 6, in percent. The stretches of learning are cut where performance has grown by equal steps,
    so that their levels agree for any learner: what is compared is how accuracy climbs within them.

    Every network counts, in our columns; the paper's curves are those of its 14 successful networks of 50.
    """
    accuracy = tables["accuracy"]
    wide = accuracy[accuracy["condition"] == INTACT].pivot(index="subject", columns="trial", values="accuracy")
    learned = Quantity.learned("worst of trials 2 to 6, %", wide.drop(columns=1).min(axis=1).to_numpy(), "> 90", 90)
    return compare([*behaviour_quantities(tables), *climb_quantities(tables["stretches"], wide), learned])


def behaviour_quantities(tables: Tables) -> list[Quantity | Curve]:
    """What of `behaviour` is compared: networks as trained, or all that animals did."""
    accuracy = tables["accuracy"]
    own = accuracy[accuracy["condition"].isin([INTACT, ""])]
    if own.empty and accuracy["condition"].nunique() == 1:
        own = accuracy  # of animals, whatever it is called
    if own.empty:
        raise TableError(
            f"the table: several conditions, none of them {INTACT}; give those of one, or each its own group"
        )
    intact = own.pivot(index="subject", columns="trial", values="accuracy")
    return accuracy_quantities("trained", intact, "> trial 1", intact[1])


def accuracy_quantities(
    name: str, accuracy: pd.DataFrame, direction: str, than: pd.Series | float
) -> list[Quantity | Curve]:
    """Accuracy on each trial of the paper's episodes (where ours are so long), to be at chance on the first.

    Args:
        name: of what is compared.
        accuracy: in percent, subjects by trials.
        direction, than: what must hold on the trials after the first; see `Quantity.ordered`.
    """
    quantities: list[Quantity | Curve] = []
    for trial in accuracy.columns.intersection(range(1, 7)):
        label, ours, short = f"{name}, trial {trial}: % correct", accuracy[trial], f"trial {trial}"
        paper, spread = published_accuracy("final", trial)
        monkeys = published_value(6, panel="b", series="monkeys", condition="257-312", x=trial)
        if trial == 1:
            gap = 5 - (ours - 50).abs()
            quantities.append(Quantity(label, ours, *paper, spread, "50 within 5", gap, monkeys, short))
        else:
            more = Quantity.ordered(label, ours, *paper, spread, direction, than)
            quantities.append(more._replace(animal=monkeys, short=short))
    return [*quantities, *gain(name, accuracy)]


def published_accuracy(stage: str, trial: int) -> tuple[Number, Several]:
    """The paper's accuracy on a trial of a stage of learning, and its spread over 14 networks (a 95 % interval)."""
    mean, low, high = (
        published_number(6, panel="c", series=f"meta-RL{more}", condition=stage, x=trial)
        for more in ("", ", lower end of the 95 % interval", ", upper end of the 95 % interval")
    )
    return mean, Several.of_interval(low.value, high.value, 14)


def gain(name: str, accuracy: pd.DataFrame) -> list[Quantity | Curve]:
    """What one trial is worth: accuracy gained from the first trial to the second."""
    if not {1, 2} <= set(accuracy):
        return []
    paper = published_accuracy("final", 2)[0].value - published_accuracy("final", 1)[0].value
    monkeys = [published_value(6, panel="b", series="monkeys", condition="257-312", x=trial) for trial in (1, 2)]
    ours, name = accuracy[2] - accuracy[1], f"{name}: accuracy gained from trial 1 to 2"
    return [Quantity.signed(name, ours, paper, 0.6, Part(paper), animal=monkeys[1] - monkeys[0])]


def climb_quantities(stretches: pd.DataFrame, final: pd.DataFrame) -> list[Quantity | Curve]:
    """Figure 6c: how accuracy climbs from trial 2 to 6 in the middle of learning; and all of it as a curve.

    Args:
        stretches: table of `stretches_of_learning`.
        final: accuracy of trained networks, in percent, subjects by trials.
    """
    wide = stretches.pivot(index="subject", columns=["stretch", "trial"], values="accuracy")
    wide = wide.join(pd.concat({FINAL: final}, axis=1))
    places = [(stage, trial) for stage in (*STAGES, FINAL) for trial in range(1, 7) if (stage, trial) in wide]
    paper = {at: published_accuracy(*at)[0] for at in places}
    quantities: list[Quantity | Curve] = []
    weights = {(stage, trial): sign / 4 for stage in STAGES[1:5] for trial, sign in ((2, -1), (6, 1))}
    if set(weights) <= set(places):  # else episodes of fewer trials
        own, told = weighted(weights, wide).to_numpy(), sum_of(weights, paper)
        name = "accuracy gained from trial 2 to 6, 2nd to 5th stage"
        quantities.append(Quantity.signed(name, own, *told, Part(told.value)))
    values = np.array([paper[at].value for at in places])
    return [*quantities, Curve("accuracy by stage of learning and trial", wide[places].to_numpy(), values)]


STAGES, FINAL = ("1st", "2nd", "3rd", "4th", "5th", "6th"), "final"
"""Of learning, as the paper names them."""


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
    tracked=("correct",),
)
