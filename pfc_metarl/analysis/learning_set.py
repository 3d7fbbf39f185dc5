"""Learning to learn: accuracy by trial within the episode, and how it grows along the training (Fig. 6)."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.optimize import least_squares

from pfc_metarl.errors import ConfigError
from pfc_metarl.trials import (
    KEYS,
    SUBJECT,
    check_trials,
    made_validly,
    require_columns,
    require_counted_from_one,
    with_condition,
)

INTACT, RESET, REPLACED = "intact", "state reset", "replaced"
"""Conditions of the test: as trained; every trial begun like an episode; trained and tested on the control task, in
which the unrewarded object is another one on every trial.

For "state reset" the last reward and action are withheld too: otherwise networks stay a little above chance, since a
fixed preference between two objects, upheld or overturned by the last reward, is a memory as well.
"""
TRAINING_PICTURES, HELD_OUT_PICTURES = "training pictures", "held-out pictures"
"""The same from pixels, as trained, on the pictures of the training and on others; "state reset" is on the others."""
STRETCHES = ["1st", "2nd", "3rd", "4th", "5th", "6th"]
"""The six quantiles of Fig. 6c between the two change points, in order."""
CHANCE = 50.0


def accuracy_by_trial(trials: pd.DataFrame, by: Sequence[str] = ("condition",)) -> pd.DataFrame:
    """How often the rewarded object is chosen on each trial of an episode.

    Args:
        trials: a trial table of Harlow's task.
        by: columns that tell tests apart; sessions may be numbered anew in each.

    Returns:
        Table: columns of `by` (condition: "" if the table has none), group, subject, trial, accuracy (% of free trials;
        choices not made, or not valid, count as wrong), of_choices (% of the choices made), n (trials).
    """
    by = [by] if isinstance(by, str) else list(by)
    if not by:
        raise ConfigError("by must name a column that tells tests apart (condition, if there is a single test)")
    trials = with_condition(trials)
    require_columns(trials, by, "the table (by)")
    if set(by) & set(KEYS):
        raise ConfigError(f"by names columns besides {', '.join(KEYS)}, not {min(set(by) & set(KEYS))}")
    tests = trials.groupby(by, sort=False, observed=True, dropna=False)
    checked = pd.concat([check_trials(own, "harlow", needs=by) for _, own in tests], ignore_index=True)
    require_counted_from_one(checked)
    checked = checked[checked["free"]].assign(correct=checked["correct"] & checked["valid"])
    checked["of_choices"] = checked["correct"].where(made_validly(checked)).astype(float)
    checked = checked.sort_values("trial", kind="stable")
    groups = checked.groupby([*by, *SUBJECT, "trial"], observed=True)
    table = groups.agg(accuracy=("correct", "mean"), of_choices=("of_choices", "mean"), n=("correct", "size"))
    return table.assign(accuracy=100 * table["accuracy"], of_choices=100 * table["of_choices"]).reset_index()


def performance(accuracy: np.ndarray) -> np.ndarray:
    """Mean accuracy over an episode on the paper's scale: 50 % is random choice, 100 % the optimum.

    The optimum knows nothing on the first trial and everything after it.

    Args:
        accuracy: (..., trial), fractions.

    Raises:
        ConfigError: they are no fractions.
    """
    if not ((accuracy >= 0) & (accuracy <= 1) | np.isnan(accuracy)).all():
        raise ConfigError("accuracy must be fractions, between 0 and 1")
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
    begun from every tenth and twentieth of the range, since its error has several minima. A curve that rises by less
    than two standard deviations of what the fit leaves, or not at all, has none: both are NaN.

    Args:
        x: episodes, increasing. y: performance at each.

    Raises:
        ConfigError: x does not increase, or there are not as many y, or not all are finite.
    """
    if np.shape(x) != np.shape(y) or not (np.isfinite(x).all() and np.isfinite(y).all() and (np.diff(x) > 0).all()):
        raise ConfigError("a learning curve needs as many x as y, finite, and x increasing")
    if len(x) < 2:
        return np.nan, np.nan
    span = x[-1] - x[0]
    smallest = span / len(x)
    lower, upper = [x[0], smallest, -np.inf, -np.inf], [x[-1], span, np.inf, np.inf]
    fits = [
        least_squares(
            lambda p: _flat_ramp_flat(p, x) - y,
            [x[0] + at * span, max(width * span, smallest), y[0], y[-1]],
            bounds=(lower, upper),
            x_scale=[span, span, 1, 1],
        )
        for at in np.arange(0.05, 0.95, 0.1)
        for width in (0.05, 0.2, 0.5)
    ]
    best = min(fits, key=lambda fit: fit.cost)
    first, width, low, high = best.x
    if np.ptp(y) == 0 or high - low < 2 * np.sqrt(2 * best.cost / len(x)):
        return np.nan, np.nan
    return float(first), float(min(first + width, x[-1]))


def stretches_of_learning(learning: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Accuracy by trial in six stretches of equal gain between each network's two change points.

    The fitted curve is a straight ramp between the change points, so that equal steps of performance are equal
    stretches of training; the accuracy of each trial is interpolated linearly and averaged over the stretch.

    Args:
        learning: subject, episode, trial, correct (mean of the stretch of training that ends at the episode).

    Returns:
        Change points: subject, above_chance, at_ceiling (episodes; NaN for curves of fewer than 5 points,
        or that do not rise).
        Stretches: subject, stretch, trial, accuracy (%), of those that have them.
    """
    require_columns(learning, ["subject", "episode", "trial", "correct"], "the learning curves")
    points, rows = [], []
    for subject, own in learning.groupby("subject"):
        curve = own.pivot(index="episode", columns="trial", values="correct").dropna()  # some trial was never reached
        x = curve.index.to_numpy(float)
        if len(x) < 5:
            points.append((subject, np.nan, np.nan))  # too short to tell
            continue
        first, last = change_points(x, performance(curve.to_numpy()))
        points.append((subject, first, last))
        if np.isnan(first):
            continue  # it has not learned
        edges = np.linspace(first, last, len(STRETCHES) + 1)
        for name, start, end in zip(STRETCHES, edges, edges[1:]):
            within = np.linspace(start, end, 21)
            rows += [(subject, name, t, 100 * np.interp(within, x, curve[t]).mean()) for t in curve.columns]
    return (
        pd.DataFrame(points, columns=["subject", "above_chance", "at_ceiling"]),
        pd.DataFrame(rows, columns=["subject", "stretch", "trial", "accuracy"]),
    )
