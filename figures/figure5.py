"""Figure 5: the two-step task."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from pfc_metarl.agents.two_step import MODEL_BASED, MODEL_FREE
from pfc_metarl.analysis.lagged import TRIAL_TYPES
from pfc_metarl.analysis.prediction_errors import model_free_residual
from pfc_metarl.analysis.stay import CONDITIONS, stay_matrix
from pfc_metarl.colours import BLUE, GREY, VERMILLION
from pfc_metarl.plotting import arrow, box, dots, panel_letter, paper_figure, same_height, save
from pfc_metarl.published import published
from pfc_metarl.results import run_folder

TRANSITION_COLOUR = {"common": BLUE, "uncommon": VERMILLION}
TRANSITION_MARKER = {"common": "o", "uncommon": "s"}
EVENTS = {"state": ("Second stage", BLUE, "o"), "reward": ("Reward", VERMILLION, "^")}
REWARD_STYLE: dict[str, Any] = {"rewarded": "-", "unrewarded": (0, (2, 1.2))}


def draw(results: Path, quick: bool) -> None:
    """Draw the figure from results/two_step."""
    run = run_folder(results, "two_step", quick)
    stay = stay_matrix(run.read_table("stay_probabilities.csv"))
    reference = run.read_table("reference_stay_probabilities.csv")
    reference = stay_matrix(reference[reference["task"] == "canonical"])
    rats = published(5, panel="c", series="rats").set_index("condition")["value"]
    weights = run.read_table("lag_weights.csv")
    errors = run.read_table("prediction_errors.csv")
    fits = run.read_table("prediction_error_fits.csv")
    config = run.read_config()
    with paper_figure(height_mm=185) as figure:
        # a grid for each row: columns of different widths in one would share their largest margins
        rows = figure.add_gridspec(3, 1, height_ratios=[1, 1.1, 1.25])
        top, bottom = rows[0].subgridspec(1, 4), rows[2].subgridspec(1, 2)
        middle = rows[1].subgridspec(1, 4, width_ratios=[1.25, 1.25, 1, 1])
        task_diagram(figure.add_subplot(top[:2]), config)
        for i, name in enumerate((MODEL_FREE, MODEL_BASED)):
            ax = figure.add_subplot(top[2 + i])
            stay_bars(ax, reference.loc[name].mean(), name.capitalize())
            if i == 0:
                panel_letter(ax, "b")
        ax = figure.add_subplot(middle[0])
        stay_bars(ax, rats, "Rats (n = 6)")
        panel_letter(ax, "c")
        ax = figure.add_subplot(middle[1])
        stay_bars(ax, stay.mean(), f"Meta-RL (n = {len(stay)})")
        for x, condition in zip(BAR_POSITIONS, CONDITIONS):
            dots(ax, x, stay[condition])
        d, e = figure.add_subplot(middle[2]), figure.add_subplot(middle[3])
        lag_lines(d, rat_weights(), "Rats (n = 21)", legend=True)
        panel_letter(d, "d")
        lag_lines(e, weights, f"Meta-RL (n = {len(stay)})")
        published_weights(e)
        panel_letter(e, "e")
        same_height([d, e])
        prediction_error_panels(figure.add_subplot(bottom[0]), figure.add_subplot(bottom[1]), errors, fits)
        note = (
            "Rats: as published; no intervals are given. Meta-RL: mean, and a dot for each network (c, e; crosses: mean"
            " of the published ones, points: single ones, where they could be read)."
        )
        save(figure, results, "figure5", quick, note, run)


BAR_POSITIONS = [0, 0.8, 2, 2.8]


def stay_bars(ax: Axes, stay: pd.Series, title: str) -> None:
    """Stay probabilities as bars: rewarded and unrewarded, common beside uncommon."""
    colours = [TRANSITION_COLOUR[condition.split()[1]] for condition in CONDITIONS]
    ax.bar(BAR_POSITIONS, stay[CONDITIONS], width=0.75, color=colours)
    ax.set(xticks=[0.4, 2.4], xticklabels=["Rewarded", "Unrewarded"], ylim=(0, 1), title=title)
    ax.set_ylabel("Stay probability")


def rat_weights() -> pd.DataFrame:
    """The rats' published lag weights in the columns of our own table."""
    table = published(5, panel="d").rename(columns={"condition": "trial_type", "x": "lag", "value": "weight"})
    return table.assign(subject="rats")


def published_weights(ax: Axes) -> None:
    """The paper's networks, a little to the left of ours: crosses their mean, points single ones, where shown."""
    paper = published(5, panel="e")
    for name in TRIAL_TYPES:
        colour, own = TRANSITION_COLOUR[name.split()[0]], paper[paper["condition"] == name]
        mean, single = own[own["replicate"].isna()], own[own["replicate"].notna()]
        ax.plot(mean["x"] - 0.25, mean["value"], "x", color=colour, markersize=3)
        ax.plot(single["x"] - 0.25, single["value"], ".", color=colour, markersize=1, zorder=1)


