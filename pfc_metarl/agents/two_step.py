"""Reference agents of the two-step task: a model-based planner, model-free SARSA, and a model-free habit of cues.

They choose by a softmax of their values of the two first choices. The first two's reward prediction errors are
undiscounted, as in Daw et al. 2011: on reaching the state (at_state), and at reward (at_reward).
"""

from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy.special import expit

from pfc_metarl.agents.agent import Columns, ReferenceAgent
from pfc_metarl.errors import ConfigError
from pfc_metarl.tasks.task import require_probabilities, require_temperature

MODEL_FREE, MODEL_BASED, REWARD_AS_CUE = "model-free", "model-based", "reward as cue"
"""What the agents are called in trial tables."""
INVERSE_TEMPERATURE = 5.0
"""Of the agents that play (our choice: about the median of Daw et al. 2011, 5.2)."""


class TwoStepAgent(ReferenceAgent):
    """What learns values of the first choices; arrays are (session, ...)."""

    task = "two_step"
    learns_from: ClassVar[tuple[str, ...]] = ("choice", "state", "reward")
    inverse_temperature: float

    @abstractmethod
    def values(self) -> np.ndarray:
        """Values of left and right: (session, 2)."""

    def probabilities(self, shown: Columns) -> np.ndarray:
        """Softmax of the values: (session, 2)."""
        values = self.values()
        towards_right = self.inverse_temperature * (values[:, 1] - values[:, 0])
        return expit(np.stack([-towards_right, towards_right], axis=1))


@dataclass
class ModelFree(TwoStepAgent):
    """SARSA: Q1(a) moves towards Q2(s), Q2(s) towards the reward; all values start at 0 (Daw et al. 2011).

    Args:
        learning_rate: alpha, of both stages (.5: our choice for the agent that plays).
        eligibility: lambda, the share of the second prediction error that Q1(a) learns from; 0: SARSA(0).
        inverse_temperature: beta of the softmax.
    """

    learning_rate: float = 0.5
    eligibility: float = 0.0
    inverse_temperature: float = INVERSE_TEMPERATURE

    def __post_init__(self) -> None:
        require_probabilities(learning_rate=self.learning_rate, eligibility=self.eligibility)
        require_temperature(self.inverse_temperature)

    def start(self, sessions: int) -> None:
        """Begin sessions with all values 0."""
        self.first, self.second = np.zeros((sessions, 2)), np.zeros((sessions, 2))

    def values(self) -> np.ndarray:
        """Q1: (session, 2)."""
        return self.first

    def observe(self, rows: np.ndarray, trial: Columns) -> dict[str, np.ndarray]:
        """Learn from one trial; see `ReferenceAgent`."""
        choice, state = trial["choice"], trial["state"]
        at_state = self.second[rows, state] - self.first[rows, choice]
        at_reward = trial["reward"] - self.second[rows, state]
        self.first[rows, choice] += self.learning_rate * (at_state + self.eligibility * at_reward)
        self.second[rows, state] += self.learning_rate * at_reward
        return {"at_state": at_state, "at_reward": at_reward}


@dataclass
class RewardAsCue(TwoStepAgent):
    """Model-free, yet seemingly model-based: last state and outcome are the cue for a habit (Akam, Costa & Dayan 2015).

    For each of the four cues it keeps a value of either choice, which moves towards the reward; all start at 1/2. What
    lies further back than the last trial bears on its choices only in so far as it learns.

    Args:
        learning_rate: alpha (our choice: small, so that what it learns is the mean over many trials).
        inverse_temperature: beta of the softmax.
    """

    learning_rate: float = 0.02
    inverse_temperature: float = INVERSE_TEMPERATURE

    def __post_init__(self) -> None:
        require_probabilities(learning_rate=self.learning_rate)
        require_temperature(self.inverse_temperature)

    def start(self, sessions: int) -> None:
        """Begin sessions with all values 1/2, and no cue (a fifth one)."""
        self.by_cue, self.cue = np.full((sessions, 5, 2), 0.5), np.full(sessions, 4)

    def values(self) -> np.ndarray:
        """Those after the last trial's cue: (session, 2)."""
        return self.by_cue[np.arange(len(self.cue)), self.cue]

    def observe(self, rows: np.ndarray, trial: Columns) -> dict[str, np.ndarray]:
        """Learn from one trial; see `ReferenceAgent`. (No prediction errors at the two events.)"""
        at = rows, self.cue[rows], trial["choice"]
        self.by_cue[at] += self.learning_rate * (trial["reward"] - self.by_cue[at])
        self.cue[rows] = 2 * trial["state"] + (trial["reward"] == 1)
        return {}


@dataclass
class ModelBased(TwoStepAgent):
    """Planner that knows the task's structure and tracks which state pays more (Methods, simulation 4).

    Its belief p that S1 is the better state is updated by Bayes' rule after each outcome, then by the
    chance of a switch before the next trial (a trial without an outcome changes nothing: our choice).
    Expected reward: at S1 high p + low (1 - p), at S2 the mirror image; of a choice, the mean over its transitions.

    Args:
        common_probability, reward_high, reward_low, switch_probability: the task's.
        inverse_temperature: beta of the softmax.
    """

    common_probability: float
    reward_high: float
    reward_low: float
    switch_probability: float
    inverse_temperature: float = INVERSE_TEMPERATURE

    def __post_init__(self) -> None:
        names = ("common_probability", "reward_high", "reward_low", "switch_probability")
        require_probabilities(**{name: getattr(self, name) for name in names})
        if self.reward_high < self.reward_low:
            raise ConfigError(f"reward_high must be at least reward_low, not {self.reward_high} and {self.reward_low}")
        require_temperature(self.inverse_temperature)

    def start(self, sessions: int) -> None:
        """Begin sessions with an even belief."""
        self.belief = np.full(sessions, 0.5)

    def state_values(self) -> np.ndarray:
        """Expected reward in S1 and S2: (session, 2)."""
        s1 = self.reward_high * self.belief + self.reward_low * (1 - self.belief)
        return np.stack([s1, self.reward_high + self.reward_low - s1], axis=1)

    def values(self) -> np.ndarray:
        """Expected reward of left and right: (session, 2)."""
        states = self.state_values()
        return self.common_probability * states + (1 - self.common_probability) * states[:, ::-1]

    def observe(self, rows: np.ndarray, trial: Columns) -> dict[str, np.ndarray]:
        """Learn from one trial; see `ReferenceAgent`."""
        state, reward = trial["state"], trial["reward"]
        expected = self.state_values()[rows, state]
        at_state = expected - self.values()[rows, trial["choice"]]
        pays = np.where(state == 0, [[self.reward_high], [self.reward_low]], [[self.reward_low], [self.reward_high]])
        if_s1_better, if_s2_better = np.where(reward == 1, pays, 1 - pays)
        belief = self.belief[rows]
        evidence = if_s1_better * belief + if_s2_better * (1 - belief)
        posterior = np.divide(if_s1_better * belief, evidence, out=belief.copy(), where=evidence > 0)
        self.belief[rows] = posterior * (1 - self.switch_probability) + (1 - posterior) * self.switch_probability
        return {"at_state": at_state, "at_reward": reward - expected}
