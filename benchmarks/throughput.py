"""Training speed of every simulation, and how it grows with networks, episodes, units and episode length."""

import os
from dataclasses import asdict, replace
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd

from benchmarks.points import AUTOGRAD, COMPILED, PLAIN, Point, measured

SIMULATIONS = ("bandits", "foraging", "volatility", "inferred_value", "two_step", "harlow", "optogenetics")
CORES = os.cpu_count() or 1
GROWTH = {
    "networks": (4, 8, 16, 32, 64),
    "episodes": (1, 4, 16, 64, 256),
    "units": (16, 48, 96, 192),
    "trials": (25, 100, 400),
}
"""What grows, from 8 networks x 16 episodes of 48 units on the two-step task's 100 trials."""


def throughput(seconds: float = 10.0, results: Path = Path("results")) -> None:
    """Speed of every simulation, 8 networks x 16 and x 1 episodes, on one and on all cores, beside the plain ways.

    Args:
        seconds: for each measurement, in five windows.
        results: a table is written to benchmarks/throughput.csv below.
    """
    sizes = [(episodes, threads) for episodes in (16, 1) for threads in sorted({1, CORES})]
    points = [Point(name, episodes=e, threads=t) for name in SIMULATIONS for e, t in sizes]
    points += [Point("two_step", episodes=e, threads=t, how=how) for how in (PLAIN, AUTOGRAD) for e, t in sizes]
    _table(points, seconds, results / "benchmarks" / "throughput.csv")


def growth(seconds: float = 5.0, results: Path = Path("results")) -> None:
    """How speed and memory change with networks, episodes, units and episode length, compiled and by autograd.

    Args:
        seconds: for each measurement, in five windows.
        results: a table and a plot are written to benchmarks/growth.csv and .png below.
    """
    usual = Point("two_step", threads=CORES)
    points = [
        replace(usual, how=how, **{what: value})  # type: ignore[arg-type]
        for what, values in GROWTH.items()
        for value in values
        for how in (COMPILED, AUTOGRAD)
    ]
    path = results / "benchmarks" / "growth.csv"
    _plot(_table(points, seconds, path), usual, path.with_suffix(".png"))


def _plot(table: pd.DataFrame, usual: Point, path: Path) -> None:
    """Speed and memory against each of what grows."""
    figure, axes = plt.subplots(2, len(GROWTH), figsize=(11, 5), sharey="row", layout="constrained")
    for (what, values), column in zip(GROWTH.items(), axes.T):
        others = [name for name in GROWTH if name != what]
        own = table[(table[others] == [getattr(usual, name) for name in others]).all(axis=1)]
        own = own.assign(**{what: own[what].replace(0, 100)}).sort_values(what)  # 0: the simulation's 100 trials
        for how, of_one in own[own[what].isin(values)].drop_duplicates(["how", what]).groupby("how"):
            for ax, quantity in zip(column, ("median", "megabytes")):
                ax.plot(of_one[what], of_one[quantity], "o-", label=how)
                ax.set(xscale="log", yscale="log", xlabel="trials per episode" if what == "trials" else what)
                ax.set_xticks(values, [str(value) for value in values])
                ax.minorticks_off()
    axes[0, 0].set_ylabel("steps per second")
    axes[1, 0].set_ylabel("peak memory (MB)")
    axes[0, -1].legend(fontsize=8)
    figure.savefig(path, dpi=100)
    print(path)


def _table(points: list[Point], seconds: float, path: Path) -> pd.DataFrame:
    """Measure points one after the other, tell each, and write them to a table."""
    rows = []
    for point in points:
        speed = measured(point, seconds)
        size = f"{point.networks} x {point.episodes}, {point.units} units, {point.threads} threads"
        told = f"{speed.median:11,.0f} steps/s ({speed.low:,.0f} to {speed.high:,.0f}), {speed.megabytes:,.0f} MB"
        print(f"{point.simulation:15s} {size:32s} {told}  {point.how}", flush=True)
        rows.append(asdict(point) | asdict(speed))
    table = pd.DataFrame(rows)
    path.parent.mkdir(parents=True, exist_ok=True)
    table.round(1).to_csv(path, index=False)
    return table
