"""What the network's state knows: cross-validated linear read-outs, and its first principal components."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from sklearn.decomposition import PCA
from sklearn.linear_model import LinearRegression, Ridge, RidgeCV
from sklearn.model_selection import GroupKFold, cross_val_predict

from pfc_metarl.errors import ConfigError
from pfc_metarl.progress import progress

MEAN, SD = "mean", "s.d."
"""Of the ideal observer's posterior: what is read out (column target)."""
FOLDS = 5
"""Of cross-validation (our choice)."""
BY_SAMPLE, BY_GROUP, NO_PENALTY = "by sample", "by group", "none"
"""How a penalty is chosen."""
PENALTIES = np.logspace(-3, 4, 8)
"""From which ridge regression chooses, within the training folds."""


def decode(states: np.ndarray, targets: np.ndarray, groups: np.ndarray, penalty: str = BY_SAMPLE) -> np.ndarray:
    """Held-out predictions of a linear read-out, each sample predicted from the other folds.

    Args:
        states: (sample, unit).
        targets: (sample,) or (sample, target).
        groups: (sample,), samples of a group (an episode) are held out together.
        penalty: of ridge regression, chosen by leaving out single samples (`BY_SAMPLE`), or groups (`BY_GROUP`): where
            groups have several samples, and these are few, it would else be one with which groups are recognised.
            `NO_PENALTY`: ordinary least squares, where there are many samples per unit.

    Returns:
        What is predicted, in the shape of `targets`.

    Raises:
        ConfigError: fewer groups than `FOLDS`, or states that are not finite.
    """
    if len(np.unique(groups)) < FOLDS or not np.isfinite(states).all():
        raise ConfigError(f"a read-out needs finite states of at least {FOLDS} groups (episodes)")
    outer, found = GroupKFold(FOLDS), np.empty(np.shape(targets))
    if penalty != BY_GROUP:
        model = RidgeCV(PENALTIES) if penalty == BY_SAMPLE else LinearRegression()
        return cross_val_predict(model, states, targets, groups=groups, cv=outer)
    for own, held_out in outer.split(states, targets, groups):
        model = Ridge(penalty_by_group(states[own], targets[own], groups[own]), solver="svd")
        found[held_out] = model.fit(states[own], targets[own]).predict(states[held_out])
    return found


def penalty_by_group(states: np.ndarray, targets: np.ndarray, groups: np.ndarray) -> float:
    """That of `PENALTIES` whose predictions of groups held out have the least mean square error, all targets together.

    Args: see `decode`.
    """
    each = targets.reshape(len(targets), -1)
    # every penalty has its own copy of the targets, so that all of them share one decomposition of the states
    model = Ridge(np.repeat(PENALTIES, each.shape[1]), solver="svd")
    copies = np.tile(each, len(PENALTIES))
    held_out = cross_val_predict(model, states, copies, groups=groups, cv=GroupKFold(FOLDS - 1))
    errors = np.square(held_out - copies).reshape(len(each), len(PENALTIES), -1).mean(axis=(0, 2))
    return PENALTIES[errors.argmin()]


def explained(targets: np.ndarray, decoded: np.ndarray) -> np.ndarray:
    """Share of each target's variance that held-out predictions explain; NaN for a target that does not vary.

    Args:
        targets, decoded: (sample, ...).

    Returns:
        (...); negative where predictions are worse than the mean.

    Raises:
        ConfigError: they differ in shape.
    """
    if np.shape(targets) != np.shape(decoded):
        raise ConfigError(f"targets and predictions differ in shape: {np.shape(targets)}, {np.shape(decoded)}")
    variance = np.square(targets - targets.mean(axis=0)).sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        r2 = 1 - np.square(targets - decoded).sum(axis=0) / variance
    return np.where(np.ptp(targets, axis=0) > 0, r2, np.nan)


def belief_read_out(
    states: Mapping[str, np.ndarray], beliefs: np.ndarray, subjects: Sequence[int], trials: Sequence[int]
) -> pd.DataFrame:
    """Held-out r2 of the ideal observer's posterior in the state of networks that play bandits.

    Args:
        states: by group (NETWORKS, UNTRAINED), each (network, episode, trial, unit).
        beliefs: posterior means of all arms, then their s.d.s: (network, episode, trial, target).
        subjects: one per network.
        trials: after how many trials these are.

    Returns:
        Table: group, subject, trial, target (mean, s.d.), arm, r2.
    """
    targets = [(target, arm) for target in (MEAN, SD) for arm in range(beliefs.shape[-1] // 2)]
    episodes = np.arange(beliefs.shape[1])
    rows = []
    for group, of_group in states.items():
        for k, subject in enumerate(progress(subjects, f"belief in {group}")):
            for i, trial in enumerate(trials):
                belief = beliefs[k, :, i]
                r2 = explained(belief, decode(of_group[k, :, i], belief, episodes))
                rows += [(group, subject, trial, *target, value) for target, value in zip(targets, r2)]
    return pd.DataFrame(rows, columns=["group", "subject", "trial", "target", "arm", "r2"])


def principal_components(hidden: np.ndarray, components: int = 2) -> tuple[np.ndarray, np.ndarray]:
    """Project states on their first principal components.

    Args:
        hidden: (..., unit).
        components: how many.

    Returns:
        (..., component), and the share of variance of each component. Signs are fixed so that each
        component's largest weight is positive.

    Raises:
        ConfigError: more components than units or states.
    """
    flat = hidden.reshape(-1, hidden.shape[-1])
    if components > min(flat.shape):
        raise ConfigError(f"components must be at most {min(flat.shape)}, the number of units or states")
    pca = PCA(components).fit(flat)
    axes = pca.components_
    signs = np.sign(axes[np.arange(components), np.abs(axes).argmax(axis=1)])
    return (pca.transform(flat) * signs).reshape(*hidden.shape[:-1], components), pca.explained_variance_ratio_
