"""The columns of every task's trial table: name, meaning, values. Told once, for networks, agents and animals."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pandas as pd

NONE = -1
"""A choice that was not made, a state that was not reached."""
NETWORKS, UNTRAINED, OBSERVER, ANIMALS = "networks", "untrained networks", "ideal observer", "animals"
"""Values of the column `group`, who behaves. Reference agents go by their own names, such as "model-based"."""


def trained_on(condition: str) -> str:
    """Group of networks that were trained under a condition by the name of it; "": the simulation's own."""
    return f"{NETWORKS}, {condition}" if condition else NETWORKS


class Span(NamedTuple):
    """Numbers from low to high, both included."""

    low: float = -np.inf
    high: float = np.inf
    whole: bool = False
    """Whole numbers only."""


class Column(NamedTuple):
    """A column of a trial table."""

    name: str
    meaning: str
    values: tuple[int, ...] | Span | type
    """The allowed numbers; or bool; or float: numbers or gaps; or str: text or numbers, as the user likes."""
    optional: bool = False
    default: Callable[[pd.DataFrame], object] | None = None
    """What stands in for an optional column, from those told before it (KeyError: they are needed then)."""

    @property
    def expects_whole(self) -> bool:
        """Whole numbers only?"""
        return self.values.whole if isinstance(self.values, Span) else isinstance(self.values, tuple)

    @property
    def expected(self) -> str:
        """The values in words."""
        if isinstance(self.values, Span):
            low, high, whole = self.values
            ends = [f"from {low:g}"] * (low > -np.inf) + [f"to {high:g}"] * (high < np.inf)
            return " ".join(["a whole number" if whole else "a number", *ends])
        if isinstance(self.values, tuple):
            return ", ".join(map(str, self.values[:-1])) + f" or {self.values[-1]}"
        return {bool: "True or False", float: "a number", str: "text or a number"}[self.values]


def _made(trials: pd.DataFrame) -> object:
    return trials["choice"] != NONE if "choice" in trials else True


def _state(trials: pd.DataFrame) -> pd.Series:
    as_usual = trials["common"].astype(bool) != trials.get("reversed", False)
    reached = trials["choice"].where(as_usual, 1 - trials["choice"])
    return reached.where(trials["choice"] != NONE, NONE)


def _correct(trials: pd.DataFrame) -> pd.Series:
    return trials["choice"] == trials["rewarded_side"]


def _free(trials: pd.DataFrame) -> object:
    return trials["forced_side"] == NONE if "forced_side" in trials else True


def _risky(trials: pd.DataFrame) -> pd.Series:
    risky = (trials["choice"] == trials["risky_side"]).astype(int)
    return risky.where(trials["choice"] != NONE, NONE)


SIDES, PROBABILITY, POINTS = (0, 1), Span(0, 1), Span(0)
CHOICE = Column("choice", "0 left, 1 right, -1 none", (0, 1, NONE))
REWARD = Column("reward", "1 rewarded, 0 not", (0, 1))
HARLOW = (
    CHOICE,
    Column("rewarded_side", "of the rewarded object: 0 left, 1 right", SIDES, True),
    Column("correct", "was the rewarded object chosen", bool, True, _correct),
)

