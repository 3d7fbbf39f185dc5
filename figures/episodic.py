"""An episodic memory: contexts that come again in a bandit, and what a cue reminds of in the two-step task."""

from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes

from pfc_metarl.agents.episodic import FORGETS, PLANNER, REMEMBERS, SHARES_OUT
from pfc_metarl.analysis.recall import KINDS
from pfc_metarl.colours import BLUE, GREEN, GREY, PURPLE, VERMILLION
from pfc_metarl.plotting import INTERVALS, dots, mean_and_band, panel_letter, paper_figure, save
from pfc_metarl.published import published
from pfc_metarl.results import run_folder

GROUPS = {"episodic": VERMILLION, "LSTM": BLUE, SHARES_OUT: PURPLE, REMEMBERS: GREEN, FORGETS: GREY}
CONDITIONS = {
    (1, 1): "rewarded common",
    (1, 0): "rewarded uncommon",
    (0, 1): "unrewarded common",
    (0, 0): "unrewarded uncommon",
}
"""Of the trial that is repeated or not: (rewarded, common)."""
PUBLICATION = "Ritter 2018"
NOTE = (
    f"{INTERVALS} Bayesian learners: over as many sets of epochs. a: the bandit, contexts that were met before "
    "(lines) and new ones (dotted). b: first pulls, by how often the context was met (dotted: chance, and the "
    "good arm always). c: how much more open gates of reinstatement are in old contexts where the good arm is "
    "pulled (thin: networks). d-f: the two-step task, networks with a memory: staying with the choice of the "
    "trial before, where nothing is cued and where something is, and with that of which the cue reminds. Filled: "
    "common transitions. Blue: networks without a memory; diamonds: as published; crosses: the planner that "
    "remembers."
)


def draw(results: Path, quick: bool) -> None:
    """Draw the figure from results/episodic."""
    run = run_folder(results, "episodic", quick)
    meetings, gates, stay, bounds = (
        run.read_table(f"{name}.csv") for name in ("by_meeting", "gates", "stay", "bounds")
    )
    with paper_figure(height_mm=140) as figure:
        axes = figure.subplots(2, 3).ravel()
        by_pull(axes[0], meetings)
        first_pull(axes[1], meetings, bounds.iloc[0] / meetings["pull"].max())
        reinstatement(axes[2], gates)
        for ax, kind in zip(axes[3:], KINDS):
            staying(ax, kind, stay[stay["kind"] == kind])
        axes[3].set_ylabel("Stay probability")
        for ax, letter in zip(axes, "abcdef"):
            panel_letter(ax, letter)
        handles, labels = axes[1].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside upper center", ncols=len(GROUPS))
        save(figure, results, "episodic", quick, NOTE, run)


def by_pull(ax: Axes, meetings: pd.DataFrame) -> None:
    """Reward pull by pull in contexts that were met before, and in new ones."""
    for old, style in ((True, "-"), (False, ":")):
        own = meetings[(meetings["met"] > 1) == old]
        for group, colour in GROUPS.items():
            table = own[own["group"] == group].pivot_table(index="pull", columns="subject", values="reward")
            mean_and_band(ax, table, colour, linestyle=style)
    ax.set(xlabel="Pull", ylabel="Reward per pull", ylim=(0, 1))


def first_pull(ax: Axes, meetings: pd.DataFrame, bounds: pd.Series) -> None:
    """Reward of the first pull, meeting by meeting, and what is earned by chance and at most."""
    own = meetings[meetings["pull"] == 1]
    for group, colour in GROUPS.items():
        table = own[own["group"] == group].pivot(index="met", columns="subject", values="reward")
        mean_and_band(ax, table, colour, group)
    for y in bounds:
        ax.axhline(y, color="black", linewidth=0.6, linestyle=":")
    ax.set(xlabel="Times the context was met", ylabel="Reward of the first pull", ylim=(0, 1))
    ax.set_xticks(own["met"].unique())


def reinstatement(ax: Axes, gates: pd.DataFrame) -> None:
    """How much more open gates are where the good arm is pulled than where another is, pull by pull."""
    wide = gates.pivot(index=["pull", "subject"], columns="correct", values="gate").reindex(columns=[0, 1])
    more = (wide[1] - wide[0]).unstack("subject")
    ax.axhline(0, color="black", linewidth=0.6)
    mean_and_band(ax, more, VERMILLION)
    ax.plot(more.index, more, color=VERMILLION, linewidth=0.4)
    ax.set(xlabel="Pull", ylabel="Gate, good arm less another")


def staying(ax: Axes, kind: str, stay: pd.DataFrame) -> None:
    """Stay probabilities of a kind of trials, beside the published ones."""
    paper = published(PUBLICATION, series=kind).set_index("condition")["value"]
    for x, (at, name) in enumerate(CONDITIONS.items()):
        here = stay[(stay["rewarded"] == at[0]) & (stay["common"] == at[1])]
        own, plain, planner = (here.loc[here["group"] == group, "stay"] for group in ("episodic", "LSTM", PLANNER))
        ax.bar(x, own.mean(), 0.6, color=VERMILLION if at[1] else "white", edgecolor=VERMILLION)
        dots(ax, x, own.to_list())
        ax.plot(x - 0.4, plain.mean(), marker="s", color=BLUE)
        ax.plot(x + 0.4, paper[name], marker="D", color=GREY, markerfacecolor="white")
        ax.plot(x + 0.4, planner.mean(), marker="x", color="black")
    ax.set_xticks([0.5, 2.5], ["rewarded", "unrewarded"])
    ax.set(title=kind, ylim=(0, 1.05))
