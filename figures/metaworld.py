"""Meta-World: return and success in each episode on a goal, along the training and with goals not trained on."""

from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes

from pfc_metarl.colours import BLUE, GREEN, GREY, PURPLE, VERMILLION
from pfc_metarl.plotting import (
    INTERVALS,
    dots,
    mean_and_band,
    mean_and_half,
    panel_letter,
    paper_figure,
    room_above,
    save,
)
from pfc_metarl.results import run_folder

COLOURS = {
    "memory": VERMILLION,
    "no memory": BLUE,
    "random actions": GREY,
    "to the middle": PURPLE,
    "told the goal": GREEN,
}
NOTE = (
    "Instances: goals. a, b: those to train on, first and last episode (dotted and full). c, d: others, "
    "weights frozen; a dot for each network, or for the goals that it met. Told the goal: a hand that goes straight "
    f"there; to the middle: of the goals to train on. {INTERVALS}"
)


def draw(results: Path, quick: bool) -> None:
    """Draw the figure from results/metaworld."""
    run = run_folder(results, "metaworld", quick)
    along, scores = run.read_table("along.csv"), run.read_table("scores.csv")
    with paper_figure(height_mm=120) as figure:
        axes = figure.subplots(2, 2)
        for row, (column, label) in zip(axes, (("reward", "Return of an episode"), ("success", "Share of successes"))):
            training(row[0], along, column)
            by_episode(row[1], scores, column)
            row[0].set(ylabel=label)
            if column == "success":
                for ax in row:
                    ax.set(ylim=(-0.03, 1.03))
        room_above(axes[0, 1], 0.4)
        axes[0, 1].legend(loc="upper left", labelspacing=0.2, ncols=2)
        for ax, letter in zip(axes.ravel(), "acbd"):
            panel_letter(ax, letter)
        save(figure, results, "metaworld", quick, NOTE, run)


def training(ax: Axes, along: pd.DataFrame, column: str) -> None:
    """A column along the training, in the first and the last episode on the same instance."""
    ends = along["episode"].min(), along["episode"].max()
    for condition, own in along.groupby("condition", sort=False):
        for episode, line in zip(ends, (":", "-")):
            wide = own[own["episode"] == episode].pivot(index="instances", columns="subject", values=column)
            mean_and_band(ax, wide, COLOURS[str(condition)], linestyle=line)
    ax.set(xlabel="Instances played in training", xlim=(0, None))


def by_episode(ax: Axes, scores: pd.DataFrame, column: str) -> None:
    """A column in each episode on the same instance, weights frozen."""
    for shift, (condition, wide) in zip((-0.15, 0, 0.15, 0.08, -0.08), scores.groupby("condition", sort=False)):
        own, colour = wide.pivot(index="episode", columns="subject", values=column), COLOURS[str(condition)]
        mean, half = mean_and_half(own)
        ax.errorbar(own.index + shift, mean, yerr=half, color=colour, marker="o", capsize=2, label=str(condition))
        for episode, values in own.iterrows():
            dots(ax, float(str(episode)) + shift, values.dropna().to_list(), edgecolor=colour)
    ax.set(xlabel="Episode on the same instance", xlim=(0.5, scores["episode"].max() + 0.5))
    ax.set_xticks(sorted(scores["episode"].unique()))
