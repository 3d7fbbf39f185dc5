"""This suite and a rival program in turn, so that both meet the same machine."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np

from benchmarks.points import Point, measured
from pfc_metarl.errors import RunError

TASKS = {"two_step": "twostep", "bandits": "bandit"}
"""Simulation to the rival's name of its task."""
ROWS = {16: 128, 1: 8}
"""Episodes per network and update, of 8 networks, to the rival's rows."""


def rival(program: Path, python: Path = Path(sys.executable), turns: int = 3, seconds: float = 9.0) -> None:
    """Run a rival program and this suite in turn, and tell the ratio of their speeds.

    The rival is called as `PYTHON PROGRAM --task twostep --impl custom --batch 128 --devices 2 --reps 3 --seconds 3`,
    and tells its speed through `benchmarks/meas.py`.

    Args:
        program: the rival.
        python: that has what it needs.
        turns: of either.
        seconds: for each measurement of either, in all.
    """
    for simulation in TASKS:
        for episodes in ROWS:
            ours, theirs = [], []
            for _ in range(turns):
                theirs.append(_rival_speed(program, python, simulation, episodes, seconds))
                ours.append(measured(Point(simulation, episodes=episodes), seconds).median)
            ratios = np.divide(ours, theirs)
            print(
                f"{simulation:9s} 8 networks x {episodes:2d}: {np.median(ours):11,.0f} steps/s; rival, {ROWS[episodes]}"
                f" rows: {np.median(theirs):11,.0f}; ratio {np.median(ratios):.2f} ({min(ratios):.2f} to"
                f" {max(ratios):.2f})",
                flush=True,
            )


def _rival_speed(program: Path, python: Path, simulation: str, episodes: int, seconds: float) -> float:
    options = ["--task", TASKS[simulation], "--impl", "custom", "--batch", str(ROWS[episodes])]
    options += ["--devices", str(os.cpu_count()), "--reps", "3", "--seconds", str(seconds / 3)]
    told = os.environ | {"PYTHONPATH": str(Path(__file__).parent)}
    done = subprocess.run([python, program, *options], env=told, capture_output=True, text=True)
    if done.returncode:
        raise RunError(f"{program} failed: {(done.stderr.strip().splitlines() or ['without a word'])[-1]}")
    return float(np.median(json.loads(done.stdout.strip().splitlines()[-1])["steps_per_second"]))
