"""Supplement: matching in detail.

The paper's Supplementary Figure 4 holds finer-grained analyses of simulation 1; it could not be had: these are ours.
"""

from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.axes import Axes

from pfc_metarl.analysis.runs_of_choices import LONGEST, SHUFFLED
from pfc_metarl.colours import BLUE, GREY, VERMILLION
from pfc_metarl.plotting import panel_letter, paper_figure, room_above, save
from pfc_metarl.results import run_folder
from pfc_metarl.trials import NETWORKS

COLOURS = (BLUE, VERMILLION)
NOTE = (
    "Lines: mean over networks; thin: each network. a, b: steady state (last two thirds of an episode); 12: or more. "
    "c: by the ratio of the arms' base probabilities."
)


def draw(results: Path, quick: bool) -> None:
    """Draw the figure from results/foraging."""
    run = run_folder(results, "foraging", quick)
    with paper_figure(height_mm=70) as figure:
        a, b, c = figure.subplots(1, 3)
        lengths = run.read_table("run_lengths.csv")
        lines(a, lengths, "group", {NETWORKS: "as chosen", SHUFFLED: "in random order"}, ("length", "share"))
        lengths_axes: dict[str, Any] = {"xlabel": "Choices in a row", "xticks": [1, 4, 8, LONGEST]}
        a.set(title="Runs of the same choice", ylabel="Share of runs", **lengths_axes)
        names = {0: "last one unrewarded", 1: "last one rewarded"}
        lines(b, run.read_table("switching.csv"), "reward", names, ("run", "switched"))
        b.set(title="What ends a run", ylabel="P (switch)", ylim=(0, 1), **lengths_axes)
        preference = run.read_table("preference_by_trial.csv")
        lines(c, preference, "ratio", {name: name for name in preference["ratio"].unique()}, ("trial", "share"))
        c.axhline(0.5, color=GREY, linewidth=0.5, zorder=0)
        c.set(title="Within an episode", xlabel="Trial", ylabel="Share of the richer arm")
        for ax, letter in zip((a, b, c), "abc"):
            panel_letter(ax, letter)
            room_above(ax, 0.25)
            ax.legend(loc="upper right")
        save(figure, results, "figure_s4_matching_in_detail", quick, NOTE, run)


def lines(ax: Axes, table: pd.DataFrame, by: str, names: dict[Any, str], columns: tuple[str, str]) -> None:
    """A line for each of `names`, values of the column `by`: mean over networks, and each network's."""
    x, y = columns
    for (value, name), colour in zip(names.items(), COLOURS):
        own = table[table[by] == value].pivot(index=x, columns="subject", values=y)
        ax.plot(own.index, own, color=colour, linewidth=0.3, alpha=0.5)
        ax.plot(own.index, own.mean(axis=1), color=colour, marker="o" if len(own) <= LONGEST else "", label=name)
