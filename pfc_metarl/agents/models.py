"""Models of choice that are fitted to animals, people and networks, each told for one trial in plain scalar code.

A `Family` is one text with all its parameters; a `Model` is a family of which some parameters are fixed, or equal to
others. `memory` is what a session's trials have left: an array of numbers that `begin` fills in. All choices are drawn
with probability exp(odds), normalised. The functions are compiled by numba; `pfc_metarl.agents.likelihood` calls them.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, NamedTuple

import numpy as np

from pfc_metarl.errors import ConfigError

Kind = Literal["rate", "positive", "real"]


class Parameter(NamedTuple):
    """Of a family."""

    name: str
    kind: Kind
    """rate: between 0 and 1. positive: from 0. real: any number."""
    meaning: str


@dataclass(frozen=True)
class Family:
    """Models that share a text."""

    tasks: tuple[str, ...]
    """Names of the tasks whose tables they are fitted to."""
    parameters: tuple[Parameter, ...]
    sees: tuple[str, ...]
    """Columns that are shown before the choice."""
    learns_from: tuple[str, ...]
    """Columns that are told after it. Without "choice" among them it learns from invalid trials too."""
    memory: Callable[[int], int]
    """How many numbers are kept in mind, by the number of choices."""
    begin: Callable[[Any, Any], None]
    """begin(theta, memory): a session begins; memory is all zeros."""
    odds: Callable[[Any, Any, Any, Any], None]
    """odds(theta, memory, trial, out): fill in the log odds of each choice."""
    learn: Callable[[Any, Any, Any], None]
    """learn(theta, memory, trial)."""
    then: Callable[[Any, Any, Any, Any], None] | None = None
    """The same as odds, for a second choice between two in a trial (column second_choice), where there is one."""


@dataclass(frozen=True)
class Model:
    """What is fitted."""

    name: str
    family: Family
    fixed: Mapping[str, float | str] = field(default_factory=dict)
    """Parameters that are not free: their value, or the name of the free one that they equal."""
    needs: tuple[str, ...] = ()
    """Columns of the table, besides the family's, without which it cannot be told from simpler ones."""

    def __post_init__(self) -> None:
        names = [parameter.name for parameter in self.family.parameters]
        for name, value in self.fixed.items():
            if name not in names or (isinstance(value, str) and (value not in names or value in self.fixed)):
                raise ConfigError(f"{self.name}: {name} cannot be {value}; parameters are {', '.join(names)}")

    @cached_property
    def free(self) -> tuple[Parameter, ...]:
        """The parameters that are fitted."""
        return tuple(p for p in self.family.parameters if p.name not in self.fixed)

    @cached_property
    def _made_of(self) -> tuple[np.ndarray, np.ndarray]:
        """Of each of the family's parameters: its value if it is fixed, else 0; and which free one it equals, or -1."""
        at = {parameter.name: i for i, parameter in enumerate(self.free)}
        told = [self.fixed.get(parameter.name, parameter.name) for parameter in self.family.parameters]
        values = np.array([0.0 if isinstance(value, str) else value for value in told])
        return values, np.array([at[value] if isinstance(value, str) else -1 for value in told])

    def theta(self, free: np.ndarray) -> np.ndarray:
        """All of the family's parameters, from the free ones (parameter,)."""
        values, which = self._made_of
        return np.where(which < 0, values, np.asarray(free, float)[which])


# -- bandits and foraging: delta rule and choice kernel

GAIN, LOSS, BETA, CHOICE_RATE, CHOICE_WEIGHT = range(5)


