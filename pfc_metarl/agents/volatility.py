"""Reference agents of the volatility task: the ideal Bayesian observer, and a learner of fixed rate (the control).

What they believe depends on the outcomes alone (which arm was the good one: a miss on one arm reveals the
other), never on their own choices. Whole sessions can therefore be seen at once (`beliefs`, `traces`).
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.special import expit

from pfc_metarl.agents.agent import Columns, ReferenceAgent
from pfc_metarl.errors import ConfigError, TableError
from pfc_metarl.tasks.task import LEFT, RIGHT, require_probabilities, require_temperature
from pfc_metarl.tasks.volatility import Process

K_VALUES = 20
"""Points of the observer's grid over log k: the middles of so many equal bins (our choice)."""


class Beliefs(NamedTuple):
    """Of the observer, before a trial's outcome; both (session,) or (trial, ...)."""

    p_left: np.ndarray
    """Probability that left is the good arm."""
    volatility: np.ndarray
    """Expected v."""


class VolatilityAgent(ReferenceAgent):
    """What sees two magnitudes, and is told which arm was the good one."""

    task = "volatility"
    sees = ("magnitude_left", "magnitude_right")
    learns_from = ("good_arm",)


@dataclass
class IdealObserver(VolatilityAgent):
    """Exact inference under the training process: the joint posterior of better side, v and k, trial by trial.

    It chooses the higher expected reward (our choice: an optimal agent has no temperature).

    Args:
        process: what the observer takes the world to be.
    """

    process: Process

    def __post_init__(self) -> None:
        self.process.require_sense()

    def start(self, sessions: int) -> None:
        """Begin sessions with the prior."""
        k, worse = np.exp(log_k_grid(self.process)), [self.process.worse_stable, self.process.worse_volatile]
        self._k, self._v = k, np.array([0.0, self.process.high_volatility])
        self._left_good = np.stack([1 - np.array(worse), worse])[:, :, None]  # (better side, level of v, k)
        self.posterior = np.full((sessions, 2, 2, len(k)), 1 / (4 * len(k)))

    def beliefs(self) -> Beliefs:
        """What it believes now."""
        p_left = (self.posterior * self._left_good).sum((-3, -2, -1))
        return Beliefs(p_left, (self.posterior.sum((-3, -1)) * self._v).sum(-1))

    def probabilities(self, shown: Columns) -> np.ndarray:
        """1 for the better choice: (session, 2)."""
        choice = choose_best(self.beliefs().p_left, shown["magnitude_left"], shown["magnitude_right"])
        return (choice[:, None] == (LEFT, RIGHT)).astype(float)

    def observe(self, rows: np.ndarray, trial: Columns) -> dict[str, np.ndarray]:
        """Learn which arm was the good one; see `ReferenceAgent`."""
        was_left = trial["good_arm"][:, None, None, None] == LEFT
        posterior = self.posterior[rows] * np.where(was_left, self._left_good, 1 - self._left_good)
        posterior /= posterior.sum((-3, -2, -1), keepdims=True)
        flip = self._v[:, None]
        posterior = posterior * (1 - flip) + posterior[..., ::-1, :, :] * flip  # the better side changes
        self.posterior[rows] = posterior * (1 - self._k) + posterior[..., ::-1, :] * self._k  # v changes
        return {}


@dataclass
class FixedRate(VolatilityAgent):
    """Rescorla-Wagner: the estimate that left is good starts at 1/2; choices are a softmax of expected reward.

    Args:
        learning_rate: alpha.
        inverse_temperature: beta, per hundred points.
    """

    learning_rate: float
    inverse_temperature: float

    def __post_init__(self) -> None:
        require_probabilities(learning_rate=self.learning_rate)
        require_temperature(self.inverse_temperature)

    def start(self, sessions: int) -> None:
        """Begin sessions with even estimates."""
        self.p_left = np.full(sessions, 0.5)

    def probabilities(self, shown: Columns) -> np.ndarray:
        """Softmax: (session, 2)."""
        towards_left = self.p_left * shown["magnitude_left"] - (1 - self.p_left) * shown["magnitude_right"]
        log_odds = self.inverse_temperature * towards_left / 100
        return expit(np.stack([log_odds, -log_odds], axis=1))

    def observe(self, rows: np.ndarray, trial: Columns) -> dict[str, np.ndarray]:
        """Learn which arm was the good one; see `ReferenceAgent`."""
        self.p_left[rows] = rescorla_wagner(self.p_left[rows], trial["good_arm"], self.learning_rate)
        return {}


def log_k_grid(process: Process) -> np.ndarray:
    """Middles of equal bins over the range of log k, equally probable a priori."""
    width = (process.log_k_high - process.log_k_low) / K_VALUES
    return process.log_k_low + width * (np.arange(K_VALUES) + 0.5)


def beliefs(good_arm: np.ndarray, process: Process) -> Beliefs:
    """What the ideal observer believes before each trial: outcomes (trial, ...), 0 left, 1 right -> (trial, ...)."""
    _require_arms(good_arm)
    outcomes = good_arm.reshape(len(good_arm), -1)
    observer, rows = IdealObserver(process), np.arange(outcomes.shape[1])
    observer.start(len(rows))
    p_left, volatility = np.empty((2, *outcomes.shape))
    for t, outcome in enumerate(outcomes):
        p_left[t], volatility[t] = observer.beliefs()
        observer.observe(rows, {"good_arm": outcome})
    return Beliefs(p_left.reshape(good_arm.shape), volatility.reshape(good_arm.shape))


def _require_arms(good_arm: np.ndarray) -> None:
    if not np.isin(good_arm, (LEFT, RIGHT)).all():
        raise TableError(f"good_arm must be {LEFT} or {RIGHT} on every trial")


def choose_best(p_left: np.ndarray, magnitude_left: np.ndarray, magnitude_right: np.ndarray) -> np.ndarray:
    """Choice of the higher expected reward; left, if they are equal."""
    return np.where(p_left * magnitude_left >= (1 - p_left) * magnitude_right, LEFT, RIGHT).astype(np.int8)


def rescorla_wagner(p_left: np.ndarray, good_arm: np.ndarray, learning_rate: np.ndarray | float) -> np.ndarray:
    """The estimate that left is good, after an outcome."""
    return p_left + learning_rate * ((good_arm == LEFT) - p_left)


def traces(good_arm: np.ndarray, learning_rates: np.ndarray) -> np.ndarray:
    """The estimate before each trial, from 1/2, for each learning rate: (trial, ...) -> (rate, trial, ...)."""
    if not ((learning_rates >= 0) & (learning_rates <= 1)).all():
        raise ConfigError("learning rates lie between 0 and 1")
    _require_arms(good_arm)
    rates = learning_rates.reshape(-1, *[1] * (good_arm.ndim - 1))
    p_left = np.full((len(rates), *good_arm.shape), 0.5, dtype=rates.dtype)
    for t in range(len(good_arm) - 1):
        p_left[:, t + 1] = rescorla_wagner(p_left[:, t], good_arm[t], rates)
    return p_left
