"""What the network's state knows: cross-validated linear read-outs."""

import numpy as np
from sklearn.linear_model import RidgeCV
from sklearn.model_selection import KFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

FOLDS = 5


def read_out(hidden: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Held-out predictions of a linear read-out, each sample predicted from the other folds.

    Ridge regression, its penalty chosen within the training folds.

    Args:
        hidden: (sample, unit); one sample per episode, so that folds are independent.
        targets: (sample, target).

    Returns:
        (sample, target)
    """
    model = make_pipeline(StandardScaler(), RidgeCV(np.logspace(-3, 3, 7)))
    folds = KFold(FOLDS, shuffle=True, random_state=0)
    return cross_val_predict(model, hidden, targets, cv=folds)


def read_out_r2(hidden: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Share of each target's variance that the held-out read-out explains: (target,); NaN if it does not vary."""
    residual = targets - read_out(hidden, targets)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(np.ptp(targets, axis=0) > 0, 1 - residual.var(axis=0) / targets.var(axis=0), np.nan)