def _arms_begin(theta, memory):  # type: ignore[no-untyped-def]
    memory[: memory.shape[0] // 2] = 0.5


def _arms_odds(theta, memory, trial, out):  # type: ignore[no-untyped-def]
    arms = memory.shape[0] // 2
    for a in range(arms):
        out[a] = theta[BETA] * memory[a] + theta[CHOICE_WEIGHT] * memory[arms + a]


def _arms_learn(theta, memory, trial):  # type: ignore[no-untyped-def]
    arms = memory.shape[0] // 2
    delta = trial.reward - memory[trial.choice]
    memory[trial.choice] += (theta[GAIN] if delta > 0 else theta[LOSS]) * delta
    for a in range(arms):
        memory[arms + a] += theta[CHOICE_RATE] * ((1.0 if a == trial.choice else 0.0) - memory[arms + a])


ARMS = Family(
    tasks=("bandit", "foraging"),
    parameters=(
        Parameter("learning_rate", "rate", "alpha, of prediction errors above 0"),
        Parameter("learning_rate_loss", "rate", "alpha, of the others"),
        Parameter("inverse_temperature", "positive", "beta, of values"),
        Parameter("choice_rate", "rate", "alpha of the choice kernel"),
        Parameter("choice_weight", "real", "beta of the choice kernel"),
    ),
    sees=(),
    learns_from=("choice", "reward"),
    memory=lambda choices: 2 * choices,
    begin=_arms_begin,
    odds=_arms_odds,
    learn=_arms_learn,
)
"""Rescorla-Wagner with a choice kernel (Wilson & Collins 2019, eLife 8:e49547, models 3 to 5):

    Q(a) += alpha (r - Q(a)) for the chosen arm, from Q = 1/2;   K(a') += alpha_K ((a' = a) - K(a')), from 0
    log odds of a: beta Q(a) + beta_K K(a)
"""
_ONE_RATE: dict[str, float | str] = {"learning_rate_loss": "learning_rate"}
_NO_KERNEL: dict[str, float | str] = {"choice_rate": 0.0, "choice_weight": 0.0}

# -- two-step task: model-free, model-based and their mixture

RATE_1, RATE_2, BETA_1, BETA_2, ELIGIBILITY, WEIGHT, STAY, SAME_SIDE, COMMON = range(9)
_LAST = 6  # in memory: Q1 of two choices, V of two states times two choices there; then last choice + 1, last side + 1


def _steps_begin(theta, memory):  # type: ignore[no-untyped-def]
    pass


def _steps_odds(theta, memory, trial, out):  # type: ignore[no-untyped-def]
    best = (max(memory[2], memory[3]), max(memory[4], memory[5]))
    for a in range(2):
        planned = theta[COMMON] * best[a] + (1 - theta[COMMON]) * best[1 - a]
        value = theta[WEIGHT] * planned + (1 - theta[WEIGHT]) * memory[a]
        again = theta[STAY] if memory[_LAST] == a + 1 else 0.0
        side = a if trial.side_of_0 == 0 else 1 - a
        same = theta[SAME_SIDE] if memory[_LAST + 1] == side + 1 else 0.0
        out[a] = theta[BETA_1] * (value + again + same)


def _steps_learn(theta, memory, trial):  # type: ignore[no-untyped-def]
    there = 2 + 2 * trial.state + max(trial.second_choice, 0)
    at_state = memory[there] - memory[trial.choice]
    at_reward = trial.reward - memory[there]
    memory[trial.choice] += theta[RATE_1] * (at_state + theta[ELIGIBILITY] * at_reward)
    memory[there] += theta[RATE_2] * at_reward
    memory[_LAST] = trial.choice + 1
    memory[_LAST + 1] = (trial.choice if trial.side_of_0 == 0 else 1 - trial.choice) + 1


def _steps_then(theta, memory, trial, out):  # type: ignore[no-untyped-def]
    for a in range(2):
        out[a] = theta[BETA_2] * memory[2 + 2 * trial.state + a]


STEPS = Family(
    tasks=("two_step",),
    parameters=(
        Parameter("learning_rate", "rate", "alpha_1, of the first stage"),
        Parameter("learning_rate_2", "rate", "alpha_2, of the second"),
        Parameter("inverse_temperature", "positive", "beta_1"),
        Parameter("inverse_temperature_2", "positive", "beta_2, of second choices"),
        Parameter("eligibility", "rate", "lambda"),
        Parameter("model_based_weight", "rate", "w"),
        Parameter("choice_stickiness", "real", "p, for the last choice"),
        Parameter("response_stickiness", "real", "rho, for the side of the last choice on the screen"),
        Parameter("common_probability", "rate", "of the transitions, as the model takes them to be"),
    ),
    sees=("side_of_0",),
    learns_from=("choice", "state", "reward", "second_choice"),
    memory=lambda choices: 8,
    begin=_steps_begin,
    odds=_steps_odds,
    learn=_steps_learn,
    then=_steps_then,
)
"""Daw et al. 2011 (Neuron 69:1204-1215, Supplement), with the response stickiness of Kool, Cushman & Gershman 2016
(PLoS Comput Biol 12:e1005090); transitions are known, not counted; all values start at 0:

    Q_MF(a) += alpha_1 [V(s, b) - Q_MF(a)] + alpha_1 lambda [r - V(s, b)];   V(s, b) += alpha_2 [r - V(s, b)]
    Q_MB(a) = sum over s of P(s | a) max over b of V(s, b);   Q = w Q_MB + (1 - w) Q_MF
    log odds of a: beta_1 [Q(a) + p (a = last choice) + rho (side of a = side of last choice)];   of b: beta_2 V(s, b)

Where the table tells of no second choice there is one b in each state, and beta_2 has no part.
"""
_ONE_STAGE: dict[str, float | str] = {
    "learning_rate_2": "learning_rate",
    "inverse_temperature_2": 0.0,
    "response_stickiness": 0.0,
}

# -- two-step task: a planner that believes in hidden states

HAZARD, L_BETA, L_STAY, L_COMMON, L_HIGH, L_LOW = range(6)


def _latent_begin(theta, memory):  # type: ignore[no-untyped-def]
    memory[0] = 0.5


def _latent_odds(theta, memory, trial, out):  # type: ignore[no-untyped-def]
    good = theta[L_HIGH] * memory[0] + theta[L_LOW] * (1 - memory[0])
    bad = theta[L_HIGH] + theta[L_LOW] - good
    for a in range(2):
        first, second = (good, bad) if a == 0 else (bad, good)
        again = theta[L_STAY] if memory[1] == a + 1 else 0.0
        out[a] = theta[L_BETA] * (theta[L_COMMON] * first + (1 - theta[L_COMMON]) * second + again)


def _latent_learn(theta, memory, trial):  # type: ignore[no-untyped-def]
    if_first = theta[L_HIGH] if trial.state == 0 else theta[L_LOW]
    if_second = theta[L_LOW] if trial.state == 0 else theta[L_HIGH]
    if trial.reward < 0.5:
        if_first, if_second = 1 - if_first, 1 - if_second
    evidence = if_first * memory[0] + if_second * (1 - memory[0])
    p = if_first * memory[0] / evidence if evidence > 0 else memory[0]
    memory[0] = p * (1 - theta[HAZARD]) + (1 - p) * theta[HAZARD]
    memory[1] = trial.choice + 1


LATENT = Family(
    tasks=("two_step",),
    parameters=(
        Parameter("hazard", "rate", "chance per trial that the better state changes, as the model takes it to be"),
        Parameter("inverse_temperature", "positive", "beta"),
        Parameter("choice_stickiness", "real", "for the last choice"),
        Parameter("common_probability", "rate", "of the transitions"),
        Parameter("reward_high", "rate", "reward probability of the better state"),
        Parameter("reward_low", "rate", "of the other"),
    ),
    sees=(),
    learns_from=("choice", "state", "reward"),
    memory=lambda choices: 2,
    begin=_latent_begin,
    odds=_latent_odds,
    learn=_latent_learn,
)
"""The paper's model-based agent (Methods, simulation 4) with a free hazard: Bayes' rule for which state is the better
one, which changes with the hazard; log odds: beta [expected reward of a + stickiness (a = last choice)].
"""

# -- volatility task: which arm is the good one

STABLE, VOLATILE, V_BETA = range(3)


def _rates_begin(theta, memory):  # type: ignore[no-untyped-def]
    memory[0] = 0.5


def _rates_odds(theta, memory, trial, out):  # type: ignore[no-untyped-def]
    out[0] = theta[V_BETA] * memory[0] * trial.magnitude_left / 100
    out[1] = theta[V_BETA] * (1 - memory[0]) * trial.magnitude_right / 100


def _rates_learn(theta, memory, trial):  # type: ignore[no-untyped-def]
    rate = theta[VOLATILE] if trial.volatile else theta[STABLE]
    memory[0] += rate * ((1.0 if trial.good_arm == 0 else 0.0) - memory[0])


RATES = Family(
    tasks=("volatility",),
    parameters=(
        Parameter("learning_rate", "rate", "alpha, in stable blocks"),
        Parameter("learning_rate_volatile", "rate", "alpha, in volatile blocks"),
        Parameter("inverse_temperature", "positive", "beta, per hundred points"),
    ),
    sees=("magnitude_left", "magnitude_right"),
    learns_from=("good_arm", "volatile"),
    memory=lambda choices: 1,
    begin=_rates_begin,
    odds=_rates_odds,
    learn=_rates_learn,
)
"""Rescorla-Wagner on which arm was the good one (after Behrens et al. 2007), with a rate for each kind of block:

    rho += alpha (good arm is left - rho), from 1/2;   log odds: beta rho R_left / 100 and beta (1 - rho) R_right / 100
"""

_KNOWN_STEPS: dict[str, float | str] = {"common_probability": 0.8}
_KNOWN_LATENT: dict[str, float | str] = {"common_probability": 0.8, "reward_high": 0.9, "reward_low": 0.1}
MODELS: tuple[Model, ...] = (
    Model("Rescorla-Wagner", ARMS, {**_ONE_RATE, **_NO_KERNEL}),
    Model("Rescorla-Wagner, two rates", ARMS, _NO_KERNEL),
    Model("choice kernel", ARMS, {"learning_rate": 0.0, "learning_rate_loss": 0.0, "inverse_temperature": 0.0}),
    Model("Rescorla-Wagner and choice kernel", ARMS, _ONE_RATE),
    Model(
        "model-free", STEPS, {**_ONE_STAGE, **_KNOWN_STEPS, "model_based_weight": 0.0, "choice_stickiness": 0.0}
    ),
    Model(
        "model-based", STEPS,
        {**_ONE_STAGE, **_KNOWN_STEPS, "model_based_weight": 1.0, "eligibility": 0.0, "choice_stickiness": 0.0},
    ),
    Model("hybrid", STEPS, {**_ONE_STAGE, **_KNOWN_STEPS}),
    Model(
        "hybrid of Daw et al. 2011", STEPS, {**_KNOWN_STEPS, "common_probability": 0.7, "response_stickiness": 0.0},
        ("second_choice",),
    ),
    Model("hybrid with both stickinesses", STEPS, {"common_probability": 0.7}, ("second_choice", "side")),
    Model("latent-state planner", LATENT, _KNOWN_LATENT),
    Model("fixed rate", RATES, {"learning_rate_volatile": "learning_rate"}),
    Model("rate by volatility", RATES, needs=("volatile",)),
)  # fmt: skip
"""What is fitted, in the order of the tables. (Probabilities of the two-step task are those of the paper's.)"""
