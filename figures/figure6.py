"""Figure 6: learning to learn, Harlow's task."""

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.patches import Circle, Rectangle, RegularPolygon

from pfc_metarl.analysis.learning_set import HELD_OUT_PICTURES, INTACT, REPLACED, RESET
from pfc_metarl.colours import BLUE, GREY, ORANGE, PURPLE, SKY, VERMILLION
from pfc_metarl.film import save_gif
from pfc_metarl.plotting import (
    INTERVALS,
    dots,
    figures_folder,
    mean_and_half,
    panel_letter,
    paper_figure,
    room_above,
    save,
)
from pfc_metarl.published import DATA, published
from pfc_metarl.results import RunFolder, run_folder

CONDITIONS = {INTACT: ("As trained", "black"), RESET: ("State reset\nbefore each trial", VERMILLION)}
CONDITIONS |= {REPLACED: ("Unrewarded object\nreplaced", SKY)}

PREDICTED = "First choices predicted\nby a fixed preference"
PUBLISHED_STAGES = ("3rd", "4th", "final")
"""Stages of the paper's learning that are drawn beside ours."""

NOTE = (
    "Monkeys: as published; no intervals are given. Dotted in c: stages as published, with their intervals. e, f: "
    "mean, and a dot for each network. g: one network, trials 1 to 6."
)


def draw(results: Path, quick: bool) -> None:
    """Draw the figure from results/harlow, and from networks that see (results/harlow_gaze, else those in data/)."""
    run = run_folder(results, "harlow", quick)
    accuracy, config = run.read_table("accuracy.csv"), run.read_config()
    final = accuracy[accuracy["condition"] == INTACT].assign(stage="final")
    learning = pd.concat([run.read_table("stretches.csv").rename(columns={"stretch": "stage"}), final])
    monkeys = published(6, panel="b").rename(columns={"condition": "problems", "x": "trial", "value": "accuracy"})
    own = run_folder(results, "harlow_gaze", quick)
    begun = (own.path / "config.json").exists()
    if begun:
        own.require_finished()
    seeing = own if begun else run_folder(DATA, "harlow_gaze")
    with paper_figure(height_mm=190) as figure:
        # a grid for either part: columns of different widths in one would share their largest margins
        rows = figure.add_gridspec(2, 1, height_ratios=[0.75, 2])
        top, grid = rows[0].subgridspec(1, 2, width_ratios=[1, 2]), rows[1].subgridspec(2, 3)
        task_diagram(figure.add_subplot(top[0]), config)
        frames(figure.add_subplot(top[1]), seeing.read_arrays("arrays.npz"))
        seeing_lines(figure.add_subplot(grid[0, 1]), seeing)
        learning_lines(figure.add_subplot(grid[0, 0]), monkeys, "problems", "b", "Monkeys (Harlow 1949)")
        title = f"Meta-RL,\nfeature vectors (n = {final['subject'].nunique()})"
        learning_lines(figure.add_subplot(grid[0, 2]), learning, "stage", "d", title)
        condition_lines(figure.add_subplot(grid[1, 0]), accuracy)
        object_code_lines(
            figure.add_subplot(grid[1, 1]), run.read_table("object_code.csv"), run.read_table("first_choices.csv")
        )
        component_path(figure.add_subplot(grid[1, 2]), run.read_table("components.csv"))
        source = "c: networks that come with the repository. " if seeing.path.parent == DATA else ""
        save(figure, results, "figure6", quick, f"{INTERVALS[:-1]}; g: s.d. of episodes. {source}{NOTE}", run)
    save_gif(seeing.read_arrays("arrays.npz")["views"], figures_folder(results, quick) / "figure6_episode.gif")


