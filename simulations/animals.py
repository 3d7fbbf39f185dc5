"""A laboratory's own animals beside the networks, the reference agents and the paper.

    python -m simulations animals NAME TABLE [--map choice=resp ...] [--values choice:L=0,R=1 ...]

NAME is the simulation whose task they did; TABLE a .csv or .parquet file, one row per trial (see the README). The
animals get the very analyses of behaviour that the simulation's networks get; models of choice are fitted to them and
to the networks; and the networks of a finished run are led along the animals' own histories.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pandas as pd
import tyro

from pfc_metarl.agents.estimation import OK, fit, recovery
from pfc_metarl.agents.models import MODELS
from pfc_metarl.command_line import parse
from pfc_metarl.config import STAGES, Settings
from pfc_metarl.errors import ConfigError
from pfc_metarl.finished_run import Run
from pfc_metarl.led import lead
from pfc_metarl.published import Quantity, compare
from pfc_metarl.results import RunFolder, readable_path, run_folder
from pfc_metarl.simulation import Simulation, Tables
from pfc_metarl.trials import NETWORKS, SUBJECT, of_networks, read_trials, sessions_of

NAME = "animals"
NAMES = ("bandits", "foraging", "volatility", "two_step", "harlow", "optogenetics")
"""Simulations whose tasks are told by choices."""
FITTED_SESSIONS = 10
"""Of each network, to which models are fitted too."""
RECOVERED = 20
"""Subjects, at most, for whom it is tried whether simulated ones' parameters come back."""
BY_SUBJECTS = ["subjects", "subjects_low", "subjects_high", "n"]


@dataclass(frozen=True)
class Animals(Settings):
    """What is read, and how."""

    name: Annotated[str, tyro.conf.Positional] = ""
    """Simulation whose task it is."""
    table: Annotated[str, tyro.conf.Positional] = ""
    """The trial table, .csv or .parquet."""
    map: tuple[str, ...] = ()
    """The file's names of columns, e.g. choice=resp reward=outcome."""
    values: tuple[str, ...] = ()
    """The file's codes, e.g. choice:L=0,R=1."""
    prior: bool = False
    """Fit models with weak priors (maximum a posteriori) in place of maximum likelihood."""


@dataclass(frozen=True)
class Where:
    """Where results are."""

    results: Path = field(default=Path("results"))
    """Folder for the results of all simulations."""
    quick: bool = False
    """Beside the networks of a --quick run."""


def prepare(arguments: Sequence[str]) -> Callable[[], RunFolder]:
    """Command line; what is returned does what it asks for."""
    animals, where = parse(NAME, str(__doc__), Animals(), Where(), arguments)
    if animals.name not in NAMES or not animals.table:
        raise ConfigError(f"write: animals NAME TABLE; NAME is one of: {', '.join(NAMES)} (animals --help shows more)")
    rename, codes = renamed(animals.map), recoded(animals.values)
    return partial(run, animals, rename, codes, run_folder(readable_path(where.results), NAME, where.quick), where)


def renamed(told: Sequence[str]) -> dict[str, str]:
    """The file's names to ours, from words like choice=resp; ConfigError for others."""
    pairs = [word.split("=") for words in told for word in words.split(",")]
    if any(len(pair) != 2 or not all(pair) for pair in pairs):
        raise ConfigError("--map takes words like choice=resp: our name, then the file's")
    return {theirs: ours for ours, theirs in pairs}


def recoded(told: Sequence[str]) -> dict[str, dict[str, str]]:
    """By column the file's codes to ours, from words like choice:L=0,R=1; ConfigError for others."""
    codes: dict[str, dict[str, str]] = {}
    for word in told:
        name, _, rest = word.partition(":")
        pairs = [pair.split("=") for pair in rest.split(",")]
        if not name or any(len(pair) != 2 or not all(pair) for pair in pairs):
            raise ConfigError("--values takes words like choice:L=0,R=1: our column, then the file's codes and ours")
        codes[name] = {theirs.strip(): ours.strip() for theirs, ours in pairs}
    return codes


def run(
    animals: Animals, rename: dict[str, str], codes: dict[str, dict[str, str]], parent: RunFolder, where: Where
) -> RunFolder:
    """Read, analyse, fit, lead and compare; the tables are those of the last table that was given."""
    simulation: Simulation[Any] = import_module(f"simulations.{animals.name}").SIMULATION
    config = simulation.config(next(iter(simulation.presets)), where.quick)
    task = next(iter(simulation.tasks(config).values()))
    trials = read_trials(animals.table, task.name, rename, codes)
    tell(trials, animals.table)
    networks = networks_of(animals.name, where)
    folder = RunFolder(parent.path / animals.name, parent.command)
    with folder.locked():
        folder.open(NAME, animals, overwrite=True)
        for stage in STAGES:
            with folder.doing(stage):
                if stage == "test":
                    folder.write_table("trials.parquet", trials)
                elif stage == "analyse":
                    for name, table in analysed(simulation, config, trials, networks, animals.prior).items():
                        folder.write_table(f"{name}.csv", table)
                elif stage == "compare":
                    values, comparison = compared(simulation, config, trials, networks)
                    folder.write_table("values.csv", values)
                    folder.write_table("comparison.csv", comparison)
    show(folder)
    return folder


def tell(trials: pd.DataFrame, source: str) -> None:
    """What was read, and what of it does not count."""
    invalid, forced = ~trials["valid"], trials["valid"] & ~trials["free"]
    print(
        f"{source}: {len(trials)} trials in {sessions_of(trials).ngroups} sessions of"
        f" {trials.groupby(SUBJECT).ngroups} subjects; {invalid.sum()} trials are not valid and dropped, {forced.sum()}"
        " are forced and no responses"
    )