COLUMNS: dict[str, tuple[Column, ...]] = {
    "alchemy": (
        Column(
            "choice", "0 nothing; 1 + 13 s: stone s (from 0) to the cauldron, p more: to potion p", (*range(40), NONE)
        ),
        Column("inner", "number of the trial of 20 steps, from 1; a row is one step", Span(1, whole=True)),
        Column("reward", "-3, -1, 1 or 15 for a stone in the cauldron, else 0", (-3, -1, 0, 1, 15)),
        Column("stones", "before the action, a digit for each: 1 + its place; 0 used up", Span(0, 888, whole=True)),
        Column("potions", "the same: 1 + its colour", Span(0, 666_666_666_666, whole=True)),
        Column("graph", "number of the graph", Span(0, 108, whole=True)),
        Column("potion_map", "number of the potion map", Span(0, 47, whole=True)),
        Column("stone_map", "number of the stone map", Span(0, 7, whole=True)),
        Column("rotation", "number of the rotation; 0 none", (0, 1, 2, 3)),
    ),
    "bandit": (
        Column("choice", "arm, counted from 0; -1 none", Span(NONE, 999, whole=True)),
        REWARD,
        Column("regret", "reward probability of the best arm less that of the chosen one", PROBABILITY, True),
        *(Column(f"p_{arm}", f"reward probability of arm {arm}", PROBABILITY, True) for arm in range(50)),
    ),
    "conditioning": (
        Column("cue", "0 of variable magnitude; 1, 2, 3 of a reward with 10, 50, 90 %", (0, 1, 2, 3)),
        Column("magnitude", "microlitres; 0 after the other cues", Span(0)),
        Column("reward", "utility of the magnitude; after the other cues 1 or 0", Span()),
    ),
    "context_bandit": (
        CHOICE,
        REWARD,
        Column("context", "0 the good arm stays, 1 it changes at every trial", (0, 1)),
        Column("good_arm", "0 left, 1 right", SIDES, True),
    ),
    "barcode_bandit": (
        Column("choice", "arm, counted from 0; -1 none", Span(NONE, 99, whole=True)),
        REWARD,
        Column("inner", "number of the episode within the epoch (the session), from 1", Span(1, whole=True)),
        Column("pull", "number in that episode, from 1", Span(1, whole=True)),
        Column("barcode", "the context that is shown: its bits as a number", Span(1, 1023, whole=True)),
        Column("met", "episodes of the epoch with this context up to this one", Span(1, whole=True)),
        Column("good_arm", "that pays more often, counted from 0", Span(0, 99, whole=True)),
    ),
    "episodic_two_step": (
        CHOICE,
        Column("common", "was it the common transition", bool),
        Column("state", "that was reached: 0 S1, 1 S2, -1 none", (0, 1, NONE), True, _state),
        REWARD,
        Column("good_state", "the state that pays more often: 0 S1, 1 S2", SIDES, True),
        Column("source", "the trial whose context is the cue, from 1; 0 no cue", Span(0, whole=True)),
        Column("cue", "context that is shown before the choice: its bits as a number; 0 none", Span(0, 1023, True)),
        Column("context", "that is shown with the outcome: its bits as a number", Span(1, 1023, True)),
    ),
    "foraging": (CHOICE, REWARD, Column("p0_left", "base probability of reward on the left", PROBABILITY, True)),
    "volatility": (
        Column("order", "of the stable and the volatile block; sessions may be numbered anew in each", str, True),
        CHOICE,
        Column("good_arm", "the arm that pays: 0 left, 1 right", SIDES),
        Column("reward", "points", POINTS, True),
        Column("magnitude_left", "points that left pays if it is the good arm", POINTS),
        Column("magnitude_right", "points that right pays if it is the good arm", POINTS),
        Column("p_left", "probability that left is the good arm", PROBABILITY, True),
        Column("volatile", "does that probability change often at this time", bool, True),
    ),
    "inferred_value": (
        Column("block", "number in the session, from 1", Span(1, whole=True)),
        Column("trial_in_block", "number in the block, from 1", Span(1, whole=True)),
        Column("cue", "0 left, 1 right", SIDES),
        Column("rewarded_cue", "0 left, 1 right", SIDES),
        REWARD._replace(optional=True),
        Column("fixation", "dopamine response, or prediction error, when the trial begins", float, True),
        Column("stimulus", "when the cue appears", float, True),
        Column("saccade", "when the outcome is told", float, True),
    ),
    "two_step": (
        CHOICE,
        Column("common", "was it the common transition", bool),
        Column("reversed", "do choices mostly lead to the other state in this session (0 to S2, 1 to S1)", bool, True),
        Column("state", "that was reached: 0 S1, 1 S2, -1 none", (0, 1, NONE), True, _state),
        REWARD,
        Column("good_state", "the state that pays more often: 0 S1, 1 S2", SIDES, True),
        Column("second_choice", "0 or 1, where each state has two choices; -1 none", (0, 1, NONE), True),
        Column("side", "on which side the first choice was shown: 0 left, 1 right", SIDES, True),
    ),
    "harlow": (*HARLOW, Column("fixated", "was the cue fixated", bool, True)),
    "harlow_gaze": HARLOW,
    "optogenetics": (
        CHOICE,
        Column("forced_side", "of a forced choice: 0 left, 1 right, -1 the choice is free", (0, 1, NONE), True),
        Column("risky_side", "0 left, 1 right", SIDES, True),
        Column("risky", "1 risky chosen, 0 safe, -1 none", (0, 1, NONE), True, _risky),
        Column("reward", "paid", Span(), True),
        Column("p_risky", "probability with which the risky arm pays", PROBABILITY),
    ),
    "informative_bandit": (
        Column(
            "choice", "arm: 0 to 9, of which one is the target; 10 informative; -1 none", Span(NONE, 10, whole=True)
        ),
        Column("reward", "paid", Span(0, 5)),
        Column("target", "the arm that pays 5", Span(0, 9, whole=True)),
        Column("regret", "what the target pays less what was paid", Span(0, 5), True),
    ),
    "restless_bandit": (
        CHOICE,
        REWARD,
        Column("p_left", "probability with which left would pay; right: 1 less this", PROBABILITY, True),
        Column("volatile", "does that probability change fast in this session", bool, True),
        Column("regret", "reward probability of the better side less that of the chosen one", PROBABILITY, True),
    ),
    "grid_navi": (
        Column("choice", "0 stay, 1 up, 2 right, 3 down, 4 left; -1 none", (*range(5), NONE)),
        Column("inner", "number of the episode on this goal, from 1", Span(1, whole=True)),
        Column("cell", "that was reached, from 0, row by row", Span(0, 24, whole=True)),
        Column("reward", "1 at the goal, else -.1", Span()),
        Column("goal", "cell of the goal", Span(0, 24, whole=True)),
    ),
    "gymnasium": (
        Column("reward", "of an episode of Gymnasium's, in all", Span()),
        Column("steps", "that it took", Span(1, whole=True)),
        Column("success", "1 if the environment said so at any step", Span(0, 1), True),
        Column("seed", "of the environment that was drawn", Span(0, whole=True), True),
    ),
    "tabular_mdp": (
        Column("choice", "action, counted from 0; -1 none", Span(NONE, 126, whole=True)),
        Column("inner", "number of the episode on this MDP, from 1", Span(1, whole=True)),
        Column("at", "state before the action, from 0", Span(0, whole=True)),
        Column("reward", "paid", Span()),
    ),
    "navigation": (
        Column("inner", "number of the episode on this goal, from 1", Span(1, whole=True)),
        Column("x", "place after the move", Span()),
        Column("y", "place after the move", Span()),
        Column("reward", "minus the distance to the goal", Span(high=0)),
        Column("goal_x", "place of the goal", Span(), True),
        Column("goal_y", "place of the goal", Span(), True),
    ),
}
"""The columns of each task, by the task's name, besides those that all trial tables have or may have."""

KEY_COLUMNS = (
    Column("group", "who behaves", str, True, lambda trials: ANIMALS),
    Column("subject", "seed of a network, name of an animal or a person", str),
    Column("condition", "of the test, if there are several; sessions may be numbered anew in each", str, True),
    Column("session", "session of an animal, episode of a network", str, True, lambda trials: 1),
    Column("trial", "number in the session, counted up by one", Span(0, 1e9, whole=True)),
)
"""Columns that name the rows of every trial table."""
COMMON_COLUMNS = (
    Column("free", "was the choice free, not forced", bool, True, _free),
    Column("valid", "were all responses valid ones", bool, True, _made),
    Column("probability", "with which the choice was made, where it is known", float, True),
    *(Column(f"action_{step}", f"response at step {step}", Span(0, whole=True), True) for step in range(1, 5)),
)
"""Columns that every trial table may have."""
