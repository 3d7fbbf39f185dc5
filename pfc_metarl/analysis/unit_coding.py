"""What single units code: partial correlations with task factors."""

import numpy as np
import pandas as pd
from scipy import stats


def partial_correlations(units: np.ndarray, factors: pd.DataFrame, ranks: bool = True) -> pd.DataFrame:
    """Partial correlation of each unit with each factor, the other factors held constant.

    Args:
        units: (trial, unit).
        factors: a column per factor, a row per trial.
        ranks: Spearman's, on ranks (the paper's Methods); else Pearson's (the caption of its Fig. 2e).

    Returns:
        Table: unit, factor, r, p (two-sided t test).
    """
    x = factors.to_numpy(float)
    if ranks:
        x, units = stats.rankdata(x, axis=0), stats.rankdata(units, axis=0)
    n, k = x.shape
    tables = []
    for j, factor in enumerate(factors.columns):
        others = np.column_stack([np.ones(n), np.delete(x, j, axis=1)])
        both = np.column_stack([x[:, j], units])
        left = both - others @ np.linalg.lstsq(others, both, rcond=None)[0]
        left /= np.linalg.norm(left, axis=0)
        r = left[:, 0] @ left[:, 1:]
        degrees = n - 2 - (k - 1)
        t = r * np.sqrt(degrees / (1 - r**2))
        p = 2 * stats.t.sf(np.abs(t), degrees)
        tables.append(pd.DataFrame({"unit": np.arange(len(r)), "factor": factor, "r": r, "p": p}))
    return pd.concat(tables, ignore_index=True)
