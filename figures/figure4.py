"""Figure 4: prediction errors reflect inferred value."""

from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.gridspec import GridSpecBase

from pfc_metarl.analysis.reversal import AFTER, AWARE, BEFORE, BLIND, COMPARISONS, EVENTS
from pfc_metarl.plotting import BLUE, GREY, VERMILLION, dots, limits, panel_letter, paper_figure, save
from pfc_metarl.published import published
from pfc_metarl.results import run_folder

CUE_COLOUR = {BEFORE: GREY, AFTER: VERMILLION}
"""Of the cue that was rewarded before, and of the one rewarded after the reversal."""


def draw(results: Path, quick: bool) -> None:
    """Draw the figure from results/inferred_value."""
    run = run_folder(results, "inferred_value", quick)
    errors = run.read_table("prediction_errors.csv")
    observers = run.read_table("ideal_observers.csv")
    with paper_figure(height_mm=165) as figure:
        # a grid for either part: columns of different widths in one would share their largest margins
        rows = figure.add_gridspec(2, 1, height_ratios=[2.2, 2])
        top, bottom = rows[0].subgridspec(2, 3, height_ratios=[1, 1.2]), rows[1].subgridspec(2, 4)
        for i, comparison in enumerate(COMPARISONS):
            neurons(figure.add_subplot(top[0, i]), comparison, first=i == 0)
            ax = figure.add_subplot(top[1, i])
            model(ax, errors, observers, comparison, first=i == 0)
            if i == 0:
                figure.legend(*ax.get_legend_handles_labels(), loc="outside upper center", ncols=3)
        state_panels(figure, bottom, run.read_table("state_pca.csv"))
        save(figure, results, "figure4", quick)


def neurons(ax: Axes, comparison: str, first: bool) -> None:
    """Panel a: the neurons' peak (or trough) after the cue, against baseline; the paper shows whole curves."""
    baseline = published(4, panel="a", condition="baseline")["value"].item()
    for x, cue in enumerate(CUE_COLOUR):
        rate = published(4, panel="a", condition=f"{comparison}, cue rewarded {cue}")["value"].item()
        ax.bar(x, rate - baseline, bottom=baseline, color=CUE_COLOUR[cue], width=0.6)
    ax.axhline(baseline, color="black", linewidth=0.6)
    ax.set(title=comparison.capitalize(), xticks=[0, 1], ylim=(0, 24), ylabel="Spikes/s after cue" if first else "")
    ax.set_xticklabels(["rewarded before", "rewarded after reversal"])
    if first:
        ax.text(1.45, baseline + 0.5, "baseline", ha="right", va="bottom", color="black", fontsize=6)
        panel_letter(ax, "a")


def model(ax: Axes, errors: pd.DataFrame, observers: pd.DataFrame, comparison: str, first: bool) -> None:
    """Panel b: the networks' prediction errors at fixation, stimulus and saccade; the paper's dotted."""
    for cue, colour in CUE_COLOUR.items():
        own = errors[(errors["comparison"] == comparison) & (errors["cue_rewarded"] == cue)]
        wide = own.pivot(index="subject", columns="event", values="prediction_error")[list(EVENTS)]
        ax.plot(range(3), wide.mean(), color=colour, marker="o", label=f"b: cue rewarded {cue} reversal")
        for x, event in enumerate(EVENTS):
            dots(ax, x, wide[event].to_list(), s=3, edgecolor=colour, linewidth=0.4)
        paper = published(4, panel="b", condition=f"{comparison}, cue rewarded {cue}")
        ax.plot(range(3), paper["value"], color=colour, linestyle=":", linewidth=0.8)
        seen = observers[(observers["comparison"] == comparison) & (observers["cue_rewarded"] == cue)]
        for observer, marker in ((AWARE, "_"), (BLIND, "x")):
            value = seen[seen["group"] == observer]["prediction_error"].item()
            ax.plot(1.35, value, marker=marker, color=colour, markersize=4, linestyle="")
    ax.axhline(0, color=GREY, linewidth=0.5, zorder=0)
    ax.set(xticks=range(3), xticklabels=EVENTS, ylim=(-0.6, 0.6), xlim=(-0.4, 2.4))
    if first:
        ax.plot([], [], color="black", linestyle=":", label="b: as published")
        ax.plot([], [], color="black", linestyle="", marker="x", label="b: ideal observer, blind to blocks")
        ax.plot([], [], color="black", linestyle="", marker="_", label="b: ideal observer, knows blocks")
        ax.set_ylabel("Prediction error")
        panel_letter(ax, "b")


def state_panels(figure: Figure, grid: GridSpecBase, state: pd.DataFrame) -> None:
    """Panel c: the state by trial step (columns), on the reversal trial (top) and the one after (bottom)."""
    steps = ("Fixation", "Cue", "Action", "Reward")
    for row, trial in enumerate((1, 2)):
        for step, name in enumerate(steps):
            ax = figure.add_subplot(grid[row, step])
            own = state[(state["trial_in_block"] == trial) & (state["step"] == step)]
            for rewarded, colour in ((1, BLUE), (0, VERMILLION)):
                for cue, marker in ((1, "o"), (0, "x")):
                    points = own[(own["rewarded_cue"] == rewarded) & (own["cue"] == cue)]
                    ax.scatter(points["pc1"], points["pc2"], s=4, color=colour, marker=marker, linewidth=0.4, alpha=0.6)
            ax.set(xlim=limits(state["pc1"]), ylim=limits(state["pc2"]))
            if row == 0:
                ax.set_title(name)
                ax.set_xticklabels([])
            else:
                ax.set_xlabel("PC 1")
            if step:
                ax.set_yticklabels([])
            else:
                ax.set_ylabel(("Reversal trial n" if row == 0 else "Trial n + 1") + "\nPC 2")
                if row == 0:
                    panel_letter(ax, "c")
    for colour, name in ((BLUE, "right"), (VERMILLION, "left")):
        ax.scatter([], [], s=6, color=colour, label=f"c: {name} cue rewarded")
    ax.scatter([], [], s=6, color="black", marker="o", label="c: right cue shown")
    ax.scatter([], [], s=6, color="black", marker="x", label="c: left cue shown")
    handles, labels = ax.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4, handletextpad=0.1)
