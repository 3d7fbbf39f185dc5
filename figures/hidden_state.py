"""The state of trained networks in the two-step task and with bandits: belief, its update, slow points, pushes."""

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from pfc_metarl.colours import BLUE, GREEN, GREY, ORANGE, VERMILLION
from pfc_metarl.plotting import dots, panel_letter, paper_figure, room_above, same_height, save
from pfc_metarl.results import run_folder
from pfc_metarl.trials import NETWORKS, UNTRAINED

TASKS = {
    "two-step": ("Two-step task", "Belief that S₁ is better"),
    "bandits": ("Bandits of p and 1 - p", "Belief: mean of left's p"),
}
STYLES = ((BLUE, "o"), (VERMILLION, "s"), (ORANGE, "^"), (GREEN, "D"))
"""Of the events of panels a and c."""
LEFT = "left, "
PUSHED = {"belief": (BLUE, "o", "along belief"), "other": (VERMILLION, "s", "elsewhere (size)")}
LABELS = {NETWORKS: "networks", UNTRAINED: "untrained"}
NOTE = (
    "a: how far outcomes of a left choice move the belief that is read out of the state (mean of networks) and Bayes' "
    "rule (dotted), in visited states where left is chosen with p > .05. b: held-out r² of the read-out; r² of its "
    "update on Bayes'; r² of each event's mean update: a dot for each network; untrained ones "
    "see the same. c: belief where the state comes to rest "
    "if an event happens again and again: a dot for each network, lines: Bayes' rule. d: change of the policy's log "
    "odds of left if the state is pushed: mean of networks, thin: each; dotted: between visited states whose belief "
    "differs by as much."
)


def draw(results: Path, quick: bool) -> None:
    """Draw the figure from results/hidden_state."""
    run = run_folder(results, "hidden_state", quick)
    tables = {name: run.read_table(f"{name}.csv") for name in ("update_field", "updates", "slow_points", "pushes")}
    with paper_figure(height_mm=200) as figure:
        axes = figure.subplots(4, 2, height_ratios=[1.3, 1, 1, 1.1])
        for column, (task, (title, belief)) in zip(axes.T, TASKS.items()):
            own = {name: table[table["task"] == task] for name, table in tables.items()}
            field(column[0], own["update_field"])
            column[0].set(xlabel=belief, title=title)
            updates(column[1], own["updates"])
            rest(column[2], own["slow_points"])
            pushes(column[3], own["pushes"])
        for ax, letter in zip(axes[:, 0], "abcd"):
            panel_letter(ax, letter)
        same_height(axes[1])
        axes[1, 0].legend(loc="lower left", handletextpad=0, borderaxespad=0.1)
        same_height(axes[3])
        for ax in axes[3]:
            room_above(ax, 0.15)
        axes[3, 0].legend(loc="upper left", handlelength=1.5, labelspacing=0.2)
        save(figure, results, "hidden_state", quick, NOTE)


def field(ax: Axes, table: pd.DataFrame) -> None:
    """Panel a: the update field."""
    trained = table[(table["group"] == NETWORKS) & table["likely"] & table["event"].str.startswith(LEFT)]
    for (colour, marker), (event, own) in zip(STYLES, trained.groupby("event", sort=False)):
        mean = own.groupby("belief")[["update", "bayes"]].mean()
        ax.plot(mean.index, mean["update"], color=colour, marker=marker, label=event.removeprefix(LEFT))
        ax.plot(mean.index, mean["bayes"], color=colour, linestyle=":")
    ax.axhline(0, color=GREY, linewidth=0.5, zorder=0)
    ax.set(ylabel="Update of belief", xlim=(0, 1))
    room_above(ax, 0.06 + 0.08 * trained["event"].nunique())
    ax.legend(loc="upper right", handlelength=1.5, labelspacing=0.2)


def updates(ax: Axes, table: pd.DataFrame) -> None:
    """Panel b: how well belief is read out, and how well its update is Bayes'."""
    table, names = (
        table[table["likely"]],
        {"read_out": "belief", "r2": "update\non Bayes'", "r2_by_event": "update\nby event"},
    )
    for x, column in enumerate(names):
        for group, face, shift in ((NETWORKS, "white", -0.15), (UNTRAINED, "black", 0.15)):
            label = LABELS[group] if x == 0 else ""
            dots(ax, x + shift, table[table["group"] == group][column].to_list(), facecolor=face, label=label)
    ax.set_xticks(range(len(names)), list(names.values()))
    ax.set(ylabel="r²", ylim=(min(0.0, table[list(names)].min().min()), 1.02), xlim=(-0.5, 2.5))


def rest(ax: Axes, table: pd.DataFrame) -> None:
    """Panel c: where the state comes to rest."""
    left = table[table["event"].str.startswith(LEFT)]
    events = list(left.groupby("event", sort=False))
    for i, ((colour, marker), (_, own)) in enumerate(zip(STYLES, events)):
        dots(ax, i, own["belief"].to_list(), edgecolor=colour, marker=marker)
        ax.plot([i - 0.35, i + 0.35], [own["bayes"].iloc[0]] * 2, color=colour)
    names = [
        str(event).removeprefix(LEFT).replace(", ", "\n").replace("unrewarded", "no reward") for event, _ in events
    ]
    names = [name.replace("rewarded", "reward") for name in names]
    ax.set_xticks(range(len(names)), names)
    ax.set(ylabel="Belief at rest", xlim=(-0.6, len(names) - 0.4))


def pushes(ax: Axes, table: pd.DataFrame) -> None:
    """Panel d: what pushes do."""
    for direction, (colour, marker, label) in PUSHED.items():
        column = "log_odds" if direction == "belief" else "size"
        wide = table[table["direction"] == direction].pivot(index="push", columns="subject", values=column)
        wide.loc[0.0] = 0.0
        wide = wide.sort_index()
        ax.plot(wide.index, wide, color=colour, linewidth=0.4, alpha=0.6)
        ax.plot(wide.index, wide.mean(axis=1), color=colour, marker=marker, label=label)
    observed = table[table["direction"] == "observed"].groupby("push")["log_odds"].mean()
    ax.plot(observed.index, observed, color="black", linestyle=":", label="not pushed")
    ax.axhline(0, color=GREY, linewidth=0.5, zorder=0)
    ax.set(xlabel="Push, in units of belief", ylabel="Change of\nlog odds of left", xticks=np.arange(-0.4, 0.5, 0.2))
