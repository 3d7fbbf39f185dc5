"""Figure 3: the learning rate adapts to volatility; and Supplementary Figure 5, the units that code volatility."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from pfc_metarl.analysis.blocks import BLOCKS as NAMES
from pfc_metarl.analysis.blocks import LOW_FIRST, ORDERS, UNTIED
from pfc_metarl.colours import BLUE, GREEN, GREY, VERMILLION
from pfc_metarl.plotting import INTERVALS, dots, mean_and_band, mean_and_half, panel_letter, paper_figure, save
from pfc_metarl.published import published
from pfc_metarl.results import RunFolder, run_folder
from pfc_metarl.trials import NETWORKS, OBSERVER, UNTRAINED

BLOCKS = [block for order in ORDERS for block in NAMES[order]]
COLOURS = {"stable": BLUE, "volatile": VERMILLION}
NOTE = "c: bars are s.e.m., as published. d: mean, and a dot for each network."
STATES = {NETWORKS: ("trained", BLUE), UNTRAINED: ("untrained, same inputs", GREY)}


def draw(results: Path, quick: bool) -> None:
    """Draw both figures from results/volatility."""
    run = run_folder(results, "volatility", quick)
    blocks = run.read_table("block_learning_rates.csv")
    with paper_figure(height_mm=180) as figure:
        top, bottom = figure.subfigures(2, 1, height_ratios=[2, 1.1], squeeze=False)[:, 0]
        a, b = top.subplots(2, 1)
        episode_panels(a, b, run)
        top.legend(*a.get_legend_handles_labels(), loc="outside upper center", ncols=3)
        axes = bottom.subplots(1, 4, width_ratios=[1.4, 1, 1, 1], sharey=True)
        humans(axes[0])
        bars(axes[1], by_network(blocks, NETWORKS), "Meta-RL")
        published_bars(axes[1])
        panel_letter(axes[1], "d")
        bars(axes[2], by_network(blocks, OBSERVER), "Ideal observer")
        if UNTIED in set(blocks["group"]):
            bars(axes[3], by_network(blocks, UNTIED), "Meta-RL, r not tied\nto v")
        else:  # the control was not trained
            axes[3].axis("off")
        save(figure, results, "figure3", quick, NOTE, run)
    with paper_figure(height_mm=75) as figure:
        axes = figure.subplots(1, 2)
        units_over_time(axes[0], run)
        units_by_threshold(axes[1], run)
        save(figure, results, "figure3_volatility_units", quick, f"{INTERVALS[:-1]}; ± likewise.", run)


def episode_panels(a: Axes, b: Axes, run: RunFolder) -> None:
    """One low-first episode: the observer's (a) and the first network's (b)."""
    episode, rates = run.read_table("sample_episode.csv"), run.read_table("learning_rates.csv")
    rates = rates[(rates["order"] == LOW_FIRST) & (rates["subject"] == rates["subject"].min())]
    config = run.read_config()
    high = f"Volatility / {config['high_volatility']:g}, estimated (a) or decoded (b)"
    for ax, letter, group, name in (
        (a, "a", OBSERVER, "Ideal Bayesian observer"),
        (b, "b", NETWORKS, "Meta-RL, one network"),
    ):
        own, rate = episode[episode["group"] == group], rates[rates["group"] == group]
        ax.step(own["trial"], own["p_left"], where="mid", color=BLUE, label="Reward probability, left")
        scaled = own["volatility"] / config["high_volatility"]
        ax.plot(own["trial"], scaled, color=GREEN, linewidth=0.8, label=high)
        middle = (rate["first"] + rate["last"]) / 2
        ax.plot(middle, rate["alpha"], color=VERMILLION, linewidth=1.4, label="Learning rate")
        paper = published(3, panel=letter, condition="learning rate")
        shift = (config["window"] - 1) / 2
        ax.plot(
            paper["x"] + shift,
            paper["value"],
            color=VERMILLION,
            linewidth=0.7,
            linestyle=":",
            label="Learning rate, published",
        )
        behaviour(ax, own)
        ax.set_title(name, loc="left")
        ax.set(xlabel="Trial", xlim=(0, own["trial"].max() + 1), ylim=(-0.42, 1.15), yticks=[0, 0.5, 1])
        ax.set_ylabel("Probability or rate")
        panel_letter(ax, letter)


def behaviour(ax: Axes, episode: pd.DataFrame) -> None:
    """Choices (o) and good arms (x) under the curves, left above right."""
    styles: dict[str, dict[str, Any]] = {
        "choice": {"marker": "o", "facecolor": "none", "edgecolor": "black", "label": "Choice"},
        "good_arm": {"marker": "x", "color": GREY, "label": "Arm that pays on this trial"},
    }
    for (column, style), offset in zip(styles.items(), (0, 0.06)):
        y = np.where(episode[column] == 0, -0.14, -0.32) - offset
        ax.scatter(episode["trial"], y, s=4, linewidth=0.4, **style)
    for height, side in ((-0.17, "left"), (-0.35, "right")):
        ax.text(1.005, height, side, transform=ax.get_yaxis_transform(), va="center", color=GREY)


def by_network(blocks: pd.DataFrame, group: str) -> pd.DataFrame:
    """Learning rates of one group: a row per network, a column per block."""
    return blocks[blocks["group"] == group].pivot(index="subject", columns="block", values="alpha")[BLOCKS]


def published_bars(ax: Axes) -> None:
    """The paper's bars of panel d, as pointers at the right of ours."""
    table = published(3, panel="d")
    means = table[table["replicate"].isna()].set_index("condition")["value"][BLOCKS]
    ax.scatter(np.arange(4) + 0.47, means, marker="<", s=10, color="black", clip_on=False, label="published", zorder=4)
    ax.legend(loc="upper left", handletextpad=0.1, borderpad=0)