def frames(ax: Axes, episode: dict[str, np.ndarray], columns: int = 8, rows: int = 2) -> None:
    """Panel a: what a trained network sees up to its second choice, on held-out pictures: step and reward above."""
    views, rewards = episode["views"], episode["rewards"]
    chosen = np.flatnonzero(np.abs(rewards) >= 0.9)  # choices earn +1 or -1
    last = chosen[1] if len(chosen) > 1 else len(views) - 1
    steps = np.unique(np.linspace(0, last, min(last + 1, columns * rows)).astype(int))
    size = views.shape[1]
    across, down = round(1.1 * size), round(1.35 * size)
    sheet = np.full((rows * down, columns * across, 3), 255, dtype=np.uint8)
    for i, t in enumerate(steps):
        top, left = i // columns * down + down - size, i % columns * across
        sheet[top : top + size, left : left + size] = views[t]
        reward = f": {rewards[t]:+.1g}" if rewards[t] else ""
        ax.text(left + size / 2, top - 2, f"{t + 1}{reward}", ha="center", va="bottom")
    ax.imshow(sheet)
    ax.axis("off")


def seeing_lines(ax: Axes, seeing: RunFolder) -> None:
    """Panel c: networks that see, along the training and at its end on held-out pictures.

    As in the paper those that solved the task are drawn (all, if none did); how many is said above.
    """
    accuracy, networks = seeing.read_table("accuracy.csv"), seeing.read_table("networks.csv")
    own = accuracy[accuracy["condition"] == HELD_OUT_PICTURES].assign(stage="final")
    stages = seeing.read_table("stretches.csv").rename(columns={"stretch": "stage"})
    drawn = networks[networks["solved"]] if networks["solved"].any() else networks
    solved = f"{networks['solved'].sum()} of {len(networks)} solved"
    shown = pd.concat([stages, own])
    shown = shown[shown["subject"].isin(drawn["subject"])]
    published_stages(ax)
    learning_lines(ax, shown, "stage", "c", f"Meta-RL, pixels:\n{solved}")


def published_stages(ax: Axes) -> None:
    """The paper's networks (14 that solved the task), dotted, with their 95 % interval."""
    for stage in PUBLISHED_STAGES:
        series = ("meta-RL", *(f"meta-RL, {end} end of the 95 % interval" for end in ("lower", "upper")))
        mean, lower, upper = (
            published(6, panel="c", series=name, condition=stage).set_index("x")["value"] for name in series
        )
        x = mean.index + 0.12
        ax.errorbar(x, mean, [mean - lower, upper - mean], color=VERMILLION, linestyle=":", elinewidth=0.5)
        ax.annotate(stage, (x[-1] + 0.1, mean.iloc[-1]), color=VERMILLION, va="center")


def accuracy_axes(ax: Axes, letter: str, title: str) -> None:
    """Axes of accuracy by trial, with the line of chance."""
    ax.axhline(50, color=GREY, linewidth=0.5, zorder=0)
    ax.set(xlabel="Trial", ylabel="Correct (%)", xticks=range(1, 7), ylim=(0, 102))
    ax.set_title(title, pad=8)
    panel_letter(ax, letter)


def learning_lines(ax: Axes, table: pd.DataFrame, group: str, letter: str, title: str) -> None:
    """Accuracy by trial, one line per stage of learning, light to dark; networks with their 95 % interval."""
    stages = list(dict.fromkeys(table[group]))
    for stage, shade in zip(stages, np.linspace(0.25, 1, len(stages))):
        own = table[table[group] == stage]
        if "subject" not in own:  # the monkeys' means are all that is published
            own = own.assign(subject="monkeys")
        mean, half = mean_and_half(own.pivot(index="trial", columns="subject", values="accuracy"))
        colour = colormaps["Blues"](shade)
        ax.errorbar(mean.index, mean, half, color=colour, elinewidth=0.6)
        ax.plot(mean, color=colour, marker="o", label=stage.capitalize())
    accuracy_axes(ax, letter, title)
    handles, labels = ax.get_legend_handles_labels()
    ax.legend(
        handles[::-1],
        labels[::-1],
        loc="lower right",
        borderaxespad=0.2,
        frameon=True,
        edgecolor="none",
        handlelength=1,
        labelspacing=0.15,
        ncols=2,
        title=group.capitalize(),
    )


def condition_lines(ax: Axes, accuracy: pd.DataFrame) -> None:
    """Trained networks on new objects: as trained, without memory across trials, and on the control task."""
    for condition, (label, colour) in CONDITIONS.items():
        own = accuracy[accuracy["condition"] == condition]
        ax.plot(own.groupby("trial")["accuracy"].mean(), color=colour, label=label)
        for trial, values in own.groupby("trial")["accuracy"]:
            dots(ax, trial, values, s=3, edgecolor=colour, linewidth=0.4)
    accuracy_axes(ax, "e", "Trained networks, new objects")
    ax.legend(loc="lower right", handlelength=1, labelspacing=0.2, borderaxespad=0.1)


