"""The policies at which learning would come to rest if a network knew all that can be known of its task.

The learner of the paper steps up its return plus beta_e times the policy's entropy, with returns that do not count
entropy. Where no step helps any more, in every state

    pi(a | s) = softmax(Q_pi(s, a) / beta_e),

Q_pi being the discounted return of the policy itself. Here it is computed for the states of an ideal observer: what a
network of unlimited size and training would do with the published objective. (Our choice: fixation and responses that
leave nothing to choose are taken as made.)
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import softmax

from pfc_metarl.agents.agent import Columns, ReferenceAgent
from pfc_metarl.agents.two_step import ModelBased
from pfc_metarl.errors import ConfigError, TableError
from pfc_metarl.tasks.task import NONE, require_counts, require_finite, require_probabilities
from pfc_metarl.trials import session_keys

STATIONARY = "stationary policy"
"""What these agents are called in trial tables."""
LONGEST_WAIT = 100
"""Trials that an arm of the baited schedule waits before we stop counting: it has paid by then."""
BELIEFS = np.linspace(0, 1, 1_001)
"""Grid of beliefs, between which values are interpolated."""
TOLERANCE, MOST_ROUNDS = 1e-10, 10_000
"""Of iterations that end at the fixed point."""


def require_objective(discount: float, entropy_cost: float) -> None:
    """ConfigError unless a discount per step is below 1, and the entropy cost above 0."""
    require_probabilities(discount=discount)
    require_finite(entropy_cost=entropy_cost)
    if discount == 1 or entropy_cost <= 0:
        raise ConfigError(f"discount must be below 1 and entropy_cost above 0, not {discount} and {entropy_cost}")


def policy_and_value(returns: np.ndarray, entropy_cost: float) -> tuple[np.ndarray, np.ndarray]:
    """From what each action brings (..., action) to the policy, and to what it brings itself (...)."""
    policy = softmax(returns / entropy_cost, axis=-1)
    return policy, (policy * returns).sum(axis=-1)


@dataclass
class StationaryForager(ReferenceAgent):
    """On the baited schedule (simulation 1), of known base probabilities.

    Args:
        p0_left, p0_right: base probabilities.
        discount: gamma per time step; a trial has two.
        entropy_cost: beta_e.
    """

    task = "foraging"
    learns_from = ("choice",)
    p0_left: float
    p0_right: float
    discount: float = 0.75
    entropy_cost: float = 0.05

    def __post_init__(self) -> None:
        require_probabilities(p0_left=self.p0_left, p0_right=self.p0_right)
        require_objective(self.discount, self.entropy_cost)
        self.policy = self._solve()

    def _solve(self) -> np.ndarray:
        """The policy (arm chosen last, trials that the other has waited, choice)."""
        p0, waits = np.array([self.p0_left, self.p0_right]), np.arange(LONGEST_WAIT + 1)
        paid = np.empty((2, LONGEST_WAIT + 1, 2))
        for last in (0, 1):
            paid[last, :, last] = p0[last]
            paid[last, :, 1 - last] = 1 - (1 - p0[1 - last]) ** (waits + 1)
        value, longer = np.zeros((2, LONGEST_WAIT + 1)), np.minimum(waits + 1, LONGEST_WAIT)
        for _ in range(MOST_ROUNDS):
            following = np.empty_like(paid)
            for last in (0, 1):
                following[last, :, last] = value[last, longer]
                following[last, :, 1 - last] = value[1 - last, 1]  # the arm just left has waited one trial
            policy, new = policy_and_value(paid + self.discount**2 * following, self.entropy_cost)
            if np.abs(new - value).max() < TOLERANCE:
                break
            value = new
        return policy

    def start(self, sessions: int) -> None:
        """Begin sessions in which neither arm has waited."""
        self.last, self.waited = np.zeros((2, sessions), int)

    def probabilities(self, shown: Columns) -> np.ndarray:
        """Of left and right: (session, 2)."""
        return self.policy[self.last, np.minimum(self.waited, LONGEST_WAIT)]

    def observe(self, rows: np.ndarray, trial: Columns) -> dict[str, np.ndarray]:
        """Keep in mind what was chosen."""
        again = trial["choice"] == self.last[rows]
        self.waited[rows] = np.where(again, self.waited[rows] + 1, 1)
        self.last[rows] = trial["choice"]
        return {}


class StationaryPlanner(ModelBased):
    """In the two-step task (simulation 4): the planner, with the policy of the published objective.

    Args:
        common_probability, reward_high, reward_low, switch_probability: the task's.
        discount: gamma per time step; a trial has three, and reward follows the last.
        entropy_cost: beta_e.
    """

    def __init__(
        self,
        common_probability: float,
        reward_high: float,
        reward_low: float,
        switch_probability: float,
        discount: float = 0.9,
        entropy_cost: float = 0.05,
    ) -> None:
        super().__init__(common_probability, reward_high, reward_low, switch_probability)
        require_objective(discount, entropy_cost)
        self.log_odds = self._solve(discount, entropy_cost)

    def _solve(self, discount: float, entropy_cost: float) -> np.ndarray:
        """Log odds of right, on the grid of beliefs."""
        self.start(len(BELIEFS))
        rows = np.arange(len(BELIEFS))
        chances, nexts, paid = [], [], []
        for choice in (0, 1):
            for state in (0, 1):
                for reward in (0, 1):
                    self.belief = BELIEFS.copy()
                    if_state = self.common_probability if state == choice else 1 - self.common_probability
                    if_reward = self.state_values()[:, state]
                    chances.append(if_state * (if_reward if reward else 1 - if_reward))
                    told = {name: np.full(len(rows), v) for name, v in zip(self.learns_from, (choice, state, reward))}
                    self.observe(rows, told)
                    nexts.append(self.belief)
                    paid.append(discount * reward)
        chance = np.array(chances).reshape(2, 4, -1)
        following, reward_now = np.array(nexts).reshape(2, 4, -1), np.array(paid).reshape(2, 4, 1)
        value = np.zeros(len(BELIEFS))
        for _ in range(MOST_ROUNDS):
            returns = (chance * (reward_now + discount**3 * np.interp(following, BELIEFS, value))).sum(axis=1)
            _, new = policy_and_value(returns.T, entropy_cost)
            if np.abs(new - value).max() < TOLERANCE:
                break
            value = new
        return (returns[1] - returns[0]) / entropy_cost

    def probabilities(self, shown: Columns) -> np.ndarray:
        """Of left and right: (session, 2)."""
        return softmax(np.stack([0 * self.belief, np.interp(self.belief, BELIEFS, self.log_odds)], axis=1), axis=1)


@dataclass
class StationaryGambler(ReferenceAgent):
    """With a safe and a risky arm (simulation 6), whose probabilities are known but for which of them it is today.

    Forced pulls have told it which side is risky. What it goes by is how often the risky arm has paid.

    Args:
        forced_pairs, free_pulls, risky_probabilities, safe_reward, risky_reward: the task's.
        discount: gamma per time step; a trial has two.
        entropy_cost: beta_e.
    """

    task = "optogenetics"
    sees = ("forced_side",)
    learns_from = ("choice", "free", "risky", "reward")
    forced_pairs: int
    free_pulls: int
    risky_probabilities: tuple[float, ...]
    safe_reward: float
    risky_reward: float
    discount: float = 0.9
    entropy_cost: float = 0.05

    def __post_init__(self) -> None:
        require_counts(forced_pairs=self.forced_pairs, free_pulls=self.free_pulls)
        for p in self.risky_probabilities:
            require_probabilities(risky_probabilities=p)
        require_finite(safe_reward=self.safe_reward, risky_reward=self.risky_reward)
        require_objective(self.discount, self.entropy_cost)
        self.risky = self._solve()

    def _solve(self) -> np.ndarray:
        """Probability of the risky arm (free pull, wins, losses), by backward induction."""
        most, p = self.forced_pairs + self.free_pulls, np.array(self.risky_probabilities)
        wins, losses = np.ogrid[: most + 1, : most + 1]
        likelihood = p ** wins[..., None] * (1 - p) ** losses[..., None]
        expected = (likelihood * p).sum(axis=-1) / likelihood.sum(axis=-1)
        value, risky = np.zeros((most + 2, most + 2)), np.empty((self.free_pulls, most + 1, most + 1))
        for pull in reversed(range(self.free_pulls)):
            gamma, stay = self.discount**2, value[:-1, :-1]
            if_risky = expected * (self.risky_reward + gamma * value[1:, :-1]) + (1 - expected) * gamma * value[:-1, 1:]
            returns = np.stack([self.safe_reward + gamma * stay, if_risky], axis=-1)
            policy, value[:-1, :-1] = policy_and_value(returns, self.entropy_cost)
            risky[pull] = policy[..., 1]
        return risky

    def require_table(self, trials: pd.DataFrame) -> None:
        """Sessions must not be longer than those that it plans for."""
        longest = trials.groupby(session_keys(trials), observed=True)["free"].agg(["size", "sum"]).max()
        if longest["size"] > 2 * self.forced_pairs + self.free_pulls or longest["sum"] > self.free_pulls:
            raise TableError(f"the table: a session of more than {self.free_pulls} free pulls, or more forced pairs")

    def start(self, sessions: int) -> None:
        """Begin sessions."""
        self.pull, self.wins, self.losses = np.zeros((3, sessions), int)
        self.risky_side = np.full(sessions, NONE)

    def probabilities(self, shown: Columns) -> np.ndarray:
        """Of left and right: (session, 2); 1 on a forced trial's side."""
        free = shown["forced_side"] == NONE
        risky = self.risky[np.where(free, self.pull, 0), self.wins, self.losses]
        right = np.where(self.risky_side == 1, risky, 1 - risky)
        right = np.where(free, right, shown["forced_side"])
        return np.stack([1 - right, right], axis=1)

    def observe(self, rows: np.ndarray, trial: Columns) -> dict[str, np.ndarray]:
        """Learn which side is risky, and count how often it pays, and the free pulls."""
        chosen = trial["risky"] == 1
        self.risky_side[rows] = np.where(chosen, trial["choice"], 1 - trial["choice"])
        self.wins[rows] += chosen & (trial["reward"] > 0)
        self.losses[rows] += chosen & (trial["reward"] <= 0)
        self.pull[rows] += trial["free"]
        return {}
