"""Simulation 3: prediction errors reflect inferred value (Bromberg-Martin et al. 2010; Fig. 4)."""

from dataclasses import dataclass
from typing import Annotated

import numpy as np
import pandas as pd
from annotated_types import Ge

from pfc_metarl.analysis.reversal import (
    AFTER,
    BEFORE,
    COMPARISONS,
    EVENTS,
    context_read_out,
    ideal_errors,
    label_trials,
    mean_errors,
    state_pca,
)
from pfc_metarl.comparison import Curve, Part, Quantity, compare
from pfc_metarl.config import TESTED, Config, Count, Probability
from pfc_metarl.dopamine import prediction_errors
from pfc_metarl.published import Number, published_number
from pfc_metarl.random_streams import TEST, generators
from pfc_metarl.rollout import by_episode, play
from pfc_metarl.simulation import Networks, Simulation, Tables, Tested
from pfc_metarl.tasks.inferred_value import InferredValue
from pfc_metarl.trials import SUBJECT, require_columns

PUBLISHED = "published"
"""The condition of training: the published task."""


@dataclass(frozen=True)
class InferredValueConfig(Config):
    """Methods, "Simulation 3". An "episode" of training is one stretch of the stream, 200 steps."""

    block_trials: Annotated[int, Ge(2)] = 5
    """Trials of a block (P: an "episode" of 5 trials)."""
    switch_probability: Probability = 0.5
    """Probability that the rewarded cue changes at a block's start (P)."""
    blocks_per_update: Count = 10
    """Blocks per stretch: 200 steps of backpropagation through time (P)."""
    test_blocks: Annotated[Count, TESTED] = 1_200
    """Test blocks per network, weights frozen (P)."""
    test_streams: Annotated[Count, TESTED] = 12
    """Streams over which the test blocks are spread (our choice)."""

    def __post_init__(self) -> None:
        super().__post_init__()
        whole = self.test_blocks >= 2 * self.test_streams and self.test_blocks % self.test_streams == 0
        self.require("test_blocks", whole, "a multiple of test_streams, at least twice as many")


PRESETS = {
    # departures from the paper: 8 streams per update and network, a learning rate to match that falls to 0
    "fast": InferredValueConfig(
        preset="fast", episodes=12_000, episodes_per_update=8, learning_rate=0.01, learning_rate_end=0.0
    ),
    "paper": InferredValueConfig(preset="paper"),
}


def make_task(config: InferredValueConfig, blocks: int) -> InferredValue:
    """The stream of reversals, in stretches of so many blocks."""
    return InferredValue(blocks=blocks, block_trials=config.block_trials, switch_probability=config.switch_probability)


def test(config: InferredValueConfig, networks: Networks) -> Tested:
    """Let the networks run through the test blocks, weights frozen.

    Returns:
        The trial table (columns as in `InferredValue`; session: stream), and arrays: rewards and values
        (network, stream, time), hidden (network, stream, time, unit).
    """
    task = make_task(config, config.test_blocks // config.test_streams)
    played = play(networks[PUBLISHED], task, generators(TEST, config.seeds, 0), config.test_streams)
    arrays = {"rewards": by_episode(played.rewards), "values": by_episode(played.values)}
    return Tested(played.table(), arrays | {"hidden": by_episode(played.activity)})


def analyse(config: InferredValueConfig, tested: Tested) -> Tables:
    """All tables of Figure 4."""
    seen = tested.trials.drop(columns=["valid", "reward"])  # whatever it does, a network sees the cue and what it pays
    seen[list(EVENTS)] = event_errors(config, tested)
    labelled = label_trials(seen)
    states = tested.arrays["hidden"].reshape(len(labelled), InferredValue.steps_per_trial, -1)
    return {
        **behaviour(config, seen),
        "ideal_observers": ideal_errors(config.switch_probability, config.block_trials, config.discount),
        "state_pca": state_pca(states, labelled),
        "context": context_read_out(states, labelled),
        "performance": tested.trials.groupby("subject")[["reward", "valid"]].mean().reset_index(),
    }


def behaviour(config: InferredValueConfig, trials: pd.DataFrame) -> Tables:
    """Mean prediction errors, or dopamine responses, of whoever has them in the trial table (columns: the events)."""
    require_columns(trials, EVENTS, "the table")
    return {"prediction_errors": mean_errors(label_trials(trials))}


def event_errors(config: InferredValueConfig, tested: Tested) -> np.ndarray:
    """Prediction error when fixation cue, stimulus cue and saccade target of each trial appear: (trial, event)."""
    delta = prediction_errors(tested.arrays["rewards"], tested.arrays["values"], config.discount)
    # delta[t] is the error at the event after action t: that at a trial's fixation follows the trial before
    delta = np.pad(delta, ((0, 0), (0, 0), (1, 0)), constant_values=np.nan)
    return delta.reshape(-1, InferredValue.steps_per_trial)[:, : len(EVENTS)]


def compare_with_paper(tables: Tables) -> pd.DataFrame:
    """Comparison of Figure 4b, in units of reward."""
    performance = tables["performance"]
    learned = Quantity.learned("share of valid trials", performance["valid"].to_numpy(), "> .9", 0.9)
    return compare([*behaviour_quantities(tables), learned])


def behaviour_quantities(tables: Tables) -> list[Quantity | Curve]:
    """What is compared: the reversal's effects on the error at the stimulus, their parts, the errors at all events."""
    keys = ["comparison", "cue_rewarded", "event"]
    wide = tables["prediction_errors"].pivot(index=SUBJECT, columns=keys, values="prediction_error")
    paper = {(c, w, e): published_error(c, w, e) for c in COMPARISONS for w in (BEFORE, AFTER) for e in EVENTS}
    quantities: list[Quantity | Curve] = []
    for comparison in COMPARISONS:
        after, before = (comparison, AFTER, "stimulus"), (comparison, BEFORE, "stimulus")
        effect = paper[after].value - paper[before].value
        name = f"stimulus, {comparison}: cue rewarded after less cue rewarded before"
        own = wide[after] - wide[before]
        quantities.append(Quantity.signed(name, own, effect, 2 * paper[after].error, Part(effect)))
    for comparison in COMPARISONS:
        for when in (BEFORE, AFTER):
            at = (comparison, when, "stimulus")
            name, short = f"stimulus, {comparison}, cue rewarded {when} reversal", f"{comparison}, {when}"
            own = wide[at]
            quantities.append(Quantity.signed(name, own, *paper[at], Part(paper[at].value), short=short))
    values = np.array([paper[at].value for at in paper])
    return [*quantities, Curve("errors at all events", wide[list(paper)].to_numpy(), values)]


def published_error(comparison: str, when: str, event: str) -> Number:
    """The paper's prediction error."""
    x = EVENTS.index(event) + 1
    return published_number(4, panel="b", condition=f"{comparison}, cue rewarded {when}", x=x)


SIMULATION = Simulation(
    name="inferred_value",
    description=__doc__,
    presets=PRESETS,
    quick={"networks": 2, "episodes": 32, "blocks_per_update": 4, "test_blocks": 120},
    tasks=lambda config: {PUBLISHED: make_task(config, config.blocks_per_update)},
    test=test,
    analyse=analyse,
    compare=compare_with_paper,
    behaviour=behaviour,
    behaviour_quantities=behaviour_quantities,
)
