"""What is held in mind in Harlow's task: path of the state, code of the rewarded object, preference (Fig. 6)."""

from itertools import product

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score

from pfc_metarl.analysis.read_out import decode, explained, principal_components


def components_by_trial(hidden: np.ndarray, choice: np.ndarray, subject: int) -> pd.DataFrame:
    """The first two principal components of the hidden state at the choice, by trial and chosen side.

    Args:
        hidden: (episode, trial, unit), one network. choice: (episode, trial), 0 left, 1 right, -1 none.
        subject: name of the network.

    Returns:
        Table: subject, component, explained (share of the variance), trial, choice, mean, sd (over episodes).
    """
    scores, shares = principal_components(hidden)
    rows = []
    for c, trial, side in product(range(len(shares)), range(hidden.shape[1]), (0, 1)):
        own = scores[choice[:, trial] == side, trial, c]
        if len(own):
            rows.append((subject, c + 1, shares[c], trial + 1, side, own.mean(), own.std()))
    return pd.DataFrame(rows, columns=["subject", "component", "explained", "trial", "choice", "mean", "sd"])


def object_code(hidden: np.ndarray, rewarded: np.ndarray, subject: int) -> pd.DataFrame:
    """How well the hidden state at fixation, with no object in view, tells which object is rewarded.

    The rewarded object's features are read out, new episodes predicted; r2 is 0 if the network knows nothing, as
    before the first choice.

    Args:
        hidden: (episode, trial, unit), one network.
        rewarded: (episode, feature).
        subject: name of the network.

    Returns:
        Table: subject, trial, r2 (mean over features).
    """
    episodes = np.arange(len(rewarded))
    r2 = [explained(rewarded, decode(at_trial, rewarded, episodes)).mean() for at_trial in hidden.swapaxes(0, 1)]
    return pd.DataFrame({"subject": subject, "trial": np.arange(1, len(r2) + 1), "r2": r2})


def first_choice_preference(left: np.ndarray, right: np.ndarray, choice: np.ndarray) -> float:
    """Share of first choices, made when nothing is known, that a fixed linear preference among objects predicts.

    A network with such a preference need not remember the objects: one bit, whether the preferred one of the
    pair is the rewarded one, solves the task. Logistic regression, five-fold cross-validation; chance is .5.

    Args:
        left, right: (episode, feature), the objects of the first trial. choice: (episode,), 0 left, 1 right, -1 none.
    """
    made = choice >= 0
    if made.sum() < 10 or min(np.bincount(choice[made], minlength=2)) < 5:
        return np.nan  # not enough choices of both sides
    return float(cross_val_score(LogisticRegression(C=100), (right - left)[made], choice[made], cv=5).mean())
