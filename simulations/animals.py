"""A laboratory's own animals beside the networks, the reference agents and the paper.

    python -m simulations animals NAME TABLE [--map choice=resp ...] [--values choice:L=0,R=1 ...]

NAME is the simulation whose task they did; TABLE a .csv or .parquet file, one row per trial (see docs/animals.md). The
animals get the very analyses of behaviour that the simulation's networks get; models of choice are fitted to them and
to the networks, and simulated in their place; and the networks of a finished run are led along the animals' own
histories.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from functools import partial
from importlib import import_module
from math import isnan
from typing import Annotated, Any

import pandas as pd
import tyro
from threadpoolctl import threadpool_limits

from pfc_metarl.agents.families import models_of
from pfc_metarl.analysis.learning_set import INTACT
from pfc_metarl.animals import analysed, compared, left_out
from pfc_metarl.command_line import Where, parse
from pfc_metarl.config import STAGES, Config, Settings, bears_on
from pfc_metarl.errors import ConfigError, TableError
from pfc_metarl.finished_run import Run
from pfc_metarl.results import RunFolder, readable_path, run_folder
from pfc_metarl.simulation import Simulation
from pfc_metarl.trial_checks import TRUTH
from pfc_metarl.trial_columns import COLUMNS, COMMON_COLUMNS, KEY_COLUMNS
from pfc_metarl.trials import NETWORKS, SUBJECT, read_trials, sessions_of

NAME = "animals"
NAMES = ("bandits", "foraging", "volatility", "inferred_value", "two_step", "harlow", "optogenetics")
"""Simulations that animals can be laid beside."""


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
    task: tuple[str, ...] = ()
    """Settings of the animals' task that are not the paper's, e.g. common_probability=0.7."""
    prior: bool = False
    """Fit models with weak priors (maximum a posteriori) in place of maximum likelihood."""


def prepare(arguments: Sequence[str]) -> Callable[[], RunFolder]:
    """Command line; what is returned does what it asks for."""
    animals, where = parse(NAME, str(__doc__), Animals(), Where(), arguments)
    for flag in ("--map", "--values", "--task"):
        if sum(word.split("=")[0] == flag for word in arguments) > 1:
            raise ConfigError(f"{flag} is given twice; write all its words after one")
    if animals.name not in NAMES or not animals.table:
        raise ConfigError(f"write: animals NAME TABLE; NAME is one of: {', '.join(NAMES)} (animals --help shows more)")
    simulation: Simulation[Any] = import_module(f"simulations.{animals.name}").SIMULATION
    usual = simulation.config(next(iter(simulation.presets)), where.quick)
    with_task(usual, animals.task)  # what cannot be read is refused before anything is done
    task, rename = next(iter(simulation.tasks(usual).values())).name, renamed(animals.map)
    documented = [column.name for column in (*KEY_COLUMNS, *COLUMNS[task], *COMMON_COLUMNS)]
    unknown = [ours for ours in rename.values() if ours not in documented]
    if unknown:
        raise ConfigError(
            f"--map: {unknown[0]} is no column of ours; those of {task} are: {', '.join(documented[:25])}"
        )
    read = partial(read_trials, animals.table, task, rename, recoded(animals.values))
    return partial(run, animals, simulation, usual, read, where)


def renamed(told: Sequence[str]) -> dict[str, str]:
    """The file's names to ours, from words like choice=resp; ConfigError for others."""
    pairs = [word.split("=") for words in told for word in words.split(",")]
    if any(len(pair) != 2 or not all(pair) for pair in pairs):
        raise ConfigError("--map takes words like choice=resp: our name, then the file's")
    for side in zip(*pairs):
        refuse_twice("--map", side)
    return {theirs: ours for ours, theirs in pairs}


def refuse_twice(flag: str, names: Sequence[str]) -> None:
    """ConfigError for a name that is told twice."""
    again = [name for i, name in enumerate(names) if name in names[:i]]
    if again:
        raise ConfigError(f"{flag} tells {again[0]} twice")


def recoded(told: Sequence[str]) -> dict[str, dict[str, str]]:
    """By column the file's codes to ours, from words like choice:L=0,R=1; ConfigError for others."""
    codes: dict[str, dict[str, str]] = {}
    for word in told:
        name, _, rest = word.partition(":")
        pairs = [pair.split("=") for pair in rest.split(",")]
        if not name or any(len(pair) != 2 or not all(pair) for pair in pairs):
            raise ConfigError("--values takes words like choice:L=0,R=1: our column, then the file's codes and ours")
        refuse_twice(f"--values {name}:", [*codes.get(name, {}), *(theirs.strip() for theirs, _ in pairs)])
        codes.setdefault(name, {}).update({theirs.strip(): ours.strip() for theirs, ours in pairs})
    return codes


def task_settings(config: Config) -> list[str]:
    """Names of a simulation's own settings, of one number each, on which training bears: those of its task."""
    own = {f.name for f in fields(type(config))} - {f.name for f in fields(Config)}
    numbers = [name for name in own if isinstance(getattr(config, name), int | float)]
    return sorted(name for name in numbers if bears_on(type(config), [name]) == STAGES[0])


def with_task(config: Config, told: Sequence[str]) -> Config:
    """A simulation's config with the animals' task, from words like common_probability=0.7; ConfigError for others."""
    known = task_settings(config)
    pairs = [word.partition("=") for words in told for word in words.split(",")]
    refuse_twice("--task", [name for name, _, _ in pairs])
    changed: dict[str, Any] = {}
    for name, _, value in pairs:
        if name not in known:
            raise ConfigError(f"--task knows no {name or 'setting without a name'}; there are: {', '.join(known)}")
        kind = type(getattr(config, name))
        try:
            changed[name] = TRUTH[value.lower()] if kind is bool else kind(value)
        except (ValueError, KeyError):
            expected = {bool: "True or False", int: "a whole number", float: "a number"}[kind]
            raise ConfigError(f"--task {name}={value}: expected {expected}") from None
    return replace(config, **changed)


