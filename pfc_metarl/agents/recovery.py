"""Subjects simulated with fitted parameters: do these come back, and do the models behave as the subjects do?"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from pfc_metarl.agents.estimation import estimate
from pfc_metarl.agents.likelihood import ModelAgent, choices_of
from pfc_metarl.agents.models import Model
from pfc_metarl.agents.playing import draw_choices, lead, play
from pfc_metarl.progress import progress
from pfc_metarl.random_streams import RECOVERY, generator
from pfc_metarl.tasks.task import Task
from pfc_metarl.trials import SUBJECT, check_trials, responses


def simulate(trials: pd.DataFrame, parameters: pd.DataFrame, task: Task, models: Sequence[Model]) -> pd.DataFrame:
    """Each fitted model in each subject's place.

    A model that learns from whatever it does (of which side was good) meets the subject's own trials; the others play
    the task, in sessions of its length, for about as many trials as the subject responded to.

    Args:
        trials: checked trial table of the subjects.
        parameters: of `fit`.
        task: that is played.
        models: that were fitted.

    Returns:
        Trial table; group: the model's name; subject: number of the subject, from 1, in the order of the table.
    """
    numbers = subject_numbers(trials)
    tables = []
    for m, model in enumerate(progress(models, "models play")):
        for who, own in parameters[parameters["model"] == model.name].groupby(SUBJECT, sort=False, observed=True):
            of_subject = trials[(trials[SUBJECT] == list(who)).all(axis=1)].reset_index(drop=True)
            rng = generator(RECOVERY, numbers[who], m)
            table = _in_place_of(of_subject, model, own["value"].to_numpy(), task, rng)
            tables.append(table.assign(group=model.name, subject=numbers[who]))
    return pd.concat(tables, ignore_index=True) if tables else trials.head(0)


def subject_numbers(trials: pd.DataFrame) -> dict[tuple, int]:
    """(group, subject) to a number from 1, in the order of a table."""
    return {who: i for i, (who, _) in enumerate(trials.groupby(SUBJECT, sort=False, observed=True), 1)}


def _in_place_of(
    trials: pd.DataFrame, model: Model, free: np.ndarray, task: Task, rng: np.random.Generator
) -> pd.DataFrame:
    number = task.actions if task.steps_per_trial == 1 else 2
    agent = ModelAgent(model, free, task.name, number)
    if "choice" in model.family.learns_from:
        sessions = max(1, round(responses(trials).sum() / task.trials))
        return play(agent, task, rng, sessions, model.name).drop(columns="probability")
    trials = trials.drop(columns="reward", errors="ignore").assign(choice=0, free=True, valid=True)
    p = lead(
        agent, trials.assign(volatile=trials.get("volatile", False))
    )  # if not told: a single rate, see `choices_of`
    return trials.assign(choice=draw_choices(np.stack([p, 1 - p], axis=1), rng))


def recovery(
    simulated: pd.DataFrame, trials: pd.DataFrame, parameters: pd.DataFrame, task: str, models: Sequence[Model],
    prior: bool = False,
) -> pd.DataFrame:  # fmt: skip
    """Do parameters come back? The simulated subjects are fitted again.

    Args:
        simulated: of `simulate`.
        trials, parameters, models: as there.
        task: name of the task.
        prior: fit them with the priors, as the subjects were.

    Returns:
        Table: group, subject, model, parameter, true, value, se, fit, within (is the true one within two standard
        errors; those are compared on the natural scale).
    """
    numbers, tables = subject_numbers(trials), []
    for model in models:
        of_model = parameters[parameters["model"] == model.name]
        for who, own in progress(of_model.groupby(SUBJECT, sort=False, observed=True), f"fitting again: {model.name}"):
            played = simulated[(simulated["group"] == model.name) & (simulated["subject"] == numbers[who])]
            got, _ = estimate(model, choices_of(model.family, check_trials(played.reset_index(drop=True), task)), prior)
            told = {"true": own["value"], "value": got.value, "se": got.error, "fit": got.fit}
            tables.append(own[[*SUBJECT, "model", "parameter"]].assign(**told))
    columns = [*SUBJECT, "model", "parameter", "true", "value", "se", "fit"]
    whole = pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=columns)
    return whole.assign(within=(whole["value"] - whole["true"]).abs() <= 2 * whole["se"])
