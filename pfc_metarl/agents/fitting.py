"""Reference agents fitted to somebody's choices by maximum likelihood."""

import numpy as np
import pandas as pd
from scipy.optimize import minimize

from pfc_metarl.agents.playing import follow, session_arrays
from pfc_metarl.agents.two_step import ModelFree
from pfc_metarl.errors import TableError
from pfc_metarl.trials import SUBJECT, check_trials, responses


def fit_model_free(trials: pd.DataFrame) -> float:
    """SARSA(0)'s learning rate by maximum likelihood of the first choices, with a free inverse temperature.

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

    def negative_log_likelihood(parameters: np.ndarray) -> float:
        alpha, beta = parameters
        agent = ModelFree(learning_rate=alpha, inverse_temperature=beta)
        return -np.nansum(np.log(follow(agent, arrays)["probability"]))

    bounds = [(0.01, 1.0), (0.0, 50.0)]
    starts = [[alpha, 3.0] for alpha in (0.5, 0.05, 0.95)]  # the likelihood may have several tops
    fits = [minimize(negative_log_likelihood, start, bounds=bounds, method="L-BFGS-B") for start in starts]
    return float(min(fits, key=lambda fit: fit.fun).x[0])
