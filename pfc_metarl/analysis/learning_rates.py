"""Learning rates from behaviour alone: Rescorla-Wagner by maximum likelihood in a sliding window (Fig. 3).

The model (our choice, after Behrens et al. 2007; the paper says only "Rescorla-Wagner"): the estimate rho of the
probability that left is the good arm starts at 1/2 and learns from which arm was the good one,

    rho += alpha (outcome - rho),    p(left) = 1 / (1 + exp(-beta (rho R_left - (1 - rho) R_right))).

alpha and beta are free in each window; trials before the window drive rho but do not count in the likelihood.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.lib.stride_tricks import sliding_window_view
from scipy.special import expit, log_expit

from pfc_metarl.agents.volatility import traces
from pfc_metarl.errors import TableError
from pfc_metarl.tasks.task import LEFT, RIGHT, require_counts
from pfc_metarl.trials import NONE, SUBJECT, by_session, check_trials, responses

COLUMNS = ["choice", "good_arm", "magnitude_left", "magnitude_right"]
ALPHAS = np.linspace(0, 1, 61) ** 2
"""Grid of learning rates, finer where they are small; a parabola through the best three refines the estimate."""
BETA_MAX = 500.0
"""Largest inverse temperature, per hundred points: choices that the model separates have no finite best one."""
NEWTON_STEPS = 3
"""Per learning rate; each starts from the last one's inverse temperature."""


def learning_rates(
    trials: pd.DataFrame, length: int = 10, step: int = 1, by: Sequence[str] = (*SUBJECT, "order")
) -> pd.DataFrame:
    """Fit every window of every subject and order of blocks, pooled over the sessions of that order.

    Trials that are no responses do not count in the likelihood, but their outcomes are learned from.

    Args:
        trials: a trial table of the volatility task with the columns of `by`.
        length: trials per window.
        step: trials from one window's start to the next one's.
        by: columns whose combinations are fitted apart.

    Returns:
        Table: columns of `by`, first and last (trial of the window, from 1), alpha, beta (per hundred points); NaN for
        windows without a response; alpha also where choices have nothing to do with expected rewards (beta 0).

    Raises:
        TableError: sessions that are shorter than a window, or magnitudes that are no points.
    """
    require_counts(length=length, step=step)
    by = [by] if isinstance(by, str) else list(by)
    trials = check_trials(trials, "volatility", needs=by)
    largest = trials[["magnitude_left", "magnitude_right"]].max(axis=None)
    if largest <= 1:
        raise TableError(f"the largest magnitude is {largest:g}: they are points, about 0 to 100; multiply them")
    trials = trials.assign(choice=trials["choice"].where(responses(trials), NONE))
    tables = []
    for values, own in trials.groupby(by, sort=False, observed=True):
        arrays, _ = by_session(own, COLUMNS)
        if len(arrays["choice"]) < length:
            raise TableError(f"sessions of {len(arrays['choice'])} trials are shorter than a window, {length}")
        told = sliding_window_view((arrays["choice"] != NONE).any(axis=1), length)[::step].any(axis=1)
        alpha, beta = (np.where(told, estimate, np.nan) for estimate in fit_windows(arrays, length, step))
        alpha = np.where(beta > 0, alpha, np.nan)  # with beta 0 every learning rate would do
        first = 1 + step * np.arange(len(alpha))
        columns = {"first": first, "last": first + length - 1, "alpha": alpha, "beta": beta}
        tables.append(pd.DataFrame(dict(zip(by, values)) | columns))
    return pd.concat(tables, ignore_index=True)


def half_means(rates: pd.DataFrame, keys: list[str], half: int) -> pd.DataFrame:
    """Learning rate in each half of the session: keys, half (1 or 2), alpha (mean over windows inside it), sd."""
    inside = rates[(rates["last"] <= half) | (rates["first"] > half)]
    numbered = inside.assign(half=np.where(inside["first"] > half, 2, 1))
    return numbered.groupby([*keys, "half"], sort=False)["alpha"].agg(alpha="mean", sd="std").reset_index()


def fit_windows(arrays: dict[str, np.ndarray], length: int, step: int) -> tuple[np.ndarray, np.ndarray]:
    """Fit all windows at once: for each alpha the best beta (concave), then the best alpha.

    Args:
        arrays: the columns `COLUMNS`, each (trial, session).
        length, step: see `learning_rates`.

    Returns:
        alpha and beta, each (window,).
    """
    choice, good_arm, *magnitudes = (arrays[name] for name in COLUMNS)
    sign = np.select([choice == LEFT, choice == RIGHT], [0.01, -0.01])  # to hundreds of points, towards the choice
    left, right = ((sign * magnitude).astype(np.float32) for magnitude in magnitudes)
    beta = np.zeros((len(choice) - length) // step + 1)
    profile, betas = np.empty((2, len(ALPHAS), len(beta)))
    for i, rho in enumerate(traces(good_arm, ALPHAS.astype(np.float32))):
        towards = rho * left - (1 - rho) * right
        windows = sliding_window_view(towards, length, axis=0)[::step]  # (window, session, trial of it)
        windows = np.ascontiguousarray(windows).reshape(len(beta), -1)
        betas[i], profile[i] = beta, log_likelihood = _best_beta(windows, beta, NEWTON_STEPS if i else 20)
    return _refine(profile, betas)


def _best_beta(towards: np.ndarray, beta: np.ndarray, steps: int) -> tuple[np.ndarray, np.ndarray]:
    """Newton's method from a first guess: best inverse temperature, at least 0, and the log likelihood there.

    Args:
        towards: (window, choice) difference in expected reward, positive in favour of the choice made.
        beta: (window,) first guess.
        steps: of Newton's method; each at most doubles beta (and adds 2), because far steps can overshoot.
    """
    for _ in range(steps):
        miss = towards * expit(-beta.astype(np.float32)[:, None] * towards)  # slope of each log likelihood
        slope = miss.sum(1, dtype=np.float64)
        curvature = (miss * (towards - miss)).sum(1, dtype=np.float64)
        beta = np.clip(beta + slope / np.maximum(curvature, 1e-9), beta / 2, np.minimum(2 * beta + 2, BETA_MAX))
    return beta, log_expit(beta.astype(np.float32)[:, None] * towards).sum(1, dtype=np.float64)


def _refine(profile: np.ndarray, betas: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Best learning rate of each window, and the inverse temperature at the best grid point.

    The rate is the top of the parabola through the best grid point and its neighbours, in the square root of alpha, in
    which the grid is even.

    Args:
        profile, betas: (alpha, window) log likelihood at the best beta, and that beta.
    """
    window = np.arange(profile.shape[1])
    best = profile.argmax(0)
    middle = np.clip(best, 1, len(ALPHAS) - 2)
    below, top, above = (profile[middle + i, window] for i in (-1, 0, 1))
    bend = below - 2 * top + above
    shift = np.where(bend < 0, (below - above) / np.where(bend < 0, 2 * bend, 1), best - middle).clip(-1, 1)
    root = np.sqrt(ALPHAS)
    alpha = (root[middle] + shift * root[1]) ** 2
    return alpha, betas[best, window]
