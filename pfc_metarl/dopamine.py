"""Reward prediction errors, the model's dopamine."""

import numpy as np


def prediction_errors(rewards: np.ndarray, values: np.ndarray, discount: float) -> np.ndarray:
    """Temporal-difference errors delta_t = r_t + gamma V_{t+1} - V_t (Methods, simulations 3 and 4).

    delta_t is the error when the event after action t is seen: reward r_t and the next state, of value V_{t+1}.

    Args:
        rewards, values: (..., time); the last step has no next value, so no error.
        discount: gamma.

    Returns:
        (..., time - 1)
    """
    return rewards[..., :-1] + discount * values[..., 1:] - values[..., :-1]