def lag_lines(ax: Axes, weights: pd.DataFrame, title: str, legend: bool = False) -> None:
    """Lagged regression weights, mean over subjects, every subject's as a dot."""
    subjects = weights["subject"].nunique()
    for name in TRIAL_TYPES:
        transition, reward = name.split()
        own = weights[weights["trial_type"] == name].pivot(index="subject", columns="lag", values="weight")
        colour = TRANSITION_COLOUR[transition]
        marker = TRANSITION_MARKER[transition]
        ax.plot(own.columns, own.mean(), linestyle=REWARD_STYLE[reward], marker=marker, color=colour)
        if subjects > 1:
            for lag in own.columns:
                dots(ax, lag, own[lag], s=2, edgecolor=colour, linewidth=0.3, zorder=1)
    ax.axhline(0, color=GREY, linewidth=0.5, zorder=0)
    ax.set(xlabel="Trials back", xticks=range(1, 6), title=title)
    ax.set_ylabel("Weight (log odds)")
    if legend:
        lines = [Line2D([], [], color=GREY, linestyle=style) for style in REWARD_STYLE.values()]
        ax.legend(
            lines,
            [name.capitalize() for name in REWARD_STYLE],
            loc="upper right",
            handlelength=1.8,
            handletextpad=0.5,
            borderaxespad=0,
        )


def prediction_error_panels(f: Axes, g: Axes, errors: pd.DataFrame, fits: pd.DataFrame) -> None:
    """One network's prediction errors against the model-based ones (f) and what is left of the model-free (g)."""
    subject = errors["subject"].min()
    own = errors[errors["subject"] == subject].copy()
    own["residual"] = model_free_residual(own)
    fit = fits.set_index("subject").loc[subject]
    for ax, letter, column, name, label in (
        (f, "f", "model_based", "model_based", "Model-based prediction error"),
        (g, "g", "residual", "model_free_residual", "Model-free prediction error,\nmodel-based part removed"),
    ):
        for event, (text, colour, marker) in EVENTS.items():
            points = own[own["event"] == event]
            style: dict[str, Any] = {"s": 2, "color": colour, "alpha": 0.5, "linewidth": 0, "rasterized": True}
            ax.scatter(points[column], points["network"], marker=marker, label=text, **style)
        x = np.array([own[column].min(), own[column].max()])
        ax.plot(x, own["network"].mean() + fit[f"slope_{name}"] * (x - own[column].mean()), color="black")
        span = fits[f"r2_{name}"]
        ax.set(xlabel=label, ylabel="Meta-RL prediction error")
        others = f"all {len(fits)}: {span.min():.2g} to {span.max():.2g}"
        ax.set_title(f"Meta-RL, one network:\nr² = {fit[f'r2_{name}']:.2g} ({others})")
        panel_letter(ax, letter)
    f.legend(loc="upper left", markerscale=4, handletextpad=0.1)


def task_diagram(ax: Axes, config: dict) -> None:
    """Panel a: choice, transitions and reward probabilities."""
    ax.set(xlim=(0, 10), ylim=(0, 6.2))
    ax.axis("off")
    panel_letter(ax, "a")
    box(ax, 5, 5.7, "fixation", width=1.6, height=0.64)
    common, uncommon = config["common_probability"], 1 - config["common_probability"]
    for x, choice in ((2.6, "left"), (7.4, "right")):
        arrow(ax, (5, 5.25), (x, 4.45), color=GREY, linewidth=0.8)
        box(ax, x, 4.0, choice, GREY, width=1.6, height=0.64)
        arrow(ax, (x, 3.55), (x, 2.5), color=BLUE, linewidth=2.0)
        arrow(
            ax,
            (x + (0.9 if x < 5 else -0.9), 3.55),
            (7.4 - 0.9 if x < 5 else 2.6 + 0.9, 2.5),
            color=VERMILLION,
            linewidth=0.8,
        )
        ax.text(x + (-0.2 if x < 5 else 0.2), 3.05, f"{common:.0%}", ha="right" if x < 5 else "left", color=BLUE)
    ax.text(5, 3.45, f"{uncommon:.0%}", ha="center", color=VERMILLION)
    for x, state, p in ((2.6, "S₁", config["reward_high"]), (7.4, "S₂", config["reward_low"])):
        box(ax, x, 2.05, state, width=1.6, height=0.64)
        arrow(ax, (x, 1.6), (x, 0.95), color=GREY, linewidth=0.8)
        ax.text(x, 0.55, f"reward\n{p:.0%}", ha="center", va="center")
    transitions = [Patch(color=colour, label=name) for name, colour in TRANSITION_COLOUR.items()]
    ax.legend(handles=transitions, loc="upper right", handlelength=0.8, borderpad=0)
    ax.text(5, 0.55, f"swap: {config['switch_probability']:.1%}\nper trial", ha="center", va="center", color=GREY)
    arrow(ax, (3.95, 0.55), (3.5, 0.55), color=GREY, linewidth=0.8)
    arrow(ax, (6.05, 0.55), (6.5, 0.55), color=GREY, linewidth=0.8)
