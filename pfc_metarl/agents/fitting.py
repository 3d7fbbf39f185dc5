"""Reference agents fitted to somebody's choices by maximum likelihood."""

import numpy as np
import pandas as pd
from scipy.optimize import minimize_scalar
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
        The rate; NaN if there are fewer than two free choices or no reward, from which nothing can be learned.

    Raises:
        TableError: several subjects.
    """
    trials = check_trials(trials, "two_step")
    if len(trials[SUBJECT].drop_duplicates()) != 1:
        raise TableError("the learning rate is fitted to one subject: group the table by subject")
    if responses(trials).sum() < 2 or not trials["reward"].any():
        return float("nan")
    arrays, _ = session_arrays(ModelFree(), trials)

    def misfit(alpha: float) -> float:
        p = follow(ModelFree(learning_rate=alpha, inverse_temperature=1.0), arrays)["probability"]
        towards = logit(p[np.isfinite(p)])  # difference in value, positive in favour of the choice made
        return minimize_scalar(lambda beta: -log_expit(beta * towards).sum(), bounds=BETAS, method="bounded").fun

    best = min(range(len(ALPHAS)), key=[misfit(alpha) for alpha in ALPHAS].__getitem__)
    bounds = ALPHAS[max(best - 1, 0)], ALPHAS[min(best + 1, len(ALPHAS) - 1)]
    return float(minimize_scalar(misfit, bounds=bounds, method="bounded", options={"xatol": 1e-4}).x)
