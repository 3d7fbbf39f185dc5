"""What hidden units say about volatility: decoding (Fig. 3b), and units that code it (Suppl. Fig. 5)."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from scipy import stats

from pfc_metarl.analysis.read_out import NO_PENALTY, decode, explained
from pfc_metarl.progress import progress

SIGNIFICANCE = 0.05
"""Before Bonferroni's correction for the number of units (Methods)."""
THRESHOLDS = np.logspace(-8, -1, 29)
"""Thresholds of p, uncorrected, for the share of units as a function of the threshold."""

COVARIATES = {
    "no covariates": (),
    "previous reward": (2,),
    "next action": (3,),
    "reward probability": (4,),
    "all covariates": (2, 3, 4),
}
"""Sets of regressors beside volatility, as places in `covariates`; the paper names all three."""


def decode_trace(hidden: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, float]:
    """Cross-validated multiple regression from hidden state to a trace, each episode's from the others'.

    Args:
        hidden: (episode, trial, unit) of one network.
        target: (episode, trial), e.g. the observer's expected volatility.

    Returns:
        The decoded trace (episode, trial), each episode's from a regression that has not seen it, and the share
        of the target's variance that it explains, over all held-out trials.
    """
    episodes, trials, units = hidden.shape
    groups = np.repeat(np.arange(episodes), trials)
    decoded = decode(hidden.reshape(-1, units), target.reshape(-1), groups, NO_PENALTY)
    return decoded.reshape(target.shape), float(explained(target.reshape(-1), decoded))


def decode_networks(
    states: Mapping[str, np.ndarray], target: np.ndarray, subjects: Sequence[int]
) -> tuple[dict[str, np.ndarray], pd.DataFrame]:
    """`decode_trace` for each network and group: states by group, each (network, episode, trial, unit).

    Returns:
        Decoded traces by group (network, episode, trial), and a table: group, subject, r2 (held out).
    """
    traces, rows = {}, []
    for group, of_networks in states.items():
        fits = [decode_trace(state, own) for state, own in zip(of_networks, target)]
        traces[group] = np.stack([trace for trace, _ in fits])
        rows += [{"group": group, "subject": subject, "r2": r2} for subject, (_, r2) in zip(subjects, fits)]
    return traces, pd.DataFrame(rows)


def mean_traces(trials: pd.DataFrame, observer: np.ndarray, decoded: np.ndarray) -> pd.DataFrame:
    """Estimated volatility over the episode, mean over episodes and networks.

    Args:
        trials: sorted table of all networks' trials, columns order and trial.
        observer, decoded: (network, episode, trial).

    Returns:
        Table: order, trial, observer, decoded.
    """
    table = trials[["order", "trial"]].assign(observer=observer.reshape(-1), decoded=decoded.reshape(-1))
    return table.groupby(["order", "trial"], sort=False).mean().reset_index()


def sample_episode(trials: pd.DataFrame, estimates: Mapping[str, np.ndarray]) -> pd.DataFrame:
    """The first episode that starts with left as the better arm, as in Fig. 3a and b.

    Args:
        trials: of one network and what the groups of `estimates` did on the same sessions.
        estimates: group to its estimated volatility, (session, trial).

    Returns:
        Table: group, trial, p_left, choice, good_arm, volatility.
    """
    starts_left = trials[(trials["trial"] == 1) & (trials["p_left"] >= 0.5)]
    session = (starts_left if len(starts_left) else trials)["session"].iloc[0]
    columns = ["group", "trial", "p_left", "choice", "good_arm"]
    here = trials.loc[trials["session"] == session, columns].set_index("group")
    tables = [here.loc[group].assign(volatility=estimate[session - 1]) for group, estimate in estimates.items()]
    return pd.concat(tables).reset_index()


def covariates(volatile: np.ndarray, reward: np.ndarray, choice: np.ndarray, p_left: np.ndarray) -> np.ndarray:
    """Regressors of a unit's activity at the moment of choice (Methods): all arguments are (episode, trial).

    The first trial is left out: it has no previous reward.

    Returns:
        (episode, trial - 1, regressor): intercept, true volatility (0 or 1), previous reward, next action (the
        choice about to be made), true reward probability of left.
    """
    columns = [np.ones_like(reward[:, 1:]), volatile[:, 1:], reward[:, :-1], choice[:, 1:], p_left[:, 1:]]
    return np.stack([column.astype(float) for column in columns], axis=-1)