def run(
    animals: Animals, simulation: Simulation[Any], usual: Config, read: Callable[[], pd.DataFrame], where: Where
) -> RunFolder:
    """Read, analyse, fit, lead and compare; the tables are those of the last table that was given.

    Settings are those of the networks' run, if there is one (else the usual ones), but for what the user says of the
    animals' task.
    """
    trials = read()
    tell(trials, animals.table, animals.name)
    networks = networks_of(simulation, where)
    config = with_task(networks.config if networks is not None else usual, animals.task)
    print(
        f"their task is taken to have {', '.join(f'{name} {getattr(config, name)}' for name in task_settings(config))}"
    )
    refuse_our_names(trials, simulation, config)
    parent = run_folder(readable_path(where.results), NAME, where.quick)
    folder = RunFolder(parent.path / animals.name, parent.command)
    with folder.locked(), threadpool_limits(1):  # or sums would be rounded as the machine's number of cores has it
        try:
            tables = analysed(simulation, config, trials, networks, animals.prior)
            simulated = tables.pop("simulated", trials.head(0))
            values, means = compared(simulation, config, trials, simulated, networks)
        except TableError as error:  # of an analysis, which does not know the file
            raise TableError(str(error).replace("the table", animals.table, 1)) from None
        stages = {
            "test": {"trials.parquet": trials},
            "analyse": {f"{name}.csv": table for name, table in tables.items()} | {"simulated.parquet": simulated},
            "compare": {"values.csv": values, "comparison.csv": means},
        }
        folder.write_whole(NAME, animals, stages)
    for line in left_out(tables | {"values": values[~values["group"].isin(simulated["group"].unique())]}):
        print(line)
    if networks is not None and "choice" in trials and "led" not in tables:
        print("networks are not led along them, for they have fewer choices")
    show(folder)
    return folder


def tell(trials: pd.DataFrame, source: str, name: str) -> None:
    """What was read, and what of it does not count."""
    count = "count as wrong choices" if name == "harlow" else "are dropped"
    invalid, forced = ~trials["valid"], trials["valid"] & ~trials["free"]
    print(
        f"{source}: {len(trials)} trials in {sessions_of(trials).ngroups} sessions of"
        f" {trials.groupby(SUBJECT).ngroups} subjects; {invalid.sum()} trials are not valid and {count}, {forced.sum()}"
        " are forced and no responses"
    )
    if name == "harlow" and "condition" in trials and trials["condition"].nunique() > 1:
        print(f"of its conditions, {', '.join(map(str, trials['condition'].unique()))}, only {INTACT} is compared")


def refuse_our_names(trials: pd.DataFrame, simulation: Simulation[Any], config: Config) -> None:
    """ConfigError where a group of animals goes by the name of networks or of a model."""
    task = next(iter(simulation.tasks(config).values()))
    taken = {*(model.name for model in models_of(task, trials.columns)), "published networks", "published animals"}
    ours = [group for group in map(str, trials["group"].unique()) if group in taken or group.startswith(NETWORKS)]
    if ours:
        raise ConfigError(f"column group: {ours[0]} is what others are called in the tables; choose another name")


def networks_of(simulation: Simulation[Any], where: Where) -> Run | None:
    """The finished run whose networks stand beside the animals; None, and a line, if there is none."""
    folder = run_folder(where.results, simulation.name, where.quick)
    if not folder.finished:
        print(f"no networks beside them: {folder.path} holds no finished run; make it with: {folder.command}")
        return None
    made = folder.read_json("config.json").get("simulation")
    if made != simulation.name:
        raise ConfigError(f"{folder.path} holds a run of {made}, not of {simulation.name}")
    return Run(simulation, folder)


def show(folder: RunFolder) -> None:
    """Everybody's means side by side, and how well choices are predicted, for a terminal."""
    means = folder.read_table("comparison.csv")
    print(side_by_side(means) if len(means) else "nothing that is published is like it")
    if "fits.csv" in folder.files("analyse"):
        fits = folder.read_table("fits.csv")
        print("\nlog probability per choice (held out: in sessions that were not fitted), mean over subjects")
        best = fits.groupby(["group", "model"], sort=False)[["per_choice", "held_out", "bic"]].mean()
        print(best.to_string(float_format="{:.4g}".format))
    if "led.csv" in folder.files("analyse"):
        own = folder.read_table("led.csv").groupby("group")
        for group, mean in own["per_choice"].mean().items():
            print(f"networks led along {group}: {mean:.4g}", end="")
            fitted = own["held_out"].mean()[group] if "held_out" in own.obj else float("nan")
            print("" if isnan(fitted) else f"; with temperature and lapse of the other sessions {fitted:.4g}")
    print(f"results in {folder.path}")


def side_by_side(means: pd.DataFrame) -> str:
    """Means as a table, with a column for the paper's networks and animals and for each group."""
    wide = means.pivot(index="quantity", columns="group", values="mean")
    wide = wide[means["group"].unique()].loc[means["quantity"].unique()]
    paper = means.drop_duplicates("quantity").set_index("quantity")[["published", "animal"]]
    paper.columns = pd.Index(["published networks", "published animals"])
    return paper.join(wide).to_string(float_format="{:.3g}".format, na_rep="")
