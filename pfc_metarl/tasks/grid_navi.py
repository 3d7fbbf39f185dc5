"""GridNavi (Zintgraf et al. 2020, VariBAD): find a goal cell that nothing shows but the reward, in several episodes."""

from typing import NamedTuple

import numpy as np

from pfc_metarl.tasks.task import Task, require_counts

SIDE, CELLS = 5, 25
"""Of the grid; cells are numbered row by row from the lower left, where episodes begin."""
GOALS = [cell for cell in range(CELLS) if not (cell % SIDE < 2 and cell // SIDE < 2)]
"""Where the goal may be: anywhere but in the four cells at the start."""
AT_GOAL, ELSEWHERE = 1.0, -0.1
"""Reward of each step."""
STAY, UP, RIGHT, DOWN, LEFT = range(5)
"""Actions; moves against a wall lead nowhere."""


class Rules(NamedTuple):
    """What `see` and `act` are told."""

    horizon: int


def see(task, episode, trials, observation):  # type: ignore[no-untyped-def]
    """The cell, one-hot, and whether an (inner) episode begins."""
    observation[episode.at] = 1
    observation[CELLS] = episode.time % task.horizon == 0


def act(task, episode, trials, action):  # type: ignore[no-untyped-def]
    """Move; a step at the goal pays, any other costs."""
    now = trials[episode.time]
    inner, step = divmod(episode.time, task.horizon)
    x, y = episode.at % SIDE, episode.at // SIDE
    if action == UP:
        y = min(y + 1, SIDE - 1)
    elif action == DOWN:
        y = max(y - 1, 0)
    elif action == RIGHT:
        x = min(x + 1, SIDE - 1)
    elif action == LEFT:
        x = max(x - 1, 0)
    now.inner, now.choice, now.cell = inner + 1, action, SIDE * y + x
    now.reward = AT_GOAL if now.cell == episode.goal else ELSEWHERE
    episode.at = now.cell if step < task.horizon - 1 else 0
    return float(now.reward)


class GridNavi(Task):
    """A grid of 5 x 5 cells; each episode begins at the lower left, the goal is the same in all of them.

    Args:
        episodes: on one goal.
        horizon: steps of an episode.
    """

    name = "grid_navi"
    observations, actions = (CELLS + 1,), 5
    steps_per_trial, choice_step = 1, 0
    latents, commits = len(GOALS), CELLS
    episode_fields = [("goal", "i2"), ("at", "i2")]
    trial_fields = []
    outcome_fields = [("inner", "i4"), ("choice", "i1"), ("cell", "i2"), ("reward", "f4")]
    see, act = staticmethod(see), staticmethod(act)

    def __init__(self, episodes: int = 4, horizon: int = 15) -> None:
        require_counts(episodes=episodes, horizon=horizon)
        self.episodes, self.horizon = episodes, horizon
        self.trials, self.parameters = episodes * horizon, Rules(horizon)

    def draw(self, rng: np.random.Generator, episodes: np.ndarray, trials: np.ndarray) -> None:
        """The goal; see `Task`."""
        episodes["goal"] = rng.choice(GOALS, len(episodes))

    def latent(self, episodes: np.ndarray, trials: np.ndarray) -> np.ndarray:
        """The goal's number among `GOALS`; see `Task`."""
        return np.broadcast_to(np.searchsorted(GOALS, episodes["goal"])[..., None], trials.shape)
