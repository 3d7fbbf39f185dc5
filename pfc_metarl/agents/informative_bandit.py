"""Reference agents of the bandit with an informative arm (Wang et al. 2016, section 3.1.3), and the exact optimum."""

from functools import cache

import numpy as np

from pfc_metarl.agents import bandits
from pfc_metarl.agents.agent import Columns, ReferenceAgent
from pfc_metarl.tasks.informative_bandit import INFORMATIVE, OTHERS_PAY, TARGET_PAYS, TARGETS
from pfc_metarl.tasks.task import require_counts


class Thompson(ReferenceAgent):
    """Thompson sampling with the true prior: pulls an arm that may be the target, all those alike.

    Whatever it takes to be the target pays more than the informative arm, which it therefore never pulls.
    """

    task = "informative_bandit"
    learns_from = ("choice", "reward")

    def start(self, sessions: int) -> None:
        """Begin sessions: any may be the target."""
        self.possible = np.ones((sessions, TARGETS), bool)

    def probabilities(self, shown: Columns) -> np.ndarray:
        """Shared by those that may be the target: (session, arm)."""
        p = np.zeros((len(self.possible), TARGETS + 1))
        p[:, :TARGETS] = self.possible / self.possible.sum(axis=1, keepdims=True)
        return p

    def observe(self, rows: np.ndarray, trial: Columns) -> dict[str, np.ndarray]:
        """Exclude what cannot be; see `ReferenceAgent`."""
        choice, reward = trial["choice"], trial["reward"]
        told = np.where(choice == INFORMATIVE, np.rint(10 * reward) - 1, choice)[:, None] == np.arange(TARGETS)
        sure = (choice == INFORMATIVE) | (reward == TARGET_PAYS)
        self.possible[rows] = np.where(sure[:, None], told, self.possible[rows] & ~told)
        return {}


class UCB(bandits.UCB):
    """Upper confidence bound as for Bernoulli arms, of rewards as shares of the highest: untried arms first."""

    task = "informative_bandit"

    def __init__(self) -> None:
        super().__init__(TARGETS + 1)

    def start(self, sessions: int) -> None:
        """Begin sessions with nothing known."""
        self.successes, self.failures = np.zeros((2, sessions, self.arms))

    def observe(self, rows: np.ndarray, trial: Columns) -> dict[str, np.ndarray]:
        """Add up; see `ReferenceAgent`."""
        return super().observe(rows, {"choice": trial["choice"], "reward": trial["reward"] / TARGET_PAYS})


AGENTS: dict[str, type[ReferenceAgent]] = {"Thompson": Thompson, "UCB": UCB}
"""By the names they have in trial tables."""


def optimal_rewards(trials: int) -> np.ndarray:
    """Exact expected reward, trial by trial, of the best that can be done: (trial,).

    Dynamic programming over the number of arms that are known not to be the target. Where arms are searched, those of
    the lowest numbers come first: searched they are all alike, and they leave the informative arm most to pay.

    Raises:
        ConfigError: no number of trials.
    """
    require_counts(trials=trials)
    return np.array(_best(0, trials))


@cache
def _best(excluded: int, left: int) -> tuple[float, ...]:
    """Rewards of the trials that are left, by how many of the arms were excluded (all but one: the target is known)."""
    known = (TARGET_PAYS,) * left
    if not left or excluded == TARGETS - 1:
        return known
    chance, otherwise = 1 / (TARGETS - excluded), (OTHERS_PAY, *_best(excluded + 1, left - 1))
    search = tuple(chance * found + (1 - chance) * other for found, other in zip(known, otherwise))
    ask = ((excluded + 1 + TARGETS) / 20, *known[1:])  # the mean of what it may pay
    return max(search, ask, key=sum)
