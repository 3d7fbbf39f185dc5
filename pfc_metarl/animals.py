"""A laboratory's own animals beside networks, fitted models, the paper and its animals: tables in, tables out."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from pfc_metarl.agents.estimation import BESIDE_LIMIT, OK, fit
from pfc_metarl.agents.families import models_of
from pfc_metarl.agents.likelihood import number_of_choices
from pfc_metarl.agents.models import Model
from pfc_metarl.agents.recovery import recovery, simulate
from pfc_metarl.analysis.tempering import tempered
from pfc_metarl.comparison import Curve, Quantity, compare
from pfc_metarl.finished_run import Run
from pfc_metarl.led import lead
from pfc_metarl.simulation import Simulation, Tables
from pfc_metarl.tasks.bandit import Bandit
from pfc_metarl.tasks.task import Task
from pfc_metarl.trials import NETWORKS, SUBJECT, of_networks

FITTED_SESSIONS = 10
"""Of each network, to which models are fitted too."""
SIMULATED = 20
"""Subjects, at most, in whose place fitted models are simulated."""
NOT_SIMULATED = {"second_choice", "side"}
"""Columns that our tasks do not have: models that need them are not simulated."""


def analysed(
    simulation: Simulation[Any], config: Any, trials: pd.DataFrame, networks: Run | None, prior: bool
) -> Tables:
    """All tables of subjects.

    Args:
        simulation: whose task they did.
        config: its settings; the task's probabilities are those that models know.
        trials: checked trial table.
        networks: a finished run of the simulation, or None.
        prior: fit models with weak priors.

    Returns:
        The simulation's analyses of behaviour by name; fits, parameters (of models, see `fit`), recovery, and
        simulated (the trial table of fitted models), where the task has models; led (networks led along the subjects,
        see `tempered`), where there are networks and choices.
    """
    assert simulation.behaviour is not None
    tables = dict(simulation.behaviour(config, trials))
    task = next(iter(simulation.tasks(config).values()))
    choices = number_of_choices(trials) if "choice" in trials else 0
    if task.name == "bandit":
        task = Bandit(task.trials, choices, "independent")
    models = models_of(task, trials.columns)
    if models:
        tables |= of_models(trials, task, models, networks, prior)
    if networks is not None and 0 < choices <= networks.task.actions:
        tables["led"] = led(networks, trials)
    return tables


def of_models(trials: pd.DataFrame, task: Task, models: Sequence[Model], networks: Run | None, prior: bool) -> Tables:
    """Models fitted to subjects and networks, and simulated in the subjects' place."""
    fits, parameters = fit(trials, task.name, models, prior)
    some = parameters[parameters["subject"].isin(parameters["subject"].unique()[:SIMULATED])]
    told = [model for model in models if not NOT_SIMULATED & set(model.needs)]
    simulated = simulate(trials, some, task, told)
    came_back = recovery(simulated, trials, some, task.name, told, prior)
    tables = {"recovery": came_back, "simulated": simulated}
    if networks is not None:
        played = networks.trials
        own = played[of_networks(played) & (played["session"] <= FITTED_SESSIONS)]
        theirs = fit(own, task.name, models_of(networks.task, own.columns), prior)
        fits, parameters = (pd.concat(both, ignore_index=True) for both in zip((fits, parameters), theirs))
    return {"fits": fits, "parameters": parameters, **tables}


def led(networks: Run, trials: pd.DataFrame) -> pd.DataFrame:
    """Networks led along subjects: group, subject, seed, n, per_choice; and what `tempered` fits, to two choices."""
    choices = number_of_choices(trials)  # more than two: bandits of more arms
    told = lead(networks.networks, networks.task, trials, choices)
    if choices == 2:
        return tempered(told)
    told = told.assign(log_p=np.log(told["probability"]))
    means = told.groupby([*SUBJECT, "seed"], sort=False, observed=True)["log_p"].agg(n="count", per_choice="mean")
    return means.reset_index()


