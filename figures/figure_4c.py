"""Figure 4c for all networks: the state before and after a reversal, and when it tells the cue that now pays."""

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from figures.figure4 import mark_states
from pfc_metarl.colours import GREY
from pfc_metarl.plotting import limits, panel_letter, paper_figure, save
from pfc_metarl.results import run_folder

STEPS = ("fixation", "cue", "action", "reward")
SHOWN = 2
"""The step of panel b: the action."""
NOTE = (
    "a: read out of the state, step by step, by what tells the rewarded cue on the later trials of blocks; a line for "
    "each network, black their mean; 0: the state still tells the cue that paid before. b: at the action, on each "
    "network's own principal components; marks as in Figure 4c."
)


def draw(results: Path, quick: bool) -> None:
    """Draw the figure from results/inferred_value."""
    run = run_folder(results, "inferred_value", quick)
    context, states = run.read_table("context.csv"), run.read_table("state_pca.csv")
    subjects = states["subject"].unique()
    columns = min(4, len(subjects))
    rows = 2 * -(-len(subjects) // columns)
    with paper_figure(height_mm=55 + 32 * rows) as figure:
        parts = figure.add_gridspec(2, 1, height_ratios=[55, 32 * rows])
        a = figure.add_subplot(parts[0])
        context_lines(a, context)
        panel_letter(a, "a")
        grid = parts[1].subgridspec(rows, columns)
        for i, subject in enumerate(subjects):
            own = states[(states["subject"] == subject) & (states["step"] == SHOWN)]
            for trial in (1, 2):
                ax = figure.add_subplot(grid[2 * (i // columns) + trial - 1, i % columns])
                mark_states(ax, own[own["trial_in_block"] == trial], cue_shown=True)
                ax.set(xlim=limits(own["pc1"]), ylim=limits(own["pc2"]), xticks=[], yticks=[])
                if trial == 1:
                    ax.set_title(f"Network {subject}")
                if i % columns == 0:
                    ax.set_ylabel("Reversal trial n" if trial == 1 else "Trial n + 1")
                if i == 0 and trial == 1:
                    panel_letter(ax, "b")
        save(figure, results, "figure_4c_all_networks", quick, NOTE, run)


def context_lines(ax: Axes, context: pd.DataFrame) -> None:
    """How often the state tells the cue that now pays, step by step through both trials."""
    wide = context.pivot(index="subject", columns=["trial_in_block", "step"], values="share").sort_index(axis=1)
    x = np.arange(wide.shape[1]) + 0.5 * (np.arange(wide.shape[1]) >= len(STEPS))
    for _, own in wide.iterrows():
        ax.plot(x, own, color=GREY, linewidth=0.6, marker="o", markersize=2)
    ax.plot(x, wide.mean(), color="black", marker="o")
    ax.axhline(0.5, color=GREY, linewidth=0.5, linestyle=":", zorder=0)
    ax.set(ylim=(-0.03, 1.03), ylabel="State tells the cue\nthat now pays")
    ax.set_xticks(x, STEPS * 2)
    for trial, middle in (("Reversal trial n", x[: len(STEPS)].mean()), ("Trial n + 1", x[len(STEPS) :].mean())):
        ax.annotate(
            trial, (middle, 0), (0, -18), xycoords=ax.get_xaxis_transform(), textcoords="offset points",
            ha="center", va="top",
        )  # fmt: skip
