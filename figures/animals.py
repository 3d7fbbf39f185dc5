"""Own animals (results/animals/*) beside networks and the paper; and how well their choices are predicted."""

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from pfc_metarl.colours import BLUE, GREEN, GREY, ORANGE, PURPLE, SKY, VERMILLION
from pfc_metarl.errors import RunError
from pfc_metarl.plotting import INTERVALS, panel_letter, paper_figure, save
from pfc_metarl.results import RunFolder, run_folder
from pfc_metarl.trial_columns import NETWORKS
from pfc_metarl.trial_sessions import of_networks

SHOWN = "abcdefgh"
PAPER = ("published", "x", "published networks"), ("animal", "D", "published animals")
SIMULATED = "sv^<>"
"""Markers of models that are simulated in the subjects' place."""


def draw(results: Path, quick: bool) -> None:
    """Draw a figure for each table that `python -m simulations animals` has analysed."""
    parent = run_folder(results, "animals", quick)
    runs = [RunFolder(path, "") for path in sorted(parent.path.glob("*")) if (path / "comparison.csv").exists()]
    if not runs:
        raise RunError(f"{parent.path} holds no animals; first: {parent.command} NAME TABLE")
    for run in runs:
        values, means, predicted = run.read_table("values.csv"), run.read_table("comparison.csv"), predictions(run)
        kinds: dict[str, list[str]] = {}  # quantities of one kind have one unit
        for quantity in means["quantity"].unique():
            kinds.setdefault(quantity.split()[0], []).append(quantity)
        order = list(run.read_table("trials.parquet")["group"].unique())
        rows = [len(own) + 1.5 for own in kinds.values()] + [predicted["by"].nunique() + 1.5] * (len(predicted) > 0)
        with paper_figure(height_mm=20 + min(6, 190 / sum(rows)) * sum(rows)) as figure:
            axes = figure.subplots(len(rows), height_ratios=rows, squeeze=False)[:, 0]
            for ax, own, letter in zip(axes, kinds.values(), SHOWN):
                quantities(ax, values, means, own, order)
                panel_letter(ax, letter)
            if len(predicted):
                choices(axes[-1], predicted)
                panel_letter(axes[-1], SHOWN[len(kinds)])
            figure.legend(*axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=4)
            note = (
                f"{INTERVALS[:-1]} or subjects; small: each of them. Open grey: mean over subjects in whose place the"
                " fitted model is simulated. Predictions: of sessions held out, unless as fitted."
            )
            save(figure, results, f"animals_{run.path.name}", quick, note)


def quantities(ax: Axes, values: pd.DataFrame, means: pd.DataFrame, order: list[str], animals: list[str]) -> None:
    """Each quantity in a row: as published, of the networks, of the subjects by group, of models."""
    at = {quantity: i for i, quantity in enumerate(order)}
    means = means[means["quantity"].isin(order)].assign(y=lambda t: t["quantity"].map(at))
    for column, marker, label in PAPER:
        told = means.drop_duplicates("quantity")
        ax.plot(told[column], told["y"], marker, color=GREY, markersize=3.5, markerfacecolor="none", label=label)
    groups = [group for group in (NETWORKS, *animals) if group in set(means["group"])]
    for k, (group, colour) in enumerate(zip(groups, [VERMILLION, BLUE, "black", GREEN, PURPLE, SKY, ORANGE])):
        shift = 0.2 * (k + 0.5 - len(groups) / 2)
        own = values[(values["group"] == group) & values["quantity"].isin(order)]
        ax.plot(own["value"], own["quantity"].map(at) + shift, ".", color=colour, markersize=2, alpha=0.6)
        table = means[means["group"] == group]
        error = np.abs(table[["low", "high"]].to_numpy().T - table["mean"].to_numpy())
        ax.errorbar(table["mean"], table["y"] + shift, xerr=error, fmt="o", color=colour, label=group, linewidth=0.8)
    models = [group for group in means["group"].unique() if group not in groups]
    for group, marker in zip(models, SIMULATED):
        table = means[means["group"] == group]
        ax.plot(table["mean"], table["y"] + 0.3, marker, color=GREY, markersize=3, markerfacecolor="none", label=group)
    ax.axvline(0, color=GREY, linewidth=0.4)
    ax.set(yticks=range(len(order)), yticklabels=order, ylim=(len(order) - 0.5, -0.5))


def predictions(run: RunFolder) -> pd.DataFrame:
    """How probable the subjects' choices are, per choice: table of group, subject, by (who predicts), log_p."""
    files, tables = run.files("analyse"), []
    if "fits.csv" in files:
        fits = run.read_table("fits.csv")
        held_out = fits["held_out"].notna()  # not with a single session
        by = fits["model"].where(held_out, fits["model"] + " (as fitted)")
        told = fits["held_out"].where(held_out, fits["per_choice"])
        tables.append(fits.assign(by=by, log_p=told)[~of_networks(fits) & told.notna()])
    if "led.csv" in files:
        led = run.read_table("led.csv")
        for by, column in (("networks, led", "per_choice"), ("networks, led, tempered", "held_out")):
            tables.append(led.assign(by=by, log_p=led[column]).dropna(subset="log_p"))
    columns = ["group", "subject", "by", "log_p"]
    return pd.concat([table[columns] for table in tables]) if tables else pd.DataFrame(columns=columns)


def choices(ax: Axes, predicted: pd.DataFrame) -> None:
    """Mean log probability of a choice, of each subject, by who predicts it."""
    order = list(predicted["by"].unique())
    for i, by in enumerate(order):
        own = predicted[predicted["by"] == by].groupby(["group", "subject"])["log_p"].mean()
        ax.plot(own, [i] * len(own), ".", color=BLUE, markersize=3, alpha=0.6)
        ax.plot(own.mean(), i, "o", color=BLUE, markersize=4)
    ax.axvline(np.log(0.5), color=GREY, linewidth=0.6, linestyle="--")
    ax.set(yticks=range(len(order)), yticklabels=order, ylim=(len(order) - 0.5, -0.5))
    ax.set_xlabel("Log probability per choice (dashed: chance of two)")
