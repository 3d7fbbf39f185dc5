"""Figure 7: stimulation of dopamine changes choice under risk; and its supplement, dose and response."""

from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes

from pfc_metarl.analysis.risk import CONTROL, STIMULATIONS
from pfc_metarl.colours import BLUE, GREY, VERMILLION
from pfc_metarl.errors import RunError
from pfc_metarl.plotting import dots, panel_letter, paper_figure, save
from pfc_metarl.published import published_value
from pfc_metarl.results import run_folder

PROBABILITIES = (0.5, 0.125)
COLOUR = {"control": VERMILLION, "stimulated": BLUE}


def draw(results: Path, quick: bool) -> None:
    """Draw the figure and its supplement from results/optogenetics."""
    run = run_folder(results, "optogenetics", quick)
    shares = run.read_table("risky_choice.csv")
    if not set(PROBABILITIES) <= set(shares["p_risky"]):
        raise RunError(
            f"{run.path} was not run with p_risky {PROBABILITIES[0]:g} and {PROBABILITIES[1]:g}, which Figure 7"
            " shows; its shares stand in risky_choice.csv"
        )
    own = [name for name in shares["condition"].unique() if name not in (CONTROL, *STIMULATIONS)]
    panels = [*STIMULATIONS, *own]
    with paper_figure(height_mm=105) as figure:
        axes = figure.subplots(2, len(panels), sharey=True)
        for i, condition in enumerate(panels):
            if condition in STIMULATIONS:
                rats(axes[0, i], condition)
            else:
                axes[0, i].axis("off")
            model(axes[1, i], shares, condition)
        for row, (letter, who) in enumerate((("a", "Rats"), ("b", "Meta-RL"))):
            panel_letter(axes[row, 0], letter)
            axes[row, 0].set_ylabel(f"{who}: risky choices (%)")
        figure.legend(*axes[1, 0].get_legend_handles_labels(), loc="outside upper center", ncols=4)
        note = "Rats: means as published; no intervals are given. Meta-RL: mean, and a dot for each network."
        save(figure, results, "figure7", quick, note, run)
    with paper_figure(height_mm=65) as figure:
        doses = run.read_table("dose_response.csv")
        axes = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
        for ax, condition in zip(axes, panels):
            dose_response(ax, doses[doses["condition"] == condition], condition)
        axes[0].set_ylabel("Risky choices (%)")
        title = "Probability of risky reward"
        figure.legend(*axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=2, title=title)
        save(figure, results, "figure7_supplement_dose", quick, "Lines: mean over networks; thin: each network.", run)


def choice_axes(ax: Axes) -> None:
    """Axes of one condition."""
    ax.set(xticks=range(len(PROBABILITIES)), ylim=(0, 100), xlim=(-0.5, 1.5), xlabel="Probability of risky reward")
    ax.set_xticklabels([f"{p:g}" for p in PROBABILITIES])


def rats(ax: Axes, condition: str) -> None:
    """Panel a: the animals."""
    for name, colour in COLOUR.items():
        shares = [published_value(7, series=f"rats, {name}", condition=condition, x=p) for p in PROBABILITIES]
        ax.plot(shares, color=colour, marker="o" if name == "control" else "s")
    choice_axes(ax)
    ax.set_title(condition.capitalize())


def model(ax: Axes, shares: pd.DataFrame, condition: str) -> None:
    """Panel b: mean over networks, a dot for each; the paper's networks dotted."""
    for name, key in (("control", CONTROL), ("stimulated", condition)):
        wide = shares[shares["condition"] == key].pivot(index="subject", columns="p_risky", values="risky") * 100
        present = [(x, p) for x, p in enumerate(PROBABILITIES) if p in wide]
        colour, marker = COLOUR[name], "o" if name == "control" else "s"
        ax.plot([x for x, _ in present], [wide[p].mean() for _, p in present], color=colour, marker=marker, label=name)
        for x, p in present:
            dots(ax, x, wide[p].to_list(), s=3, edgecolor=colour, linewidth=0.4)
        if condition in STIMULATIONS:
            paper = [published_value(7, series=f"meta-RL, {name}", condition=condition, x=p) for p in PROBABILITIES]
            ax.plot(paper, color=colour, linestyle=":", linewidth=0.8, label=f"{name}, as published")
    choice_axes(ax)
    if condition not in STIMULATIONS:
        ax.set_title(condition.capitalize())


def dose_response(ax: Axes, doses: pd.DataFrame, condition: str) -> None:
    """Risky choices over the size of the manipulation, every network as a thin line."""
    for p, colour, marker in zip(sorted(doses["p_risky"].unique()), (BLUE, VERMILLION), "os"):
        wide = doses[doses["p_risky"] == p].pivot(index="dose", columns="subject", values="risky") * 100
        ax.plot(wide.index, wide, color=colour, linewidth=0.3, alpha=0.6)
        ax.plot(wide.index, wide.mean(axis=1), color=colour, marker=marker, clip_on=False, label=f"{p:g}")
    ax.axvline(1, color=GREY, linewidth=0.5, linestyle=":")
    ax.set(title=condition.capitalize(), xlabel="Size (1: as published)", ylim=(0, 100))
