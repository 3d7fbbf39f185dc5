"""All simulations again, with the prediction error in place of the reward as input (claimed in the paper, not shown).

The agent is that of simulation 6: actor and critic apart, the actor seeing the critic's prediction error. Its runs are
ordinary ones, in folders of their own inside this one's.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from pfc_metarl.command_line import parse
from pfc_metarl.config import STAGES, Settings
from pfc_metarl.errors import ConfigError
from pfc_metarl.networks import agent_class
from pfc_metarl.results import RunFolder, run_folder
from pfc_metarl.simulation import Options, Simulation, run
from simulations import bandits, foraging, harlow, inferred_value, two_step, volatility

NAME = "prediction_error_input"
SIMULATIONS: tuple[tuple[Simulation[Any], dict[str, Any]], ...] = (
    (bandits.SIMULATION, {"distributions": ("independent", "correlated")}),
    (foraging.SIMULATION, {}),
    (volatility.SIMULATION, {"control_training": False}),
    (inferred_value.SIMULATION, {}),
    (two_step.SIMULATION, {}),
    (harlow.SIMULATION, {}),
)
"""Simulation, and what differs from its preset besides the agent."""


@dataclass(frozen=True)
class Choice(Settings):
    """Which networks to compare."""

    preset: Literal["fast", "paper"] = "fast"
    """Preset of all simulations."""
    agent: str = "actor-critic-rpe"
    """Agent that sees prediction errors."""


def run_all(choice: Choice, options: Options, apart: Path) -> None:
    """Run both agents through all simulations; finished runs are used as they are."""
    for simulation, fields in SIMULATIONS:
        config = simulation.config(choice.preset, options.quick)
        other = replace(config, agent=choice.agent, **fields)
        run(simulation, config, replace(options, overwrite=False, again_from=""))
        run(simulation, other, replace(options, quick=False, again_from="", results=apart))


def side_by_side(options: Options, apart: Path) -> pd.DataFrame:
    """The key results of both agents.

    Returns:
        Table: simulation, quantity, short (its label), published, and for reward and prediction_error as input
        the mean, the ends of the 95 % interval and the verdict.
    """
    tables = []
    for simulation, _ in SIMULATIONS:
        folders = {
            "reward": run_folder(options.results, simulation.name, options.quick),
            "prediction_error": run_folder(apart, simulation.name),
        }
        sides = {name: folder.read_table("comparison.csv").set_index("quantity") for name, folder in folders.items()}
        table = sides["reward"][["short", "published"]].assign(simulation=simulation.name)
        for name, side in sides.items():
            for column in ("ours", "ci_low", "ci_high", "verdict"):
                table[f"{name}_{column}"] = side[column]
        tables.append(table.dropna(subset="short").reset_index())
    return pd.concat(tables, ignore_index=True)


def comparisons(apart: Path) -> pd.DataFrame:
    """The comparisons of the runs with the prediction error, with the paper's networks that see rewards."""
    tables = [run_folder(apart, s.name).read_table("comparison.csv").assign(simulation=s.name) for s, _ in SIMULATIONS]
    return pd.concat(tables, ignore_index=True)


def prepare(arguments: Sequence[str]) -> Callable[[], RunFolder]:
    """Command line; what is returned does what it asks for."""
    choice, options = parse(NAME, str(__doc__), Choice(), Options(), arguments)
    if options.again_from == "test" or options.trained:
        raise ConfigError(f"{NAME} has no test of its own; use --from analyse, without --trained")
    if not agent_class(choice.agent).sees_prediction_errors:
        raise ConfigError(f"agent must be one that sees prediction errors (actor-critic-rpe), not {choice.agent}")
    return partial(run_stages, choice, replace(options, processes=1) if options.quick else options)


def run_stages(choice: Choice, options: Options) -> RunFolder:
    """The run itself, or what is left of it."""
    folder = run_folder(options.results, NAME, options.quick)
    with folder.locked():
        folder.open(NAME, choice, options.overwrite, options.again_from)
        for stage in STAGES:  # all of them: the runs that it compares may have changed, and finished ones take no time
            with folder.doing(stage):
                if stage == "train":
                    run_all(choice, options, folder.path)
                elif stage == "analyse":
                    folder.write_table("inputs.csv", side_by_side(options, folder.path))
                elif stage == "compare":
                    folder.write_table("comparison.csv", comparisons(folder.path))
        columns = ["simulation", "quantity", "published", "reward_ours", "prediction_error_ours"]
        print(folder.read_table("inputs.csv")[columns].to_string(index=False, float_format="{:.3g}".format))
    return folder
