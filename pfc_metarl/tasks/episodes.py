"""Many episodes of a task at once, stepped by one compiled call."""

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from pfc_metarl.errors import ConfigError, TableError
from pfc_metarl.tasks.stepping import compiled, see_all, step_all, stepper
from pfc_metarl.tasks.task import NONE, Task, require_counts
from pfc_metarl.trials import sessions_of

Renew = Callable[[int, int, int], np.random.Generator]
"""Generator of the n-th episode (from 0) of a network's slot: (network, slot, n)."""


class Episodes:
    """Episodes in progress: so many of each of several networks (or of one reference agent).

    What an episode will meet is drawn when it begins, each network's from its own generator. A network therefore meets
    the same alone and among others. Where a task is `running`, an episode that ends is put aside and the next begins.

    Args:
        task: the task.
        networks, episodes: how many.
        trials: room for so many trials in an episode; None: the task's.

    Attributes:
        records: (network, episode), and `trials` (network, episode, trial): see `Task`.
        observation: what is seen now, (network, episode, ...).
        reward: what the last action earned, (network, episode).
        began: episodes that have begun in each slot, (network, episode).

    Raises:
        ConfigError: no episodes, or none that have trials.
    """

    def __new__(cls, task: Task | None = None, *sizes: object, **named: object) -> "Episodes":
        """Where the task says what steps its episodes, they are of that kind (without one it is being copied)."""
        return object.__new__((task.driver if task else None) or cls)

    def __init__(self, task: Task, networks: int, episodes: int, trials: int | None = None) -> None:
        require_counts(networks=networks, episodes=episodes, trials=task.trials)
        self.task = task
        size = (networks, episodes)
        self._blank = of_episode, of_trial = task.blank
        self.records = np.zeros(size, of_episode.dtype)
        self.trials = np.zeros((*size, trials or task.trials), of_trial.dtype)
        self.records[:], self.trials[:] = self._blank
        self.observation: np.ndarray = np.zeros((*size, *task.observations), task.observation_type)
        self.reward = np.zeros(size, np.float32)
        self.began = np.zeros(size, np.int64)
        self.endless = task.continues or task.running  # does `act` alone say when an episode is over?
        self.finished: list[tuple[int, int, np.ndarray, np.ndarray]] = []  # see `ended`
        if not task.driver:
            self.see, self.step_one = compiled(type(task).see), stepper(type(task).see, type(task).act, task.continuous)

    def begin(self, rngs: Sequence[np.random.Generator]) -> None:
        """Begin episodes (or the next stretch of one that never ends), one generator per network."""
        before = self.copy() if self.task.continues and self.began.all() else None
        self.records[:], self.trials[:] = self._blank
        self.records["trials"] = self.task.trials
        for rng, episodes, trials in zip(rngs, self.records, self.trials):
            self.task.draw(rng, episodes, trials)
        self.began += 1
        self.look() if before is None else self.go_on_from(before)

    def begin_on(self, instances: np.ndarray, rngs: Sequence[np.random.Generator]) -> None:
        """Begin episodes on instances of the task that were drawn before: each network's all on the same one.

        Args:
            instances: the records of episodes at their start (network,).
            rngs: one generator per network (it may be the same for several).
        """
        self.records[:], self.trials[:] = instances[:, None], self._blank[1]
        for rng, episodes, trials in zip(rngs, self.records, self.trials):
            self.task.again(rng, episodes, trials)
        self.began += 1
        self.look()

    def begin_running(self, renew: Renew) -> None:
        """Begin running episodes, each slot's with a generator of its own."""
        for k, e in np.ndindex(self.records.shape):
            self.begin_slot(k, e, renew)
        self.look()

    def begin_slot(self, k: int, e: int, renew: Renew) -> None:
        """Begin the next episode of one slot of a network; what is seen is not filled in yet (`look`)."""
        self.records[k, e], self.trials[k, e] = self._blank
        if not self.task.running:
            self.records["trials"][k, e] = self.task.trials
        self.task.draw(renew(k, e, int(self.began[k, e])), self.records[k, e : e + 1], self.trials[k, e : e + 1])
        self.began[k, e] += 1

    def look(self) -> None:
        """Fill in what is seen now."""
        see_all(self.see, self.task.parameters, self.records, self.trials, self.observation)

    def step(self, actions: np.ndarray, renew: Renew | None = None) -> np.ndarray:
        """Take actions (network, episode), or (network, episode, number) where they are continuous.

        Returns:
            Whether an episode begins with what is seen next, (network, episode); only where they are running.
        """
        told = (self.task.parameters, self.endless, self.task.steps_per_trial, self.records, self.trials)
        step_all(self.step_one, *told, self.observation, actions, self.reward)
        begins = np.zeros(self.records.shape, bool)
        if self.task.running and renew is not None:
            for k, e in np.argwhere(self.records["over"]):
                number = int(self.began[k, e] - 1) * self.records.shape[1] + int(e)
                self.finished.append((int(k), number, self.records[k, e].copy(), self.trials[k, e].copy()))
                self.begin_slot(k, e, renew)
                begins[k, e] = True
        if begins.any():
            self.look()
        return begins

    def ended(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Running episodes that have ended: network, number within the network, record, and records of the trials."""
        which, numbers = (np.array([own[i] for own in self.finished], np.int64) for i in (0, 1))
        records = np.array([own[2] for own in self.finished], self.records.dtype)
        trials = np.array([own[3] for own in self.finished], self.trials.dtype).reshape(
            len(which), self.trials.shape[2]
        )
        return which, numbers, records, trials

    def trial_begins(self) -> np.ndarray:
        """Whether a trial begins with what is seen now, (network, episode)."""
        if self.task.steps_per_trial:
            return self.records["time"] % self.task.steps_per_trial == 0
        return self.records["trial_begins"]

    def copy(self, slots: slice = slice(None)) -> "Episodes":
        """The same episodes (or those of some slots), to go on with; those that had finished are left behind."""
        other = object.__new__(type(self))
        of_slots = ("records", "trials", "observation", "reward", "began")
        other.__dict__ = self.__dict__ | {name: getattr(self, name)[:, slots].copy() for name in of_slots}
        other.finished = []
        return other

    def of_networks(self, networks: int) -> "Episodes":
        """The same episodes, those of as many replicas in a row taken as one network's."""
        other = self.copy()
        for name in ("records", "trials", "observation", "reward", "began"):
            own = getattr(other, name)
            setattr(other, name, own.reshape(networks, -1, *own.shape[2:]))
        return other

    def go_on_from(self, before: "Episodes") -> None:
        """Take over what the episodes in the first slots, that never end, keep in mind from their last stretch."""
        own = self.records[:, : before.records.shape[1]]
        own[:] = before.records
        own["time"] = 0
        self.look()

    def by_trial(self, columns: Sequence[str] = ()) -> tuple[np.ndarray, np.ndarray]:
        """Sums over episodes of columns of the trial table (column, network, trial), and trials (network, trial)."""
        networks, slots = self.records.shape
        if self.task.running:
            which, _, records, trials = self.ended()
        else:
            which = np.repeat(np.arange(networks), slots)
            records, trials = self.records.reshape(-1), self.trials.reshape(len(which), -1)
        totals, count = np.zeros((len(columns), networks, self.task.trials)), np.zeros((networks, self.task.trials))
        own = np.arange(self.task.trials) < records["trials"][:, None]
        np.add.at(count, which, own)
        for total, column in zip(totals, columns):
            np.add.at(total, which, own * trials[column])
        return totals, count

    def as_bytes(self) -> tuple[np.ndarray, np.ndarray]:
        """The records' own memory: (network, episode, byte) of the episodes, and of their trials."""
        size = (*self.records.shape, -1)
        return self.records.view(np.uint8).reshape(size), self.trials.view(np.uint8).reshape(size)

    def state(self) -> dict[str, np.ndarray]:
        """Where the episodes stand, as plain arrays: bytes of the records, and how many have begun."""
        raw = {"records": self.records, "trials": self.trials}
        return {name: array.view(np.uint8) for name, array in raw.items()} | {"began": self.began}

    def restore(self, state: dict[str, np.ndarray]) -> None:
        """Go on from there; ValueError if it is of other episodes."""
        self.records.view(np.uint8)[:], self.trials.view(np.uint8)[:] = state["records"], state["trials"]
        self.began[:] = state["began"]
        self.look()


def _require_choices(task: Task, session: pd.DataFrame, column: str) -> None:
    """TableError where the action at the step of the choice is another one."""
    if "choice" not in session:
        return
    other = session[(session["choice"] != NONE) & (session[column] != session["choice"])]
    if len(other):
        at = other.iloc[0]
        raise TableError(
            f"column {column}, subject {at['subject']}, session {at['session']}, trial {at['trial']}: {at[column]}"
            f" contradicts choice {at['choice']}; mend them, or leave the columns action_ out"
        )


def led_episodes(task: Task, table: pd.DataFrame, networks: int) -> tuple[Episodes, np.ndarray]:
    """Episodes in which networks will meet what the subjects of a trial table met, a session each.

    Args:
        task: the task; its number of trials does not matter.
        table: the trial table, sorted by subject, session and trial.
        networks: how many are led, all of them alike.

    Returns:
        The episodes at their start, and the subjects' actions (time, network, session).

    Raises:
        TableError: an action that the task does not have.
        ConfigError: trials of the task have no fixed number of steps.
    """
    if not task.steps_per_trial or task.continuous:
        raise ConfigError(f"{task.name}: nobody can be led along a table of trials, for a choice is no single action")
    sessions = [own for _, own in sessions_of(table)]
    longest = max(len(own) for own in sessions)
    episodes = Episodes(task, networks, len(sessions), longest)
    episodes.endless = False
    actions = np.zeros((longest, task.steps_per_trial, len(sessions)), np.int64)
    at_steps = [f"action_{step + 1}" for step in range(task.steps_per_trial)]
    for i, own in enumerate(sessions):
        met = {str(column): own[column].to_numpy() for column in own}
        episodes.records["trials"][0, i] = len(own)
        task.lead(episodes.records[0, i : i + 1], episodes.trials[0, i, : len(own)], met)
        told = task.responses(met)
        if set(at_steps) <= set(own):
            _require_choices(task, own, at_steps[task.choice_step])
            told = own[at_steps].to_numpy()
        if told.max() >= task.actions:
            raise TableError(
                f"the table tells of an action {told.max()}; those of {task.name} are 0 to {task.actions - 1}"
            )
        actions[: len(own), :, i] = told
    episodes.records[1:], episodes.trials[1:] = episodes.records[:1], episodes.trials[:1]
    episodes.look()
    by_time = actions.reshape(-1, 1, len(sessions))
    return episodes, np.repeat(by_time, networks, axis=1)
