"""How probable choices are to a model of `pfc_metarl.agents.models`, compiled; and models as agents that play."""

from collections.abc import Callable, Mapping
from functools import cache
from typing import NamedTuple

import numba
import numpy as np
import pandas as pd
from scipy.special import softmax

from pfc_metarl.agents.agent import Columns, ReferenceAgent
from pfc_metarl.agents.models import Family, Model
from pfc_metarl.errors import ConfigError, TableError
from pfc_metarl.trials import NONE, made_validly, responses, sessions_of

DERIVED = {"second_choice": NONE, "side_of_0": 0}
"""Columns that a table need not have, and what stands in for them: no second choice; choice 0 is on the left."""
WHOLE = ("choice", "state", "second_choice", "side_of_0", "good_arm", "volatile")
"""Columns of whole numbers."""


class Choices(NamedTuple):
    """The trials of one subject."""

    trials: np.ndarray
    """Records (trial,), sessions one after the other: what the model sees and learns from; and `response` (is the
    choice to be explained), `made` (is it learned from) and `first` (does a session begin)."""
    number: int
    """Of choices that there are to choose from."""

    @property
    def to_explain(self) -> tuple[int, float]:
        """How many choices are explained, second ones too, and the log probability of all if they are random."""
        first, second = self.trials["response"], 0
        if "second_choice" in (self.trials.dtype.names or ()):
            second = int((first & (self.trials["second_choice"] >= 0)).sum())
        return int(first.sum()) + second, -first.sum() * np.log(self.number) - second * np.log(2)


def number_of_choices(trials: pd.DataFrame) -> int:
    """How many choices there are, as far as a trial table tells: of all subjects."""
    arms = sum(str(name).startswith("p_") and str(name)[2:].isdigit() for name in trials)
    return max(2, arms, int(trials["choice"].max()) + 1)


def choices_of(family: Family, trials: pd.DataFrame, number: int | None = None) -> Choices:
    """What models of a family are fitted to.

    Args:
        family: the family.
        trials: checked trial table of one subject and one of the family's tasks.
        number: of choices that there are to choose from; None: as many as the table tells.

    Raises:
        TableError: columns that the family needs are missing, or have gaps.
    """
    columns = {
        "response": responses(trials),
        "made": made_validly(trials) if "choice" in family.learns_from else np.ones(len(trials), bool),
        "first": sessions_of(trials).cumcount() == 0,
    }
    for name in dict.fromkeys(["choice", *family.sees, *family.learns_from]):
        if name == "side_of_0" and "side" in trials:
            columns[name] = trials["side"].where(trials["choice"] == 0, 1 - trials["side"]).clip(0, 1)
        elif name in trials:
            columns[name] = trials[name]
        elif name in DERIVED or name == "volatile":  # without which a single rate is fitted (`Model.needs`)
            columns[name] = np.full(len(trials), DERIVED.get(name, 0))
        else:
            raise TableError(f"the table: no column {name}, which the model needs")
    return Choices(_records(columns, len(trials)), number or number_of_choices(trials))


def _records(columns: Mapping[str, object], length: int) -> np.ndarray:
    """Columns as records that compiled loops read."""
    kinds = {"response": "?", "made": "?", "first": "?"}
    fields = [(name, kinds.get(name, "i8" if name in WHOLE else "f8")) for name in columns]
    records = np.zeros(length, np.dtype((np.record, np.dtype(fields, align=True))))
    for name, values in columns.items():
        numbers = np.asarray(values, float)
        if np.isnan(numbers).any():
            raise TableError(f"the table: column {name}, which the model needs, has gaps")
        records[name] = numbers
    return records


