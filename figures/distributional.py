"""A distribution of values: predictors beside exact expectiles, reversal points beside those of neurons, chances."""

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from pfc_metarl.colours import BLUE, GREY, VERMILLION
from pfc_metarl.plotting import INTERVALS, mean_and_band, mean_and_half, panel_letter, paper_figure, room_above, save
from pfc_metarl.published import published_value
from pfc_metarl.results import run_folder

COLOURS = {"distributional": VERMILLION, "classical": BLUE}
ASYMMETRY, REVERSAL = "asymmetry with reversal point", "reversal point with itself"
NEURONS = {"figure": "Dabney 2020", "series": "neurons"}
NOTE = (
    "a: value of each predictor after the cue of variable magnitude, by its tau (in classical networks, where all are "
    ".5, by its number); black: exact expectiles. b: the first network's predictors, by their noisy answers, in two "
    "halves of the trials; utility is the mean answer of all, as in the analysis of neurons. c: correlations over "
    "predictors, medians over splits, mean of networks, with less (upper right) and more noise; filled: noise matched "
    "to neurons (diamond; bars: over splits). d: value after the cue of 50 %, between those of 10 and 90 % (0 and 1); "
    f"black: exact. {INTERVALS}"
)


def draw(results: Path, quick: bool) -> None:
    """Draw the figure from results/distributional."""
    run = run_folder(results, "distributional", quick)
    values, table, answers = (run.read_table(f"{name}.csv") for name in ("values", "correlations", "answers"))
    with paper_figure(height_mm=140) as figure:
        axes = figure.subplots(2, 2).ravel()
        by_tau(axes[0], values[values["cue"] == 0])
        axes[0].set(ylabel="Value (utility)")
        room_above(axes[0], 0.1)
        axes[0].legend(loc="upper left", handlelength=1.2, labelspacing=0.2, borderaxespad=0.1)
        scatter(axes[1], answers[answers["subject"] == answers["subject"].min()])
        consistency(axes[2], table)
        by_tau(axes[3], between(values))
        axes[3].set(ylabel="Value of 50 %, from 10 to 90 %")
        for ax, letter in zip(axes, "abcd"):
            panel_letter(ax, letter)
        save(figure, results, "distributional", quick, NOTE, run)


def by_tau(ax: Axes, table: pd.DataFrame) -> None:
    """Panels a and d: the value of each predictor, and what is exact."""
    count = table["predictor"].max()
    for kind, colour in COLOURS.items():
        wide = table[table["kind"] == kind].pivot(index="predictor", columns="subject", values="value")
        wide.index = wide.index / (count + 1)
        mean_and_band(ax, wide, colour, kind, marker="o", markersize=2, linestyle="")
    exact = table[table["kind"] == "distributional"].groupby("tau")["exact"].first()
    ax.plot(exact.index, exact, color="black", linewidth=0.8, zorder=0, label="exact")
    ax.set(xlabel="Tau of the predictor", xlim=(0, 1))


def between(values: pd.DataFrame) -> pd.DataFrame:
    """Of each predictor the value of 50 % as a share of the way from that of 10 % to that of 90 %."""
    key = ["kind", "subject", "predictor", "tau"]
    wide = values.pivot(index=key, columns="cue", values=["value", "exact"])
    told = {name: (wide[name, 2] - wide[name, 1]) / (wide[name, 3] - wide[name, 1]) for name in ("value", "exact")}
    return pd.DataFrame(told).reset_index()


def scatter(ax: Axes, answers: pd.DataFrame) -> None:
    """Panel b: a dot for each predictor of one network."""
    for kind, colour in COLOURS.items():
        own = answers[(answers["kind"] == kind) & answers["asymmetry"].between(-0.2, 1.2)]
        ax.scatter(own["asymmetry"], own["reversal"], s=8, facecolor="none", edgecolor=colour, linewidth=0.7)
    ax.set(xlabel="Asymmetry a⁺ / (a⁺ + a⁻)", ylabel="Reversal point (utility)", xlim=(-0.2, 1.2))


def consistency(ax: Axes, table: pd.DataFrame) -> None:
    """Panel c: both correlations, noise by noise; and those of neurons."""
    for kind, colour in COLOURS.items():
        own = table[table["kind"] == kind]
        means = own[~own["matched"]].groupby("noise")[[REVERSAL, ASYMMETRY]].mean()
        ax.plot(means[REVERSAL], means[ASYMMETRY], color=colour, marker="o", markerfacecolor="white", linewidth=0.6)
        matched = own[own["matched"]]
        (x, y), (half_x, half_y) = (part.to_numpy() for part in mean_and_half(matched[[REVERSAL, ASYMMETRY]].T))
        ax.errorbar(x, y, half_y, half_x, color=colour, marker="o", capsize=2)
    (x, half_x), (y, half_y) = neurons(REVERSAL), neurons(ASYMMETRY)
    ax.errorbar(x, y, half_y, half_x, color="black", marker="D", markerfacecolor="white", capsize=2, linewidth=0.8)
    ax.axhline(0, color=GREY, linestyle=":", linewidth=0.6, zorder=0)
    ax.set(xlabel="R, reversal points of two halves", ylabel="R, asymmetry and reversal point")


def neurons(condition: str) -> tuple[float, np.ndarray]:
    """A published correlation, and how far it reaches below and above over splits (2, 1)."""
    value, low, high = (
        published_value(**NEURONS, condition=condition + end)
        for end in ("", ", low end over splits", ", high end over splits")
    )
    return value, np.array([[value - low], [high - value]])
