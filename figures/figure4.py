"""Figure 4: prediction errors reflect inferred value."""

from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.gridspec import GridSpecBase

from pfc_metarl.analysis.reversal import AFTER, AWARE, BEFORE, BLIND, COMPARISONS, EVENTS
from pfc_metarl.colours import BLUE, GREY, VERMILLION
from pfc_metarl.plotting import dots, limits, panel_letter, paper_figure, save
from pfc_metarl.published import published
from pfc_metarl.results import run_folder

CUE_COLOUR = {BEFORE: GREY, AFTER: VERMILLION}
"""Of the cue that was rewarded before, and of the one rewarded after the reversal."""


def draw(results: Path, quick: bool) -> None:
    """Draw the figure from results/inferred_value."""
    run = run_folder(results, "inferred_value", quick)
    errors = run.read_table("prediction_errors.csv")
    observers = run.read_table("ideal_observers.csv")
    with paper_figure(height_mm=180) as figure:
        # a grid for either part: columns of different widths in one would share their largest margins
        rows = figure.add_gridspec(2, 1, height_ratios=[2.2, 2])
        top, bottom = rows[0].subgridspec(2, 3, height_ratios=[1, 1.2]), rows[1].subgridspec(2, 4)
        for i, comparison in enumerate(COMPARISONS):
            neurons(figure.add_subplot(top[0, i]), comparison, first=i == 0)
            ax = figure.add_subplot(top[1, i])
            model(ax, errors, observers, comparison, first=i == 0)
            if i == 0:
                figure.legend(*ax.get_legend_handles_labels(), loc="outside upper center", ncols=3)
        states = run.read_table("state_pca.csv")
        state_panels(figure, bottom, states[states["subject"] == states["subject"].min()])
        note = "a: peaks and troughs read from published curves; no intervals are given. "
        note += "b: mean, and a dot for each network. "
        note += "c: the first network; each column has its own axes (all networks: figure 4c)."
        save(figure, results, "figure4", quick, note, run)


def neurons(ax: Axes, comparison: str, first: bool) -> None:
    """Panel a: the neurons' peak (or trough) after the cue, against baseline; the paper shows whole curves."""
    baseline = published(4, panel="a", condition="baseline")["value"].item()
    for x, cue in enumerate(CUE_COLOUR):
        rate = published(4, panel="a", condition=f"{comparison}, cue rewarded {cue}")["value"].item()
        ax.bar(x, rate - baseline, bottom=baseline, color=CUE_COLOUR[cue], width=0.6)
    ax.axhline(baseline, color="black", linewidth=0.6)
    ax.set(title=comparison.capitalize(), xlim=(-0.4, 1.4), ylim=(0, 24))
    ax.set_xticks([0, 1], [f"cue rewarded\n{cue} reversal" for cue in CUE_COLOUR])
    if first:
        ax.set_ylabel("Spikes/s\nafter cue")
        ax.text(1.4, baseline + 0.5, "baseline", ha="right", va="bottom", color="black")
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
    largest = max(0.6, errors["prediction_error"].abs().max())
    ax.set(xticks=range(3), xticklabels=EVENTS, ylim=(-largest, largest), xlim=(-0.4, 2.4))
    if first:
        ax.plot([], [], color="black", linestyle=":", label="b: as published")
        ax.plot([], [], color="black", linestyle="", marker="x", label="b: ideal observer, blind to blocks")
        ax.plot([], [], color="black", linestyle="", marker="_", label="b: ideal observer, knows blocks")
        ax.set_ylabel("Prediction error")
        panel_letter(ax, "b")


FACES = {1: (BLUE, "right"), 0: (VERMILLION, "left")}
"""Colours of the rewarded cue."""
SHAPES = {1: ("o", "right cue shown"), 0: ("^", "left cue shown"), None: ("s", "no cue yet")}
"""Marks of the cue that was shown."""


def mark_states(ax: Axes, states: pd.DataFrame, cue_shown: bool) -> None:
    """States on two components, by the cue that is rewarded and the one that was shown, if one was as yet."""
    for (rewarded, cue), points in states.groupby(["rewarded_cue", "cue"]):
        colour, marker = FACES[rewarded][0], SHAPES[cue if cue_shown else None][0]
        face = colour if rewarded else "none"
        style: dict[str, Any] = {"s": 6, "facecolor": face, "edgecolor": colour, "marker": marker}
        ax.scatter(points["pc1"], points["pc2"], linewidth=0.5, alpha=0.6, **style)


def state_panels(figure: Figure, grid: GridSpecBase, state: pd.DataFrame) -> None:
    """Panel c: the state by trial step (columns), on the reversal trial (top) and the one after (bottom).

    Filled and open marks: which cue is rewarded; their form: which cue was shown, if any was as yet.
    """
    for step, name in enumerate(("Fixation", "Cue", "Action", "Reward")):
        at_step = state[(state["step"] == step) & state["trial_in_block"].isin((1, 2))]
        for row, trial in enumerate((1, 2)):
            ax = figure.add_subplot(grid[row, step])
            own = at_step[at_step["trial_in_block"] == trial]
            mark_states(ax, own, cue_shown=step > 0)
            ax.set(xlim=limits(at_step["pc1"]), ylim=limits(at_step["pc2"]))
            ax.locator_params(nbins=3)
            if row == 0:
                ax.set_title(name)
                ax.set_xticklabels([])
            else:
                ax.set_xlabel("PC 1")
            if step == 0:
                ax.set_ylabel(("Reversal trial n" if row == 0 else "Trial n + 1") + "\nPC 2")
                if row == 0:
                    panel_letter(ax, "c")
    for rewarded, (colour, side) in FACES.items():
        face = colour if rewarded else "white"
        ax.scatter([], [], s=12, marker="D", facecolor=face, edgecolor=colour, label=f"c: {side} cue rewarded")
    for marker, name in SHAPES.values():
        ax.scatter([], [], s=10, marker=marker, color=GREY, label=f"c: {name}")
    handles, labels = ax.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=5, handletextpad=0.1)
