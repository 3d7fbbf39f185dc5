"""Symbolic Alchemy: what networks and reference agents earn, beside the published scores (Wang et al. 2021)."""

from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from pfc_metarl.agents.alchemy import HEURISTIC, ORACLE, PUBLICATION, PUBLISHED_NAME, RANDOM
from pfc_metarl.colours import BLUE, GREEN, GREY, PURPLE, VERMILLION
from pfc_metarl.plotting import INTERVALS, mean_and_band, mean_and_half, panel_letter, paper_figure, save
from pfc_metarl.published import published
from pfc_metarl.results import run_folder
from pfc_metarl.trials import NETWORKS, OBSERVER, UNTRAINED

COLOURS = {ORACLE: GREEN, OBSERVER: BLUE, NETWORKS: VERMILLION, HEURISTIC: PURPLE, RANDOM: GREY}
NOTE = (
    f"{INTERVALS} Of reference agents: over as many sets of episodes. Diamonds: as published, of 10 trials (networks:"
    " V-MPO's); in b (colours as in a), the released actions of the published ideal observer. c: how well the networks'"
    " state tells what the ideal observer would believe of each part of the chemistry (held-out r2 of linear read-outs;"
    " a line for each network, from before training to after it)."
)


def draw(results: Path, quick: bool) -> None:
    """Draw the figure from results/alchemy."""
    run = run_folder(results, "alchemy", quick)
    scores, by_trial = run.read_table("scores.csv"), run.read_table("by_trial.csv")
    with paper_figure(height_mm=75) as figure:
        axes = figure.subplots(1, 3, width_ratios=(1, 1.3, 1))
        totals(axes[0], scores)
        curves(axes[1], by_trial)
        knowledge(axes[2], run.read_table("knowledge.csv"))
        for ax, letter in zip(axes, "abc"):
            panel_letter(ax, letter)
        save(figure, results, "alchemy", quick, NOTE, run)


def totals(ax: Axes, scores: pd.DataFrame) -> None:
    """A row for each who plays, the best above."""
    paper = published(PUBLICATION, condition="episode").set_index("series")["value"]
    for y, (group, colour) in enumerate(COLOURS.items()):
        own = scores[scores["group"] == group]
        mean, half = mean_and_half(own[["score"]].T)
        ax.errorbar(mean, [y], xerr=half, color=colour, marker="o", capsize=2, linestyle="")
        ax.plot(paper[PUBLISHED_NAME.get(group, group)], y + 0.25, marker="D", color=GREY, markerfacecolor="white")
    ax.set_yticks(range(len(COLOURS)), list(COLOURS))
    ax.set(xlabel="Score per episode", ylim=(len(COLOURS) - 0.4, -0.6))


def curves(ax: Axes, by_trial: pd.DataFrame) -> None:
    """Score trial by trial, in the colours of `totals`."""
    for group, colour in COLOURS.items():
        own = by_trial[by_trial["group"] == group].pivot(index="trial", columns="subject", values="score")
        mean_and_band(ax, own, colour, group)
    told = published(PUBLICATION, condition="by trial")
    ax.plot(told["x"], told["value"], marker="D", color=GREY, markerfacecolor="white", linestyle="")
    ax.set(xlabel="Trial", ylabel="Score per trial")
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))


def knowledge(ax: Axes, table: pd.DataFrame) -> None:
    """Of each part of the chemistry, before training and after."""
    for at, (_, own) in enumerate(table.groupby("part", sort=False)):
        r2 = own.pivot(index="group", columns="subject", values="r2")
        for x, group in ((at - 0.2, UNTRAINED), (at + 0.2, NETWORKS)):
            ax.plot([x] * r2.shape[1], r2.loc[group], "o", color=COLOURS.get(group, GREY), markersize=3)
        ax.plot([at - 0.2, at + 0.2], r2.loc[[UNTRAINED, NETWORKS]], color=GREY, linewidth=0.5, zorder=0)
    parts = [str(part).replace("_", "\n") for part in table["part"].unique()]
    ax.set_xticks(range(len(parts)), parts)
    ax.set(ylabel="Belief in the state, r2", ylim=(min(-0.1, table["r2"].min() - 0.05), 1))
