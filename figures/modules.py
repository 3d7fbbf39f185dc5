"""Modules that compete, beside all active ones and undivided networks: lesions, information on context, accuracy."""

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from pfc_metarl.colours import BLUE, GREEN, GREY, VERMILLION
from pfc_metarl.plotting import INTERVALS, dots, mean_and_half, panel_letter, paper_figure, room_above, save
from pfc_metarl.results import run_folder
from pfc_metarl.trials import NETWORKS, UNTRAINED

COLOURS = {"modules": VERMILLION, "all active": GREEN, "undivided": BLUE}
TABLES = ("lesions", "specialisation", "information", "accuracy", "optimum")
NOTE = (
    "Two contexts, which a cue tells: the good arm stays, or it changes at every trial. a: loss of accuracy without "
    "each module of each network (of undivided ones: each group of as many units). b: how unlike these losses are in "
    "both contexts (0: as large; 1: in one alone); crosses: shuffled contexts. c: what is told of the context by "
    "whether a module is active, mean of modules; a dot for each network in b and c. d: choices of the good arm; "
    f"lines: the best that is possible. {INTERVALS}"
)


def draw(results: Path, quick: bool) -> None:
    """Draw the figure from results/modules."""
    run = run_folder(results, "modules", quick)
    tables = {name: run.read_table(f"{name}.csv") for name in TABLES}
    with paper_figure(height_mm=140) as figure:
        axes = figure.subplots(2, 2).ravel()
        lesions(axes[0], tables["lesions"])
        indices(axes[1], tables["specialisation"])
        information(axes[2], tables["information"])
        accuracy(axes[3], tables["accuracy"], tables["optimum"].set_index("test")["accuracy"])
        for ax, letter in zip(axes, "abcd"):
            panel_letter(ax, letter)
        save(figure, results, "modules", quick, NOTE, run)


def lesions(ax: Axes, table: pd.DataFrame) -> None:
    """Panel a: a dot for each module."""
    for kind, colour in COLOURS.items():
        own = table[table["kind"] == kind]
        ax.scatter(own["loss_stays"], own["loss_alternates"], s=8, facecolor="none", edgecolor=colour, linewidth=0.7)
        ax.scatter([], [], s=8, facecolor="none", edgecolor=colour, label=kind)
    losses = table[["loss_stays", "loss_alternates"]].to_numpy()
    ends = [losses.min(), losses.max()]
    ax.plot(ends, ends, color=GREY, linestyle=":", linewidth=0.6, zorder=0)
    ax.set(xlabel="Loss where the good arm stays", ylabel="Loss where it alternates")
    room_above(ax, 0.27)
    ax.legend(loc="upper right", handletextpad=0, labelspacing=0.2, borderaxespad=0.1)


def indices(ax: Axes, table: pd.DataFrame) -> None:
    """Panel b: the index of each network."""
    for x, kind in enumerate(COLOURS):
        own = table[table["kind"] == kind]
        dots(ax, x, own["index"].to_list(), edgecolor=COLOURS[kind])
        mean, half = mean_and_half(own[["index"]].T)
        ax.errorbar([x + 0.25], mean, yerr=half, color="black", marker="o", capsize=2)
        ax.plot([x], [own["shuffled"].mean()], color=GREY, marker="x")
    ax.set_xticks(range(len(COLOURS)), list(COLOURS))
    ax.set(ylabel="Lesion index", xlim=(-0.5, 2.6), ylim=(0, 1.03))


def information(ax: Axes, table: pd.DataFrame) -> None:
    """Panel c: bits of each network of modules, trained and untrained."""
    own = table[table["measure"] == "active"]
    for x, group in enumerate((NETWORKS, UNTRAINED)):
        means = own[own["group"] == group].groupby("subject")[["bits", "shuffled"]].mean()
        dots(ax, x, means["bits"].to_list(), edgecolor=VERMILLION)
        mean, half = mean_and_half(means[["bits"]].T)
        ax.errorbar([x + 0.25], mean, yerr=half, color="black", marker="o", capsize=2)
        ax.plot([x], [means["shuffled"].mean()], color=GREY, marker="x")
    ax.set_xticks([0, 1], ["trained", "untrained"])
    ax.set(ylabel="Information on context (bits)", xlim=(-0.5, 1.6))


def accuracy(ax: Axes, table: pd.DataFrame, optimum: pd.Series) -> None:
    """Panel d: each kind in each test."""
    for shift, kind in zip((-0.2, 0.0, 0.2), COLOURS):
        wide = table[table["kind"] == kind].pivot(index="test", columns="subject", values="accuracy").loc[optimum.index]
        mean, half = mean_and_half(wide)
        ax.errorbar(
            np.arange(len(mean)) + shift, mean, yerr=half, color=COLOURS[kind], marker="o", capsize=2, linestyle=""
        )
    for x, best in enumerate(optimum):
        ax.plot([x - 0.35, x + 0.35], [best, best], color="black", linewidth=0.6, zorder=0)
    ax.axhline(0.5, color=GREY, linestyle=":", linewidth=0.6, zorder=0)
    ax.set_xticks(range(len(optimum)), optimum.index)
    ax.set(ylabel="Choices of the good arm", xlim=(-0.5, len(optimum) - 0.5))
