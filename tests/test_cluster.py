"""Training on a dask cluster: a real scheduler and worker processes, of which one is killed."""

import os
import signal
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from pfc_metarl.checkpoints import load_checkpoint
from pfc_metarl.cluster import cluster
from pfc_metarl.errors import RunError
from pfc_metarl.simulation import Options, run
from pfc_metarl.training import train_unit, units
from simulations.informative_bandit import SIMULATION  # whose analyses are short

distributed = pytest.importorskip("distributed")
CONFIG = replace(SIMULATION.config("fast", quick=True), networks=8, episodes=1_600, agent="gru")
SAME = ("checkpoint.pt", "learning_curve.csv", "trials.parquet", "comparison.csv")


@pytest.mark.filterwarnings("ignore")
def test_a_cluster_gives_the_same_bytes_though_a_worker_is_killed(tmp_path: Path) -> None:
    here = run(SIMULATION, CONFIG, Options(results=tmp_path / "here", processes=1)).path
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as workers:
        pids = [worker.pid for worker in workers.workers.values()]

        def kill() -> None:
            """As soon as it trains."""
            scheduler = workers.scheduler
            until = time.monotonic() + 60
            while not all(w.processing for w in scheduler.workers.values()) and time.monotonic() < until:
                time.sleep(0.05)
            time.sleep(1)
            os.kill(pids[0], signal.SIGKILL)
            killed.append(pids[0])

        killed: list[int] = []
        killer = threading.Thread(target=kill)
        killer.start()
        there = run(SIMULATION, CONFIG, Options(results=tmp_path / "there", cluster=workers.scheduler_address)).path
        killer.join()
    assert killed
    for name in SAME:
        assert (here / name).read_bytes() == (there / name).read_bytes(), name


@pytest.mark.filterwarnings("ignore")
def test_what_was_begun_here_goes_on_there(tmp_path: Path) -> None:
    config = replace(CONFIG, networks=2)
    (whole,), (half,) = (units(config, SIMULATION.tasks(config), tmp_path / name) for name in ("whole", "half"))
    for unit in (whole, half):
        unit.path.parent.mkdir()
    asked = iter(range(10**6))
    with pytest.raises(RunError, match="was stopped"):
        train_unit(half, stopped=lambda: next(asked) == config.updates // 2)
    assert 0 < load_checkpoint(half.path)["update"] < config.updates
    train_unit(whole)
    with distributed.LocalCluster(1, processes=False, dashboard_address=None) as workers:
        cluster(workers.scheduler_address)([half], 1, lambda: None)
    assert half.path.read_bytes() == whole.path.read_bytes()


def test_no_scheduler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pfc_metarl.cluster.WAIT", 1)
    with pytest.raises(RunError, match="no dask scheduler answers at tcp://127.0.0.1:9"):
        run(SIMULATION, CONFIG, Options(results=tmp_path, cluster="tcp://127.0.0.1:9"))
