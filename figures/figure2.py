"""Figure 2: matching, monkeys above and networks below."""

from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.axes import Axes

from pfc_metarl.analysis.unit_coding import FACTORS, SPEARMAN, UPCOMING
from pfc_metarl.colours import BLUE, GREY, VERMILLION
from pfc_metarl.plotting import dots, panel_letter, paper_figure, room_above, same_height, save
from pfc_metarl.published import published, published_value
from pfc_metarl.results import run_folder
from pfc_metarl.trials import NETWORKS, UNTRAINED

LABELS = dict(zip(FACTORS, ("last\nchoice\n$a$", "last\nreward\n$r$", "their\nproduct\n$a × r$", "choice\nvalue\n$v$")))
LABELS_OF_UNITS = dict(
    zip((*FACTORS, UPCOMING), ("last\n$a$", "last\n$r$", "last\n$a × r$", "value\n$v$", "next\n$a$"))
)

NOTE = (
    "Monkeys: as published; no intervals are given. c: lags that could be read. e: four factors together, as in the "
    "paper; next choice beside these four."
)
KINDS = {"reward": (BLUE, "o"), "choice": (VERMILLION, "s")}


def draw(results: Path, quick: bool) -> None:
    """Draw the figure from results/foraging."""
    run = run_folder(results, "foraging", quick)
    with paper_figure(height_mm=135) as figure:
        axes = figure.subplots(2, 3)
        monkey_matching(axes[0, 0])
        monkey_coding(axes[0, 1])
        monkey_history(axes[0, 2])
        model_matching(axes[1, 0], run.read_table("matching_points.csv"), run.read_table("matching_fits.csv"))
        coding = [run.read_table(f"{name}.csv") for name in ("unit_coding", "unit_coding_upcoming")]
        model_coding(axes[1, 1], pd.concat(coding))
        model_history(axes[1, 2], run.read_table("history_weights.csv"))
        for column in axes[:, 0], axes[:, 2]:
            same_height(column)
        for ax, letter in zip(axes.flat, "abcdef"):
            panel_letter(ax, letter)
        save(figure, results, "figure2", quick, NOTE, run)


def matching_axes(ax: Axes, title: str) -> None:
    """Labels and the identity line of a matching panel."""
    ax.axline((0, 0), slope=1, color=GREY, linewidth=0.6, linestyle=":")
    ax.set(xlabel="log₂ reward ratio (right : left)", ylabel="log₂ choice ratio\n(right : left)", title=title)


def monkey_matching(ax: Axes) -> None:
    """Panel a."""
    points = published(2, panel="a", condition="points")
    slope, intercept = (published_value(2, panel="a", condition=name) for name in ("slope", "intercept"))
    ax.scatter(points["x"], points["value"], s=6, color="black", linewidth=0)
    ax.axline((0, intercept), slope=slope, color="black", linestyle="--")
    matching_axes(ax, f"Monkeys: slope {slope:.2f}")
    ax.set(ylim=(-4, 4), yticks=range(-4, 5, 2))


def model_matching(ax: Axes, points: pd.DataFrame, fits: pd.DataFrame) -> None:
    """Panel d: the first network's episodes, with its own lines."""
    subject = points["subject"].min()
    own = points[points["subject"] == subject]
    for name, colour, marker in (("trained", BLUE, "o"), ("held out", VERMILLION, "^")):
        part = own[own["parameters"] == name]
        if part.empty:  # a run without held-out intervals
            continue
        line = fits[(fits["subject"] == subject) & (fits["parameters"] == name)].iloc[0]
        style: dict[str, Any] = {"s": 4, "color": colour, "alpha": 0.6, "linewidth": 0, "rasterized": True}
        label = f"{name}: slope {line['slope']:.2f}"
        ax.scatter(part["log2_reward"], part["log2_choice"], marker=marker, label=label, **style)
        ax.axline((0, line["intercept"]), slope=line["slope"], color=colour)
    slopes = fits[fits["parameters"] == "all"]["slope"]
    matching_axes(
        ax, f"Meta-RL: slope {slopes.mean():.2f}\n(n = {len(slopes)}: {slopes.min():.2f} to {slopes.max():.2f})"
    )
    ax.legend(loc="upper left", markerscale=3, handletextpad=0)
    ax.set_ylim(-4, 4)
    room_above(ax, 0.25)
    ax.set_yticks(range(-4, 5, 2))


