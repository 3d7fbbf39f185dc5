"""Logistic regressions, subject by subject, that say when a subject's weights cannot be told."""

import warnings
from typing import NamedTuple

import numpy as np
import statsmodels.api as sm
from scipy.optimize import linprog

from pfc_metarl.errors import TableError

OK, SEPARATED, SINGULAR, TOO_FEW, UNSETTLED = "ok", "separated", "singular", "too few trials", "not settled"
"""What became of a fit (column `fit` of the tables)."""
FAR = 15.0
"""Log odds beyond which a fit is looked at twice; probabilities are then within 3e-7 of 0 or 1."""


class LogisticFit(NamedTuple):
    """Weights (log odds), their standard errors and p (Wald), each (regressor,); NaN unless `fit` is "ok"."""

    weights: np.ndarray
    errors: np.ndarray
    p: np.ndarray
    fit: str


def fit_logistic(regressors: np.ndarray, outcome: np.ndarray) -> LogisticFit:
    """Maximum likelihood, if it has a maximum.

    It has none where some weighting of the regressors, not always 0, tells all outcomes without a miss, or with ties
    alone (complete or quasi-complete separation, Albert & Anderson 1984): weights grow without bound, and where a
    program stops says nothing. Whether there is such a weighting is a linear program (Konis 2007), which is solved
    unless Newton's method has settled with all log odds within 15: then the maximum is found, hence exists.

    Args:
        regressors: (trial, regressor), the intercept among them.
        outcome: (trial,), 0 or 1.

    Returns:
        The fit: "ok"; "too few trials" (no more than regressors); "singular" (regressors that are linearly dependent,
        e.g. of a subject that was always rewarded); "separated"; or "not settled" (Newton's method went astray though
        there is a maximum). But for "ok" all weights are NaN.

    Raises:
        TableError: other outcomes, or not as many; regressors that are not finite.
    """
    if np.ndim(regressors) != 2:
        raise TableError("regressors must be (trial, regressor), an intercept of ones among them")
    trials, number = regressors.shape
    if len(outcome) != trials or not (np.isin(outcome, (0, 1)).all() and np.isfinite(regressors).all()):
        raise TableError(f"a regression needs {trials} outcomes of 0 or 1, and regressors without gaps")
    if trials <= number:
        return _untold(number, TOO_FEW)
    if np.linalg.matrix_rank(regressors) < number:
        return _untold(number, SINGULAR)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")  # what they say is said by `fit`
        try:
            result = sm.Logit(outcome, regressors).fit(disp=0)
            settled = result.mle_retvals["converged"]
        except np.linalg.LinAlgError:  # it ran to where the likelihood is flat
            settled = False
    near = settled and np.abs(regressors @ result.params).max() <= FAR
    if not near and separates(regressors, outcome):
        return _untold(number, SEPARATED)
    if not settled:
        return _untold(number, UNSETTLED)
    return LogisticFit(result.params, result.bse, result.pvalues, OK)


def separates(regressors: np.ndarray, outcome: np.ndarray) -> bool:
    """Is there a weighting of the regressors that tells the outcomes, be it with ties (but not ties alone)?

    There is none if and only if the trials' regressors, those of outcome 0 with a minus sign, balance when each is
    given some positive weight (Stiemke's lemma): weights 1 + extra, extra >= 0.
    """
    towards = np.where(outcome == 1, 1.0, -1.0)[:, None] * regressors / np.abs(regressors).max(axis=0)
    towards = np.unique(towards, axis=0)
    cost, options = np.zeros(len(towards)), {"presolve": False}  # which takes longer than the rest
    extra = linprog(cost, A_eq=towards.T, b_eq=-towards.sum(axis=0), bounds=(0, None), options=options)
    return extra.status != 0  # infeasible


def _untold(number: int, fit: str) -> LogisticFit:
    nothing = np.full(number, np.nan)
    return LogisticFit(nothing, nothing, nothing, fit)
