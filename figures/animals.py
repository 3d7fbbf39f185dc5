"""Own animals (results/animals/*) beside networks and the paper; and how well their choices are predicted."""

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from pfc_metarl.errors import RunError
from pfc_metarl.plotting import BLUE, GREY, VERMILLION, panel_letter, paper_figure, save
from pfc_metarl.results import RunFolder, run_folder
from pfc_metarl.trial_columns import NETWORKS
from pfc_metarl.trial_sessions import of_networks

SUBJECTS = "subjects"


def draw(results: Path, quick: bool) -> None:
    """Draw a figure for each table that `python -m simulations animals` has analysed."""
    parent = run_folder(results, "animals", quick).path
    runs = [RunFolder(path, "") for path in sorted(parent.glob("*")) if (path / "comparison.csv").exists()]
    if not runs:
        raise RunError(f"{parent} holds no animals; first: python -m simulations animals NAME TABLE")
    for run in runs:
        values, comparison, predicted = run.read_table("values.csv"), run.read_table("comparison.csv"), predictions(run)
        kinds: dict[str, list[str]] = {}  # quantities of one kind have one unit
        for quantity in comparison["quantity"].unique():
            kinds.setdefault(quantity.split()[0], []).append(quantity)
        rows = [len(own) + 1.5 for own in kinds.values()] + [predicted["by"].nunique() + 1.5] * (len(predicted) > 0)
        with paper_figure(height_mm=12 + 5 * sum(rows)) as figure:
            axes = figure.subplots(len(rows), height_ratios=rows, squeeze=False)[:, 0]
            for ax, own, letter in zip(axes, kinds.values(), "abcdefgh"):
                quantities(ax, values, comparison, own)
                panel_letter(ax, letter)
            if len(predicted):
                choices(axes[-1], predicted)
                panel_letter(axes[-1], "abcdefgh"[len(kinds)])
            figure.legend(*axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=5)
            note = "Small: one subject or network. Large: mean, with its 95 % interval over them."
            save(figure, results, f"animals_{run.path.name}", quick, note)


def quantities(ax: Axes, values: pd.DataFrame, comparison: pd.DataFrame, order: list[str]) -> None:
    """Each quantity in a row: as published, of the networks, of the subjects by group."""
    groups = [NETWORKS, *comparison["group"].unique()]
    colours = dict(zip(groups, [VERMILLION, BLUE, "black", GREY]))
    at = {quantity: i for i, quantity in enumerate(order)}
    published = comparison[comparison["quantity"].isin(order)].drop_duplicates("quantity")
    rows = published["quantity"].map(at)
    ax.plot(published["published"], rows, "x", color=GREY, label="published networks")
    ax.plot(
        published["animal"], rows, "D", color=GREY, markersize=3.5, markerfacecolor="none", label="published animals"
    )
    for k, group in enumerate(groups):
        own = values[(values["group"] == group) & values["quantity"].isin(order)]
        if own.empty:
            continue
        y = own["quantity"].map(at) + 0.2 * (k + 0.5 - len(groups) / 2)
        ax.plot(own["value"], y, ".", color=colours[group], markersize=2, alpha=0.6)
        table = comparison[comparison["group"] == (group if k else groups[1])]
        table = table[table["quantity"].isin(order)]
        name = SUBJECTS if k else NETWORKS
        y_mean = table["quantity"].map(at) + 0.2 * (k + 0.5 - len(groups) / 2)
        error = np.abs(table[[f"{name}_low", f"{name}_high"]].to_numpy().T - table[name].to_numpy())
        ax.errorbar(table[name], y_mean, xerr=error, fmt="o", color=colours[group], label=group, linewidth=0.8)
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
        tables.append(run.read_table("led.csv").assign(by="networks, led", log_p=lambda t: t["per_choice"]))
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
    ax.set_xlabel("Log probability per choice\n(models: sessions held out, unless as fitted; dashed: chance of two)")
