"""The state of trained networks in the two-step task and with bandits: belief, its update, slow points, pushes."""

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from pfc_metarl.plotting import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    VERMILLION,
    dots,
    panel_letter,
    paper_figure,
    room_above,
    same_height,
    save,
)
from pfc_metarl.results import run_folder
from pfc_metarl.trials import NETWORKS, UNTRAINED

TASKS = {"two-step": "Two-step: belief that S1 is better", "bandits": "Bandits p and 1 - p: mean of left's p"}
COLOURS = (BLUE, VERMILLION, ORANGE, GREEN)
LEFT = "left, "
PUSHED = {"belief": (BLUE, "along belief"), "other": (VERMILLION, "elsewhere (size)")}
NOTE = (
    "a: how far each outcome of a left choice moves the belief that is read out of the state (lines; mean of "
    "networks) and Bayes' rule (dotted), made to happen in visited states where left is chosen with p > .05. b: held-"
    "out r2 of the read-out of belief; r2 of its update on Bayes'; r2 of each event's mean update: a dot for each "
    "network, filled: untrained networks that see the same. c: belief where the state comes to rest if an event "
    "happens again and again; a dot for each network, lines: Bayes' rule. d: change of the policy's log odds of left "
    "if the state is pushed; thin lines for each network; dotted: difference between visited states whose belief "
    "differs by as much."
)


def draw(results: Path, quick: bool) -> None:
    """Draw the figure from results/hidden_state."""
    run = run_folder(results, "hidden_state", quick)
    tables = {name: run.read_table(f"{name}.csv") for name in ("update_field", "updates", "slow_points", "pushes")}
    with paper_figure(height_mm=115) as figure:
        axes = figure.subplots(2, 4, width_ratios=[1.2, 1, 0.8, 1])
        for row, (task, title) in zip(axes, TASKS.items()):
            own = {name: table[table["task"] == task] for name, table in tables.items()}
            field(row[0], own["update_field"])
            row[0].set_xlabel(title)
            updates(row[1], own["updates"])
            rest(row[2], own["slow_points"])
            pushes(row[3], own["pushes"])
        for ax, letter in zip(axes[0], "abcd"):
            panel_letter(ax, letter)
        same_height(axes[:, 1])
        save(figure, results, "hidden_state", quick, NOTE)


def field(ax: Axes, table: pd.DataFrame) -> None:
    """Panel a: the update field."""
    trained = table[(table["group"] == NETWORKS) & table["likely"] & table["event"].str.startswith(LEFT)]
    for colour, (event, own) in zip(COLOURS, trained.groupby("event", sort=False)):
        mean = own.groupby("belief")[["update", "bayes"]].mean()
        ax.plot(mean.index, mean["update"], color=colour, marker="o", label=event.removeprefix(LEFT))
        ax.plot(mean.index, mean["bayes"], color=colour, linestyle=":")
    ax.axhline(0, color=GREY, linewidth=0.5, zorder=0)
    ax.set(ylabel="Update of belief", xlim=(0, 1))
    room_above(ax, 0.08 * trained["event"].nunique())
    ax.legend(fontsize=5, loc="upper right", handlelength=1)


def updates(ax: Axes, table: pd.DataFrame) -> None:
    """Panel b: how well belief is read out, and how well its update is Bayes'."""
    table, names = (
        table[table["likely"]],
        {"read_out": "belief", "r2": "update,\nBayes", "r2_by_event": "update,\nby event"},
    )
    for x, column in enumerate(names):
        for group, face, shift in ((NETWORKS, "white", -0.15), (UNTRAINED, "black", 0.15)):
            dots(ax, x + shift, table[table["group"] == group][column].to_list(), facecolor=face)
    ax.set_xticks(range(len(names)), list(names.values()))
    ax.set(ylabel="r2", ylim=(min(0.0, table[list(names)].min().min()), 1.02), xlim=(-0.5, 2.5))


def rest(ax: Axes, table: pd.DataFrame) -> None:
    """Panel c: where the state comes to rest."""
    left = table[table["event"].str.startswith(LEFT)]
    for i, (colour, (_, own)) in enumerate(zip(COLOURS, left.groupby("event", sort=False))):
        dots(ax, i, own["belief"].to_list(), edgecolor=colour)
        ax.plot([i - 0.35, i + 0.35], [own["bayes"].iloc[0]] * 2, color=colour)
    ax.set(xticks=[], xlabel="Events as in a", ylabel="Belief at rest", xlim=(-0.6, 3.6))


def pushes(ax: Axes, table: pd.DataFrame) -> None:
    """Panel d: what pushes do."""
    for direction, (colour, label) in PUSHED.items():
        column = "log_odds" if direction == "belief" else "size"
        wide = table[table["direction"] == direction].pivot(index="push", columns="subject", values=column)
        wide.loc[0.0] = 0.0
        wide = wide.sort_index()
        ax.plot(wide.index, wide, color=colour, linewidth=0.4, alpha=0.6)
        ax.plot(wide.index, wide.mean(axis=1), color=colour, marker="o", label=label)
    observed = table[table["direction"] == "observed"].groupby("push")["log_odds"].mean()
    ax.plot(observed.index, observed, color="black", linestyle=":", label="not pushed")
    ax.axhline(0, color=GREY, linewidth=0.5, zorder=0)
    ax.set(xlabel="Push, in units of belief", ylabel="Change of log odds of left", xticks=np.arange(-0.4, 0.5, 0.2))
    ax.legend(fontsize=5.5, loc="upper left", handlelength=1)
