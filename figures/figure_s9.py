"""Supplement: reward or prediction error as the network's input (claimed in the paper, not shown there)."""

from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes

from pfc_metarl.colours import BLUE, VERMILLION
from pfc_metarl.plotting import INTERVALS, panel_letter, paper_figure, save
from pfc_metarl.results import run_folder

TITLES = {
    "bandits": "Cumulative regret",
    "foraging": "Matching slope",
    "volatility": "Learning rate",
    "inferred_value": "Prediction error at stimulus",
    "two_step": "Stay probability",
    "harlow": "Harlow's task: % correct",
}
INPUTS = {"reward": (BLUE, "o", -0.15), "prediction_error": (VERMILLION, "s", 0.15)}


def draw(results: Path, quick: bool) -> None:
    """Draw the figure from results/prediction_error_input."""
    run = run_folder(results, "prediction_error_input", quick)
    table = run.read_table("inputs.csv")
    with paper_figure(height_mm=130) as figure:
        axes = list(figure.subplots(3, 2).flat)
        for ax, name, letter in zip(axes, TITLES, "abcdef"):
            panel(ax, table[table["simulation"] == name])
            ax.set_title(TITLES[name])
            panel_letter(ax, letter)
        handles, labels = axes[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=3)
        save(figure, results, "figure_s9_prediction_error_input", quick, INTERVALS, run)


def panel(ax: Axes, table: pd.DataFrame) -> None:
    """Key results of one simulation: mean and 95 % interval for either input, and the published value."""
    for name, (colour, marker, shift) in INPUTS.items():
        y = [i + shift for i in range(len(table))]
        mean = table[f"{name}_ours"]
        interval = [mean - table[f"{name}_ci_low"], table[f"{name}_ci_high"] - mean]
        label = f"{name.replace('_', ' ')} as input"
        ax.errorbar(mean, y, xerr=interval, fmt=marker, color=colour, elinewidth=0.8, label=label)
    ax.plot(table["published"], range(len(table)), "k|", markersize=8, label="as published (reward)")
    ax.set_yticks(range(len(table)), table["short"])
    ax.invert_yaxis()
