"""Reference agents of the two-step task: a model-based planner and model-free SARSA(0).

Both keep, for any number of sessions at once, arrays (session, ...), and follow the same three verbs:
`start`, `values` of the two first choices, and `observe`, which learns from a trial in the sessions `rows`
and returns its two reward prediction errors (undiscounted, as in Daw et al. 2011): on reaching the state,
and at reward.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import pandas as pd
import torch
from scipy.optimize import minimize
from scipy.special import expit, log_expit

from pfc_metarl.analysis.trials import by_session, trial_table
from pfc_metarl.tasks.two_step import CENTRE, TwoStep

Ints = np.ndarray

INVERSE_TEMPERATURE = 5.0
"""Of the agents that play (our choice: about the median of Daw et al. 2011, 5.2)."""


class Agent(Protocol):
    """What learns and chooses."""

    def start(self, sessions: int) -> None:
        """Begin so many sessions."""

    def values(self) -> np.ndarray:
        """Values of left and right: (session, 2)."""

    def observe(self, rows: Ints, choice: Ints, state: Ints, reward: Ints) -> tuple[np.ndarray, np.ndarray]:
        """Learn from one trial in the sessions rows; returns their prediction errors at the state and at reward."""


@dataclass
class ModelFree:
    """SARSA: Q1(a) moves towards Q2(s), Q2(s) towards the reward; all values start at 0 (Daw et al. 2011).

    Args:
        learning_rate: alpha, of both stages (.5: our choice for the agent that plays).
        eligibility: lambda, the share of the second prediction error that Q1(a) learns from; 0: SARSA(0).
    """

    learning_rate: float = 0.5
    eligibility: float = 0.0

    def start(self, sessions: int) -> None:
        """Begin sessions with all values 0."""
        self.first, self.second = np.zeros((sessions, 2)), np.zeros((sessions, 2))

    def values(self) -> np.ndarray:
        """Q1: (session, 2)."""
        return self.first

    def observe(self, rows: Ints, choice: Ints, state: Ints, reward: Ints) -> tuple[np.ndarray, np.ndarray]:
        """Learn from one trial; see the module."""
        at_state = self.second[rows, state] - self.first[rows, choice]
        at_reward = reward - self.second[rows, state]
        self.first[rows, choice] += self.learning_rate * (at_state + self.eligibility * at_reward)
        self.second[rows, state] += self.learning_rate * at_reward
        return at_state, at_reward


@dataclass
class ModelBased:
    """Planner that knows the task's structure and tracks which state pays more (Methods, simulation 4).

    Its belief p that S1 is the better state is updated by Bayes' rule after each outcome, then by the
    chance of a switch before the next trial. Expected reward: at S1 high p + low (1 - p), at S2 the mirror
    image; of a choice, the mean over its transitions.

    Args:
        common, reward_high, reward_low, switch: the task's probabilities.
    """

    common: float
    reward_high: float
    reward_low: float
    switch: float

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
        return self.common * states + (1 - self.common) * states[:, ::-1]

    def observe(self, rows: Ints, choice: Ints, state: Ints, reward: Ints) -> tuple[np.ndarray, np.ndarray]:
        """Learn from one trial; see the module."""
        expected = self.state_values()[rows, state]
        at_state = expected - self.values()[rows, choice]
        p_if_better = np.where(reward == 1, self.reward_high, 1 - self.reward_high)
        p_if_worse = np.where(reward == 1, self.reward_low, 1 - self.reward_low)
        if_s1_better = np.where(state == 0, p_if_better, p_if_worse)
        if_s2_better = np.where(state == 0, p_if_worse, p_if_better)
        belief = self.belief[rows]
        evidence = if_s1_better * belief + if_s2_better * (1 - belief)
        posterior = np.divide(if_s1_better * belief, evidence, out=belief.copy(), where=evidence > 0)
        self.belief[rows] = posterior * (1 - self.switch) + (1 - posterior) * self.switch
        return at_state, reward - expected


def replay(agent: Agent, trials: pd.DataFrame) -> pd.DataFrame:
    """The agent sees the trials that somebody else played.

    Args:
        agent: the agent.
        trials: columns subject, session, trial, choice, state, reward, valid; invalid trials teach nothing.

    Returns:
        In the rows of `trials`: at_state and at_reward, the agent's prediction errors (NaN on invalid
        trials), and value_difference (right - left) before the choice.
    """
    arrays, positions = by_session(trials, ["choice", "state", "reward", "valid"])
    out = _replay(agent, arrays)
    columns = ["at_state", "at_reward", "value_difference"]
    return pd.DataFrame(out.reshape(3, -1)[:, positions].T, columns=columns, index=trials.index)


def _replay(agent: Agent, arrays: dict[str, np.ndarray]) -> np.ndarray:
    """Prediction errors at the state and at reward, and value difference: (3, trial, session)."""
    out = np.full((3, *arrays["choice"].shape), np.nan)
    agent.start(arrays["choice"].shape[1])
    for t, valid in enumerate(arrays["valid"]):
        values = agent.values()
        out[2, t] = values[:, 1] - values[:, 0]
        rows = np.flatnonzero(valid == 1)
        choice, state, reward = (arrays[name][t, rows] for name in ("choice", "state", "reward"))
        out[0, t, rows], out[1, t, rows] = agent.observe(rows, choice, state, reward)
    return out


def play(agent: Agent, task: TwoStep, rng: np.random.Generator, sessions: int, name: str) -> pd.DataFrame:
    """The agent plays the task itself, its first choice a softmax of the values; returns the trial table."""
    task.begin([rng], sessions)
    agent.start(sessions)
    fixate = torch.full((1, sessions), CENTRE)
    for _ in range(task.trials):
        values = agent.values()
        right = rng.random(sessions) < expit(INVERSE_TEMPERATURE * (values[:, 1] - values[:, 0]))
        choice = torch.from_numpy(right.astype(np.int64)).unsqueeze(0)
        task.step(fixate)
        task.step(choice)
        _, reward = task.step(choice)  # at the second stage left and right are alike
        state = task.state[(task.time - 1) // 3, 0].numpy()
        agent.observe(np.arange(sessions), choice[0].numpy(), state, reward[0].numpy())
    return trial_table(task.record(), [name])


def fit_model_free(trials: pd.DataFrame) -> float:
    """SARSA(0)'s learning rate by maximum likelihood of the first choices, with a free inverse temperature.

    Args:
        trials: of one subject.
    """
    arrays, _ = by_session(trials, ["choice", "state", "reward", "valid"])
    valid = arrays["valid"] == 1
    sign = 2 * arrays["choice"][valid] - 1

    def negative_log_likelihood(parameters: np.ndarray) -> float:
        alpha, beta = parameters
        difference = _replay(ModelFree(alpha), arrays)[2][valid]
        return -log_expit(beta * sign * difference).sum()

    fit = minimize(negative_log_likelihood, x0=[0.5, 3.0], bounds=[(0.01, 1.0), (0.0, 50.0)], method="L-BFGS-B")
    return float(fit.x[0])
