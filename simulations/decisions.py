"""Runs that decide where our networks and the paper disagree: what was changed, predicted and found.

    python -m simulations decisions [NAME ...] [--results FOLDER]

Predictions are those of the hypothesis, written down before the run. Each run is compared with one of the same seeds
and preset in which nothing is changed.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pandas as pd
import tyro
from scipy.stats import binomtest

from pfc_metarl.command_line import Where, parse
from pfc_metarl.config import Seed, Settings
from pfc_metarl.disagreements import DECISIONS, Decision
from pfc_metarl.errors import ConfigError
from pfc_metarl.markdown import markdown_table
from pfc_metarl.results import RunFolder, run_folder
from pfc_metarl.simulation import Options, Simulation
from pfc_metarl.simulation import run as run_simulation

NAME = "decisions"

BY_NAME = {decision.name: decision for decision in DECISIONS}


@dataclass(frozen=True)
class Choice(Settings):
    """Which, and on what networks."""

    names: Annotated[tuple[str, ...], tyro.conf.Positional] = ()
    """Names of decisions; none: all."""
    first_seed: Seed = 201
    """Seed of the first network, of both runs."""
    preset: str = "fast"
    """Preset of both runs."""


def prepare(arguments: Sequence[str]) -> Callable[[], RunFolder]:
    """Command line; what is returned does what it asks for."""
    choice, where = parse(NAME, str(__doc__), Choice(), Where(), arguments)
    unknown = [name for name in choice.names if name not in BY_NAME]
    if unknown:
        raise ConfigError(f"no decision {unknown[0]}; there are: {', '.join(BY_NAME)}")
    return partial(run, choice, where)


def run(choice: Choice, where: Where) -> RunFolder:
    """Run what is asked for (finished runs are used as they are), and write the table of decisions."""
    folder = run_folder(Options(results=where.results).results, NAME, where.quick)
    with folder.locked():
        runs = folder.path / f"{choice.preset}_{choice.first_seed}"
        tables = [decide(BY_NAME[name], choice, where, runs) for name in choice.names or BY_NAME]
        folder.write_whole(NAME, choice, {"compare": {"comparison.csv": pd.concat(tables, ignore_index=True)}})
    columns = ["decision", "quantity", "published", "usual", "found", "predicted_low", "predicted_high", "as_predicted"]
    print(folder.read_table("comparison.csv")[columns].to_string(index=False, float_format="{:.3g}".format))
    print(f"results in {folder.path}")
    return folder


def decide(decision: Decision, choice: Choice, where: Where, folder: Path) -> pd.DataFrame:
    """Both runs, and what they tell.

    Returns:
        Table, a row per predicted or watched quantity: decision, disagreement, hypothesis, changes, quantity,
        published, usual (mean of the networks without the changes), usual_low, usual_high, found (with them),
        found_low, found_high (95 % intervals), n, predicted_low, predicted_high, as_predicted (does the mean lie
        between these; empty of those that are watched).
    """
    simulation: Simulation[Any] = import_module(f"simulations.{decision.simulation}").SIMULATION
    always = {} if where.quick else decision.always  # tiny sizes stay tiny
    usual = replace(simulation.config(choice.preset, where.quick), first_seed=choice.first_seed, **always)
    changed, without = replace(usual, **decision.changes), "-".join(["usual", *map(str, always.values())])
    sides = []
    for name, config in ((without, usual), (decision.name if changed != usual else without, changed)):
        made = run_simulation(simulation, config, Options(results=folder / name, quick=False))
        sides.append(made.read_table("comparison.csv").set_index("quantity"))
    rows = []
    for quantity, (low, high) in (decision.predicted | dict.fromkeys(decision.watched, (np.nan, np.nan))).items():
        names = decision.instead(quantity), quantity
        before, after = (measured(side.reindex([name]).iloc[0], quantity) for side, name in zip(sides, names))
        rows.append({
            "decision": decision.name, "disagreement": decision.disagreement, "hypothesis": decision.hypothesis,
            "changes": ", ".join(f"{name} {value}" for name, value in decision.changes.items()), "quantity": quantity,
            "published": sides[1].reindex([quantity]).iloc[0]["published"],
            **{f"usual{end}": number for end, number in zip(("", "_low", "_high"), before)},
            **{f"found{end}": number for end, number in zip(("", "_low", "_high"), after)},
            "n": sides[1].reindex([quantity]).iloc[0]["n"], "predicted_low": low, "predicted_high": high,
            "as_predicted": bool(low <= after[0] <= high) if np.isfinite(low) else None,
        })  # fmt: skip
    return pd.DataFrame(rows)


def measured(row: pd.Series, quantity: str) -> tuple[float, float, float]:
    """Mean over networks and its 95 % interval; of a criterion of learning the share that meets it, and its own."""
    if not quantity.startswith("learned: "):
        return row["ours"], row["ci_low"], row["ci_high"]
    interval = binomtest(int(row["networks_in_direction"]), int(row["n"])).proportion_ci()
    return row["networks_in_direction"] / row["n"], interval.low, interval.high


def share_of(quantity: str) -> str:
    """A quantity as it is measured; see `measured`."""
    told = quantity.removeprefix("learned: ")
    return quantity if told == quantity else f"share of networks that have learned ({told})"


def in_markdown(table: pd.DataFrame) -> str:
    """The table of decisions for a document; hypothesis and run stand in the first row of each."""
    head = ["hypothesis", "run", "quantity", "published", "as usual", "predicted", "found [95 %]", "as predicted"]
    first = ~table["decision"].duplicated()
    told = table.assign(
        hypothesis=table["hypothesis"].where(first, ""), changes=table["changes"].fillna("").where(first, "")
    )
    rows = [
        [
            row["hypothesis"], row["changes"], share_of(row["quantity"]),
            "" if pd.isna(row["published"]) else f"{row['published']:.3g}", f"{row['usual']:.3g}",
            "" if pd.isna(row["predicted_low"]) else f"{row['predicted_low']:g} to {row['predicted_high']:g}",
            f"{row['found']:.3g} [{row['found_low']:.3g}, {row['found_high']:.3g}]",
            {"True": "yes", "False": "**no**"}.get(str(row["as_predicted"]), ""),
        ]
        for _, row in told.iterrows()
    ]  # fmt: skip
    return markdown_table(head, rows)
