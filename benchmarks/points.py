"""One measurement of training speed, learning included, in a process of its own."""

import multiprocessing
import os
import resource
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass, replace
from importlib import import_module

import numpy as np
import torch
from threadpoolctl import threadpool_limits

from benchmarks.autograd_loop import AutogradLoop
from pfc_metarl.a2c import Learner
from pfc_metarl.config import Config
from pfc_metarl.tasks.task import Task

COMPILED, PLAIN, AUTOGRAD = "compiled loops", "single steps of PyTorch", "autograd over torch.nn.LSTMCell"
"""How networks play and learn; the last is one network that plays as many episodes as all of them together."""
WINDOWS = 5
"""Of measurement, after the first updates: the median and the range are told."""


@dataclass(frozen=True)
class Point:
    """What is measured."""

    simulation: str
    networks: int = 8
    episodes: int = 16
    """Per network and update."""
    threads: int = os.cpu_count() or 1
    """That train a part of the networks each."""
    how: str = COMPILED
    units: int = 48
    trials: int = 0
    """Per episode; 0: the simulation's."""


@dataclass(frozen=True)
class Speed:
    """What came out: environment steps per second of all networks together, and the process's largest memory."""

    median: float
    low: float
    high: float
    megabytes: float


def measured(point: Point, seconds: float) -> Speed:
    """Measure a point in a process of its own, for so long in all."""
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, spawn) as alone:
        return alone.submit(_measure, point, seconds).result()


def _measure(point: Point, seconds: float) -> Speed:
    torch.set_num_threads(1)
    simulation = import_module(f"simulations.{point.simulation}").SIMULATION
    changes = {"trials": point.trials} if point.trials else {}
    config = simulation.config("fast" if "fast" in simulation.presets else next(iter(simulation.presets)))
    config = replace(
        config,
        networks=point.networks,
        units=point.units,
        episodes_per_update=point.episodes,
        episodes=10**6 * point.episodes,
        **changes,
    )
    task = next(iter(simulation.tasks(config).values()))
    parts = np.array_split(config.seeds, point.threads) if point.how != AUTOGRAD else [config.seeds]
    with threadpool_limits(1), ThreadPoolExecutor(len(parts)) as pool:
        updates = [_update(config, task, [int(seed) for seed in part], point.how) for part in parts]
        for update in updates:  # compile, and warm up
            update()
        windows = [sum(pool.map(lambda update: _speed(update, seconds / WINDOWS), updates)) for _ in range(WINDOWS)]
    megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return Speed(float(np.median(windows)), min(windows), max(windows), megabytes)


def _update(config: Config, task: Task, seeds: list[int], how: str) -> Callable[[], int]:
    """What does one update and tells how many environment steps it took."""
    if how == AUTOGRAD:
        return AutogradLoop(config, task, len(seeds) * config.episodes_per_update).learn
    learner = Learner(config, task, seeds)
    learner.network.play_plainly = how == PLAIN
    return lambda: learner.learn().rewards.numel()


def _speed(update: Callable[[], int], seconds: float) -> float:
    started, steps = time.perf_counter(), 0
    while time.perf_counter() - started < seconds:
        steps += update()
    return steps / (time.perf_counter() - started)
