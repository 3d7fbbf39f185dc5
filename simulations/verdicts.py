"""What of the paper holds: all verdicts, computed anew from the runs.

    python -m simulations verdicts [--results FOLDER]

The claims, and how each is judged, stand in data/claims.csv; the rule in pfc_metarl/comparison.py and claims.py.
"""

import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import pandas as pd

from pfc_metarl.claims import CURVE, LEARNED, NOT_COMPARED, PRIMARY, SIZE, beside_reference, claims, in_markdown, judge
from pfc_metarl.command_line import Where, parse
from pfc_metarl.comparison import VERDICTS
from pfc_metarl.config import Settings
from pfc_metarl.errors import ConfigError, RunError
from pfc_metarl.finished_run import Run
from pfc_metarl.results import RunFolder, readable_path, run_folder
from pfc_metarl.simulation import Simulation

NAME = "verdicts"


@dataclass(frozen=True)
class Rule(Settings):
    """There is nothing to set."""


@dataclass(frozen=True)
class Shown(Where):
    """Where results are, and how verdicts are shown."""

    markdown: bool = False
    """Print tables for a document."""


def prepare(arguments: Sequence[str]) -> Callable[[], RunFolder]:
    """Command line; what is returned does what it asks for."""
    rule, where = parse(NAME, str(__doc__), Rule(), Shown(), arguments)
    return partial(run, rule, where)


def run(rule: Rule, where: Shown) -> RunFolder:
    """Judge what has run, write and print it."""
    results = readable_path(where.results)
    runs = {name: run for name in claims()["simulation"].unique() if (run := finished(name, results, where.quick))}
    if not runs:
        words = ["python", "-m", "simulations", "all", *["--quick"] * where.quick, "--results", str(where.results)]
        raise RunError(f"{results} holds no finished run; first: {shlex.join(words)}")
    judged = judge({name: comparison(run) for name, run in runs.items()})
    judged = beside_reference(judged, {name: str(run.folder.read_config().get("preset")) for name, run in runs.items()})
    changed = {name: told for name, run in runs.items() if (told := changes(run))}
    judged["changed"] = judged["simulation"].map(changed)
    folder = run_folder(results, NAME, where.quick)
    with folder.locked():
        folder.write_whole(NAME, rule, {"compare": {"comparison.csv": judged}})
    if where.markdown:
        print(in_markdown(judged))
    else:
        show(judged)
    for name, told in changed.items():
        print(f"{name}: not the preset's settings, so that what is published need not hold: {told}")
    print(f"results in {folder.path}")
    return folder


def finished(name: str, results: Path, quick: bool) -> Run | None:
    """A simulation's run; None, and a line, if there is none that could be judged."""
    simulation: Simulation[Any] = import_module(f"simulations.{name}").SIMULATION
    folder = run_folder(results, name, quick)
    try:
        folder.require_finished()
    except RunError as error:
        print(f"not judged: {name}: {error}")
        return None
    made = folder.read_json("config.json").get("simulation")
    if made == name:
        return Run(simulation, folder)
    print(f"not judged: {name}: {folder.path} holds a run of {made}")
    return None


def changes(run: Run) -> str:
    """What of a run's settings is not its preset's, in words; "": nothing."""
    try:
        return run.simulation.changed(run.config)
    except ConfigError as error:
        return f"made by another version ({error})"


def comparison(run: Run) -> pd.DataFrame:
    """A simulation's comparison, computed anew from its tables."""
    try:
        return run.simulation.compare(run.tables)
    except KeyError as error:
        again = f"{run.folder.command} --from analyse"
        raise RunError(f"{run.folder.path} lacks {error}; do its analyses again: {again}") from None


PARTS = {
    PRIMARY: ("Primary claims: does the contrast hold (Holm, 7 of 8 networks)?", ["p_holm", "holds", "verdict"]),
    SIZE: ("Sizes", ["verdict"]),
    CURVE: ("Curves: distance from the published one, in units of its own s.d.", ["verdict"]),
    LEARNED: ("Networks that have learned their task", ["share", "share_low", "share_high"]),
}
"""By role: title, and columns besides those that all have."""


def show(judged: pd.DataFrame) -> None:
    """The verdicts, for a terminal."""
    k, n = (judged[name].astype(int).astype(str) for name in ("networks_in_direction", "n"))
    judged = judged.assign(networks=k + "/" + n)
    for role, (title, more) in PARTS.items():
        own = judged[(judged["role"] == role) & (judged["verdict"] != NOT_COMPARED)]
        columns = ["simulation", "panel", "quantity", "ours", "ci_low", "ci_high", "published", "networks", *more]
        if len(own):
            print(f"\n{title}\n{own[columns].to_string(index=False, float_format='{:.3g}'.format, na_rep='')}")
    counts = judged[judged["role"] != LEARNED]["verdict"].value_counts().reindex(VERDICTS, fill_value=0)
    print("\n" + ", ".join(f"{verdict}: {number}" for verdict, number in counts.items()))
    absent = judged[judged["verdict"] == NOT_COMPARED]
    if len(absent):
        print(f"not compared, with these settings: {'; '.join(absent['quantity'])}")
    for _, claim in judged[judged["holds"].eq(False).fillna(False)].iterrows():
        print(f"does not hold: {claim['panel']}: {claim['sentence']} ({claim['quantity']}: {claim['ours']:.3g})")
    there = judged["reference"].notna().sum()
    other = judged[judged["differs"].eq(True).fillna(False)]
    if there:
        print(
            f"{len(other)} of {there} differ, at 1 %, from the runs that come with the repository (data/reference_runs)"
        )
    for _, claim in other.iterrows():
        which = f"{claim['simulation']}: {claim['quantity']}"
        print(f"differs: {which}: {claim['ours']:.3g}, there {claim['reference']:.3g}")