def object_code_lines(ax: Axes, code: pd.DataFrame, preference: pd.DataFrame) -> None:
    """How much of the rewarded object's features the units tell when no object is in view."""
    for condition, own in code.groupby("condition", sort=False):
        label, colour = CONDITIONS[str(condition)]
        predicted = preference[preference["condition"] == condition]["predicted"].mean()
        label += f": {predicted:.0%}"
        ax.plot(own.groupby("trial")["r2"].mean(), color=colour, label=label)
        for trial, values in own.groupby("trial")["r2"]:
            dots(ax, trial, values, s=3, edgecolor=colour, linewidth=0.4)
    ax.axhline(0, color=GREY, linewidth=0.5, zorder=0)
    ax.set(xlabel="Trial (at fixation, no object in view)", xticks=range(1, 7), ylabel="Cross-validated r²")
    ax.set_title("Rewarded object,\nfrom the hidden state", pad=8)
    ax.legend(loc="upper left", handlelength=1, title=PREDICTED, alignment="left")
    room_above(ax, 0.5)
    panel_letter(ax, "f")


def component_path(ax: Axes, components: pd.DataFrame) -> None:
    """One network's two principal components at the choice, mean and s.d. by trial and chosen side."""
    own = components[components["subject"] == components["subject"].min()]
    explained = own.groupby("component")["explained"].first()
    for side, (label, colour) in enumerate((("Left", PURPLE), ("Right", ORANGE))):
        if not (own["choice"] == side).any():  # a network that has not learned
            continue
        chosen = own[own["choice"] == side].pivot(index="trial", columns="component", values=["mean", "sd"])
        ax.errorbar(
            chosen["mean"][1], chosen["mean"][2], chosen["sd"][2], chosen["sd"][1],
            color=colour, marker="o", elinewidth=0.4, label=label,
        )  # fmt: skip
        up = (3, -10)[side]  # the sides may begin at one point
        for trial, place in zip((1, chosen.index.max()), ((3, up), (-13, up))):  # those between would overprint
            at = chosen["mean"].loc[trial, [1, 2]]
            ax.annotate(str(trial), at, place, textcoords="offset points", color=colour, fontweight="bold")
    for name, share in zip(("x", "y"), explained):
        ax.set(**{f"{name}label": f"Component {'xy'.index(name) + 1} ({share:.0%})"})
    ax.set_title("Hidden state at the choice\n(bars: s.d. over episodes)", pad=8)
    ax.legend(loc="upper left", title="Chosen side", ncols=2, handlelength=1)
    room_above(ax, 0.2)
    panel_letter(ax, "g")


def task_diagram(ax: Axes, config: dict) -> None:
    """Panel a: fixation, choice between two new objects, the next trial with the sides shuffled."""
    ax.set(xlim=(0, 10), ylim=(0, 10))
    ax.set_aspect("equal")
    ax.axis("off")
    panel_letter(ax, "a")
    screens = (("fixation", f"+{config['fixation_reward']:g}"), ("choice", "+1 or −1"), ("next trials", "shuffled"))
    for i, (name, note) in enumerate(screens):
        x, y = 0.2 + 2.3 * i, 6.9 - 2.9 * i
        ax.add_patch(Rectangle((x, y), 4.6, 2.7, facecolor="0.92", edgecolor="black", linewidth=0.6, zorder=i))
        ax.text(x + 4.8, y + 2.0, f"{name}\n{note}", va="center")
        middle = (x + 2.3, y + 1.35)
        if i == 0:
            ax.plot(*middle, marker="+", color="red", markersize=7)
            continue
        sign = 1 if i == 1 else -1
        ax.add_patch(Circle((middle[0] - 1.3 * sign, middle[1]), 0.65, color=BLUE, zorder=i))
        ax.add_patch(RegularPolygon((middle[0] + 1.3 * sign, middle[1]), 3, radius=0.75, color=ORANGE, zorder=i))
    ax.text(0.2, 0.4, "two new objects in every episode", color=GREY)