def left_out(tables: Tables) -> list[str]:
    """A line for each analysis that could not be done for some subjects: which, and why."""
    lines = []
    for name, table in tables.items():
        if "fit" not in table or name == "recovery":
            continue
        missing = table[~table["fit"].isin([OK, BESIDE_LIMIT]) & ~of_networks(table)]
        what = [column for column in ("model", "parameter") if column in table]
        for (reason, *which), own in missing.groupby(["fit", *what], sort=False):
            lines.append(f"{name}{''.join(f', {word}' for word in which)}: {reason}: {named(own, table)}")
    if "values" in tables:
        values = tables["values"]
        untold = values[values["value"].isna() & ~values["group"].isin([NETWORKS])]
        for quantity, own in untold.groupby("quantity", sort=False):
            lines.append(f"{quantity}: cannot be told: {named(own, values)}")
    if "fits" in tables:
        fits = tables["fits"]
        alone = fits[(fits["fit"] == OK) & fits["held_out"].isna() & ~of_networks(fits)]
        if len(alone):
            lines.append(f"fits: a single session, so that none can be held out: {named(alone, fits)}")
    return lines


def named(subjects: pd.DataFrame, all_of_them: pd.DataFrame) -> str:
    """Subjects by name, and by their group too where others have the same name."""
    groups = all_of_them[~of_networks(all_of_them)].groupby("subject")["group"].nunique()
    shared = set(groups[groups > 1].index)
    who = subjects[["group", "subject"]].drop_duplicates().itertuples(index=False)
    return ", ".join(dict.fromkeys(f"{s} ({g})" if s in shared else str(s) for g, s in who))


def compared(
    simulation: Simulation[Any], config: Any, trials: pd.DataFrame, simulated: pd.DataFrame, networks: Run | None
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The simulation's quantities of behaviour, of everybody; none, if the paper's task has fewer choices.

    Args:
        simulation, config, trials, networks: as in `analysed`.
        simulated: trial table of models in the subjects' place; no rows: there are none.

    Returns:
        Table: group, quantity, subject, value.
        Table of means over the subjects of each group, over networks, and over simulated subjects of each model:
        group, quantity, published, animal, direction (sign or ordering that was published), mean, low, high (95 %
        interval over them), n (of whom it can be told), in_direction (how many of them).
    """
    assert simulation.behaviour is not None
    everybody: list[tuple[str, list[Quantity]]] = []
    if "choice" in trials and number_of_choices(trials) > next(iter(simulation.tasks(config).values())).actions:
        trials, simulated, networks = trials.head(0), simulated.head(0), None
    groups = [group for table in (trials, simulated) for group in table.groupby("group", sort=False, observed=True)]
    for group, own in groups:
        told = simulation.behaviour_quantities(simulation.behaviour(config, own.reset_index(drop=True)))
        everybody.append((str(group), _unnamed(told, str(group))))
    if networks is not None:
        known = {q.name for _, quantities in everybody for q in quantities}
        theirs = _unnamed(simulation.behaviour_quantities(networks.tables), NETWORKS)
        everybody.insert(0, (NETWORKS, [q for q in theirs if q.name in known]))
    rows = [
        (group, q.name, subject, value)
        for group, quantities in everybody
        for q in quantities
        for subject, value in zip(subjects_of(q), np.asarray(q.ours, float))
    ]
    nobody = _means([]).assign(group="")
    means = pd.concat([nobody, *(_means(quantities).assign(group=group) for group, quantities in everybody)])
    return pd.DataFrame(rows, columns=["group", "quantity", "subject", "value"]), means[["group", *MEANS.values()]]


MEANS = {
    "quantity": "quantity", "published": "published", "animal": "animal", "direction": "direction", "ours": "mean",
    "ci_low": "low", "ci_high": "high", "n": "n", "networks_in_direction": "in_direction",
}  # fmt: skip
"""Columns of a comparison to those of the means."""


def _means(quantities: Sequence[Quantity]) -> pd.DataFrame:
    told = [int(np.isfinite(np.asarray(q.ours, float)).sum()) for q in quantities]
    return compare(quantities)[list(MEANS)].rename(columns=MEANS).assign(n=told)


def _unnamed(quantities: Sequence[Quantity | Curve], group: str) -> list[Quantity]:
    """Numbers (no curves) without the name of who behaves, which stands in a column of its own."""
    numbers = [q for q in quantities if isinstance(q, Quantity)]
    return [q._replace(name=q.name.replace(f" of the {group}, ", ", ")) for q in numbers]


def subjects_of(quantity: Quantity) -> pd.Index:
    """Whose the values are."""
    index = pd.Series(quantity.ours).index
    return index.get_level_values("subject") if "subject" in index.names else index
