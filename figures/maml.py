"""MAML beside recurrent networks: reward after each update, or episode; on bandits, beside the published rewards."""

from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.axes import Axes

from pfc_metarl.colours import BLUE, GREEN, GREY, ORANGE, VERMILLION
from pfc_metarl.plotting import mean_and_half, panel_letter, paper_figure, room_above, save
from pfc_metarl.published import published
from pfc_metarl.results import run_folder

COLOURS = {"recurrent": VERMILLION, "MAML": BLUE, "MAML, first order": GREEN, "MAML, biases from 0": ORANGE}
PUBLISHED = "Mishra 2018"
DIAMOND: dict[str, Any] = {"marker": "D", "color": GREY, "markerfacecolor": "white"}
NOTE = (
    "First what is earned at once, then after as many updates, or episodes, on the same instance (in brackets: "
    "steps that each takes): medians of networks, and a thin line for each ('below': how many leave the axis). "
    "Dotted lines and crosses: bounds (random choices; explore, then commit, and the best arm; a known MDP; "
    "standing still, straight to the goal). Diamonds: MAML as published, taken for what one update brings. d: "
    "means of networks, bars 95 % intervals."
)


def draw(results: Path, quick: bool) -> None:
    """Draw the figure from results/maml."""
    run = run_folder(results, "maml", quick)
    adaptation, bounds = run.read_table("adaptation.csv"), run.read_table("bounds.csv")
    paper = run.read_table("comparison.csv").set_index("quantity")["published"]
    both = adaptation[adaptation["method"] == "recurrent"]["problem"].unique()
    with paper_figure(height_mm=150 if len(both) > 1 else 80) as figure:
        axes = figure.subplots(-(-(len(both) + 1) // 2), 2, squeeze=False).ravel()
        for ax, name, letter in zip(axes, both, "abcd"):
            blocks(ax, adaptation[adaptation["problem"] == name], bounds[bounds["problem"] == name]["reward"])
            ax.plot(1, paper[f"reward, {name}: MAML after one update"], **DIAMOND)
            ax.set_title(name)
            panel_letter(ax, letter)
        last = axes[len(both)]
        bandits(last, adaptation[(adaptation["method"] == "MAML") & (adaptation["block"] == 1)], bounds)
        panel_letter(last, "abcd"[len(both)])
        for ax in axes[len(both) + 1 :]:
            ax.set_axis_off()
        save(figure, results, "maml", quick, NOTE, run)


def blocks(ax: Axes, table: pd.DataFrame, bounds: pd.Series) -> None:
    """Reward block by block, a line for each method, and a thin one for each network; the axis ends a little below the
    lowest bound, and tells how many networks lie beyond."""
    floor = bounds.min() - 0.2 * (bounds.max() - bounds.min())
    methods = list(table.groupby("method", sort=False))
    for place, (method, own) in enumerate(methods):
        wide = own.pivot(index="block", columns="subject", values="reward")
        colour, x = COLOURS[str(method)], wide.index + 0.08 * (place - (len(methods) - 1) / 2)
        lost = (wide < floor).any()
        label = f"{method} ({own['steps'].max() // wide.index.max():,} steps)"
        label += f", {lost.sum()} below" if lost.any() else ""
        ax.plot(x, wide, color=colour, linewidth=0.4, alpha=0.6)
        ax.plot(x, wide.median(axis=1), color=colour, marker="o", label=label)
    for bound in bounds:
        ax.axhline(bound, color=GREY, linestyle=":", linewidth=0.8, zorder=0)
    ax.set(xlabel="Updates, or episodes before", ylabel="Reward", xticks=sorted(table["block"].unique()))
    ax.set_ylim(bottom=max(ax.get_ylim()[0], floor))
    room_above(ax, 0.1 + 0.075 * table["method"].nunique())
    ax.legend(loc="upper left", handlelength=1.2, labelspacing=0.2, borderaxespad=0.1)


def bandits(ax: Axes, table: pd.DataFrame, bounds: pd.DataFrame) -> None:
    """MAML's reward per pull after one update, beside the published ones."""
    names = [name for name in table["problem"].unique() if "arms" in name]
    for y, name in enumerate(names):
        pulls = int(name.split()[2])
        mean, half = mean_and_half(table[table["problem"] == name][["reward"]].T / pulls)
        ax.errorbar(mean, [y], xerr=half, color=BLUE, marker="o", capsize=2, linestyle="")
        paper = published(PUBLISHED, series="MAML", condition=name)
        for value, error in zip(paper["value"], paper["reading_error"]):
            wide = error / pulls
            ax.errorbar(value / pulls, y + 0.3, xerr=wide, capsize=2, **DIAMOND)
        own = bounds[bounds["problem"] == name]["reward"] / pulls
        ax.plot(own, [y] * len(own), marker="x", color="black", linestyle="")
    ax.set_yticks(range(len(names)), names)
    ax.set(xlabel="Reward per pull", ylim=(len(names) - 0.4, -0.6), title="MAML after one update")