def bars(ax: Axes, rates: pd.DataFrame, title: str) -> None:
    """Mean over networks in each block, every network as a dot."""
    ax.bar(range(4), rates.mean(), width=0.7, color=[COLOURS[block.split()[0]] for block in BLOCKS])
    for x, block in enumerate(BLOCKS):
        dots(ax, x, rates[block])
    ax.set(title=f"{title} (n = {len(rates)})", ylim=(0, 1))
    ax.set_xticks(range(4), BLOCKS, rotation=90)


def humans(ax: Axes) -> None:
    """Panel c: Behrens et al. 2007 as redrawn in the paper, and Blain & Rutledge 2020 beside them."""
    table = published(3, panel="c").set_index(["series", "condition"])["value"]
    colours = [COLOURS[block.split()[0]] for block in BLOCKS]
    means, upper = table["humans"][BLOCKS], table["humans upper s.e.m."][BLOCKS]
    ax.bar(range(4), means, width=0.7, color=colours)
    ax.errorbar(range(4), means, [0 * means, upper - means], fmt="none", color="black", linewidth=0.6)
    other = "humans (Blain & Rutledge 2020)"
    for x, condition in ((5, "stable"), (6, "volatile")):
        mean, top = table[other][condition], table[f"{other} upper s.e.m."][condition]
        ax.bar(x, mean, width=0.7, color="white", edgecolor=COLOURS[condition], linewidth=1)
        ax.errorbar(x, mean, top - mean, fmt="none", color="black", linewidth=0.6)
    ax.set_xticks([0, 1, 2, 3, 5, 6], [*BLOCKS, "stable", "volatile"], rotation=90)
    faces = [Line2D([], [], marker="s", linestyle="", color=GREY, markerfacecolor=f) for f in (GREY, "white")]
    ax.legend(faces, ["Behrens 2007", "Blain & Rutledge 2020"], loc="upper left", handletextpad=0.1, borderpad=0)
    ax.set(title="Humans", ylabel="Learning rate", ylim=(0, 1))
    panel_letter(ax, "c")


def units_over_time(ax: Axes, run: RunFolder) -> None:
    """Supplementary Fig. 5a: share of units whose activity on a trial tells the two orders' volatility apart."""
    table = run.read_table("volatility_units_by_trial.csv")
    for group, (name, colour) in STATES.items():
        share = table[table["group"] == group].pivot(index="trial", columns="subject", values="share")
        mean_and_band(ax, share, colour, name)
    half = run.read_config()["trials"] / 2
    ax.axvline(half + 0.5, ymax=0.7, color=GREY, linewidth=0.5, linestyle=":")
    ax.set(xlabel="Trial", ylabel="Share of units", ylim=(0, 1), title="Units coding volatility, across episodes")
    ax.legend(loc="upper left")
    panel_letter(ax, "a")


def units_by_threshold(ax: Axes, run: RunFolder) -> None:
    """Supplementary Fig. 5b: share of units within episodes, by the threshold of p."""
    table, shares = run.read_table("volatility_units_by_threshold.csv"), run.read_table("volatility_units.csv")
    threshold = 0.05 / run.read_config()["units"]
    for group, (name, colour) in STATES.items():
        share = table[table["group"] == group].pivot(index="threshold", columns="subject", values="share")
        own = shares.loc[shares["group"] == group, ["share"]].T
        mean, half = (values.item() for values in mean_and_half(own))
        mean_and_band(ax, share, colour, f"{name}: {mean:.3f} ± {half:.3f}")
        ax.plot(threshold, mean, marker="o", color=colour)
    paper = published(3, condition="share of units coding volatility")["value"].item()
    ax.plot(threshold, paper, marker="<", color="black", linestyle="", label=f"published: {paper:.2f}")
    ax.plot(share.index, share.index, color=GREY, linestyle="--", linewidth=0.7, label="threshold itself")
    ax.axvline(threshold, ymax=0.6, color=GREY, linewidth=0.5, linestyle=":")
    ax.set_xscale("log")
    ax.set(xlabel="Threshold of p", ylabel="Share of units", ylim=(0, 1), title="Units coding volatility, by threshold")
    ax.legend(loc="upper left")
    panel_letter(ax, "b")
