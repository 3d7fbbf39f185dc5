"""Models of choice fitted to subjects: maximum likelihood or a posteriori, standard errors, sessions held out.

Parameters are sought on scales without ends (log odds of rates, logs of what is positive), within `LIMITS`, from
several starts. Standard errors are those of the curvature at the best point.
"""

from collections.abc import Callable, Sequence
from functools import cache
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.optimize import OptimizeResult, minimize
from scipy.special import expit, ndtri
from scipy.stats import beta, gamma, norm
from scipy.stats.qmc import Halton

from pfc_metarl.agents.likelihood import Choices, choices_of, log_probabilities, number_of_choices
from pfc_metarl.agents.models import Model
from pfc_metarl.errors import ConfigError
from pfc_metarl.progress import progress
from pfc_metarl.trials import SUBJECT, check_trials, with_responses

PRIORS = {"rate": beta(1.1, 1.1), "positive": gamma(1.2, scale=5.0), "real": norm(0, 2)}
"""Weak ones, by kind of parameter: those of Daw et al. 2011, but for what may be any number (there a s.d. of 1)."""
LIMITS = {"rate": (-9.0, 9.0), "positive": (-7.0, 5.5), "real": (-20.0, 20.0)}
"""On the scales without ends. What ends there cannot be told from these choices."""
CANDIDATES, STARTS = 64, 4
"""The search begins from the best few of so many points."""
FOLDS = 10
"""At most: sessions are held out one by one, or in so many parts."""
CHOICES_PER_PARAMETER = 10
"""With fewer a model is not fitted (our choice)."""
FLAT = 1e-3
"""Curvature of the log likelihood, on the scales without ends, up to which a direction tells nothing (our choice)."""
OK, TOO_FEW, UNTOLD = "ok", "too few choices", "cannot be told"
AT_LIMIT, BESIDE_LIMIT = "at its limit", "another is at its limit"


class Estimate(NamedTuple):
    """Of one model and one subject."""

    value: np.ndarray
    """(parameter,), as the next three."""
    error: np.ndarray
    """Standard error; NaN for a parameter that is at its limit or cannot be told."""
    low: np.ndarray
    """Ends of the 95 % interval: 1.96 standard errors on the scale without ends."""
    high: np.ndarray
    fit: np.ndarray
    """"ok"; "at its limit" (of a rate: all but 0 or 1); "another is at its limit": the error holds if that is where it
    is, and is too small otherwise; "cannot be told": the likelihood is flat there."""
    log_likelihood: float
    """Of all choices."""


def values_of(model: Model, x: np.ndarray) -> np.ndarray:
    """Parameters from the scales without ends (parameter,)."""
    rate, positive = (np.array([p.kind == kind for p in model.free]) for kind in ("rate", "positive"))
    return np.where(rate, expit(x), np.where(positive, np.exp(np.where(positive, x, 0)), x))


def log_prior(model: Model, value: np.ndarray) -> float:
    """Log density of parameters, but for a constant."""
    total = 0.0
    for parameter, v in zip(model.free, value):
        if parameter.kind == "rate":
            total += 0.1 * np.log(v) + 0.1 * np.log1p(-v)
        elif parameter.kind == "positive":
            total += 0.2 * np.log(v) - v / 5
        else:
            total -= v * v / 8
    return total


@cache
def candidates(kinds: tuple[str, ...]) -> np.ndarray:
    """Points from which a search can begin (point, parameter), by the parameters' kinds: all over the priors."""
    p = 0.02 + 0.96 * Halton(len(kinds), scramble=False).random(CANDIDATES + 1)[1:]
    return np.stack([_free_scale(kind, PRIORS[kind].ppf(own)) for kind, own in zip(kinds, p.T)], axis=1)


def starts(model: Model, choices: Choices, prior: bool, number: int = STARTS) -> list[np.ndarray]:
    """The best few candidates."""
    objective, points = _objective(model, choices, prior), candidates(_kinds(model))
    return list(points[np.argsort([objective(x) for x in points], kind="stable")[:number]])


def _kinds(model: Model) -> tuple[str, ...]:
    return tuple(parameter.kind for parameter in model.free)


def _free_scale(kind: str, value: np.ndarray) -> np.ndarray:
    if kind == "rate":
        return np.log(value) - np.log1p(-value)
    return np.log(value) if kind == "positive" else value


def _objective(model: Model, choices: Choices, prior: bool) -> Callable[[np.ndarray], float]:
    def objective(x: np.ndarray) -> float:
        value = values_of(model, x)
        return -log_probabilities(model, value, choices).sum() - (log_prior(model, value) if prior else 0.0)

    return objective


def _best(model: Model, choices: Choices, prior: bool, begins: Sequence[np.ndarray]) -> OptimizeResult:
    bounds, objective = [LIMITS[parameter.kind] for parameter in model.free], _objective(model, choices, prior)
    ends = [minimize(objective, x, method="L-BFGS-B", bounds=bounds) for x in begins]
    return min(ends, key=lambda end: end.fun)


def _curvature(f: Callable[[np.ndarray], float], x: np.ndarray, step: float = 1e-3) -> np.ndarray:
    """Second derivatives by central differences."""
    k = len(x)
    steps, at = step * np.eye(k), f(x)
    out = np.empty((k, k))
    for i in range(k):
        out[i, i] = (f(x + steps[i]) - 2 * at + f(x - steps[i])) / step**2
        for j in range(i):
            corners = f(x + steps[i] + steps[j]) - f(x + steps[i] - steps[j]), f(x - steps[i] + steps[j])
            out[i, j] = out[j, i] = (corners[0] - corners[1] + f(x - steps[i] - steps[j])) / (4 * step**2)
    return out


