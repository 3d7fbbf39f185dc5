"""Supplement: both prediction errors in one regression, and a model-free mechanism that could pass for model-based.

The paper's Supplementary Figure 6 as its text describes it; the figure itself could not be had.
"""

from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes

from figures.figure5 import lag_lines
from pfc_metarl.agents.two_step import MODEL_BASED, REWARD_AS_CUE
from pfc_metarl.colours import BLUE, GREY, VERMILLION
from pfc_metarl.plotting import dots, panel_letter, paper_figure, room_above, same_height, save
from pfc_metarl.results import run_folder

NOTE = (
    "a: regression of the networks' errors on both agents' (standardised); b: correlation of the two agents' errors; a "
    "dot for each network, lines their mean. c to e: blue, circles: common transitions; orange, "
    "squares: uncommon; solid: rewarded, dashed: unrewarded; c: mean, and a dot for each network."
)


def draw(results: Path, quick: bool) -> None:
    """Draw the figure from results/two_step."""
    run = run_folder(results, "two_step", quick)
    fits, weights = run.read_table("prediction_error_fits.csv"), run.read_table("lag_weights.csv")
    reference = run.read_table("reference_lag_weights.csv").assign(subject="agent")
    with paper_figure(height_mm=120) as figure:
        rows = figure.add_gridspec(2, 1)
        top, bottom = rows[0].subgridspec(1, 2, width_ratios=[2, 1]), rows[1].subgridspec(1, 3)
        a, b = figure.add_subplot(top[0]), figure.add_subplot(top[1])
        both_errors(a, fits)
        points(b, 0, fits["r_references"], GREY)
        b.set(
            xticks=[0], xticklabels=["Model-based with model-free"], ylabel="Correlation r", ylim=(0, 1), xlim=(-1, 1)
        )
        b.set_title("The two agents' errors")
        lags = [figure.add_subplot(bottom[i]) for i in range(3)]
        lag_lines(lags[0], weights, f"Meta-RL (n = {weights['subject'].nunique()})", legend=True)
        for ax, group in zip(lags[1:], (MODEL_BASED, REWARD_AS_CUE)):
            lag_lines(ax, reference[reference["group"] == group], group.capitalize())
        room_above(lags[0], 0.2)
        same_height(lags)
        for ax in lags[1:]:
            ax.set_yticks(lags[0].get_yticks())
        for ax, letter in zip((a, b, *lags), "abcde"):
            panel_letter(ax, letter)
        save(figure, results, "figure_s6_prediction_errors", quick, NOTE, run)


def points(ax: Axes, x: float, values: pd.Series, colour: str) -> None:
    """A dot for each network, and their mean."""
    dots(ax, x, values.to_list(), edgecolor=colour)
    ax.plot([x - 0.3, x + 0.3], [values.mean()] * 2, color=colour)


def both_errors(ax: Axes, fits: pd.DataFrame) -> None:
    """Weights of the multiple regression, and how many of either are significant."""
    for x, (name, colour) in enumerate((("model_based", BLUE), ("model_free", VERMILLION))):
        points(ax, x, fits[f"weight_{name}"], colour)
        significant = (fits[f"p_{name}"] < 0.05).sum()
        text = f"p < .05 in {significant} of {len(fits)}"
        top = (x, fits[f"weight_{name}"].max())
        ax.annotate(text, top, (0, 5), textcoords="offset points", ha="center", va="bottom")
    ax.axhline(0, color=GREY, linewidth=0.5, zorder=0)
    ax.set(xticks=[0, 1], xticklabels=["Model-based", "Model-free"], xlim=(-0.5, 1.5), ylabel="Weight (standardised)")
    ax.set_title("Both agents' errors in one regression")
    room_above(ax, 0.15)
