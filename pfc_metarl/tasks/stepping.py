"""A task's own words, `see` and `act`, compiled: for one episode, for many, and for loops that know no task."""

from collections.abc import Callable
from functools import cache
from threading import Lock
from typing import Any

import numba
import numpy as np

from pfc_metarl.tasks.task import Task

_RECORDS = (numba.types.voidptr, numba.types.voidptr, numba.intp)
_SEEN, _ACTIONS, _REWARDS = numba.float32[:, ::1], numba.int64[::1], numba.float32[::1]
SEE, STEP = numba.boolean(*_RECORDS, _SEEN), numba.boolean(*_RECORDS, _ACTIONS, _SEEN, _REWARDS)
"""Types of what `see_and_step` returns."""
_made: "dict[tuple, tuple[FunctionValue, FunctionValue]]" = {}
"""What it has returned: compiling takes a second."""
_one_at_a_time = Lock()


@cache
def compiled(function: Callable) -> Callable:
    """The function, compiled at its first call in this process (never kept on disk: an edited task takes effect)."""
    return numba.njit(nogil=True, error_model="numpy")(function)


@compiled
def see_all(see, task, episodes, trials, observations):  # type: ignore[no-untyped-def]
    """Fill in what is seen now, (network, episode, ...); nothing where an episode is over."""
    for k in range(episodes.shape[0]):
        for e in range(episodes.shape[1]):
            observations[k, e] = 0
            if not episodes[k, e].over:
                see(task, episodes[k, e], trials[k, e], observations[k, e])


@compiled
def _note(trials, trial, number, action):  # type: ignore[no-untyped-def]
    trials[trial].actions[number] = action


@compiled
def _note_nothing(trials, trial, number, action):  # type: ignore[no-untyped-def]
    pass


@cache
def stepper(see: Callable, act: Callable, continuous: bool = False) -> Callable:
    """A task's step in one episode: take an action, fill in what is seen next, and return what was earned."""
    see, act, note = compiled(see), compiled(act), _note_nothing if continuous else _note

    def step(task, endless, steps_per_trial, episode, trials, action, observation):  # type: ignore[no-untyped-def]
        episode.event = 0
        reward = np.float32(0)
        if not episode.over:
            if steps_per_trial > 0:
                trial, number = divmod(episode.time, steps_per_trial)
                note(trials, trial, number, action)
            reward = np.float32(act(task, episode, trials, action))
            episode.time += 1
            if not endless and episode.time == episode.trials * steps_per_trial:
                episode.over = True
        observation[...] = 0
        if not episode.over:
            see(task, episode, trials, observation)
        return reward

    return compiled(step)


@compiled
def step_all(  # type: ignore[no-untyped-def]
    step, task, endless, steps_per_trial, episodes, trials, observations, actions, rewards
):
    """Take actions, (network, episode, ...), by the step of `stepper`; observations and rewards are filled in."""
    for k in range(episodes.shape[0]):
        for e in range(episodes.shape[1]):
            told = (episodes[k, e], trials[k, e], actions[k, e], observations[k, e])
            rewards[k, e] = step(task, endless, steps_per_trial, *told)


class FunctionValue(numba.types.WrapperAddressProtocol):
    """A compiled function that loops are given as a value, by its address: they are compiled once for all of a type."""

    def __init__(self, function: Callable, signature: Any) -> None:
        self._compiled, self._signature = numba.njit(signature, nogil=True, error_model="numpy")(function), signature

    def __wrapper_address__(self) -> int:
        made = self._compiled.get_compile_result(self._signature)
        return made.library.get_pointer_to_function(made.fndesc.llvm_cfunc_wrapper_name)

    def signature(self) -> Any:
        return self._signature


def see_and_step(task: Task, endless: bool) -> tuple[FunctionValue, FunctionValue]:
    """A task's words for loops that know no task: they take records of episodes and of their trials by their addresses.

    Its parameters are constants in there: other values are compiled anew.

    Args:
        task: whose observations are one row of float32, and whose actions are one of several.
        endless: see `Episodes`.

    Returns:
        `see(episodes, trials, length, seen)` and `step(episodes, trials, length, actions, seen, rewards)` (see
        `stepper`) of several episodes: addresses of the records, length in bytes of an episode's trials, observations
        in the first places of `seen` (episode, ...), actions and rewards (episode,). Both say whether the task raised
        no error, for such a function cannot raise it.
    """
    words, rules = (type(task).see, type(task).act), (task.observations[0], endless, task.steps_per_trial)
    episode, trial = (of.dtype for of in task.blank)
    key = (*words, *rules, str(episode), str(trial), type(task.parameters), *map(_told_apart, task.parameters))
    with _one_at_a_time:
        if key not in _made:
            _made[key] = _compile(*words, *rules, episode, trial, task.parameters)
    return _made[key]


def _told_apart(parameter: Any) -> tuple:
    if isinstance(parameter, np.ndarray):
        return parameter.dtype.str, parameter.shape, parameter.tobytes()
    return type(parameter), parameter


def _compile(  # type: ignore[no-untyped-def]
    see, act, shown, endless, steps_per_trial, episode_type, trial_type, parameters
) -> tuple[FunctionValue, FunctionValue]:
    see_one, step_one, size = compiled(see), stepper(see, act), trial_type.itemsize

    def see_all_of(episodes, trials, length, seen):  # type: ignore[no-untyped-def]
        of_episodes = numba.carray(episodes, len(seen), episode_type)
        of_trials = numba.carray(trials, (len(seen), length // size), trial_type)
        try:
            for e in range(len(seen)):
                seen[e, :shown] = 0
                see_one(parameters, of_episodes[e], of_trials[e], seen[e, :shown])
        except Exception:
            return False
        return True

    def step_all_of(episodes, trials, length, actions, seen, rewards):  # type: ignore[no-untyped-def]
        of_episodes = numba.carray(episodes, len(seen), episode_type)
        of_trials = numba.carray(trials, (len(seen), length // size), trial_type)
        try:
            for e in range(len(seen)):
                rewards[e] = step_one(
                    parameters, endless, steps_per_trial, of_episodes[e], of_trials[e], actions[e], seen[e, :shown]
                )
        except Exception:
            return False
        return True

    return FunctionValue(see_all_of, SEE), FunctionValue(step_all_of, STEP)