def estimate(model: Model, choices: Choices, prior: bool = False) -> tuple[Estimate, np.ndarray]:
    """Fit a model to one subject.

    Args:
        model: the model.
        choices: the subject's.
        prior: maximum a posteriori, with `PRIORS`, in place of maximum likelihood.

    Returns:
        The estimate, and the best point on the scales without ends.
    """
    best = _best(model, choices, prior, starts(model, choices, prior))
    x, value = best.x, values_of(model, best.x)
    ends = np.array([LIMITS[parameter.kind] for parameter in model.free]).T
    inside = (x > ends[0] + 1e-3) & (x < ends[1] - 1e-3)
    errors = np.full(len(x), np.nan)
    objective = _objective(model, choices, prior)

    def of_inside(own: np.ndarray) -> float:
        whole = x.copy()
        whole[inside] = own
        return objective(whole)

    if inside.any():
        curvature = _curvature(of_inside, x[inside])
        told = _told(curvature)
        errors[np.flatnonzero(inside)[told]] = np.sqrt(np.diag(np.linalg.inv(curvature[np.ix_(told, told)])))
    slope = (values_of(model, x + 1e-6) - values_of(model, x - 1e-6)) / 2e-6
    low, high = (values_of(model, x + side * ndtri(0.975) * errors) for side in (-1, 1))
    total = log_probabilities(model, value, choices).sum()
    told_of = OK if inside.all() else BESIDE_LIMIT
    words = np.where(inside, np.where(np.isfinite(errors), told_of, UNTOLD), AT_LIMIT)
    return Estimate(value, slope * errors, low, high, words, float(total)), x


def _told(curvature: np.ndarray) -> np.ndarray:
    """Which parameters (indices) the choices tell: those that have no part in a direction that is flat."""
    told = np.arange(len(curvature))
    while len(told):
        values, directions = np.linalg.eigh(curvature[np.ix_(told, told)])
        if values[0] > FLAT:
            break
        told = told[np.abs(directions[:, 0]) < 0.1]
    return told


def held_out(model: Model, choices: Choices, prior: bool, x: np.ndarray) -> float:
    """Mean log probability of choices in sessions that were held out, each predicted from the others.

    Args:
        model, choices, prior: as in `estimate`.
        x: the best point for all sessions, from which the search for the others begins.

    Returns:
        Per choice; NaN with a single session.
    """
    session = choices.trials["first"].cumsum() - 1
    folds = min(FOLDS, session[-1] + 1)
    if folds < 2:
        return float("nan")
    total = 0.0
    for fold in range(folds):
        out = session % folds == fold
        others, own = (choices._replace(trials=choices.trials[rows]) for rows in (~out, out))
        value = values_of(model, _best(model, others, prior, [x, *starts(model, others, prior, 1)]).x)
        total += log_probabilities(model, value, own).sum()
    return total / choices.to_explain[0]


def fit(trials: pd.DataFrame, task: str, models: Sequence[Model], prior: bool = False) -> tuple[pd.DataFrame, ...]:
    """Fit models to every subject of a trial table.

    Args:
        trials: trial table.
        task: name of its task.
        models: of this task.
        prior: maximum a posteriori in place of maximum likelihood.

    Returns:
        Table, a row per subject and model: group, subject, model, n (choices that are explained, second
        ones too), parameters (how many), log_likelihood, per_choice, chance (log probability of a random choice), bic,
        held_out (per choice, in sessions that were held out; NaN with a single session), fit ("ok", or why there is
        no fit).
        Table, a row per subject, model and parameter: group, subject, model, parameter, value, se, low, high, fit
        (see `Estimate`).

    Raises:
        ConfigError: a model of another task.
        TableError: the table cannot be used, or lacks columns that a model needs.
    """
    for model in models:
        if task not in model.family.tasks:
            raise ConfigError(f"{model.name} is no model of {task}, but of {', '.join(model.family.tasks)}")
    trials = with_responses(check_trials(trials, task, needs=[name for m in models for name in m.needs]))
    number = number_of_choices(trials)
    fits, parameters = [], []
    for who, own in progress(trials.groupby(SUBJECT, sort=False, observed=True), "fitting subjects"):
        for model in models:
            choices = choices_of(model.family, own, number)
            (n, at_random), k = choices.to_explain, len(model.free)
            row = {**dict(zip(SUBJECT, who)), "model": model.name}
            if n < CHOICES_PER_PARAMETER * k:
                fits.append({**row, "n": n, "parameters": k, "fit": TOO_FEW})
                continue
            got, x = estimate(model, choices, prior)
            fits.append({
                **row, "n": n, "parameters": k, "log_likelihood": got.log_likelihood,
                "per_choice": got.log_likelihood / n, "chance": at_random / n,
                "bic": k * np.log(n) - 2 * got.log_likelihood, "held_out": held_out(model, choices, prior, x),
                "fit": OK,
            })  # fmt: skip
            parameters += [
                {**row, "parameter": p.name, "value": v, "se": se, "low": low, "high": high,
                 "fit": word}
                for p, v, se, low, high, word in zip(model.free, got.value, got.error, got.low, got.high, got.fit)
            ]  # fmt: skip
    names = [*SUBJECT, "model", "n", "parameters", "log_likelihood", "per_choice", "chance", "bic", "held_out", "fit"]
    columns = [*SUBJECT, "model", "parameter", "value", "se", "low", "high", "fit"]
    return pd.DataFrame(fits, columns=names), pd.DataFrame(parameters, columns=columns)
