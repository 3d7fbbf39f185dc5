"""What single units code: partial correlations with task factors (Fig. 2e)."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy import stats

from pfc_metarl.analysis.matching import choice_values, history_regression, steady_state
from pfc_metarl.errors import ConfigError, TableError
from pfc_metarl.progress import progress
from pfc_metarl.trials import check_trials, made_validly, previous, sessions_of

ACTION, REWARD, PRODUCT, VALUE = "action", "reward", "action x reward", "value"
FACTORS = (ACTION, REWARD, PRODUCT, VALUE)
"""What a unit may code at fixation, in the order of Fig. 2e: the last action, the last reward, and choice value."""
UPCOMING = "upcoming action"
"""A fifth factor, not in the paper's figure, whose caption says that it is coded by most units, and strongly."""
SPEARMAN, PEARSON = "spearman", "pearson"
"""On ranks (the paper's Methods), or on the numbers themselves (the caption of its Fig. 2e)."""


def partial_correlations(units: np.ndarray, factors: pd.DataFrame, method: str = SPEARMAN) -> pd.DataFrame:
    """Partial correlation of each unit with each factor, the other factors held constant.

    Args:
        units: (trial, unit).
        factors: a column per factor, a row per trial.
        method: SPEARMAN or PEARSON.

    Returns:
        Table: unit, factor, r, p (two-sided t test); NaN with too few trials, for a factor that the others tell, and
        for a unit that does not change or is told by them.

    Raises:
        ConfigError: another method; factors with gaps, or not as many as trials.
    """
    if method not in (SPEARMAN, PEARSON):
        raise ConfigError(f"method must be {SPEARMAN} or {PEARSON}, not {method}")
    x = factors.to_numpy(float)
    if len(units) != len(x) or not np.isfinite(x).all():
        raise ConfigError("factors must have as many rows as there are trials of the units, without gaps")
    if method == SPEARMAN:
        x, units = stats.rankdata(x, axis=0), stats.rankdata(units, axis=0)
    n, k = x.shape
    degrees = n - 2 - (k - 1)
    tables = []
    for j, factor in enumerate(factors.columns):
        r = _partial(x[:, j], np.delete(x, j, axis=1), units) if degrees > 0 else np.full(units.shape[1], np.nan)
        with np.errstate(divide="ignore"):
            t = r * np.sqrt(degrees / (1 - r**2)) if degrees > 0 else r
        p = 2 * stats.t.sf(np.abs(t), degrees)
        tables.append(pd.DataFrame({"unit": np.arange(len(r)), "factor": factor, "r": r, "p": p}))
    return pd.concat(tables, ignore_index=True)


def _partial(factor: np.ndarray, others: np.ndarray, units: np.ndarray) -> np.ndarray:
    """Correlation of a factor (trial,) with each unit, less what the other factors (trial, factor) tell of both."""
    others = np.column_stack([np.ones(len(factor)), others])
    both = np.column_stack([factor, units])
    left = both - others @ np.linalg.lstsq(others, both, rcond=None)[0]
    size = np.linalg.norm(left, axis=0)
    left /= np.where(size > 1e-6 * np.linalg.norm(both, axis=0), size, np.nan)
    return left[:, 0] @ left[:, 1:]


def foraging_factors(
    trials: pd.DataFrame, lags: int, back: int = 1, upcoming: bool = False
) -> tuple[pd.DataFrame, float]:
    """The factors at fixation on the steady-state trials of every other session, of one subject.

    The filters that give choice value are fitted on the sessions between (the first, the third ...). Value is the left
    choice's, as in the paper; right's is nearly its negative.

    Args:
        trials: a checked trial table of the foraging task, of one subject.
        lags: of the history regression.
        back: which trial's action and reward are told, 1: the last one; value is what it was at the next fixation.
        upcoming: the action to come as a fifth factor.

    Returns:
        Table: a column per factor, only the rows of `trials` that are used; and the correlation of the two values.
    """
    odd = sessions_of(trials).ngroup() % 2 == 0  # the first, the third ...
    if odd.all():
        raise TableError("the filters are fitted on every other session: one session is not enough")
    weights, even = history_regression(trials[odd], lags), trials[~odd]
    values = choice_values(even, weights)
    before = previous(even.assign(made=made_validly(even)), ["choice", "reward", "made"], back)
    if back > 1:
        values = previous(even.assign(**values), list(values), back - 1)
    action = 2.0 * before["choice"] - 1
    columns = (action, before["reward"], action * (2 * before["reward"] - 1), values["left"])
    factors = pd.DataFrame(dict(zip(FACTORS, columns)))
    use = steady_state(even) & (before["made"] == True) & factors.notna().all(axis=1)  # noqa: E712 (NaN)
    if upcoming:
        factors[UPCOMING] = 2.0 * even["choice"] - 1
        use &= made_validly(even)
    return factors[use], values.loc[use, "left"].corr(values.loc[use, "right"])


def unit_coding(
    trials: pd.DataFrame, states: Mapping[str, np.ndarray], lags: int, back: int = 1, upcoming: bool = False
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Partial correlations of every unit at fixation with last action, last reward, their product and choice value.

    Args:
        trials: trial table of networks at the foraging task.
        states: hidden states at each trial's fixation, (trial, unit) in the table's rows, by group (NETWORKS;
            UNTRAINED: of the same networks before training that see the very same inputs).
        lags: of the history regression.
        back, upcoming: which factors; see `foraging_factors`.

    Returns:
        Table: group, subject, unit, factor, method (spearman, pearson), r, p; and table: subject, r of the two values.
    """
    tables, correlations = [], []
    for subject, own in progress(check_trials(trials, "foraging").groupby("subject", sort=False), "units that code"):
        factors, r = foraging_factors(own, lags, back, upcoming)
        for group, of_group in states.items():
            for method in (SPEARMAN, PEARSON):
                table = partial_correlations(of_group[factors.index], factors, method)
                tables.append(table.assign(group=group, subject=subject, method=method))
        correlations.append((subject, r))
    coding = pd.concat(tables, ignore_index=True)[["group", "subject", "unit", "factor", "method", "r", "p"]]
    return coding, pd.DataFrame(correlations, columns=["subject", "r"])
