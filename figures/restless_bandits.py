"""Restless bandits: regret, and learning rates that follow the volatility (Wang et al. 2016, Fig. 4)."""

from pathlib import Path
from typing import Any

import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pfc_metarl.agents.many_arms import OPTIMUM
from pfc_metarl.colours import BLUE, GREEN, GREY, ORANGE, PURPLE, VERMILLION
from pfc_metarl.plotting import (
    INTERVALS,
    dots,
    mean_and_band,
    mean_and_half,
    panel_letter,
    paper_figure,
    room_above,
    save,
)
from pfc_metarl.results import run_folder
from pfc_metarl.trials import NETWORKS, trained_on

MIXED, RESCORLA_WAGNER = trained_on("mixed"), "Rescorla-Wagner"
VOLATILITIES = ("low", "high")
BEST = f"{OPTIMUM}, mixed"
COLOURS = {MIXED: VERMILLION, "UCB": ORANGE, "Thompson": PURPLE, RESCORLA_WAGNER: GREEN, BEST: "black"}
FITTED = {MIXED: (NETWORKS, VERMILLION), RESCORLA_WAGNER: (RESCORLA_WAGNER, GREEN)}
"""Whose choices models are fitted to: name in the panels, and colour."""
NOTE = (
    f"{INTERVALS} Known algorithms play the same episodes. a: an episode of each; marks: the first network's choices. "
    "d: optimum of who knows on what was trained. e: free are alpha (a), beta (b), lapses (e)."
)


def draw(results: Path, quick: bool) -> None:
    """Draw the figure from results/restless_bandits."""
    run = run_folder(results, "restless_bandits", quick)
    fits = run.read_table("learning_rates.csv")
    with paper_figure(height_mm=125) as figure:
        grid = figure.add_gridspec(2, 3)
        examples(figure, grid[0, 0], run.read_table("trials.parquet"))
        curves = run.read_table("regret_by_trial.csv")
        for i, name in enumerate(VOLATILITIES):
            ax = figure.add_subplot(grid[0, 1 + i])
            regret(ax, curves[curves["condition"] == name], legend=i == 0)
            ax.set_title(f"{name} volatility".capitalize())
            panel_letter(ax, "bc"[i])
        for i, (panel, table) in enumerate(((matrix, run.read_table("regrets.csv")), (criterion, fits), (rates, fits))):
            ax = figure.add_subplot(grid[1, i])
            panel(ax, table)
            panel_letter(ax, "def"[i])
        save(figure, results, "restless_bandits", quick, NOTE, run)


def examples(figure: Figure, spec: Any, trials: pd.DataFrame) -> None:
    """Panel a: p in an episode of either volatility, and what was chosen."""
    axes = spec.subgridspec(2, 1)
    own = trials[(trials["subject"] == trials["subject"].min()) & (trials["session"] == trials["session"].min())]
    for i, name in enumerate(VOLATILITIES):
        ax = figure.add_subplot(axes[i])
        episode = own[own["condition"] == name]
        ax.plot(episode["trial"], episode["p_left"], color=BLUE)
        for choice, at in ((0, 1.1), (1, -0.1)):
            chosen = episode["trial"][episode["choice"] == choice]
            ax.plot(chosen, [at] * len(chosen), "|", color=GREY, markersize=4)
        ax.set(ylim=(-0.2, 1.2), yticks=[0, 1], ylabel=f"$p_L$, {name}")
        if i:
            ax.set_xlabel("Trial")
        else:
            ax.set_xticklabels([])
            panel_letter(ax, "a")


def regret(ax: Axes, curves: pd.DataFrame, legend: bool) -> None:
    """Panels b and c: cumulative regret in one volatility."""
    for group, colour in COLOURS.items():
        own = curves[curves["group"] == group].pivot(index="trial", columns="subject", values="regret")
        label = {MIXED: NETWORKS, BEST: OPTIMUM}.get(group, group)
        mean_and_band(ax, own, colour, label, linestyle="--" if group == BEST else "-")
    ax.set(xlabel="Trial", ylabel="Cumulative regret", ylim=(0, None))
    if legend:
        room_above(ax, 0.4)
        ax.legend(loc="upper left", labelspacing=0.2, handlelength=1.4)


def matrix(ax: Axes, regrets: pd.DataFrame) -> None:
    """Panel d: regret of every training on every test, and the least that there can be."""
    table = regrets.groupby(["group", "condition"], sort=False)["regret"].mean().unstack()[list(VOLATILITIES)]
    table = table[table.index.str.startswith((NETWORKS, OPTIMUM))]
    sns.heatmap(table, annot=True, fmt=".1f", cmap="Blues", cbar=False, ax=ax)
    ax.set(xlabel="Tested on", ylabel="", title="Regret at the last trial")
    ax.tick_params(axis="y", rotation=0, length=0)
    ax.tick_params(axis="x", length=0)


def criterion(ax: Axes, fits: pd.DataFrame) -> None:
    """Panel e: how much better models with free learning rates are, by block."""
    blocks = fits.pivot(index=["group", "subject", "condition", "block"], columns="model", values="bic")
    gains = pd.DataFrame({"ab - b": blocks["ab"] - blocks["b"], "abe - be": blocks["abe"] - blocks["be"]})
    means = gains.groupby(["group", "subject"]).mean()
    for i, (group, (label, colour)) in enumerate(FITTED.items()):
        own = means.loc[group].T
        mean, half = mean_and_half(own)
        places = [x + 0.4 * i - 0.2 for x in range(len(own))]
        ax.bar(places, mean, 0.36, yerr=half, color=colour, label=label, error_kw={"linewidth": 0.8})
        for x, name in zip(places, own.index):
            dots(ax, x, own.loc[name])
    ax.axhline(0, color="black", linewidth=0.6)
    ax.set_xticks(range(len(gains.columns)), list(gains.columns))
    ax.set(ylabel="Change in BIC, per block")
    room_above(ax, 0.25)
    ax.legend(loc="upper left", labelspacing=0.2)


def rates(ax: Axes, fits: pd.DataFrame) -> None:
    """Panel f: fitted learning rates, by volatility."""
    own = fits[fits["model"] == "abe"].groupby(["group", "subject", "condition"])["learning_rate"].mean()
    for group, (label, colour) in FITTED.items():
        table = own[group].unstack("subject").loc[list(VOLATILITIES)]
        mean, half = mean_and_half(table)
        ax.plot(range(2), table, color=colour, linewidth=0.4, alpha=0.6)
        ax.errorbar(range(2), mean, half, color=colour, marker="o", capsize=2, label=label)
    ax.set_xticks(range(2), [f"{name}\nvolatility" for name in VOLATILITIES])
    ax.set(ylabel="Learning rate (model abe)", xlim=(-0.4, 1.4))
    room_above(ax, 0.25)
    ax.legend(loc="upper left", labelspacing=0.2)
