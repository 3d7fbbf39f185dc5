"""Reference agents fitted to somebody's choices by maximum likelihood."""

import numpy as np
import pandas as pd
from scipy.optimize import OptimizeResult, minimize_scalar
from scipy.special import log_expit, logit

from pfc_metarl.agents.playing import follow, session_arrays
from pfc_metarl.agents.two_step import ModelFree
from pfc_metarl.errors import TableError
from pfc_metarl.trials import SUBJECT, check_trials, responses

ALPHAS = np.linspace(0.01, 1, 21)
"""Learning rates that are tried."""
BETAS = (0.0, 50.0)
"""Range of the inverse temperature."""


def fit_model_free(trials: pd.DataFrame) -> float:
    """SARSA(0)'s learning rate by maximum likelihood of the first choices, with a free inverse temperature.

    Values do not depend on the temperature: for each rate its best one is found without playing again. Since the
    likelihood of the rates may have several tops, the best of a grid is refined between its neighbours.

    Args:
        trials: trial table of the two-step task, of one subject.

    Returns:
        The rate. NaN where it cannot be told: fewer than two free choices, no reward, choices that have nothing to do
        with values (the best temperature's inverse is 0) or that values separate (it is the largest).

    Raises:
        TableError: several subjects.
    """
    trials = check_trials(trials, "two_step")
    if len(trials[SUBJECT].drop_duplicates()) != 1:
        raise TableError("the learning rate is fitted to one subject: group the table by subject")
    if responses(trials).sum() < 2 or not trials["reward"].any():
        return float("nan")
    arrays, _ = session_arrays(ModelFree(), trials)

    def best(alpha: float) -> OptimizeResult:
        p = follow(ModelFree(learning_rate=alpha, inverse_temperature=1.0), arrays)["probability"]
        towards = logit(p[np.isfinite(p)])  # difference in value, positive in favour of the choice made
        return minimize_scalar(lambda beta: -log_expit(beta * towards).sum(), bounds=BETAS, method="bounded")

    tried = [best(alpha).fun for alpha in ALPHAS]
    top = int(np.argmin(tried))
    bounds = ALPHAS[max(top - 1, 0)], ALPHAS[min(top + 1, len(ALPHAS) - 1)]
    options = {"xatol": 1e-4}
    alpha = minimize_scalar(lambda alpha: best(alpha).fun, bounds=bounds, method="bounded", options=options).x
    beta = best(alpha).x
    return float(alpha) if BETAS[0] + 1e-3 < beta < BETAS[1] - 1e-3 else float("nan")
