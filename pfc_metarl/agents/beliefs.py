"""What an ideal observer of behaviour believes: how likely each kind of instance (`Task.latent`) is, exactly."""

from collections.abc import Callable

import numpy as np

from pfc_metarl.agents.two_step import ModelBased
from pfc_metarl.errors import ConfigError
from pfc_metarl.tasks.bandit import PAIRS, Bandit
from pfc_metarl.tasks.grid_navi import AT_GOAL, CELLS, GOALS, GridNavi
from pfc_metarl.tasks.task import Task
from pfc_metarl.tasks.two_step import TwoStep


def ideal_beliefs(task: Task, trials: np.ndarray) -> np.ndarray:
    """Posterior probabilities before each trial, by all trials before it.

    Args:
        task: two-armed bandits of a pair of probabilities, the two-step task, GridNavi.
        trials: records of trials that were played (..., trial).

    Returns:
        (..., trial, kind)

    Raises:
        ConfigError: nobody knows of this task.
    """
    kinds: dict[type[Task], Callable[..., np.ndarray]] = {Bandit: _of_pair, TwoStep: _of_two_step, GridNavi: _of_grid}
    if type(task) not in kinds or (isinstance(task, Bandit) and task.distribution not in PAIRS):
        raise ConfigError(f"no exact belief is known for {task.name}")
    return kinds[type(task)](task, trials)


def _before(after: np.ndarray, first: float) -> np.ndarray:
    """What holds before each trial, from what holds after it."""
    return np.concatenate([np.full_like(after[..., :1], first), after[..., :-1]], -1)


def _of_pair(task: Bandit, trials: np.ndarray) -> np.ndarray:
    """That either arm is the better one: all outcomes count alike, for the arm that was pulled or the other."""
    low, high = PAIRS[str(task.distribution)]
    for_first = np.where((trials["choice"] == 0) == (trials["reward"] == 1), 1, -1)
    odds = _before(for_first.cumsum(-1), 0) * np.log(high / low)
    first = 1 / (1 + np.exp(-odds))
    return np.stack([first, 1 - first], -1)


def _of_two_step(task: TwoStep, trials: np.ndarray) -> np.ndarray:
    """That either state is the better one; see `ModelBased`."""
    planner = ModelBased(task.common_probability, task.reward_high, task.reward_low, task.switch_probability)
    flat = trials.reshape(-1, trials.shape[-1])
    first = np.empty(flat.shape)
    planner.start(len(flat))
    for t, now in enumerate(flat.T):
        first[:, t] = planner.belief
        rows = np.flatnonzero(now["valid"])
        planner.observe(rows, {name: now[name][rows].astype(int) for name in planner.learns_from})
        nothing = ~now["valid"]  # the planner stands still there; the states may swap all the same
        planner.belief[nothing] += task.switch_probability * (1 - 2 * planner.belief[nothing])
    return np.stack([first, 1 - first], -1).reshape(*trials.shape, 2)


def _of_grid(task: GridNavi, trials: np.ndarray) -> np.ndarray:
    """That each cell is the goal: all alike that have not been visited, until it is found."""
    cells = trials["cell"][..., None] == np.arange(CELLS)
    paid = trials["reward"][..., None] == np.float32(AT_GOAL)
    visited, found = (np.logical_or.accumulate(cells & at, axis=-2)[..., GOALS] for at in (~paid, paid))
    possible = np.where(found.any(-1, keepdims=True), found, ~visited)
    after = possible / possible.sum(-1, keepdims=True)
    return np.moveaxis(_before(np.moveaxis(after, -2, -1), 1 / len(GOALS)), -1, -2)
