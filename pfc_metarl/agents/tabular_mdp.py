"""Reference agents of Duan et al. 2016 (RL2, Table 2) for tabular MDPs, and the best that can be done with a known one.

All but the random one plan anew when an episode begins, by what they have seen up to then. As in the authors'
evaluation (with the agents of Osband's TabulaRL) rewards are believed to have mean 0 beforehand, not 1, from which they
are drawn; the state that an episode's last action leads to is not seen; and what each agent leaves open is tuned.
"""

from abc import abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
import pandas as pd

from pfc_metarl.agents.agent import Columns, ReferenceAgent
from pfc_metarl.errors import TableError
from pfc_metarl.tasks.task import require_counts, require_finite, require_probabilities
from pfc_metarl.trials import NONE

Backup = Callable[[np.ndarray, int], np.ndarray]
"""From the values of states (session, state), so many steps before the end, to those of actions (session, state,
action) one step earlier."""


def plan(backup: Backup, sessions: int, states: int, horizon: int) -> np.ndarray:
    """Values of actions (step, session, state, action), backwards from the end, where nothing more is earned."""
    worth, values = [], np.zeros((sessions, states))
    for left in range(horizon):
        worth.append(backup(values, left))
        values = worth[-1].max(axis=-1)
    return np.stack(worth[::-1])


