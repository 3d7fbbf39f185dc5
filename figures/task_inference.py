"""Policies that are given a belief, beside the plain network: reward, what is known, and how fast it was learned."""

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from pfc_metarl.agents.navigator import optimal_returns
from pfc_metarl.colours import BLUE, GREEN, GREY, ORANGE, VERMILLION
from pfc_metarl.plotting import dots, panel_letter, paper_figure, save
from pfc_metarl.results import run_folder

COLOURS = {"LSTM": VERMILLION, "belief": BLUE, "posterior sampling": GREEN, "VariBAD": ORANGE}
NOTE = (
    "A dot for each network, bars their means. a: reward per episode as a share of the way from random choices to the "
    "optimum (1). b: how much of the ideal observer's belief a linear read-out of the network's state (LSTM), or of "
    "what is inferred, tells in episodes held out. c: steps of training until reward has come nine tenths of that "
    "way; networks that never did are missing, and counted in brackets. d: GridNavi, episode by episode: means; dots: "
    "the optimum."
)


def draw(results: Path, quick: bool) -> None:
    """Draw the figure from results/task_inference."""
    run = run_folder(results, "task_inference", quick)
    names = ("rewards", "beliefs", "learning", "optima", "by_block")
    tables = {name: run.read_table(f"{name}.csv") for name in names}
    rewards = tables["rewards"].merge(tables["optima"], on="problem")
    share = (rewards["reward"] - rewards["chance"]) / (rewards["optimum"] - rewards["chance"])
    with paper_figure(height_mm=150) as figure:
        axes = figure.subplots(2, 2).ravel()
        by_problem(axes[0], rewards.assign(value=share), "Reward (share of optimum)")
        axes[0].axhline(1, color=GREY, linestyle=":", linewidth=0.8, zorder=0)
        by_problem(axes[1], tables["beliefs"].rename(columns={"r2": "value"}), "Belief, read out: r²")
        learned = tables["learning"].assign(value=tables["learning"]["steps"] / 1e6)
        by_problem(axes[2], learned, "Million steps")
        axes[2].set_ylim(bottom=0)
        blocks(axes[3], tables["by_block"])
        for ax, letter in zip(axes, "abcd"):
            panel_letter(ax, letter)
        handles, labels = axes[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside upper center", ncols=len(COLOURS))
        save(figure, results, "task_inference", quick, NOTE, run)


def by_problem(ax: Axes, table: pd.DataFrame, what: str) -> None:
    """A column for each method, problem by problem."""
    problems = list(table["problem"].unique())
    for i, (method, colour) in enumerate(COLOURS.items()):
        for x, problem in enumerate(problems):
            own = table[(table["problem"] == problem) & (table["method"] == method)]["value"]
            told, at = own.dropna(), x + 0.2 * (i - 1.5)
            ax.bar(at, told.mean() if len(told) else 0, 0.18, color=colour, label=method if x == 0 else "")
            dots(ax, at, told.to_list())
            if len(told) < len(own):
                ax.annotate(f"({len(own) - len(told)})", (at, 0), (0, 2), textcoords="offset points", ha="center")
    ax.set_xticks(range(len(problems)), problems)
    ax.set(ylabel=what)


def blocks(ax: Axes, table: pd.DataFrame) -> None:
    """Reward of GridNavi's episodes, one after the other."""
    for method, colour in COLOURS.items():
        mean = table[table["method"] == method].groupby("block")["reward"].mean()
        ax.plot(mean.index, mean, color=colour, marker="o")
    best = optimal_returns(int(table["block"].max()))
    ax.plot(np.arange(len(best)) + 1, best, color=GREY, linestyle=":")
    ax.set(xlabel="Episode on the same goal", ylabel="Reward", xticks=np.sort(table["block"].unique()))