def slope_tests(activity: np.ndarray, design: np.ndarray, column: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """One regressor's slope in an ordinary least-squares regression of every unit, and its two-sided p.

    Args:
        activity: (sample, unit).
        design: (sample, regressor).
        column: the regressor asked about.

    Returns:
        Slopes and p, (unit,); 0 and 1 where it cannot be told (the regressor does not vary apart from the others).
    """
    samples, regressors = design.shape
    slopes, _, rank, _ = np.linalg.lstsq(design, activity)
    if rank < regressors:
        return np.zeros(activity.shape[1]), np.ones(activity.shape[1])
    residual = activity - design @ slopes
    variance = np.square(residual).sum(0) / (samples - regressors)
    error = np.sqrt(variance * np.linalg.inv(design.T @ design)[column, column])
    t = np.divide(slopes[column], error, out=np.zeros_like(error), where=error > 0)
    return slopes[column], 2 * stats.t.sf(np.abs(t), samples - regressors)


def by_episode(hidden: np.ndarray, design: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Each unit's slope on volatility and its p, episode by episode: (episode, unit)."""
    slopes, p = zip(*(slope_tests(h[1:], x) for h, x in zip(hidden, design)))
    return np.stack(slopes), np.stack(p)


def p_by_trial(hidden: np.ndarray, design: np.ndarray) -> np.ndarray:
    """The same across episodes, trial by trial (Suppl. Fig. 5a): (trial - 1, unit)."""
    return np.stack([slope_tests(hidden[:, t + 1], design[:, t])[1] for t in range(design.shape[1])])


def share_of_units(p: np.ndarray, threshold: float | None = None) -> np.ndarray:
    """Share of units below the threshold: p (..., unit) -> (...); None: .05 over the number of units."""
    return (p < (SIGNIFICANCE / p.shape[-1] if threshold is None else threshold)).mean(-1)


def volatility_units(
    states: Mapping[str, np.ndarray], columns: Sequence[np.ndarray], subjects: Sequence[int]
) -> dict[str, pd.DataFrame]:
    """Share of units that code volatility, and the two panels of Supplementary Fig. 5.

    Args:
        states: by group (NETWORKS, UNTRAINED), each (network, episode, trial, unit).
        columns: arguments of `covariates`, each (network, episode, trial).
        subjects: one per network.

    Returns:
        Tables with the columns group and subject:
        volatility_units: share (mean over episodes), share_stable_first, share_volatile_first (over either order's);
        volatility_units_by_trial: trial (from 2), share (regressions across episodes);
        volatility_units_by_threshold: threshold, share.
    """
    tables: dict[str, list[pd.DataFrame]] = {name: [] for name in ("", "_by_trial", "_by_threshold")}
    for i, subject in enumerate(progress(subjects, "units that code volatility")):
        design = covariates(*(column[i] for column in columns))
        volatile_first = design[:, 0, 1] == 1
        for group, of_networks in states.items():
            _, p = by_episode(of_networks[i], design)
            share, over_time = share_of_units(p), share_of_units(p_by_trial(of_networks[i], design))
            by_order = pd.Series(share).groupby(volatile_first).mean().reindex([False, True])
            by_threshold = [share_of_units(p, threshold).mean() for threshold in THRESHOLDS]
            orders = {"share_stable_first": by_order[False], "share_volatile_first": by_order[True]}
            for ending, content in {
                "": {"share": [share.mean()], **orders},
                "_by_trial": {"trial": np.arange(2, len(over_time) + 2), "share": over_time},
                "_by_threshold": {"threshold": THRESHOLDS, "share": by_threshold},
            }.items():
                tables[ending].append(pd.DataFrame({"group": group, "subject": subject, **content}))
    return {f"volatility_units{ending}": pd.concat(parts, ignore_index=True) for ending, parts in tables.items()}


def share_of_one_sign(slopes: np.ndarray, p: np.ndarray) -> float:
    """Share of units that are significant with the sign that they have in other episodes, less those with the opposite.

    0 in the mean for units whose activity merely drifts: with time they go up in some episodes and down in others, or
    up in all, which with both orders of stable and volatile halves is both signs too.

    Args:
        slopes, p: (episode, unit); both orders among the even and among the odd episodes.
    """
    signs = np.sign(slopes) * (p < SIGNIFICANCE / p.shape[-1])
    halves = signs[::2].mean(0), signs[1::2].mean(0)
    return float(np.mean([np.sign(other) * half for half, other in (halves, halves[::-1])]))


def units_by_covariates(
    states: Mapping[str, np.ndarray], columns: Sequence[np.ndarray], subjects: Sequence[int]
) -> pd.DataFrame:
    """Share of units that "code volatility", by the covariates of the regression, and what slow activity gives of it.

    The regression takes trials to be independent; of units that change slowly many are significant for whatever
    changes slowly, such as volatility shifted by a quarter of the episode, round its end. (Units that drift are so less
    often for that than for a difference of halves; hence the share of one sign too.)

    Args:
        states, columns, subjects: see `volatility_units`.

    Returns:
        Table: group, subject, covariates (`COVARIATES`), share, share_shifted (means over episodes), share_of_one_sign
        (see there).
    """
    volatile, *others = columns
    shifted = np.roll(volatile, volatile.shape[-1] // 4, axis=-1)
    rows = []
    for i, subject in enumerate(progress(subjects, "units by covariates")):
        true, null = (covariates(course[i], *(column[i] for column in others)) for course in (volatile, shifted))
        for group, of_networks in states.items():
            for name, places in COVARIATES.items():
                slopes, p = by_episode(of_networks[i], true[..., [0, 1, *places]])
                _, p_null = by_episode(of_networks[i], null[..., [0, 1, *places]])
                rows.append({
                    "group": group, "subject": subject, "covariates": name, "share": share_of_units(p).mean(),
                    "share_shifted": share_of_units(p_null).mean(), "share_of_one_sign": share_of_one_sign(slopes, p),
                })  # fmt: skip
    return pd.DataFrame(rows)
