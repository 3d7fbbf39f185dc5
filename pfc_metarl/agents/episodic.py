"""Reference agents of tasks whose contexts come again: with a perfect memory of each context, and without one."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from pfc_metarl.agents.agent import Columns, ReferenceAgent
from pfc_metarl.agents.two_step import ModelBased
from pfc_metarl.errors import ConfigError, TableError
from pfc_metarl.tasks.barcode_bandit import BITS
from pfc_metarl.tasks.task import NONE, require_counts, require_probabilities
from pfc_metarl.trials import sessions_of

SHARES_OUT, REMEMBERS, FORGETS = "Bayes, contexts together", "Bayes, contexts apart", "Bayes, no memory"
"""What the agents of the barcode bandit are called in tables."""
MOST_ARMS = 12
"""That are shared out exactly: all their sets are gone through."""
PLANNER = "planner, remembers"
"""That of the two-step task."""


@dataclass
class ContextBayes(ReferenceAgent):
    """Exact posterior, in each context by itself, of which arm is the good one; it pulls the most probable arm (of
    several one at random). That each arm is the good one in one context alone it does not use: `SharedContextBayes`.

    Args:
        arms: of the bandit.
        high, low: probabilities with which the good arm and the others pay.
        remembers: whether it keeps what it knows of a context; else it begins anew in each inner episode.
    """

    task = "barcode_bandit"
    sees = ("barcode", "pull")
    learns_from = ("choice", "reward", "barcode")
    arms: int
    high: float
    low: float
    remembers: bool = True

    def __post_init__(self) -> None:
        require_counts(arms=self.arms)
        require_probabilities(high=self.high, low=self.low)
        if not 0 < self.low < self.high < 1:
            raise ConfigError(f"high and low must lie between 0 and 1, high above low, not {self.high} and {self.low}")

    def start(self, sessions: int) -> None:
        """Begin sessions with nothing known."""
        self.for_arm = np.zeros((sessions, 2**BITS, self.arms))  # log likelihood ratio: it is the good one, or none

    def probabilities(self, shown: Columns) -> np.ndarray:
        """Shared by the most probable arms: (session, arm)."""
        rows = np.arange(len(self.for_arm))
        if not self.remembers:
            self.for_arm[rows, shown["barcode"]] *= (shown["pull"] > 1)[:, None]
        return most_probable(self.for_arm[rows, shown["barcode"]])

    def observe(self, rows: np.ndarray, trial: Columns) -> dict[str, np.ndarray]:
        """Bayes' rule; see `ReferenceAgent`."""
        paid, unpaid = np.log(self.high / self.low), np.log((1 - self.high) / (1 - self.low))
        self.for_arm[rows, trial["barcode"], trial["choice"]] += np.where(trial["reward"] == 1, paid, unpaid)
        return {}


@dataclass
class SharedContextBayes(ContextBayes):
    """The same with all that there is to know: each arm is the good one in one context, so that what is known of the
    others tells of this one, and a new context has one of the arms that are left.

    Args:
        arms: of the bandit, and contexts; at most `MOST_ARMS`.
        high, low, remembers: see `ContextBayes`.
    """

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.arms > MOST_ARMS:
            raise ConfigError(f"arms are shared out exactly for up to {MOST_ARMS} of them, not for {self.arms}")

    def require_table(self, trials: pd.DataFrame) -> None:
        """TableError if a session has more contexts than there are arms."""
        contexts = sessions_of(trials)["barcode"].nunique()
        if contexts.gt(self.arms).any():
            raise TableError(f"a session has {contexts.max()} barcodes; {self.arms} arms are shared out")

    def start(self, sessions: int) -> None:
        """Begin sessions in which no context has been met."""
        super().start(sessions)
        self.met = np.full((sessions, self.arms), NONE)  # barcodes, in the order in which they came

    def probabilities(self, shown: Columns) -> np.ndarray:
        """Shared by the most probable arms: (session, arm)."""
        rows, barcode = np.arange(len(self.met)), shown["barcode"]
        if (shown["pull"] == 1).any():  # later ones tell nothing new of other contexts
            known = self.met == barcode[:, None]
            place = np.where(known.any(axis=1), known.argmax(axis=1), (self.met == NONE).argmax(axis=1))
            self.met[rows, place] = barcode
            told = np.where(self.met[..., None] == NONE, 0.0, self.for_arm[rows[:, None], self.met])
            others = told[np.arange(self.arms) != place[:, None]].reshape(len(rows), -1, self.arms)
            self.left = np.log(ways_without(np.exp(others - others.max(axis=2, keepdims=True))))
        return most_probable(self.for_arm[rows, barcode] + self.left)


