"""Speed of every task alone, without a network: steps per second of episodes side by side, on one core."""

import time
from pathlib import Path

import numpy as np
import pandas as pd

from pfc_metarl.tasks.episodes import Episodes
from pfc_metarl.tasks.task import Task
from simulations.environments import ENVIRONMENTS, task_of

ACTIONS = 64
"""Random actions that are drawn beforehand, and taken in turn."""


def tasks(seconds: float = 2.0, episodes: int = 256, results: Path = Path("results")) -> None:
    """Speed of every task alone, with random actions; beginning episodes is part of it, compiling is not.

    Args:
        seconds: for each task, after one stretch that does not count.
        episodes: side by side.
        results: a table is written to benchmarks/tasks.csv below.
    """
    rows = []
    for name in ENVIRONMENTS:
        speed = steps_per_second(task_of(name), episodes, seconds)
        print(f"{name:20s} {speed:13,.0f} steps/s", flush=True)
        rows.append((name, episodes, round(speed)))
    path = results / "benchmarks" / "tasks.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    pd.DataFrame(rows, columns=["task", "episodes", "steps_per_second"]).to_csv(path, index=False)
    print(path)


def steps_per_second(task: Task, episodes: int, seconds: float) -> float:
    """Of so many episodes at a time, stepped with random actions, again and again."""
    rng, world = np.random.default_rng(0), Episodes(task, 1, episodes)
    shape = (ACTIONS, 1, episodes)
    actions = rng.uniform(-1, 1, (*shape, task.actions)) if task.continuous else rng.integers(task.actions, size=shape)
    done, start = -task.steps, 0.0
    while not start or time.perf_counter() - start < seconds:
        if task.running:
            world.begin_running(lambda network, slot, number: rng)
        else:
            world.begin([rng])
        for t in range(task.steps):
            world.step(actions[t % ACTIONS], (lambda network, slot, number: rng) if task.running else None)
        done, start = done + task.steps, start or time.perf_counter()
    return done * episodes / (time.perf_counter() - start)