def expected(transitions: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Values (session, state), by the probabilities (session, state, action, state) of coming there."""
    return np.einsum(
        "nsaz,nz->nsa", transitions, values
    )  # adds up alike for all: what is equal stays so, as BLAS does not


def value_iteration(rewards: np.ndarray, transitions: np.ndarray, horizon: int) -> np.ndarray:
    """`plan` in MDPs: mean rewards (session, state, action), transitions (session, state, action, state)."""
    sessions, states, _ = rewards.shape
    return plan(lambda values, _: rewards + expected(transitions, values), sessions, states, horizon)


def known_optimum(means: np.ndarray, cumulative: np.ndarray, horizon: int) -> np.ndarray:
    """Expected return of an episode, of an agent that knows the MDP: by value iteration, exact.

    Args:
        means: of rewards (mdp, state, action).
        cumulative: probabilities with which actions lead to a state or one before it (mdp, state, action, state).
        horizon: steps of an episode.

    Returns:
        (mdp,)
    """
    return value_iteration(means, np.diff(cumulative, prepend=0.0), horizon)[0, :, 0].max(axis=-1)


@dataclass
class MDPAgent(ReferenceAgent):
    """What counts how often each action was taken, what it paid and where it led, and plans at an episode's start.

    Args:
        states, actions: of the MDP.
        horizon: steps of an episode.
    """

    task = "tabular_mdp"
    sees = ("inner", "at")
    learns_from = ("at", "choice", "reward")
    prior: ClassVar[float] = 1.0
    """Of how many observations of an action's reward, and of each state that it leads to, the prior is worth."""
    states: int = 10
    actions: int = 5
    horizon: int = 10

    def __post_init__(self) -> None:
        require_counts(states=self.states, actions=self.actions, horizon=self.horizon)

    def require_table(self, trials: pd.DataFrame) -> None:
        """No more states, and no longer episodes, than the agent knows of."""
        longest = trials.groupby(["subject", "session", "inner"], observed=True).size().max()
        if trials["at"].max() >= self.states or longest > self.horizon:
            raise TableError(f"the table: the agent knows states 0 to {self.states - 1} and {self.horizon} steps")

    def start(self, sessions: int) -> None:
        """Begin sessions with nothing known."""
        size = sessions, self.states, self.actions
        self.visits, self.paid = np.zeros((2, *size))
        self.followed = np.zeros((*size, self.states))
        self.values = np.zeros((self.horizon, *size))
        self.inner, self.step = np.zeros((2, sessions), int)
        self.last = np.full((2, sessions), NONE)  # state and action of which is not yet seen where it led

    def probabilities(self, shown: Columns) -> np.ndarray:
        """With which each action is taken now: (session, action)."""
        inner, at = shown["inner"], shown["at"]
        begins = inner != self.inner
        led = np.flatnonzero(~begins & (self.last[0] != NONE))
        self.followed[led, *self.last[:, led], at[led]] += 1
        self.inner, self.last[:] = inner, NONE
        new = np.flatnonzero(begins)
        if len(new):
            self.step[new], self.values[:, new] = 0, self.planned(new)
        return self.policy(self.values[self.step, np.arange(len(at)), at])

    def policy(self, values: np.ndarray) -> np.ndarray:
        """Of values of actions (session, action): shared by the best ones."""
        best = values == values.max(axis=1, keepdims=True)
        return best / best.sum(axis=1, keepdims=True)

    def observe(self, rows: np.ndarray, trial: Columns) -> dict[str, np.ndarray]:
        """Count; see `ReferenceAgent`."""
        at, choice = trial["at"], trial["choice"]
        self.visits[rows, at, choice] += 1
        self.paid[rows, at, choice] += trial["reward"]
        self.last[:, rows] = at, choice
        self.step[rows] = np.minimum(self.step[rows] + 1, self.horizon - 1)
        return {}

    @property
    def precision(self) -> np.ndarray:
        """Of the mean reward, whose posterior is Normal with the noise's s.d. of 1: (session, state, action)."""
        return self.prior + self.visits

    @property
    def mean(self) -> np.ndarray:
        """Posterior mean of the mean reward: (session, state, action)."""
        return self.paid / self.precision

    @property
    def dirichlet(self) -> np.ndarray:
        """Parameters of the posterior of where actions lead: (session, state, action, state)."""
        return self.prior + self.followed

    @abstractmethod
    def planned(self, rows: np.ndarray) -> np.ndarray:
        """Values of actions (step, row, state, action) in some sessions."""


class RandomAction(MDPAgent):
    """Takes any action."""

    def planned(self, rows: np.ndarray) -> np.ndarray:
        """All alike; see `MDPAgent`."""
        return self.values[:, rows]


@dataclass
class PSRL(MDPAgent):
    """Posterior sampling (Strens 2000, Osband et al. 2013): plans for an MDP that is drawn from the posterior; or,
    optimistic with several samples, takes the highest of an action's values in any of them.

    Args:
        samples: from the posterior, at each episode.
        seed: of the samples.
    """

    samples: int = 1
    seed: int = 0
    _rng: np.random.Generator = field(init=False, repr=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        require_counts(samples=self.samples)

    def start(self, sessions: int) -> None:
        """Begin sessions with nothing known."""
        super().start(sessions)
        self._rng = np.random.default_rng(self.seed)

    def planned(self, rows: np.ndarray) -> np.ndarray:
        """The best of what is drawn; see `MDPAgent`."""
        mean, deviation, dirichlet = self.mean[rows], self.precision[rows] ** -0.5, self.dirichlet[rows]
        best = np.full((self.horizon, *mean.shape), -np.inf)
        for _ in range(self.samples):
            rewards = mean + deviation * self._rng.standard_normal(mean.shape)
            transitions = self._rng.standard_gamma(dirichlet)
            transitions /= transitions.sum(axis=-1, keepdims=True)
            np.maximum(best, value_iteration(rewards, transitions, self.horizon), out=best)
        return best


@dataclass
class BEB(MDPAgent):
    """Bayesian exploration bonus (Kolter & Ng 2009): plans for the mean MDP, in which what was seldom done pays more.

    Args:
        scale: of the bonus, which is 2 horizon^3 for each step to come.
    """

    scale: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        require_finite(scale=self.scale)

    def planned(self, rows: np.ndarray) -> np.ndarray:
        """See `MDPAgent`."""
        known = self.dirichlet[rows].sum(axis=-1)
        rewards = self.mean[rows] + 1 / (1 + self.precision[rows])
        bonus = 2 * self.horizon**3 * self.scale / (1 + known)
        transitions = self.dirichlet[rows] / known[..., None]

        def backup(values: np.ndarray, left: int) -> np.ndarray:
            return rewards + left * bonus + expected(transitions, values)

        return plan(backup, len(rows), self.states, self.horizon)


@dataclass
class UCRL2(MDPAgent):
    """Upper confidence bounds (Jaksch et al. 2010, for episodes): plans for the best MDP that is near the observed one.

    Args:
        scale: of the confidence bounds.
        delta: probability with which they fail.
    """

    prior = 1e-5
    scale: float = 1.0
    delta: float = 0.05

    def __post_init__(self) -> None:
        super().__post_init__()
        require_finite(scale=self.scale)
        require_probabilities(delta=self.delta)

    def planned(self, rows: np.ndarray) -> np.ndarray:
        """Extended value iteration; see `MDPAgent`."""
        pairs = self.states * self.actions
        log = 4 * np.log(2 * pairs * (1 + self.inner[rows]) / self.delta)[:, None, None]
        rewards = self.mean[rows] + self.scale * np.sqrt(log / np.maximum(1, self.visits[rows]))
        seen = np.maximum(1, self.followed[rows].sum(axis=-1))
        moved = self.scale * np.sqrt(self.states * log / seen) / 2  # of probability, at most, to the best state
        likely = self.dirichlet[rows] / self.dirichlet[rows].sum(axis=-1, keepdims=True)
        to_state, every = np.moveaxis(likely, -1, 1).copy(), np.arange(len(rows))[:, None]

        def backup(values: np.ndarray, left: int) -> np.ndarray:
            best_first = np.argsort(-values, axis=-1)
            reached = to_state[every, best_first].cumsum(axis=1) + moved[:, None]  # the best states, or one before
            falls = -np.diff(values[every, best_first], append=0)
            return rewards + np.einsum("nzsa,nz->nsa", np.minimum(reached, 1), falls)

        return plan(backup, len(rows), self.states, self.horizon)


@dataclass
class EpsilonGreedy(MDPAgent):
    """Plans for the observed MDP; takes the best action, or, with probability epsilon, any.

    Args:
        epsilon: probability.
    """

    prior = 1e-4
    epsilon: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        require_probabilities(epsilon=self.epsilon)

    def policy(self, values: np.ndarray) -> np.ndarray:
        """(session, action)."""
        return (1 - self.epsilon) * super().policy(values) + self.epsilon / self.actions

    def planned(self, rows: np.ndarray) -> np.ndarray:
        """See `MDPAgent`."""
        transitions = self.dirichlet[rows] / self.dirichlet[rows].sum(axis=-1, keepdims=True)
        return value_iteration(self.mean[rows], transitions, self.horizon)


KNOWN = "known MDP"
"""Further row of our table: the best that can be done if the MDP is known."""
SCALES = np.logspace(-4, 0, 21).tolist()
AGENTS: dict[str, type[MDPAgent]] = {
    "random": RandomAction,
    "PSRL": PSRL,
    "optimistic PSRL": PSRL,
    "UCRL2": UCRL2,
    "BEB": BEB,
    "epsilon-greedy": EpsilonGreedy,
    "greedy": EpsilonGreedy,
}
"""By the names they have in trial tables: those of the published table."""
TUNED: Mapping[str, tuple[str, list]] = {
    "optimistic PSRL": ("samples", list(range(1, 21))),
    "UCRL2": ("scale", SCALES),
    "BEB": ("scale", SCALES),
    "epsilon-greedy": ("epsilon", [i / 10 for i in range(1, 11)]),
}
"""What is tuned, and over which values, as published."""
