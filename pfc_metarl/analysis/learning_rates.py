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

from pfc_metarl.agents.volatility import traces
from pfc_metarl.errors import ConfigError, TableError
from pfc_metarl.loops import F, kept, logistic
from pfc_metarl.tasks.task import LEFT, RIGHT, require_counts
from pfc_metarl.trials import NONE, SUBJECT, by_session, check_trials, responses, sessions_of

COLUMNS = ["choice", "good_arm", "magnitude_left", "magnitude_right"]
ALPHAS = np.linspace(0, 1, 61) ** 2
"""Grid of learning rates, finer where they are small; a parabola through the best three refines the estimate."""
BETA_MAX = 500.0
"""Largest inverse temperature, of magnitudes up to 100: choices that the model separates have no finite best one."""
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
        windows without a response; alpha also where choices have nothing to do with expected rewards (beta 0), or
        where it separates them, for then many learning rates do so (beta at its largest).

    Raises:
        TableError: sessions of different lengths, or shorter than a window, or not all of one value of `by`.
        ConfigError: no columns in `by`; a length or step that is no whole number from 1.
    """
    require_counts(length=length, step=step)
    by = [by] if isinstance(by, str) else list(by)
    if not by:
        raise ConfigError("by must name the columns whose combinations are fitted apart")
    trials = check_trials(trials, "volatility", needs=by)
    if (sessions_of(trials)[list(by)].nunique() > 1).any(axis=None):
        raise TableError(f"a session has several values of a column of by ({', '.join(by)}); it is fitted as a whole")
    trials = trials.assign(choice=trials["choice"].where(responses(trials), NONE))
    tables = []
    for values, own in trials.groupby(by, sort=False, observed=True):
        lengths = sessions_of(own).size()
        if lengths.nunique() > 1:
            raise TableError(
                f"subject {own['subject'].iloc[0]}: sessions have {lengths.min()} to {lengths.max()} trials; windows"
                " are fitted over sessions of equal length"
            )
        arrays, _ = by_session(own, COLUMNS)
        if len(arrays["choice"]) < length:
            raise TableError(f"sessions of {len(arrays['choice'])} trials are shorter than a window, {length}")
        told = sliding_window_view((arrays["choice"] != NONE).any(axis=1), length)[::step].any(axis=1)
        largest = max(arrays["magnitude_left"].max(), arrays["magnitude_right"].max())
        scale = 100 / largest  # to what BETA_MAX is meant for
        arrays |= {name: scale * arrays[name] for name in ("magnitude_left", "magnitude_right")}
        alpha, beta = (np.where(told, estimate, np.nan) for estimate in fit_windows(arrays, length, step))
        alpha = np.where((beta > 0) & (beta < BETA_MAX), alpha, np.nan)  # see above
        first = 1 + step * np.arange(len(alpha))
        columns = {"first": first, "last": first + length - 1, "alpha": alpha, "beta": beta * scale}
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
    profile, betas = np.empty((2, len(ALPHAS), (len(choice) - length) // step + 1))
    _fit(traces(good_arm, ALPHAS.astype(np.float32)), left, right, length, step, profile, betas)
    return _refine(profile, betas)


@kept
def _fit(rho, left, right, length, step, profile, betas):  # type: ignore[no-untyped-def]
    """Best inverse temperature of each learning rate and window, at least 0, and the log likelihood there.

    By Newton's method, each rate's from that of the one before; a step at most doubles beta (and adds 2), because far
    steps can overshoot.

    Args:
        rho: estimates that left is good (rate, trial, session).
        left, right: hundreds of points, positive towards the choice that was made, 0 without one (trial, session).
        length, step: of the windows.
        profile, betas: (rate, window), filled in.
    """
    sessions = left.shape[1]
    towards = np.empty((length, sessions), F)  # difference in expected reward, positive in favour of the choice made
    for window in range(betas.shape[1]):
        beta = 0.0
        for i in range(len(rho)):
            for t in range(length):
                at = window * step + t
                p, of_left, of_right, own = rho[i, at], left[at], right[at], towards[t]
                for s in range(sessions):
                    own[s] = p[s] * of_left[s] - (F(1) - p[s]) * of_right[s]
            for _ in range(NEWTON_STEPS if i else 20):
                slope, curvature = _slope(towards, F(beta))
                beta = min(max(beta + slope / max(curvature, 1e-9), beta / 2), min(2 * beta + 2, BETA_MAX))
            betas[i, window], profile[i, window] = beta, _log_likelihood(towards, F(beta))


@kept
def _slope(towards, beta):  # type: ignore[no-untyped-def]
    """Of the log likelihood by beta, and its curvature with a minus sign."""
    slope = curvature = 0.0
    for t in range(towards.shape[0]):
        own, of_slope, of_curvature = towards[t], F(0), F(0)
        for s in range(own.shape[0]):
            miss = own[s] * logistic(-beta * own[s])
            of_slope += miss
            of_curvature += miss * (own[s] - miss)
        slope, curvature = slope + float(of_slope), curvature + float(of_curvature)
    return slope, curvature


@kept
def _log_likelihood(towards, beta):  # type: ignore[no-untyped-def]
    """Sum of log logistic(z), which is min(z, 0) + log logistic(|z|): a product of numbers from 1/2 to 1 (in pieces
    that do not vanish) needs a single logarithm."""
    total = 0.0
    for t in range(towards.shape[0]):
        for begin in range(0, towards.shape[1], 64):
            own, product, below = towards[t, begin : begin + 64], F(1), F(0)
            for s in range(own.shape[0]):
                z = beta * own[s]
                product *= logistic(abs(z))
                below += min(z, F(0))
            total += below + np.log(product)
    return total


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
