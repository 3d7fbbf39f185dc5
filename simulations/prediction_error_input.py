"""All simulations again, with the prediction error in place of the reward as input (claimed in the paper, not shown).

The agent is that of simulation 6: actor and critic apart, the actor seeing the critic's prediction error.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import pandas as pd

from pfc_metarl.errors import one_line_errors
from pfc_metarl.results import RunFolder
from pfc_metarl.simulation import Options, Simulation, parse, run
from simulations import bandits, foraging, harlow, inferred_value, two_step, volatility

SIMULATIONS: tuple[tuple[Simulation[Any], dict[str, Any], str], ...] = (
    (bandits.SIMULATION, {"distributions": ("independent", "correlated")}, "regret at trial 100, meta-RL"),
    (foraging.SIMULATION, {}, "matching slope"),
    (volatility.SIMULATION, {"control_training": False}, "learning rate of the networks"),
    (inferred_value.SIMULATION, {}, "stimulus"),
    (two_step.SIMULATION, {}, "stay after"),
    (harlow.SIMULATION, {}, "trained, trial"),
)
"""Simulation, what differs from its preset besides the agent, and how the names of its key results begin."""


@dataclass(frozen=True)
class Choice:
    """Which networks to compare."""

    preset: Literal["fast", "paper"] = "fast"
    """Preset of all simulations."""


def compare_inputs(preset: str, options: Options) -> pd.DataFrame:
    """Run both agents through all simulations (finished runs are used as they are) and lay their results side by side.

    Returns:
        Table: simulation, quantity, key (is it drawn), published, and for reward and prediction_error as input
        the mean, the ends of the 95 % interval and the verdict.
    """
    tables = []
    for simulation, fields, key in SIMULATIONS:
        config = simulation.quick_config(preset) if options.quick else simulation.presets[preset]
        other = replace(config, agent="actor-critic-rpe", **fields)
        apart = replace(options, results=options.results / "prediction_error_input")
        folders = {
            "reward": run(simulation, config, replace(options, overwrite=False)),
            "prediction_error": run(simulation, other, apart),
        }
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
        given = sys.argv[1:] if arguments is None else arguments
        choice, options = parse("prediction_error_input", str(__doc__), Choice(), Options(), given)
        table = compare_inputs(choice.preset, options)
        folder = options.results / "quick" if options.quick else options.results
        RunFolder(folder).write_table("prediction_error_input.csv", table)
        columns = ["simulation", "quantity", "published", "reward_ours", "prediction_error_ours"]
        print(table.loc[table["key"], columns].to_string(index=False, float_format="{:.3g}".format))


if __name__ == "__main__":
    main()
