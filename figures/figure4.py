"""Figure 4: prediction errors reflect inferred value."""

from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pfc_metarl.plotting import BLUE, GREY, VERMILLION, dots, panel_letter, paper_figure, save
from pfc_metarl.published import published
from pfc_metarl.results import RunFolder

COMPARISONS = ("before reversal", "experienced", "inferred")
EVENTS = ("fixation", "stimulus", "saccade")
CUE_COLOUR = {"before": GREY, "after": VERMILLION}
"""Of the cue that was rewarded before, and of the one rewarded after the reversal."""


def draw(results: Path, quick: bool) -> None:
    """Draw the figure from results/inferred_value."""
    run = RunFolder(results / "inferred_value")
    errors = run.read_table("prediction_errors.csv")
    observers = run.read_table("ideal_observers.csv")
    with paper_figure(height_mm=150) as figure:
        grid = figure.add_gridspec(4, 12, height_ratios=[1, 1.1, 0.9, 0.9])
        for i, comparison in enumerate(COMPARISONS):
            ax = figure.add_subplot(grid[0, 4 * i : 4 * i + 4])
            neurons(ax, comparison, first=i == 0)
            ax = figure.add_subplot(grid[1, 4 * i : 4 * i + 4])
            model(ax, errors, observers, comparison, first=i == 0)
        state_panels(figure, grid, run.read_table("state_pca.csv"))
        save(figure, results / "figures", "figure4", quick)


def neurons(ax: Axes, comparison: str, first: bool) -> None:
    """Panel a: the neurons' peak (or trough) after the cue, against baseline; the paper shows whole curves."""
    baseline = published(4, panel="a", condition="baseline")["value"].item()
    for x, cue in enumerate(CUE_COLOUR):
        rate = published(4, panel="a", condition=f"{comparison}, cue rewarded {cue}")["value"].item()
        ax.bar(x, rate - baseline, bottom=baseline, color=CUE_COLOUR[cue], width=0.6)
    ax.axhline(baseline, color="black", linewidth=0.6)
    ax.set(title=comparison.capitalize(), xticks=[0, 1], ylim=(0, 24), ylabel="Spikes/s after cue" if first else "")
    ax.set_xticklabels(["cue rewarded\nbefore", "cue rewarded\nafter reversal"])
    if first:
        ax.text(1.45, baseline + 0.5, "baseline", ha="right", va="bottom", color="black", fontsize=6)
        panel_letter(ax, "a")


def model(ax: Axes, errors: pd.DataFrame, observers: pd.DataFrame, comparison: str, first: bool) -> None:
    """Panel b: the networks' prediction errors at fixation, stimulus and saccade; the paper's dotted."""
    for cue, colour in CUE_COLOUR.items():
        own = errors[(errors["comparison"] == comparison) & (errors["cue_rewarded"] == cue)]
        wide = own.pivot(index="subject", columns="event", values="prediction_error")[list(EVENTS)]
        ax.plot(range(3), wide.mean(), color=colour, marker="o", label=f"cue rewarded {cue} reversal")
        for x, event in enumerate(EVENTS):
            dots(ax, x, wide[event].to_list(), s=3, edgecolor=colour, linewidth=0.4)
        paper = published(4, panel="b", condition=f"{comparison}, cue rewarded {cue}")
        ax.plot(range(3), paper["value"], color=colour, linestyle=":", linewidth=0.8)
        seen = observers[(observers["comparison"] == comparison) & (observers["cue_rewarded"] == cue)]
        for observer, marker in (("boundary-aware", "_"), ("boundary-blind", "x")):
            value = seen[seen["observer"] == observer]["prediction_error"].item()
            ax.plot(1.3, value, marker=marker, color=colour, markersize=4, linestyle="")
    ax.axhline(0, color=GREY, linewidth=0.5, zorder=0)
    ax.set(xticks=range(3), xticklabels=EVENTS, ylim=(-0.6, 0.6), xlim=(-0.4, 2.4))
    if first:
        ax.plot([], [], color="black", linestyle=":", label="as published")
        ax.plot([], [], color="black", linestyle="", marker="x", label="observer, blind to blocks")
        ax.plot([], [], color="black", linestyle="", marker="_", label="observer, knows blocks")
        ax.legend(loc="upper left", fontsize=5, ncols=2, handlelength=1, columnspacing=0.5, labelspacing=0.2)
        ax.set_ylabel("Prediction error")
        panel_letter(ax, "b")


def state_panels(figure: Figure, grid: object, state: pd.DataFrame) -> None:
    """Panel c: the state by trial step (columns), on the reversal trial (top) and the one after (bottom)."""
    steps = ("Fixation", "Cue", "Action", "Reward")
    for row, trial in enumerate((1, 2)):
        for step, name in enumerate(steps):
            ax = figure.add_subplot(grid[2 + row, 3 * step : 3 * step + 3])  # type: ignore[index]
            own = state[(state["trial_in_block"] == trial) & (state["step"] == step)]
            for rewarded, colour in ((1, BLUE), (0, VERMILLION)):
                for cue, marker in ((1, "o"), (0, "x")):
                    points = own[(own["rewarded_cue"] == rewarded) & (own["cue"] == cue)]
                    ax.scatter(points["pc1"], points["pc2"], s=4, color=colour, marker=marker, linewidth=0.4, alpha=0.6)
            margin = 0.3
            ax.set(xlim=(state["pc1"].min() - margin, state["pc1"].max() + margin))
            ax.set(ylim=(state["pc2"].min() - margin, state["pc2"].max() + margin))
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
        ax.scatter([], [], s=6, color=colour, label=f"{name} cue rewarded")
    ax.scatter([], [], s=6, color="black", marker="o", label="right cue shown")
    ax.scatter([], [], s=6, color="black", marker="x", label="left cue shown")
    ax.legend(loc="center left", bbox_to_anchor=(1.0, 1.1))
