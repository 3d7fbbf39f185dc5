"""A bandit of which one arm tells which other one is best: regret, and what is pulled (Wang et al. 2016, Fig. 3)."""

from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from pfc_metarl.agents.many_arms import OPTIMUM
from pfc_metarl.colours import ORANGE, PURPLE, VERMILLION
from pfc_metarl.plotting import INTERVALS, mean_and_band, panel_letter, paper_figure, room_above, save
from pfc_metarl.results import run_folder
from pfc_metarl.trials import NETWORKS

COLOURS = {NETWORKS: VERMILLION, "Thompson": PURPLE, "UCB": ORANGE}
NOTE = f"{INTERVALS} All play the same episodes; Thompson sampling knows the prior."


def draw(results: Path, quick: bool) -> None:
    """Draw the figure from results/informative_bandit."""
    run = run_folder(results, "informative_bandit", quick)
    rewards = run.read_table("rewards.csv")
    rewards["lost"] = rewards.groupby(["group", "subject"])["regret"].cumsum()
    with paper_figure(height_mm=60) as figure:
        axes = figure.subplots(1, 3)
        lines(axes[0], rewards, "lost")
        best = rewards[rewards["group"] == OPTIMUM]
        axes[0].plot(best["trial"], best["lost"], color="black", linestyle="--", linewidth=0.8, label=OPTIMUM)
        axes[0].set(ylabel="Cumulative regret", ylim=(0, None))
        room_above(axes[0], 0.4)
        axes[0].legend(loc="upper left", labelspacing=0.2)
        for ax, arm in zip(axes[1:], ("informative", "target")):
            lines(ax, rewards, arm)
            ax.set(ylabel="Share of pulls", ylim=(-0.02, 1.02), title=f"{arm} arm".capitalize())
        for ax, letter in zip(axes, "abc"):
            ax.set(xlabel="Trial")
            ax.xaxis.set_major_locator(MaxNLocator(integer=True))
            panel_letter(ax, letter)
        save(figure, results, "informative_bandit", quick, NOTE, run)


def lines(ax: Axes, rewards: pd.DataFrame, column: str) -> None:
    """A column trial by trial, of all who play."""
    for group, colour in COLOURS.items():
        own = rewards[rewards["group"] == group].pivot(index="trial", columns="subject", values=column)
        mean_and_band(ax, own, colour, group, marker="o")
