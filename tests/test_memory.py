"""What cannot fit into memory is refused; what a laptop can run is not."""

from pathlib import Path

import pytest
from registered import SIMULATIONS, every_simulation

from pfc_metarl.command_line import command_line
from pfc_metarl.errors import ConfigError
from pfc_metarl.memory import memory_needed
from pfc_metarl.simulation import run
from pfc_metarl.training import BLOCK
from simulations.two_step import SIMULATION


@pytest.mark.parametrize("sizes", [["--units", "1000000000"], ["--trials", "100000000"], ["--networks", "1000000000"]])
def test_what_cannot_fit_into_memory_is_refused_before_anything_is_done(tmp_path: Path, sizes: list[str]) -> None:
    config, options = command_line(SIMULATION, [*sizes, "--results", str(tmp_path)])
    with pytest.raises(ConfigError, match=r"this needs about [\d,]+ GB of memory, and there are"):
        run(SIMULATION, config, options)
    assert not list(tmp_path.iterdir())


@every_simulation
def test_what_is_run_without_flags_fits_into_a_laptop(name: str) -> None:
    """Training episodes are not in memory all at once, however their field is named."""
    config = SIMULATIONS[name].presets["fast"]
    tasks = SIMULATIONS[name].tasks(config)
    assert max(memory_needed(config.for_condition(c), task, BLOCK) for c, task in tasks.items()) < 12e9
