"""Rescorla-Wagner with lapses, fitted to choices on the restless bandit (Wang et al. 2016, section 3.1.4)."""

import math

from pfc_metarl.agents.models import Family, Model, Parameter

RATE, BETA, LAPSE = range(3)


def _begin(theta, memory):  # type: ignore[no-untyped-def]
    memory[:] = 0.5


def _odds(theta, memory, trial, out):  # type: ignore[no-untyped-def]
    top, total, arms = memory.max(), 0.0, memory.shape[0]
    for a in range(arms):
        out[a] = math.exp(theta[BETA] * (memory[a] - top))
        total += out[a]
    for a in range(arms):
        out[a] = math.log((1 - theta[LAPSE]) * out[a] / total + theta[LAPSE] / arms + 1e-300)


def _learn(theta, memory, trial):  # type: ignore[no-untyped-def]
    memory[trial.choice] += theta[RATE] * (trial.reward - memory[trial.choice])


LAPSING = Family(
    tasks=("restless_bandit",),
    parameters=(
        Parameter("learning_rate", "rate", "alpha"),
        Parameter("inverse_temperature", "positive", "beta"),
        Parameter("lapse", "rate", "epsilon, share of choices that have nothing to do with values"),
    ),
    sees=(),
    learns_from=("choice", "reward"),
    memory=lambda choices: choices,
    begin=_begin,
    odds=_odds,
    learn=_learn,
)
"""Q(a) += alpha (r - Q(a)) for the chosen arm, from Q = 1/2;   P(a) = (1 - epsilon) softmax(beta Q)(a) + epsilon / arms
"""


def models(learning_rate: float) -> dict[str, Model]:
    """The four that are compared, by the letters of what is free in them (Wang et al. 2016).

    Args:
        learning_rate: where it is not free.
    """
    fixed = {"learning_rate": learning_rate, "lapse": 0.0}
    letters = {"a": "learning_rate", "e": "lapse"}
    return {
        name: Model(
            f"Rescorla-Wagner, {name}", LAPSING, {k: fixed[k] for letter, k in letters.items() if letter not in name}
        )
        for name in ("b", "ab", "be", "abe")
    }
