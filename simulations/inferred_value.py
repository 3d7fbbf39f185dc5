"""Simulation 3: prediction errors reflect inferred value (Bromberg-Martin et al. 2010; Fig. 4)."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from pfc_metarl.analysis.state_space import principal_components
from pfc_metarl.analysis.trials import trial_table
from pfc_metarl.config import Config
from pfc_metarl.dopamine import prediction_errors
from pfc_metarl.network import Agent
from pfc_metarl.published import Quantity, compare, published_value
from pfc_metarl.rollout import TEST, generators, play
from pfc_metarl.simulation import Simulation, Tables, Tested, main
from pfc_metarl.tasks.inferred_value import STEPS_PER_TRIAL, InferredValue

EVENTS = ("fixation", "stimulus", "saccade")
COMPARISONS = ("before reversal", "experienced", "inferred")
"""Trial 1 of a block that reversed; trial 2 with trial 1's cue; trial 2 with the other cue."""


@dataclass(frozen=True)
class InferredValueConfig(Config):
    """Methods, "Simulation 3". An "episode" of training is one stretch of the stream, 200 steps."""

    block_trials: int = 5
    """Trials of a block (P: an "episode" of 5 trials)."""
    switch_probability: float = 0.5
    """Probability that the rewarded cue changes at a block's start (P)."""
    blocks_per_update: int = 10
    """Blocks per stretch: 200 steps of backpropagation through time (P)."""
    test_blocks: int = 1_200
    """Test blocks per network, weights frozen (P)."""
    test_streams: int = 12
    """Streams over which the test blocks are spread (our choice)."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.require("block_trials", self.block_trials >= 2, "at least 2")
        self.require("blocks_per_update", self.blocks_per_update >= 1, "at least 1")
        self.require("test_streams", self.test_streams >= 1, "at least 1")
        whole = self.test_blocks >= 2 * self.test_streams and self.test_blocks % self.test_streams == 0
        self.require("test_blocks", whole, "a multiple of test_streams, at least twice as many")
        self.require_probability("switch_probability")


PRESETS = {
    # departures from the paper: 8 streams per update and network, a learning rate to match that falls to 0
    "fast": InferredValueConfig(
        preset="fast", episodes=12_000, episodes_per_update=8, learning_rate=0.01, learning_rate_end=0.0
    ),
    "paper": InferredValueConfig(preset="paper"),
}


def make_task(config: InferredValueConfig, blocks: int) -> InferredValue:
    """The stream of reversals, in stretches of so many blocks."""
    return InferredValue(blocks, config.block_trials, config.switch_probability)


def test(config: InferredValueConfig, networks: dict[str, Agent]) -> Tested:
    """Let the networks run through the test blocks, weights frozen.

    Returns:
        The trial table (columns as in `InferredValue`; session: stream), and arrays: rewards and values
        (network, stream, time), hidden (stream, time, unit) of the first network.
    """
    task = make_task(config, config.test_blocks // config.test_streams)
    trajectory = play(networks[""], task, generators(config.seeds, TEST, 0), config.test_streams)
    return Tested(
        trials=trial_table(task.record(), config.seeds),
        arrays={
            "rewards": trajectory.rewards.permute(1, 2, 0).numpy(),
            "values": trajectory.values.permute(1, 2, 0).numpy(),
            "hidden": trajectory.hidden[:, 0].transpose(0, 1).numpy(),
        },
    )


def analyse(config: InferredValueConfig, tested: Tested) -> Tables:
    """All tables of Figure 4."""
    labelled = label_trials(tested.trials)
    labelled[list(EVENTS)] = event_errors(config, tested)
    return {
        "prediction_errors": mean_errors(labelled),
        "ideal_observers": ideal_observers(config),
        "state_pca": state_pca(config, tested, labelled),
        "performance": tested.trials.groupby("subject")[["reward", "valid"]].mean().reset_index(),
    }


def label_trials(trials: pd.DataFrame) -> pd.DataFrame:
    """Add reversed (did the block reverse), comparison ("" for trials of none), cue_rewarded ("before", "after")."""
    streams = trials.groupby(["subject", "session"], sort=False)
    changed = trials["rewarded_cue"] != streams["rewarded_cue"].shift(1)
    first = (trials["trial_in_block"] == 1) & (trials["block"] > 1)
    reversal = changed & first
    after_reversal = reversal.shift(1, fill_value=False) & (trials["trial_in_block"] == 2)
    same_cue = trials["cue"] == streams["cue"].shift(1)
    comparison = np.select([reversal, after_reversal & same_cue, after_reversal], COMPARISONS, default="")
    cue_rewarded = np.where(trials["cue"] == trials["rewarded_cue"], "after", "before")
    return trials.assign(comparison=comparison, cue_rewarded=cue_rewarded, reversed=reversal | after_reversal)


def event_errors(config: InferredValueConfig, tested: Tested) -> np.ndarray:
    """Prediction error when fixation cue, stimulus cue and saccade target of each trial appear: (trial, event)."""
    delta = prediction_errors(tested.arrays["rewards"], tested.arrays["values"], config.discount)
    # delta[t] is the error at the event after action t: that at a trial's fixation follows the trial before
    delta = np.pad(delta, ((0, 0), (0, 0), (1, 0)), constant_values=np.nan)
    return delta.reshape(-1, STEPS_PER_TRIAL)[:, : len(EVENTS)]


def mean_errors(labelled: pd.DataFrame) -> pd.DataFrame:
    """Table: subject, comparison, cue_rewarded, event, prediction_error (mean over trials), n."""
    own = labelled[labelled["comparison"] != ""]
    long = own.melt(["subject", "comparison", "cue_rewarded"], list(EVENTS), "event", "prediction_error")
    groups = long.groupby(["subject", "comparison", "cue_rewarded", "event"])["prediction_error"]
    return groups.agg(prediction_error="mean", n="size").reset_index()


def ideal_observers(config: InferredValueConfig) -> pd.DataFrame:
    """Prediction errors at the stimulus of observers who know the task, with and without the blocks' boundaries.

    What follows the trial does not depend on its cue, so that the error is gamma^2 (b - 1/2) for a cue that is
    believed to be rewarded with probability b: two steps lie between fixation and reward. One who knows the
    boundaries believes in a change with the switch probability at a block's start and never else; one who does
    not, at every trial with that probability divided by the block's length.

    Returns:
        Table: observer, comparison, cue_rewarded, prediction_error.
    """
    aware, blind = config.switch_probability, config.switch_probability / config.block_trials
    rows = []
    for observer, at_start, within in (("boundary-aware", aware, 0.0), ("boundary-blind", blind, blind)):
        for comparison in COMPARISONS:
            change = at_start if comparison == "before reversal" else within  # since the last outcome
            for cue_rewarded in ("before", "after"):
                seen_last = "before" if comparison == "before reversal" else "after"
                belief = 1 - change if cue_rewarded == seen_last else change
                rows.append((observer, comparison, cue_rewarded, config.discount**2 * (belief - 0.5)))
    return pd.DataFrame(rows, columns=["observer", "comparison", "cue_rewarded", "prediction_error"])


def state_pca(config: InferredValueConfig, tested: Tested, labelled: pd.DataFrame) -> pd.DataFrame:
    """The first network's state on trials 1 and 2 of blocks that reversed: pc1, pc2 by trial and step.

    Returns:
        Table: trial_in_block (1: reversal trial), step (0 fixation, 1 cue, 2 action, 3 reward), cue,
        rewarded_cue, pc1, pc2.
    """
    components, _ = principal_components(tested.arrays["hidden"])  # (stream, time, 2)
    first = labelled[labelled["subject"] == config.first_seed].reset_index(drop=True)
    by_trial = components.reshape(len(first), STEPS_PER_TRIAL, 2)
    use = np.flatnonzero(first["reversed"])
    tables = [
        first.loc[use, ["trial_in_block", "cue", "rewarded_cue"]].assign(
            step=step, pc1=by_trial[use, step, 0], pc2=by_trial[use, step, 1]
        )
        for step in range(STEPS_PER_TRIAL)
    ]
    return pd.concat(tables, ignore_index=True)


def compare_with_paper(tables: Tables) -> pd.DataFrame:
    """Comparison of Figure 4b, at the stimulus; distance: .10 (units of reward)."""
    errors = tables["prediction_errors"]
    at_stimulus = errors[errors["event"] == "stimulus"]
    quantities = []
    for comparison in COMPARISONS:
        for cue_rewarded in ("before", "after"):
            own = at_stimulus[
                (at_stimulus["comparison"] == comparison) & (at_stimulus["cue_rewarded"] == cue_rewarded)
            ]["prediction_error"].to_numpy()
            paper = published_value(4, panel="b", condition=f"{comparison}, cue rewarded {cue_rewarded}", x=2)
            sign = "> 0" if paper > 0 else "< 0"
            name = f"stimulus, {comparison}, cue rewarded {cue_rewarded} reversal"
            quantities.append(Quantity(name, own, paper, 0.1, sign, own * np.sign(paper)))
    return compare(quantities)


SIMULATION = Simulation(
    name="inferred_value",
    description=__doc__,
    presets=PRESETS,
    quick={"networks": 2, "episodes": 32, "blocks_per_update": 4, "test_blocks": 120},
    tasks=lambda config: {"": make_task(config, config.blocks_per_update)},
    test=test,
    analyse=analyse,
    compare=compare_with_paper,
)


if __name__ == "__main__":
    main(SIMULATION)
