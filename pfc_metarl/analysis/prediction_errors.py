"""Whose prediction errors are the network's: regression on those of reference agents (Fig. 5f, g)."""

import numpy as np
import pandas as pd
import statsmodels.formula.api as smf

from pfc_metarl.agents.fitting import fit_model_free
from pfc_metarl.agents.playing import replay
from pfc_metarl.agents.two_step import ModelBased, ModelFree
from pfc_metarl.dopamine import prediction_errors
from pfc_metarl.trials import require_columns

COLUMNS = [
    "subject", "r2_model_based", "slope_model_based", "r2_model_free_residual", "slope_model_free_residual",
    "weight_model_based", "p_model_based", "weight_model_free", "p_model_free", "r_references", "n",
]  # fmt: skip
RATES = (0.1, 0.5, 1.0)
"""Learning rates of model-free agents beside the fitted one."""
STEPS = 3
"""Of a trial of the two-step task."""
EVENTS = {"state": 1, "reward": 2}
"""After which of them the agents' prediction errors come; and one at which they expect nothing."""
CUE, BEFORE_CUE = "cue", 0


def network_errors(rewards: np.ndarray, values: np.ndarray, discount: float) -> np.ndarray:
    """Prediction errors of networks, by the step that they follow.

    Args:
        rewards, values: of whole episodes (network, episode, time).
        discount: gamma.

    Returns:
        (row of the trial table, step); NaN at an episode's end.
    """
    delta = prediction_errors(rewards, values, discount)
    return np.pad(delta, ((0, 0), (0, 0), (0, 1)), constant_values=np.nan).reshape(-1, STEPS)


def prediction_error_table(trials: pd.DataFrame, delta: np.ndarray, planner: ModelBased) -> pd.DataFrame:
    """Prediction errors of network and reference agents on the same trials, at both events.

    The model-free agent's learning rate is fitted to each network's choices (our choice); where it cannot be told, the
    agent keeps its usual one.

    Args:
        trials: the networks' trial table.
        delta: their errors, of `network_errors`.
        planner: the model-based agent.

    Returns:
        Table: subject, session, trial, event (state or reward), network, model_based, model_free, learning_rate.
    """
    planned = replay(planner, trials)
    rates = {subject: fit_model_free(own) for subject, own in trials.groupby("subject")}
    agents = {s: ModelFree() if np.isnan(rate) else ModelFree(rate) for s, rate in rates.items()}
    sarsa, events = pd.concat(replay(agents[s], own) for s, own in trials.groupby("subject")), []
    for event, step in EVENTS.items():
        table = trials[["subject", "session", "trial"]].assign(event=event, network=delta[:, step])
        events.append(table.assign(model_based=planned[f"at_{event}"], model_free=sarsa[f"at_{event}"]))
    table = pd.concat(events).dropna()  # invalid trials, and reward on an episode's last trial (no next value)
    used = {subject: agent.learning_rate for subject, agent in agents.items()}
    return table.assign(learning_rate=table["subject"].map(used)).reset_index(drop=True)


def errors_at_cue(trials: pd.DataFrame, delta: np.ndarray) -> pd.DataFrame:
    """Prediction errors at the choice cue of valid trials, where both reference agents expect none (arguments and
    columns as in `prediction_error_table`)."""
    told = trials[["subject", "session", "trial"]].assign(event=CUE, network=delta[:, BEFORE_CUE])
    return told.assign(model_based=0.0, model_free=0.0)[trials["valid"]].dropna()


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
