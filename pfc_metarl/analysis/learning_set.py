"""Learning to learn: accuracy by trial within the episode, and how it grows along the training (Fig. 6)."""

import numpy as np
import pandas as pd
from scipy.optimize import least_squares
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression, RidgeCV
from sklearn.metrics import r2_score
from sklearn.model_selection import cross_val_predict, cross_val_score

STRETCHES = ["1st", "2nd", "3rd", "4th", "5th", "6th"]
"""The six quantiles of Fig. 6c between the two change points, in order."""
CHANCE = 50.0


def accuracy_by_trial(trials: pd.DataFrame) -> pd.DataFrame:
    """Table: condition, subject, trial, accuracy (% of all trials, choices not made count as wrong), n.

    Args:
        trials: columns condition, subject, trial, correct.
    """
    groups = trials.groupby(["condition", "subject", "trial"], sort=False)["correct"]
    return groups.agg(accuracy=lambda correct: 100 * correct.mean(), n="size").reset_index()


def performance(accuracy: np.ndarray) -> np.ndarray:
    """Mean accuracy over an episode on the paper's scale: 50 % is random choice, 100 % the optimum.

    The optimum knows nothing on the first trial and everything after it.

    Args:
        accuracy: (..., trial), fractions.
    """
    trials = accuracy.shape[-1]
    optimum = (0.5 + (trials - 1)) / trials
    return CHANCE + (100 - CHANCE) * (accuracy.mean(-1) - 0.5) / (optimum - 0.5)


def _flat_ramp_flat(parameters: np.ndarray, x: np.ndarray) -> np.ndarray:
    first, width, low, high = parameters
    return np.interp(x, [first, first + width], [low, high])


def change_points(x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """Where a learning curve leaves its first level and where it reaches its last.

    The paper names two change points (above chance, approaching ceiling) but no procedure. Our choice: the
    least-squares fit of a level, a ramp and a level; the change points are the ends of the ramp. The fit is
    begun from every tenth and twentieth of the range, since its error has several minima.

    Args:
        x: episodes, increasing. y: performance at each.
    """
    span = x[-1] - x[0]
    smallest = span / len(x)
    lower, upper = [x[0], smallest, -np.inf, -np.inf], [x[-1], span, np.inf, np.inf]
    fits = [
        least_squares(
            lambda p: _flat_ramp_flat(p, x) - y, [x[0] + at * span, width * span, y[0], y[-1]], bounds=(lower, upper),
            x_scale=[span, span, 1, 1],
        )
        for at in np.arange(0.05, 0.95, 0.1)
        for width in (0.05, 0.2, 0.5)
    ]  # fmt: skip
    first, width, *_ = min(fits, key=lambda fit: fit.cost).x
    return float(first), float(min(first + width, x[-1]))


def stretches_of_learning(learning: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Accuracy by trial in six stretches of equal gain between each network's two change points.

    The fitted curve is a straight ramp between the change points, so that equal steps of performance are equal
    stretches of training; the accuracy of each trial is interpolated linearly and averaged over the stretch.

    Args:
        learning: seed, episode, trial, correct (mean of the stretch of training that ends at the episode).

    Returns:
        Change points: subject, above_chance, at_ceiling (episodes; NaN for curves of fewer than 5 points).
        Stretches: subject, stretch, trial, accuracy (%).
    """
    points, rows = [], []
    for seed, own in learning.groupby("seed"):
        curve = own.pivot(index="episode", columns="trial", values="correct")
        x = curve.index.to_numpy(float)
        if len(x) < 5:
            points.append((seed, np.nan, np.nan))  # too short to tell
            continue
        first, last = change_points(x, performance(curve.to_numpy()))
        points.append((seed, first, last))
        edges = np.linspace(first, last, len(STRETCHES) + 1)
        for name, start, end in zip(STRETCHES, edges, edges[1:]):
            within = np.linspace(start, end, 21)
            rows += [(seed, name, t, 100 * np.interp(within, x, curve[t]).mean()) for t in curve.columns]
    return (
        pd.DataFrame(points, columns=["subject", "above_chance", "at_ceiling"]),
        pd.DataFrame(rows, columns=["subject", "stretch", "trial", "accuracy"]),
    )


def components_by_trial(hidden: np.ndarray, choice: np.ndarray, subject: int) -> pd.DataFrame:
    """The first two principal components of the hidden state at the choice, by trial and chosen side.

    Args:
        hidden: (episode, trial, unit), one network. choice: (episode, trial), 0 left, 1 right, -1 none.
        subject: name of the network.

    Returns:
        Table: subject, component, explained (share of the variance), trial, choice, mean, sd (over episodes).
    """
    pca = PCA(2, svd_solver="full")
    scores = pca.fit_transform(hidden.reshape(-1, hidden.shape[-1])).reshape(*hidden.shape[:2], 2)
    rows = []
    for c, share in enumerate(pca.explained_variance_ratio_):
        for trial in range(hidden.shape[1]):
            for side in (0, 1):
                own = scores[choice[:, trial] == side, trial, c]
                if len(own):
                    rows.append((subject, c + 1, share, trial + 1, side, own.mean(), own.std()))
    return pd.DataFrame(rows, columns=["subject", "component", "explained", "trial", "choice", "mean", "sd"])


def object_code(hidden: np.ndarray, rewarded: np.ndarray, subject: int) -> pd.DataFrame:
    """How well the hidden state at fixation, with no object in view, tells which object is rewarded.

    Ridge regression from the units to the rewarded object's features, new episodes predicted (five-fold
    cross-validation); r2 is 0 if the network knows nothing, as before the first choice.

    Args:
        hidden: (episode, trial, unit), one network.
        rewarded: (episode, feature).
        subject: name of the network.

    Returns:
        Table: subject, trial, r2 (mean over features).
    """
    rows = []
    for trial in range(hidden.shape[1]):
        predicted = cross_val_predict(RidgeCV(np.logspace(-3, 4, 8)), hidden[:, trial], rewarded, cv=5)
        rows.append((subject, trial + 1, r2_score(rewarded, predicted)))
    return pd.DataFrame(rows, columns=["subject", "trial", "r2"])


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