def monkey_coding(ax: Axes) -> None:
    """Panel b."""
    shares = published(2, panel="b").set_index("condition")["value"]
    ax.bar(list(LABELS.values()), [shares[name] for name in FACTORS], color=GREY, width=0.7)
    ax.set(ylabel="Proportion of neurons", title="Monkeys:\nprefrontal neurons")


def model_coding(ax: Axes, coding: pd.DataFrame) -> None:
    """Panel e: mean over units and networks, a dot for each unit of the first network; lines: untrained; shares. The
    action to come is from a regression with all five factors, the others from one with four."""
    own = coding[coding["method"] == SPEARMAN].assign(size=lambda table: table["r"].abs())
    untrained, own = own[own["group"] == UNTRAINED], own[own["group"] == NETWORKS]
    first = own[own["subject"] == own["subject"].min()]
    for x, name in enumerate(LABELS_OF_UNITS):
        ax.bar(x, own[own["factor"] == name]["size"].mean(), color=BLUE, width=0.7)
        dots(ax, x, first[first["factor"] == name]["size"].to_list(), s=3, linewidth=0.35)
        before = untrained[untrained["factor"] == name]["size"].mean()
        ax.plot([x - 0.35, x + 0.35], [before, before], color=VERMILLION)
        share = (own[own["factor"] == name]["p"] < 0.05).mean()
        ax.text(x, 1.0, f"{share:.0%}", ha="center", va="bottom", color=GREY, transform=ax.get_xaxis_transform())
    ax.set_xticks(range(len(LABELS_OF_UNITS)), list(LABELS_OF_UNITS.values()))
    ax.set_ylabel("|partial correlation|\n(Spearman)")
    ax.plot([], [], color=VERMILLION, label="untrained, mean")
    ax.scatter([], [], s=5, facecolor="white", edgecolor="black", linewidth=0.5, label="a unit of one network")
    ax.legend(loc="upper right", handlelength=1.2)
    room_above(ax, 0.3)
    ax.set_title("Meta-RL: units, mean\n(above: share at p < .05)", pad=13)


def history_axes(ax: Axes, title: str) -> None:
    """Labels of a history panel."""
    ax.axhline(0, color=GREY, linewidth=0.5, zorder=0)
    ax.set(xlabel="Trials back", ylabel="Weight (log odds)", title=title, xticks=[1, 5, 10, 15], xlim=(0.5, 15.5))
    ax.legend(loc="lower right")


def monkey_history(ax: Axes) -> None:
    """Panel c: the lags that could be read from the published panel."""
    for kind, (colour, marker) in KINDS.items():
        own = published(2, panel="c", condition=kind)
        ax.plot(own["x"], own["value"], marker=marker, color=colour, label=kind)
    history_axes(ax, "Monkeys:\neffect of past trials")


def model_history(ax: Axes, weights: pd.DataFrame) -> None:
    """Panel f: mean over networks, every network as a thin line; the paper's network dotted, the right way up."""
    for kind, (colour, marker) in KINDS.items():
        own = weights[weights["kind"] == kind].pivot(index="lag", columns="subject", values="weight")
        ax.plot(own.index, own, color=colour, linewidth=0.3, alpha=0.6)
        ax.plot(own.index, own.mean(axis=1), color=colour, marker=marker, label=kind)
        paper = published(2, panel="f", condition=kind)
        ax.plot(paper["x"], paper["value"], color=colour, linestyle=":", linewidth=0.9)
    ax.plot([], [], color=GREY, linestyle=":", label="as published\n(axis turned)")
    history_axes(ax, f"Meta-RL: effect of\npast trials (n = {weights['subject'].nunique()})")
