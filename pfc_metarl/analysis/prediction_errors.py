"""Whose prediction errors are the network's: regression on those of reference agents (Fig. 5f, g)."""

import numpy as np
import pandas as pd
import statsmodels.formula.api as smf

from pfc_metarl.agents.playing import replay
from pfc_metarl.agents.two_step import ModelFree
from pfc_metarl.trials import require_columns

COLUMNS = [
    "subject", "r2_model_based", "slope_model_based", "r2_model_free_residual", "slope_model_free_residual",
    "weight_model_based", "p_model_based", "weight_model_free", "p_model_free", "r_references", "n",
]  # fmt: skip
RATES = (0.1, 0.5, 1.0)
"""Learning rates of model-free agents beside the fitted one."""


def compare_prediction_errors(errors: pd.DataFrame) -> pd.DataFrame:
    """Regress the networks' prediction errors on those of a model-based and a model-free agent.

    As in the paper: first on the model-based errors alone; then on what is left of the model-free errors
    after a regression on the model-based ones; then, to confirm, on both together.

    Args:
        errors: columns subject, network, model_based, model_free, one row per event; rows with gaps are left out.

    Returns:
        Table with a row per subject: r2_model_based and slope_model_based; r2_model_free_residual and
        slope_model_free_residual; weight_model_based, p_model_based, weight_model_free, p_model_free of the
        multiple regression (standardised); r_references, the correlation of the two agents' errors; n. NaN for a
        subject with too few events, or with errors that do not differ.

    Raises:
        TableError: missing columns.
    """
    columns = ["network", "model_based", "model_free"]
    require_columns(errors, ["subject", *columns], "the prediction errors")
    told = errors[np.isfinite(errors[columns]).all(axis=1)]
    rows = []
    for subject in errors["subject"].unique():
        own = told[told["subject"] == subject]
        if np.linalg.matrix_rank(own[columns[1:]].assign(one=1.0)) < 3 or own["network"].nunique() < 2 or len(own) < 4:
            rows.append({"subject": subject, "n": len(own)})
            continue
        own = own.assign(residual=model_free_residual(own))
        on_model_based = smf.ols("network ~ model_based", own).fit()
        on_residual = smf.ols("network ~ residual", own).fit()
        standardised = (own[columns] - own[columns].mean()) / own[columns].std()
        both = smf.ols("network ~ model_based + model_free", standardised).fit()
        rows.append(
            {
                "subject": subject,
                "r2_model_based": on_model_based.rsquared,
                "slope_model_based": on_model_based.params["model_based"],
                "r2_model_free_residual": on_residual.rsquared,
                "slope_model_free_residual": on_residual.params["residual"],
                "weight_model_based": both.params["model_based"],
                "p_model_based": both.pvalues["model_based"],
                "weight_model_free": both.params["model_free"],
                "p_model_free": both.pvalues["model_free"],
                "r_references": own["model_based"].corr(own["model_free"]),
                "n": len(own),
            }
        )
    return pd.DataFrame(rows, columns=COLUMNS)


def fits_by_rate(trials: pd.DataFrame, errors: pd.DataFrame) -> pd.DataFrame:
    """`compare_prediction_errors` with a model-free agent of each of `RATES`, the same for all networks.

    Args:
        trials: whose errors these are, a trial table of the two-step task.
        errors: columns subject, session, trial, event (state or reward), network, model_based.
    """
    tables, at = [], ["subject", "session", "trial"]
    for rate in RATES:
        sarsa = trials[at].join(replay(ModelFree(rate), trials))
        told = errors.drop(columns="model_free", errors="ignore").merge(
            pd.concat(sarsa[at].assign(event=event, model_free=sarsa[f"at_{event}"]) for event in ("state", "reward")),
            on=[*at, "event"],
        )
        tables.append(compare_prediction_errors(told).assign(learning_rate=rate))
    return pd.concat(tables, ignore_index=True)


def model_free_residual(errors: pd.DataFrame) -> pd.Series:
    """Model-free prediction errors less their regression on the model-based ones."""
    return smf.ols("model_free ~ model_based", errors).fit().resid
