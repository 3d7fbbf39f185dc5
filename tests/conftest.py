import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
import torch

torch.set_num_threads(1)  # tests run beside each other
signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in what a script starts in the background
signal.signal(signal.SIGHUP, signal.SIG_DFL)  # and by nohup


@pytest.fixture(scope="session")
def quick_results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A results folder with a finished quick run of the two-step task."""
    from pfc_metarl.simulation import Options, run
    from simulations.two_step import SIMULATION

    results = tmp_path_factory.mktemp("results")
    run(SIMULATION, SIMULATION.config("fast", quick=True), Options(quick=True, results=results, processes=1))
    return results


@pytest.fixture(scope="session", autouse=True)
def meta_world_is_a_point() -> Iterator[None]:
    """In place of the robot arm's simulator, which few have."""
    from fakes import PointBenchmark

    with patch("simulations.metaworld.benchmark", lambda environment: PointBenchmark()):
        yield


@pytest.fixture(scope="session", autouse=True)
def figures_look_well() -> Iterator[None]:
    """Whatever figure a test draws, and saves as a PNG, has no faults."""
    from looks import faults
    from matplotlib.figure import Figure

    save = Figure.savefig

    def looked_at(figure: Figure, *args: Any, **options: Any) -> None:
        if options.get("format") == "png":
            told = faults(figure, options.get("bbox_inches"))
            assert not told, "\n".join(told)
        save(figure, *args, **options)

    with patch.object(Figure, "savefig", looked_at):
        yield
