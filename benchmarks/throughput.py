"""Training throughput on the two-step task: environment steps per second of training, learning included."""

import os
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import torch
from threadpoolctl import threadpool_limits

from pfc_metarl.a2c import Learner
from pfc_metarl.config import Config
from simulations.two_step import PRESETS, make_task


def train_for(seeds: list[int], config: Config, seconds: float, plainly: bool) -> tuple[int, float]:
    """Train some networks for a while; returns environment steps and the seconds they took."""
    learner = Learner(config, make_task(config), seeds)  # type: ignore[arg-type]
    learner.network.play_plainly = plainly
    for _ in range(3):  # warm up, and compile
        learner.learn()
    started, steps = time.perf_counter(), 0
    while time.perf_counter() - started < seconds:
        steps += learner.learn().rewards.numel()
    return steps, time.perf_counter() - started


def throughput(networks: int, episodes: int, threads: int, seconds: float, plainly: bool = False) -> float:
    """Steps per second of all networks together on the two-step task, split over threads.

    Args:
        networks: in all.
        episodes: per network and update.
        threads: that train a part of the networks each.
        seconds: how long to measure.
        plainly: by single steps of PyTorch in place of compiled loops.
    """
    torch.set_num_threads(1)
    config = replace(PRESETS["fast"], networks=networks, episodes_per_update=episodes, episodes=10**6 * episodes)
    parts = [part.tolist() for part in np.array_split(config.seeds, threads)]
    with threadpool_limits(1), ThreadPoolExecutor(threads) as pool:
        results = list(pool.map(lambda seeds: train_for(seeds, config, seconds, plainly), parts))
    return sum(steps / took for steps, took in results)


def measure(networks: int = 8, threads: int = os.cpu_count() or 1, seconds: float = 6.0, repeats: int = 3) -> None:
    """Training throughput on the two-step task, learning included, with 16 episodes per update and with one.

    Args:
        networks: in all.
        threads: the networks are split over so many.
        seconds: how long to measure, each time.
        repeats: times, of which the median and the range are told.
    """
    for episodes in (16, 1):
        for plainly, name in ((False, "compiled loops"), (True, "single steps of PyTorch")):
            own = [throughput(networks, episodes, threads, seconds, plainly) for _ in range(repeats)]
            told = f"{np.median(own):,.0f} environment steps per second ({min(own):,.0f} to {max(own):,.0f})"
            print(f"{networks} networks x {episodes} episodes, {threads} threads, {name}: {told}")
