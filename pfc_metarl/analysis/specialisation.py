"""Is a part of a network there for one of two contexts? By when it is active, and by what is lost without it."""

import numpy as np
from scipy.special import entr

SHUFFLES = 50
"""Times that contexts are shuffled among episodes."""


def information(active: np.ndarray, contexts: np.ndarray) -> np.ndarray:
    """Mutual information of context and whether a part is active, all trials together.

    Args:
        active: truth values (episode, trial, part).
        contexts: 0 or 1 (episode,), both to be found.

    Returns:
        Bits (part,).
    """
    share = np.array([(contexts == c).mean() for c in (0, 1)])[:, None]
    p = np.stack([active[contexts == c].mean(axis=(0, 1)) for c in (0, 1)])  # (context, part)
    return entropy((share * p).sum(axis=0)) - (share * entropy(p)).sum(axis=0)


def entropy(p: np.ndarray) -> np.ndarray:
    """Of truth values that hold with probability p; bits."""
    return (entr(p) + entr(1 - p)) / np.log(2)


def losses_by_context(losses: np.ndarray, contexts: np.ndarray) -> np.ndarray:
    """Mean loss without each part, in either context: (context, part), of losses (episode, part)."""
    return np.stack([losses[contexts == c].mean(axis=0) for c in (0, 1)])


def specialisation(losses: np.ndarray, contexts: np.ndarray) -> float:
    """How unlike the losses in both contexts are: the sizes of d_1 - d_2, over those of d_1 and d_2, summed over parts.

    Args:
        losses: without each part (episode, part).
        contexts: 0 or 1 (episode,), both to be found.

    Returns:
        0: every part is needed as much in both; 1: each part is needed in one context alone; NaN: none is needed.
    """
    first, second = losses_by_context(losses, contexts)
    whole = (np.abs(first) + np.abs(second)).sum()
    return float(np.abs(first - second).sum() / whole) if whole else float("nan")


def shuffled_contexts(contexts: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Contexts, shuffled among episodes, time after time: (shuffle, episode)."""
    return np.stack([rng.permutation(contexts) for _ in range(SHUFFLES)])