@cache
def compiled(family: Family) -> tuple[Callable, Callable, Callable, Callable]:
    """Four loops: log probabilities of choices; and, for several sessions at once, begin, odds, learn."""
    begin, odds, learn = (numba.njit(error_model="numpy")(f) for f in (family.begin, family.odds, family.learn))
    then = numba.njit(error_model="numpy")(family.then or family.odds)
    two_stages = family.then is not None

    @numba.njit(error_model="numpy")
    def log_p(out, choice):  # type: ignore[no-untyped-def]
        top, total = out.max(), 0.0
        for a in range(out.shape[0]):
            total += np.exp(out[a] - top)
        return out[choice] - top - np.log(total)

    @numba.njit(error_model="numpy", nogil=True)
    def log_probabilities(theta, memory, trials, out, told):  # type: ignore[no-untyped-def]
        second = np.empty(2)
        for t in range(trials.shape[0]):
            trial = trials[t]
            if trial.first:
                memory[:] = 0
                begin(theta, memory)
            told[t] = 0
            if trial.response:
                odds(theta, memory, trial, out)
                told[t] = log_p(out, trial.choice)
                if two_stages:  # noqa: SIM102 (where there is one, the compiler leaves all this out)
                    if trial.second_choice >= 0:
                        then(theta, memory, trial, second)
                        told[t] += log_p(second, trial.second_choice)
            if trial.made:
                learn(theta, memory, trial)

    @numba.njit(error_model="numpy")
    def begin_all(theta, memory):  # type: ignore[no-untyped-def]
        for i in range(memory.shape[0]):
            begin(theta, memory[i])

    @numba.njit(error_model="numpy")
    def odds_of_all(theta, memory, trials, out):  # type: ignore[no-untyped-def]
        for i in range(memory.shape[0]):
            odds(theta, memory[i], trials[i], out[i])

    @numba.njit(error_model="numpy")
    def learn_all(theta, memory, trials, rows):  # type: ignore[no-untyped-def]
        for i in range(rows.shape[0]):
            learn(theta, memory[rows[i]], trials[i])

    return log_probabilities, begin_all, odds_of_all, learn_all


def log_probabilities(model: Model, free: np.ndarray, choices: Choices) -> np.ndarray:
    """Log probability of each choice that is to be explained, 0 for the others: (trial,).

    Args:
        model: the model.
        free: its free parameters (parameter,).
        choices: the subject's.
    """
    told, out = np.empty(len(choices.trials)), np.empty(choices.number)
    memory = np.zeros(model.family.memory(choices.number))
    compiled(model.family)[0](model.theta(free), memory, choices.trials, out, told)
    return told


class ModelAgent(ReferenceAgent):
    """A model with given parameters as an agent: it plays and is led along tables (of first choices).

    Args:
        model: the model.
        free: its free parameters, in the model's order.
        task: name of the task.
        number: of choices.

    Raises:
        ConfigError: another task, or not as many parameters.
    """

    def __init__(self, model: Model, free: np.ndarray, task: str, number: int = 2) -> None:
        if task not in model.family.tasks or len(free) != len(model.free):
            raise ConfigError(f"{model.name} has {len(model.free)} parameters, and tasks {model.family.tasks}")
        self.model, self.theta, self.number = model, model.theta(np.asarray(free, float)), number
        self.task = task  # type: ignore[misc]
        self.sees = tuple(name for name in model.family.sees if name not in DERIVED)  # type: ignore[misc]
        self.learns_from = tuple(n for n in model.family.learns_from if n not in DERIVED)  # type: ignore[misc]

    def start(self, sessions: int) -> None:
        """Begin sessions; see `ReferenceAgent`."""
        self.memory = np.zeros((sessions, self.model.family.memory(self.number)))
        compiled(self.model.family)[1](self.theta, self.memory)

    def probabilities(self, shown: Columns) -> np.ndarray:
        """Softmax of the odds: (session, choice)."""
        odds = np.empty((len(self.memory), self.number))
        compiled(self.model.family)[2](self.theta, self.memory, self._trials(shown, len(odds)), odds)
        return softmax(odds, axis=1)

    def observe(self, rows: np.ndarray, trial: Columns) -> dict[str, np.ndarray]:
        """Learn from one trial; see `ReferenceAgent`."""
        compiled(self.model.family)[3](self.theta, self.memory, self._trials(trial, len(rows)), rows)
        return {}

    def _trials(self, told: Columns, length: int) -> np.ndarray:
        names = dict.fromkeys(["choice", *self.model.family.sees, *self.model.family.learns_from])
        flags = dict.fromkeys(["response", "made", "first"], np.ones(length, bool))
        return _records(flags | {n: told.get(n, np.full(length, DERIVED.get(n, 0))) for n in names}, length)
