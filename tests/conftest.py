from pathlib import Path

import pytest
import torch

from pfc_metarl.simulation import Options, run
from simulations import two_step

torch.set_num_threads(1)


@pytest.fixture(scope="session")
def quick_results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A results folder with a finished quick run of the two-step task."""
    results = tmp_path_factory.mktemp("results")
    config = two_step.SIMULATION.quick_config("fast")
    run(two_step.SIMULATION, config, Options(quick=True, results=results, processes=1))
    return results
