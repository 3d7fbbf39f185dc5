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
from typing import Annotated, Any, NamedTuple

import numpy as np
import pandas as pd
import tyro

from pfc_metarl.command_line import Where, parse
from pfc_metarl.config import Seed, Settings
from pfc_metarl.errors import ConfigError
from pfc_metarl.results import RunFolder, run_folder
from pfc_metarl.simulation import Options, Simulation
from pfc_metarl.simulation import run as run_simulation
from simulations.verdicts import markdown_table

NAME = "decisions"


class Decision(NamedTuple):
    """A disagreement, a cause that it may have, and the run that tells."""

    name: str
    disagreement: str
    hypothesis: str
    simulation: str
    changes: dict[str, Any]
    """Fields of the simulation's config."""
    predicted: dict[str, tuple[float, float]]
    """Quantities of its comparison: between what the mean over networks must lie if the hypothesis is right."""
    watched: tuple[str, ...] = ()
    """Others, of which nothing is predicted, but which the cause should leave as published."""


CONTROLS = "% risky, control, p = {:g}".format
EFFECTS = (
    "% risky, block risky reward less control, p = 0.5",
    "% risky, block safe reward less control, p = 0.125",
    "% risky, block risky loss less control, p = 0.125",
)
SWITCH = "choice weight, lag {}".format
DECISIONS = (
    Decision(
        "forced-pulls-tell-nothing",
        "optogenetics: our controls take the risky arm less often at p = .125 than published (28.7 %)",
        "the paper's agent learned nothing from forced pulls (a Bayesian agent that does not: 90.0 and 31.3 %)",
        "optogenetics", {"forced_outcomes": False},
        {CONTROLS(0.5): (87, 91), CONTROLS(0.125): (26, 32)}, EFFECTS,
    ),
    Decision(
        "one-forced-pair",
        "the same",
        "it kept one of the five forced pairs in mind (such an agent: 89.6 and 26.8 %)",
        "optogenetics", {"forced_pairs": 1},
        {CONTROLS(0.5): (87, 91), CONTROLS(0.125): (24, 30)}, EFFECTS,
    ),
    Decision(
        "lower-entropy-cost",
        "foraging: the tendency to switch after a choice is weaker than published (-5.1 at lag 1, -.66 at lag 2)",
        "the paper's networks were surer, as with an entropy cost of .01 (the stationary policy then: -5.5 and -3.6)",
        "foraging", {"entropy_cost": 0.01},
        {SWITCH(1): (-6.0, -4.2), SWITCH(2): (-1.2, 0.0)},
    ),
    Decision(
        "low-entropy-cost",
        "the same",
        "as before, with an entropy cost of .02",
        "foraging", {"entropy_cost": 0.02},
        {SWITCH(1): (-6.0, -4.2), SWITCH(2): (-1.2, 0.0)},
    ),
)  # fmt: skip
"""In the order of the figures' review; a new one is one more entry."""
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
        tables = [decide(BY_NAME[name], choice, where, folder.path) for name in choice.names or BY_NAME]
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
    usual = replace(simulation.config(choice.preset, where.quick), first_seed=choice.first_seed)
    sides = []
    for name, config in (("usual", usual), (decision.name, replace(usual, **decision.changes))):
        options = Options(results=folder / name, quick=False)
        made = run_simulation(simulation, config, options)
        sides.append(made.read_table("comparison.csv").set_index("quantity"))
    rows = []
    for quantity, (low, high) in (decision.predicted | dict.fromkeys(decision.watched, (np.nan, np.nan))).items():
        before, after = (side.reindex([quantity]).iloc[0] for side in sides)
        rows.append({
            "decision": decision.name, "disagreement": decision.disagreement, "hypothesis": decision.hypothesis,
            "changes": ", ".join(f"{name} {value}" for name, value in decision.changes.items()), "quantity": quantity,
            "published": after["published"], "usual": before["ours"], "usual_low": before["ci_low"],
            "usual_high": before["ci_high"], "found": after["ours"], "found_low": after["ci_low"],
            "found_high": after["ci_high"], "n": after["n"], "predicted_low": low, "predicted_high": high,
            "as_predicted": bool(low <= after["ours"] <= high) if np.isfinite(low) else None,
        })  # fmt: skip
    return pd.DataFrame(rows)


def in_markdown(table: pd.DataFrame) -> str:
    """The table of decisions for a document."""
    head = ["hypothesis", "run", "quantity", "published", "as usual", "predicted", "found [95 %]", "as predicted"]
    rows = [
        [
            row["hypothesis"], row["changes"], row["quantity"], f"{row['published']:.3g}", f"{row['usual']:.3g}",
            "" if pd.isna(row["predicted_low"]) else f"{row['predicted_low']:g} to {row['predicted_high']:g}",
            f"{row['found']:.3g} [{row['found_low']:.3g}, {row['found_high']:.3g}]",
            {"True": "yes", "False": "**no**"}.get(str(row["as_predicted"]), ""),
        ]
        for _, row in table.iterrows()
    ]  # fmt: skip
    return markdown_table(head, rows)
