"""python -m benchmarks throughput: environment steps per second of training, learning included."""

import argparse
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


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("name", choices=["throughput"])
    parser.add_argument("--networks", type=int, default=8)
    parser.add_argument("--episodes", type=int, default=16, help="episodes per network and update")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--seconds", type=float, default=10.0)
    arguments = parser.parse_args()
    speed = throughput(arguments.networks, arguments.episodes, arguments.processes, arguments.seconds)
    print(
        f"two-step task, {arguments.networks} networks x {arguments.episodes} episodes, "
        f"{arguments.processes} processes: {speed:,.0f} environment steps per second"
    )


if __name__ == "__main__":
    main()
