"""Do parameters of simulated subjects come back within their standard errors, for every model that we simulate?"""

import numpy as np
import pandas as pd

from pfc_metarl.agents.estimation import BESIDE_LIMIT, OK, estimate
from pfc_metarl.agents.families import models_of
from pfc_metarl.agents.likelihood import ModelAgent, choices_of
from pfc_metarl.agents.models import Model, Parameter
from pfc_metarl.agents.playing import play
from pfc_metarl.tasks.bandit import Bandit
from pfc_metarl.tasks.task import Task
from pfc_metarl.tasks.two_step import TwoStep
from pfc_metarl.tasks.volatility import Schedule, Volatility
from pfc_metarl.trials import check_trials

TASKS: tuple[Task, ...] = (
    Bandit(100, 2, "independent"),
    TwoStep(100, 0.8, 0.9, 0.1, 0.025),
    Volatility(200, Schedule("low first", 0.25, 0.2, 25), 100),
)
RANGES = {
    "rate": (0.1, 0.9), "positive": (1, 6), "hazard": (0.02, 0.2), "choice_stickiness": (-0.2, 0.4),
    "choice_weight": (0.5, 2.5),
}  # fmt: skip
"""From which true values are drawn evenly, by kind or name of parameter: where they bear on choices, as in subjects."""


def recovery(subjects: int = 100, sessions: int = 10, first_seed: int = 1) -> None:
    """Print, for each parameter, how often the true value lies within two standard errors and in the 95 % interval.

    Args:
        subjects: simulated ones of each model.
        sessions: of each, of 100 trials (volatility: 200).
        first_seed: of the subjects'.
    """
    seeds = range(first_seed, first_seed + subjects)
    fits = [fits_of(task, model, seeds, sessions) for task in TASKS for model in models_of(task, ["volatile"])]
    whole = pd.concat(fits, ignore_index=True)
    by_parameter = whole.groupby(["model", "parameter"], sort=False)[list(whole)]
    print(
        by_parameter.apply(summary).reset_index().convert_dtypes().to_string(index=False, float_format="{:.3f}".format)
    )
    print(summary(whole).to_string(float_format="{:.3f}".format))


def fits_of(task: Task, model: Model, seeds: range, sessions: int) -> pd.DataFrame:
    """True and fitted values of subjects: model, parameter, true, value, se, low, high, fit."""
    tables = []
    for seed in seeds:
        rng = np.random.default_rng(seed)
        true = np.array([rng.uniform(*_range(p)) for p in model.free])
        agent = ModelAgent(model, true, task.name, task.actions if task.steps_per_trial == 1 else 2)
        trials = check_trials(play(agent, task, rng, sessions, "simulated"), task.name)
        got, _ = estimate(model, choices_of(model.family, trials))
        told = {"value": got.value, "se": got.error, "low": got.low, "high": got.high, "fit": got.fit}
        tables.append(
            pd.DataFrame({"model": model.name, "parameter": [p.name for p in model.free], "true": true, **told})
        )
    return pd.concat(tables, ignore_index=True)


def _range(parameter: Parameter) -> tuple[float, float]:
    return RANGES[parameter.name] if parameter.name in RANGES else RANGES[parameter.kind]


def summary(fits: pd.DataFrame) -> pd.Series:
    """How many subjects, how many of them with errors that hold, and of these the rest; the last: beside a limit."""
    ok, beside = fits[fits["fit"] == OK], fits[fits["fit"] == BESIDE_LIMIT]
    return pd.Series({
        "subjects": len(fits), "ok": len(ok), "correlation": ok["true"].corr(ok["value"]),
        "bias": (ok["value"] - ok["true"]).mean(), "within two errors": _within(ok),
        "in the interval": ok["true"].between(ok["low"], ok["high"]).mean(),
        "beside a limit": len(beside), "within two errors there": _within(beside),
    })  # fmt: skip


def _within(fits: pd.DataFrame) -> float:
    return float(((fits["value"] - fits["true"]).abs() <= 2 * fits["se"]).mean())
