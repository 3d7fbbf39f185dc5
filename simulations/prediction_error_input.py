"""All simulations again, with the prediction error in place of the reward as input (claimed in the paper, not shown).

The agent is that of simulation 6: actor and critic apart, the actor seeing the critic's prediction error.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd
import tyro

from pfc_metarl.errors import one_line_errors
from pfc_metarl.results import RunFolder
from pfc_metarl.simulation import Options, Simulation, run
from simulations import bandits, foraging, harlow, inferred_value, two_step, volatility

SIMULATIONS: tuple[tuple[Simulation[Any], dict[str, Any], str], ...] = (
    (bandits.SIMULATION, {"distributions": ("independent", "correlated")}, "regret at trial 100, meta-RL"),
    (foraging.SIMULATION, {}, "matching slope"),
    (volatility.SIMULATION, {"control_training": False}, "learning rate of the networks"),
    (inferred_value.SIMULATION, {}, "stimulus"),
    (two_step.SIMULATION, {}, "stay after"),
    (harlow.SIMULATION, {}, "trained, trial"),
)
"""Simulation, what differs from its fast preset besides the agent, and how the names of its key results begin."""


@dataclass(frozen=True)
class Arguments:
    """Which runs to compare."""

    quick: bool = False
    """Tiny sizes; results go to <results>/quick/."""
    overwrite: bool = False
    """Train the agents with prediction errors anew."""
    results: Path = Path("results")
    """Folder for the results of all simulations."""
    processes: int = Options().processes
    """Processes for training."""


def compare_inputs(arguments: Arguments) -> pd.DataFrame:
    """Run both agents through all simulations (finished runs are used as they are) and lay their results side by side.

    Returns:
        Table: simulation, quantity, key (is it drawn), published, and for reward and prediction_error as input
        the mean, the ends of the 95 % interval and the verdict.
    """
    tables = []
    for simulation, fields, key in SIMULATIONS:
        config = simulation.quick_config("fast") if arguments.quick else simulation.presets["fast"]
        other = replace(config, agent="actor-critic-rpe", **fields)
        options = Options(arguments.quick, False, arguments.results, arguments.processes)
        apart = replace(options, overwrite=arguments.overwrite, results=arguments.results / "prediction_error_input")
        folders = {"reward": run(simulation, config, options), "prediction_error": run(simulation, other, apart)}
        sides = {name: folder.read_table("comparison.csv").set_index("quantity") for name, folder in folders.items()}
        table = sides["reward"][["published"]].assign(simulation=simulation.name)
        for name, side in sides.items():
            for column in ("ours", "ci_low", "ci_high", "verdict"):
                table[f"{name}_{column}"] = side[column]
        table["key"] = table.index.str.startswith(key)
        tables.append(table.reset_index())
    return pd.concat(tables, ignore_index=True)


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line."""
    with one_line_errors():
        options = tyro.cli(
            Arguments,
            args=sys.argv[1:] if arguments is None else arguments,
            description=__doc__,
            prog="python -m simulations prediction_error_input",
        )
        table = compare_inputs(options)
        folder = options.results / "quick" if options.quick else options.results
        RunFolder(folder).write_table("prediction_error_input.csv", table)
        columns = ["simulation", "quantity", "published", "reward_ours", "prediction_error_ours"]
        print(table.loc[table["key"], columns].to_string(index=False, float_format="{:.3g}".format))


if __name__ == "__main__":
    main()
