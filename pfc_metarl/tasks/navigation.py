"""2-D navigation (Finn et al. 2017): find a goal that nothing shows, by the distance to it, in several episodes."""

from typing import NamedTuple

import numpy as np

from pfc_metarl.tasks.task import Task, require_counts, uniform

STEP, NEAR, SPAN = 0.1, 0.01, 0.5
"""Largest move along either axis; how near along both axes ends an episode; goals lie up to so far from the origin."""


class Rules(NamedTuple):
    """What `see` and `act` are told."""

    horizon: int
    episodes: int


def see(task, episode, trials, observation):  # type: ignore[no-untyped-def]
    """Where one is, and whether an (inner) episode begins."""
    observation[0] = episode.x
    observation[1] = episode.y
    observation[2] = episode.time % task.horizon == 0


def act(task, episode, trials, action):  # type: ignore[no-untyped-def]
    """Move, and be paid minus the distance to the goal; nothing happens once it is reached, until the next episode."""
    now = trials[episode.time]
    inner, step = divmod(episode.time, task.horizon)
    now.inner = inner + 1
    if not episode.reached:
        episode.x += STEP * min(max(float(action[0]), -1.0), 1.0)
        episode.y += STEP * min(max(float(action[1]), -1.0), 1.0)
        away_x, away_y = episode.x - episode.goal_x, episode.y - episode.goal_y
        now.reward = -np.sqrt(away_x**2 + away_y**2)
        episode.reached = abs(away_x) < NEAR and abs(away_y) < NEAR
        now.valid = True
        if episode.reached and now.inner == task.episodes:
            episode.trials = episode.time + 1  # it ends here
    now.x, now.y = episode.x, episode.y
    if step == task.horizon - 1:
        episode.x, episode.y, episode.reached = 0.0, 0.0, False
    return float(now.reward)


class Navigation(Task):
    """A point that moves in the plane, from the origin in each of several episodes, with one goal in all of them.

    Actions are two numbers, of which -1 to 1 are moves of -.1 to .1 along x and y. An episode of `horizon` steps ends
    early within .01 of the goal along both axes: what is left of it passes without reward. Observation: x, y, and
    whether an episode begins.

    Args:
        episodes: on one goal.
        horizon: steps of an episode.
    """

    name = "navigation"
    observations, actions, continuous = (3,), 2, True
    steps_per_trial, choice_step = 1, 0
    episode_fields = [("goal_x", "f8"), ("goal_y", "f8"), ("x", "f8"), ("y", "f8"), ("reached", "?")]
    trial_fields = []
    outcome_fields = [("inner", "i4"), ("x", "f4"), ("y", "f4"), ("reward", "f4"), ("valid", "?")]
    see, act = staticmethod(see), staticmethod(act)

    def __init__(self, episodes: int = 1, horizon: int = 100) -> None:
        require_counts(episodes=episodes, horizon=horizon)
        self.trials = episodes * horizon
        self.parameters = Rules(horizon, episodes)

    def draw(self, rng: np.random.Generator, episodes: np.ndarray, trials: np.ndarray) -> None:
        """The goal; see `Task`."""
        goal = SPAN * (2 * uniform(rng, len(episodes), 2) - 1)
        episodes["goal_x"], episodes["goal_y"] = goal.T

    def again(self, rng: np.random.Generator, episodes: np.ndarray, trials: np.ndarray) -> None:
        """Nothing more is left to chance; see `Task`."""


def known_returns(goals: np.ndarray, horizon: int = 100) -> tuple[np.ndarray, np.ndarray]:
    """Returns between which whatever learns should lie: of standing still, and of going straight to a known goal.

    Args:
        goals: places (goal, 2).
        horizon: steps of an episode.

    Returns:
        Both (goal,).
    """
    told = []
    for largest in (0.0, STEP):
        left, earned, going = goals.copy(), np.zeros(len(goals)), np.ones(len(goals), bool)
        for _ in range(horizon):
            left -= np.clip(left, -largest, largest)
            earned -= going * np.linalg.norm(left, axis=1)
            going &= (np.abs(left) >= NEAR).any(axis=1)
        told.append(earned)
    return told[0], told[1]
