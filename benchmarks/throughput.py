"""Training throughput on the two-step task: environment steps per second of training, learning included."""

import os
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context

import numpy as np
import torch

from pfc_metarl.a2c import Learner
from pfc_metarl.config import Config
from simulations.two_step import PRESETS, make_task


def train_for(seeds: list[int], config: Config, seconds: float) -> tuple[int, float]:
    """Train some networks for a while; returns environment steps and the seconds they took."""
    torch.set_num_threads(1)
    learner = Learner(config, make_task(config), seeds)  # type: ignore[arg-type]
    for _ in range(3):  # warm up
        learner.learn()
    started, steps = time.perf_counter(), 0
    while time.perf_counter() - started < seconds:
        steps += learner.learn().rewards.numel()
    return steps, time.perf_counter() - started


def throughput(networks: int, episodes: int, processes: int, seconds: float) -> float:
    """Steps per second of all networks together on the two-step task, split over processes with one thread each."""
    config = replace(PRESETS["fast"], networks=networks, episodes_per_update=episodes)
    parts = [part.tolist() for part in np.array_split(config.seeds, processes)]
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        results = list(pool.map(train_for, parts, [config] * processes, [seconds] * processes))
    return sum(steps / took for steps, took in results)


def measure(networks: int = 8, episodes: int = 16, processes: int = os.cpu_count() or 1, seconds: float = 10.0) -> None:
    """Training throughput on the two-step task, learning included.

    Args:
        networks: in all.
        episodes: per network and update.
        processes: the networks are split over so many.
        seconds: how long to measure.
    """
    speed = throughput(networks, episodes, processes, seconds)
    print(
        f"{networks} networks x {episodes} episodes, {processes} processes: {speed:,.0f} environment steps per second"
    )
