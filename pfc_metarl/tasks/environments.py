"""Our tasks as Gymnasium environments: single, and many copies stepped by one compiled call.

Copy k of a vector environment whose seed is s meets what `play` meets with the generator np.random.default_rng(s + k),
and what a single environment meets with the seed s + k.
"""

from collections.abc import Sequence
from typing import Any

import gymnasium
import numpy as np
import pandas as pd
from gymnasium.spaces import Box, Discrete
from gymnasium.vector import AutoresetMode, VectorEnv, VectorWrapper
from gymnasium.vector.utils import batch_space

from pfc_metarl.errors import ConfigError
from pfc_metarl.tasks.episodes import Episodes
from pfc_metarl.tasks.task import Task
from pfc_metarl.trials import NETWORKS, trial_table

Space = Box | Discrete


def spaces(task: Task) -> tuple[Box, Space]:
    """What is seen of a task, and the actions that it takes: numbers lie between -1 and 1."""
    picture = task.observation_type is np.uint8
    low, high = (0, 255) if picture else (-np.inf, np.inf)
    seen = Box(low, high, task.observations, task.observation_type)
    return seen, Box(-1, 1, (task.actions,), np.float32) if task.continuous else Discrete(task.actions)


class TaskVectorEnv(VectorEnv):
    """Copies of a task, each with its own chances; all take a step in one call.

    An episode that has ended is followed by the next at the copy's next step, whatever the action (Gymnasium's mode
    NEXT_STEP). Episodes that never end are cut (truncated) where a stretch of them ends; the next goes on from there.

    Args:
        task: the task.
        num_envs: how many copies.
    """

    metadata = {"render_modes": [], "autoreset_mode": AutoresetMode.NEXT_STEP}

    def __init__(self, task: Task, num_envs: int = 1) -> None:
        self.task, self.num_envs = task, num_envs
        self.single_observation_space, self.single_action_space = spaces(task)
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self._generators = [np.random.default_rng() for _ in range(num_envs)]
        self._world = Episodes(task, num_envs, 1)
        self._ended = np.ones(num_envs, bool)

    def reset(
        self, *, seed: int | Sequence[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """Begin an episode in every copy.

        Args:
            seed: of the first copy, the others' follow; or one for each; None: their chances go on.
            options: none are known.
        """
        seeds = [seed + k for k in range(self.num_envs)] if isinstance(seed, int | np.integer) else seed
        if seeds is not None:
            told = zip(seeds, self._generators, strict=True)
            self._generators = [own if s is None else np.random.default_rng(s) for s, own in told]
            self._world = Episodes(self.task, self.num_envs, 1)
        self._begin(np.ones(self.num_envs, bool))
        return self._observation(), {}

    def step(self, actions: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, dict[str, Any]]:
        """Take an action in every copy.

        Returns:
            What is seen, rewards, whether an episode has ended, whether it was cut (copy, ...), and nothing more.

        Raises:
            ConfigError: no such actions.
        """
        anew, world = self._ended, self._world
        actions = self._checked(np.asarray(actions))
        if not anew.all():
            world.step(actions[:, None])
        rewards = np.where(anew, 0, world.reward[:, 0]).astype(np.float64)
        self._begin(anew)
        ended = world.records["over"][:, 0]
        cut = ~ended & self.task.continues & (world.records["time"][:, 0] >= self.task.steps)
        self._ended = ended | cut
        return self._observation(), rewards, ended.copy(), cut, {}

    def table(self, group: str = NETWORKS) -> pd.DataFrame:
        """The trial table of episodes that have ended with the last step; subject: number of the copy, from 1; session:
        its number among the copy's."""
        own, world = self._ended, self._world
        number, session = np.flatnonzero(own) + 1, world.began[own, 0]
        return trial_table(self.task.name, world.records[own, 0], world.trials[own, 0], number, session, group)

    def _observation(self) -> np.ndarray:
        return self._world.observation[:, 0].copy()

    def _begin(self, which: np.ndarray) -> None:
        """Begin the next episode of some copies; a stretch of one that never ends, of all."""
        if self.task.continues and which.any():
            self._world.begin(self._generators)
        elif which.any():
            for k in np.flatnonzero(which).tolist():
                self._world.begin_slot(k, 0, lambda copy, *_: self._generators[copy])
            self._world.look()
        self._ended = self._ended & ~which

    def _checked(self, actions: np.ndarray) -> np.ndarray:
        """The actions, if the task has them."""
        task, shape = self.task, self.action_space.shape
        numbers = np.issubdtype(actions.dtype, np.number)
        if task.continuous:
            if actions.shape == shape and numbers and np.isfinite(actions).all():
                return actions.astype(np.float32)
            raise ConfigError(f"actions of {task.name} are finite numbers of shape {shape}, not {actions}")
        known = actions.shape == shape and np.issubdtype(actions.dtype, np.integer)
        if known and (actions >= 0).all() and (actions < task.actions).all():
            return actions.astype(np.int64)
        raise ConfigError(f"actions of {task.name} are {self.num_envs} from 0 to {task.actions - 1}, not {actions}")


class TaskEnv(gymnasium.Env):
    """Episodes of a task, one after another.

    Args:
        task: the task.
    """

    metadata = {"render_modes": []}

    def __init__(self, task: Task) -> None:
        self.task, self._one = task, TaskVectorEnv(task)
        self.observation_space, self.action_space = spaces(task)
        self._begun = False

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[np.ndarray, dict]:
        """Begin an episode; see `TaskVectorEnv`."""
        super().reset(seed=seed)
        self._begun = True
        seen, told = self._one.reset(seed=seed)
        return seen[0], told

    def step(self, action: Any) -> tuple[np.ndarray, float, bool, bool, dict]:
        """Take an action; see `TaskVectorEnv`.

        Raises:
            gymnasium.error.ResetNeeded: no episode is going on.
        """
        if not self._begun:
            raise gymnasium.error.ResetNeeded("no episode is going on: call reset() first")
        seen, rewards, ended, cut, told = self._one.step(np.asarray(action)[None])
        self._begun = not (ended[0] or cut[0])
        return seen[0], float(rewards[0]), bool(ended[0]), bool(cut[0]), told

    def table(self, group: str = NETWORKS) -> pd.DataFrame:
        """The trial table of the episode that has just ended; see `TaskVectorEnv`."""
        return self._one.table(group)


class LastRewardAndAction(gymnasium.Wrapper):
    """Observation, last reward and last action (one-hot; none where an episode begins), as our networks see them.

    Args:
        env: an environment whose observations are rows of numbers.

    Raises:
        ConfigError: they are not.
    """

    def __init__(self, env: gymnasium.Env) -> None:
        super().__init__(env)
        self.observation_space = _longer(env.observation_space, env.action_space)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[np.ndarray, dict]:
        """Begin an episode."""
        seen, told = self.env.reset(seed=seed, options=options)
        return _joined(seen[None], np.zeros(1), _shown(self.env.action_space, None, 1))[0], told

    def step(self, action: Any) -> tuple[np.ndarray, Any, bool, bool, dict]:
        """Take an action."""
        seen, reward, *rest = self.env.step(action)
        shown = _shown(self.env.action_space, np.asarray(action)[None], 1)
        return _joined(seen[None], np.array([reward]), shown)[0], reward, *rest


class VectorLastRewardAndAction(VectorWrapper):
    """The same of a vector environment, whose episodes begin at the step after an end (NEXT_STEP).

    Args:
        env: see `LastRewardAndAction`.

    Raises:
        ConfigError: see `LastRewardAndAction`.
    """

    def __init__(self, env: VectorEnv) -> None:
        super().__init__(env)
        if env.metadata.get("autoreset_mode") != AutoresetMode.NEXT_STEP:
            raise ConfigError("episodes are to begin at the step after an end: autoreset_mode NEXT_STEP")
        self.single_observation_space = _longer(env.single_observation_space, env.single_action_space)
        self.observation_space = batch_space(self.single_observation_space, env.num_envs)
        self._ended = np.zeros(env.num_envs, bool)

    def reset(self, *, seed: Any = None, options: dict[str, Any] | None = None) -> tuple[np.ndarray, dict[str, Any]]:
        """Begin an episode in every copy."""
        seen, told = self.env.reset(seed=seed, options=options)
        self._ended = np.zeros(self.num_envs, bool)
        nothing = _shown(self.env.single_action_space, None, self.num_envs)
        return _joined(seen, np.zeros(self.num_envs), nothing), told

    def step(self, actions: Any) -> tuple[np.ndarray, Any, np.ndarray, np.ndarray, dict[str, Any]]:
        """Take an action in every copy."""
        seen, rewards, ended, cut, told = self.env.step(actions)
        shown = _shown(self.env.single_action_space, np.asarray(actions), self.num_envs)
        shown[self._ended] = 0
        joined = _joined(seen, np.where(self._ended, 0, rewards), shown)
        self._ended = ended | cut
        return joined, rewards, ended, cut, told


def _longer(seen: gymnasium.Space, actions: gymnasium.Space) -> Box:
    """The space of observation, last reward and last action."""
    if not isinstance(seen, Box) or len(seen.shape) != 1 or not isinstance(actions, Box | Discrete):
        raise ConfigError(f"last reward and action are put beside a row of numbers, not into {seen}")
    more = 1 + (int(actions.n) if isinstance(actions, Discrete) else actions.shape[0])
    low, high = (
        np.concatenate([edge, np.full(more, fill)]) for edge, fill in ((seen.low, -np.inf), (seen.high, np.inf))
    )
    return Box(low.astype(np.float32), high.astype(np.float32), dtype=np.float32)


def _shown(space: gymnasium.Space, actions: np.ndarray | None, copies: int) -> np.ndarray:
    """Actions as they are seen, zeros for none: (copy, action)."""
    if isinstance(space, Discrete):
        return np.zeros((copies, int(space.n))) if actions is None else np.eye(int(space.n))[actions - space.start]
    return np.zeros((copies, *(space.shape or ()))) if actions is None else np.array(actions)


def _joined(seen: np.ndarray, rewards: np.ndarray, shown: np.ndarray) -> np.ndarray:
    return np.concatenate([seen, rewards[:, None], shown], axis=1).astype(np.float32)
