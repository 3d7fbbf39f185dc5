from pathlib import Path

import pytest
import torch

torch.set_num_threads(1)  # tests run beside each other


@pytest.fixture(scope="session")
def quick_results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A results folder with a finished quick run of the two-step task."""
    from pfc_metarl.simulation import Options, run
    from simulations.two_step import SIMULATION

    results = tmp_path_factory.mktemp("results")
    run(SIMULATION, SIMULATION.config("fast", quick=True), Options(quick=True, results=results, processes=1))
    return results
