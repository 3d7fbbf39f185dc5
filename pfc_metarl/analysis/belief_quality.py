"""How good a belief is that somebody holds, beside the ideal observer's."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.special import rel_entr

from pfc_metarl.analysis.read_out import BY_GROUP, decode, explained
from pfc_metarl.progress import progress


def divergence(ideal: np.ndarray, held: np.ndarray) -> np.ndarray:
    """Kullback and Leibler's divergence of beliefs that are held from the ideal observer's, in nats.

    Args:
        ideal, held: probabilities (..., kind).

    Returns:
        (...)
    """
    return rel_entr(ideal, np.maximum(held, 1e-12)).sum(axis=-1)


def read_out_of_beliefs(states: np.ndarray, ideal: np.ndarray, subjects: Sequence[int], every: int = 1) -> pd.DataFrame:
    """Held-out share of the ideal observer's beliefs that a linear read-out of the state tells.

    Args:
        states: (network, episode, trial, unit).
        ideal: (network, episode, trial, kind).
        subjects: one per network.
        every: take each such trial.

    Returns:
        Table: subject, r2 (of all kinds together: the variance that is told, over all of it; NaN where none varies).
    """
    rows = []
    for subject, state, belief in zip(progress(subjects, "belief"), states[:, :, ::every], ideal[:, :, ::every]):
        flat, targets = state.reshape(-1, state.shape[-1]), belief.reshape(-1, belief.shape[-1])
        episodes = np.repeat(np.arange(len(state)), state.shape[1])
        told = decode(flat, targets, episodes, BY_GROUP)
        variance = targets.var(axis=0) * (np.ptp(targets, axis=0) > 0)
        share = (np.nan_to_num(explained(targets, told)) * variance).sum()
        rows.append((subject, share / variance.sum() if variance.any() else np.nan))
    return pd.DataFrame(rows, columns=["subject", "r2"])
