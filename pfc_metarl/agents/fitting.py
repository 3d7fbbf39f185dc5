"""Reference agents fitted to somebody's choices by maximum likelihood."""

import numpy as np
import pandas as pd
from scipy.optimize import minimize

from pfc_metarl.agents.playing import follow, session_arrays
from pfc_metarl.agents.two_step import ModelFree
from pfc_metarl.trials import check_trials


def fit_model_free(trials: pd.DataFrame) -> float:
    """SARSA(0)'s learning rate by maximum likelihood of the first choices, with a free inverse temperature.

    Args:
        trials: trial table of the two-step task, of one subject.
    """
    arrays, _ = session_arrays(ModelFree(), check_trials(trials, "two_step"))

    def negative_log_likelihood(parameters: np.ndarray) -> float:
        alpha, beta = parameters
        agent = ModelFree(learning_rate=alpha, inverse_temperature=beta)
        return -np.nansum(np.log(follow(agent, arrays)["probability"]))

    fit = minimize(negative_log_likelihood, x0=[0.5, 3.0], bounds=[(0.01, 1.0), (0.0, 50.0)], method="L-BFGS-B")
    return float(fit.x[0])