def most_probable(weights: np.ndarray) -> np.ndarray:
    """Choice probabilities, shared by the arms of the largest weight: (session, arm)."""
    best = np.isclose(weights, weights.max(axis=1, keepdims=True), rtol=0, atol=1e-9)
    return best / best.sum(axis=1, keepdims=True)


def ways_without(weights: np.ndarray) -> np.ndarray:
    """All ways of sharing out all arms but one, summed, each with the product of its weights.

    Args:
        weights: (session, context, arm), an arm more than there are contexts.

    Returns:
        (session, the arm that is left).
    """
    sessions, contexts, arms = weights.shape
    sets = np.arange(2**arms)  # of arms that are given away, as bits
    ways = (sets == 0).astype(float) * np.ones((sessions, 1))
    for context in range(contexts):
        given = sets[np.bitwise_count(sets) == context + 1]
        for arm in range(arms):
            own = given[given >> arm & 1 == 1]
            ways[:, own] += weights[:, context, arm, None] * ways[:, own - 2**arm]
    return ways[:, 2**arms - 1 - 2 ** np.arange(arms)]


@dataclass
class RecallingPlanner(ModelBased):
    """The planner of the two-step task, which also remembers in which state each context's trial ended, and what that
    brought: where it is cued, it takes for granted that this state will bring the same again.

    Args:
        common_probability, reward_high, reward_low, switch_probability, inverse_temperature: see `ModelBased`.
    """

    task = "episodic_two_step"
    sees = ("cue",)
    learns_from = ("choice", "state", "reward", "cue", "context")

    def start(self, sessions: int) -> None:
        """Begin sessions with an even belief and nothing remembered."""
        super().start(sessions)
        self.state_of = np.full((sessions, 2**BITS), NONE)
        self.reward_of = np.zeros((sessions, 2**BITS))

    def probabilities(self, shown: Columns) -> np.ndarray:
        """Softmax of the values of left and right: (session, 2)."""
        self.recalled = self.state_of[np.arange(len(self.belief)), shown["cue"]]
        self.brings = self.reward_of[np.arange(len(self.belief)), shown["cue"]]
        return super().probabilities(shown)

    def values(self) -> np.ndarray:
        """Expected reward of left and right, what is recalled in place of the belief: (session, 2)."""
        states = self.state_values()
        known = np.flatnonzero(self.recalled != NONE)
        states[known, self.recalled[known]] = self.brings[known]
        return self.common_probability * states + (1 - self.common_probability) * states[:, ::-1]

    def observe(self, rows: np.ndarray, trial: Columns) -> dict[str, np.ndarray]:
        """Learn from one trial, and store it; an earlier reward that comes again tells nothing of the present."""
        again = trial["cue"] == trial["context"]
        told = np.flatnonzero(~again)
        super().observe(rows[told], {name: column[told] for name, column in trial.items()})
        old = self.belief[rows[again]]
        self.belief[rows[again]] = old * (1 - self.switch_probability) + (1 - old) * self.switch_probability
        self.state_of[rows, trial["context"]] = trial["state"]
        self.reward_of[rows, trial["context"]] = trial["reward"]
        return {}