def networks_of(name: str, where: Where) -> Run | None:
    """The finished run whose networks stand beside the animals; None, and a line, if there is none."""
    folder = run_folder(where.results, name, where.quick)
    if not folder.finished:
        print(f"no networks beside them: {folder.path} holds no finished run (python -m simulations {name})")
        return None
    return Run(import_module(f"simulations.{name}").SIMULATION, folder)


def analysed(
    simulation: Simulation[Any], config: Any, trials: pd.DataFrame, networks: Run | None, prior: bool
) -> Tables:
    """All tables: the simulation's analyses of behaviour, the fitted models, and what led networks predict."""
    assert simulation.behaviour is not None
    tables = dict(simulation.behaviour(config, trials))
    task = next(iter(simulation.tasks(config).values()))
    models = [m for m in MODELS if task.name in m.family.tasks and set(m.needs) <= set(trials)]
    if models:
        fitted = [fit(trials, task.name, models, prior)]
        if networks is not None:
            of_run = networks.trials
            own = of_run[of_networks(of_run) & (of_run["session"] <= FITTED_SESSIONS)]
            fitted.append(fit(own, task.name, models, prior))
        tables["fits"], tables["parameters"] = (pd.concat(own, ignore_index=True) for own in zip(*fitted))
        fits, parameters = fitted[0]
        some = parameters["subject"].isin(parameters["subject"].unique()[:RECOVERED])
        tables["recovery"] = recovery(parameters[some], fits, task, models)
    if networks is not None:
        tables["led"] = led(networks, trials)
    name_what_is_left_out(tables)
    return tables


def name_what_is_left_out(tables: Tables) -> None:
    """A line for each subject and analysis that could not be done, and why."""
    for name, table in tables.items():
        if "fit" not in table or name == "recovery":
            continue
        left_out = table[(table["fit"] != OK) & ~of_networks(table)]
        what = [column for column in ("model", "parameter") if column in table]
        for (reason, *which), own in left_out.groupby(["fit", *what], sort=False):
            subjects = ", ".join(map(str, own["subject"].unique()))
            print(f"{name}{''.join(f', {word}' for word in which)}: {reason}: {subjects}")


def led(networks: Run, trials: pd.DataFrame) -> pd.DataFrame:
    """Each network led along each subject: group, subject, seed, n, per_choice (mean log probability of choices)."""
    told = lead(networks.networks, networks.task, trials, choices_of(trials))
    told = told.assign(log_p=np.log(told["probability"]))
    means = told.groupby([*SUBJECT, "seed"], sort=False, observed=True)["log_p"].agg(n="count", per_choice="mean")
    return means.reset_index()


def choices_of(trials: pd.DataFrame) -> int:
    """How many there are to choose from: two, but for bandits of more arms."""
    return max(2, int(trials["choice"].max()) + 1)


def compared(
    simulation: Simulation[Any], config: Any, trials: pd.DataFrame, networks: Run | None
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The simulation's quantities of behaviour, of the animals and of the networks.

    Returns:
        Table: group, quantity, number (of the subject or network), value; and a table of means: group, quantity,
        published, animal, subjects (mean), subjects_low, subjects_high (95 % interval), n, networks, networks_low,
        networks_high.
    """
    assert simulation.behaviour is not None
    own = [] if networks is None else simulation.behaviour_quantities(networks.tables)
    beside = compare(own)[["quantity", "ours", "ci_low", "ci_high"]].set_index("quantity")
    beside.columns = pd.Index(["networks", "networks_low", "networks_high"])
    values, means = [of_each(NETWORKS, own)], []
    for group, of_group in trials.groupby("group", sort=False, observed=True):
        quantities = simulation.behaviour_quantities(simulation.behaviour(config, of_group.reset_index(drop=True)))
        quantities = [q._replace(name=q.name.replace(f" {group},", f" {NETWORKS},")) for q in quantities]
        values.append(of_each(str(group), quantities))
        table = compare(quantities)[["quantity", "published", "animal", "ours", "ci_low", "ci_high", "n"]]
        table.columns = pd.Index(["quantity", "published", "animal", *BY_SUBJECTS])
        means.append(table.join(beside, on="quantity").assign(group=group))
    columns = ["group", "quantity", "published", "animal", *BY_SUBJECTS, *beside.columns]
    return pd.concat(values, ignore_index=True), pd.concat(means, ignore_index=True)[columns]


def of_each(group: str, quantities: Sequence[Quantity]) -> pd.DataFrame:
    """Table: group, quantity, number (of the subject, in the order of the tables), value."""
    rows = [(group, q.name, i + 1, value) for q in quantities for i, value in enumerate(np.asarray(q.ours, float))]
    return pd.DataFrame(rows, columns=["group", "quantity", "number", "value"])


def show(folder: RunFolder) -> None:
    """The comparison, and how well choices are predicted, for a terminal."""
    comparison = folder.read_table("comparison.csv")
    columns = ["group", "quantity", "published", "animal", "subjects", "n", "networks"]
    print(comparison[columns].to_string(index=False, float_format="{:.3g}".format))
    if "fits.csv" in folder.files("analyse"):
        fits = folder.read_table("fits.csv")
        means = fits.groupby(["group", "model"], sort=False)[["per_choice", "held_out", "bic"]].mean()
        print(means.to_string(float_format="{:.4g}".format))
    if "led.csv" in folder.files("analyse"):
        own = folder.read_table("led.csv").groupby("group")["per_choice"].mean()
        print("\n".join(f"networks led along {group}: {mean:.4g} per choice" for group, mean in own.items()))
    print(f"results in {folder.path}")
