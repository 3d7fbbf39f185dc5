"""Figure 1: what meta-reinforcement learning is, on two-armed bandits; and its supplement, the state as a belief."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Circle
from matplotlib.ticker import MaxNLocator

from pfc_metarl.analysis.regret import BAYES_CORRELATED, BAYES_INDEPENDENT, EXAMPLES
from pfc_metarl.colours import BLUE, GREEN, GREY, ORANGE, PURPLE, VERMILLION
from pfc_metarl.plotting import (
    INTERVALS,
    arrow,
    box,
    limits,
    mean_and_band,
    panel_letter,
    paper_figure,
    room_above,
    save,
)
from pfc_metarl.published import published
from pfc_metarl.results import RunFolder, run_folder
from pfc_metarl.trials import NETWORKS, UNTRAINED, trained_on

INDEPENDENT, CORRELATED = trained_on("independent"), trained_on("correlated")
AGENTS = {
    INDEPENDENT: (VERMILLION, "o"),
    CORRELATED: (BLUE, "s"),
    "Gittins": (GREEN, "^"),
    "UCB": (ORANGE, "D"),
    "Thompson": (PURPLE, "v"),
}
"""Colour of each agent's line, and mark of what is published of it."""
PUBLISHED_NAME = {
    INDEPENDENT: "meta_rl_independent",
    CORRELATED: "meta_rl_correlated",
    "Gittins": "gittins",
    "UCB": "ucb",
    "Thompson": "thompson",
}
PUBLISHED_STYLE: dict[str, Any] = {
    "markevery": (4, 10),
    "markersize": 3,
    "markerfacecolor": "white",
    "markeredgewidth": 0.6,
}
"""Of panel d: a mark at trials 5, 15, ..."""
TRAJECTORIES = (0.99, 0.46, 0.33, 0.01)
"""Probabilities p_L of the episodes drawn in panel e, as in the paper."""
NOTE = f"{INTERVALS} d: other agents were run as often as there are networks; open marks: as published."
NOTE_OF_BELIEF = (
    "a, b: means; thin lines: one network each. c: mean over networks; last rows: Thompson sampling, which knows no "
    "distribution, and the best that can be done by who knows it."
)


def draw(results: Path, quick: bool) -> None:
    """Draw the figure and its supplement from results/bandits."""
    run = run_folder(results, "bandits", quick)
    trials = run.read_table("trials.parquet")
    state = run.read_table("state_pca.csv")
    with paper_figure(height_mm=180) as figure:
        # a grid for each row: columns of different widths in one would share their largest margins
        rows = figure.add_gridspec(3, 1, height_ratios=[1, 1.5, 1.3])
        top, middle = (row.subgridspec(1, 2, width_ratios=[5, 6]) for row in (rows[0], rows[1]))
        bottom = rows[2].subgridspec(1, 2, width_ratios=[2, 1])
        agent_diagram(figure.add_subplot(top[0]))
        network_diagram(figure.add_subplot(top[1]))
        choice_panels(figure, middle[0], trials)
        regret_panel(figure.add_subplot(middle[1]), run.read_table("regret.csv"))
        trajectory_panels(figure, bottom[0], state)
        last_state_panel(figure, figure.add_subplot(bottom[1]), state)
        save(figure, results, "figure1", quick, NOTE, run)
    with paper_figure(height_mm=80) as figure:
        supplement(figure, run)
        save(figure, results, "figure1_supplement_belief", quick, NOTE_OF_BELIEF, run)


def agent_diagram(ax: Axes) -> None:
    """Panel a: the agent and its environment."""
    ax.set(xlim=(0, 10), ylim=(0, 6))
    ax.axis("off")
    panel_letter(ax, "a")
    box(ax, 5, 4.9, "prefrontal network", width=4.2)
    box(ax, 5, 1.1, "environment (a task of a family)", GREY, width=6.6)
    arrow(ax, (6.9, 4.4), (6.9, 1.7), connectionstyle="arc3,rad=-0.25")
    arrow(ax, (3.1, 1.7), (3.1, 4.4), connectionstyle="arc3,rad=-0.25")
    ax.text(7.6, 3, "action", va="center")
    ax.text(2.4, 3, "observation,\nreward", va="center", ha="right")
    arrow(ax, (5, 3.1), (5, 4.35), color=VERMILLION, linestyle="--")
    ax.text(5, 2.7, "dopamine: learns\nthe weights, slowly", ha="center", va="center", color=VERMILLION)


def network_diagram(ax: Axes) -> None:
    """Panel b: the network's inputs and outputs, unrolled over two steps."""
    ax.set(xlim=(0, 14), ylim=(0, 6))
    ax.axis("off")
    panel_letter(ax, "b")
    for x, step in ((4, "t"), (10, "t+1")):
        ax.add_patch(Circle((x, 3), 0.75, fc=BLUE, ec="none"))
        ax.text(x, 3, "LSTM", ha="center", va="center", color="white")
        for dx, name in ((-1.6, "o"), (0, "r"), (1.6, "a")):
            when = step if name == "o" else {"t": "t-1", "t+1": "t"}[step]
            ax.text(x + dx, 0.6, f"${name}_{{{when}}}$", ha="center", va="center")
            arrow(ax, (x + dx, 1.0), (x + 0.45 * np.sign(dx), 2.3))
        for dx, name in ((-1.0, r"$\pi$"), (1.0, "V")):
            arrow(ax, (x + 0.4 * dx, 3.75), (x + dx, 4.9))
            ax.text(x + dx, 5.3, name, ha="center", va="center")
    for start, end in ((1.2, 3.2), (4.8, 9.2), (10.8, 12.8)):
        arrow(ax, (start, 3), (end, 3), color=BLUE, linewidth=1.4)
    arrow(ax, (3.2, 5.2), (11.4, 0.9), linestyle=":", connectionstyle="arc3,rad=0.05")


def choice_panels(figure: Figure, spec: Any, trials: pd.DataFrame, episodes: int = 11, shown: int = 33) -> None:
    """Panel c: choices of the first correlated-trained network, episode by episode, on the two example bandits."""
    own = trials[(trials["group"] == CORRELATED) & (trials["subject"] == trials["subject"].min())]
    axes = spec.subgridspec(2, 1)
    for i, name in enumerate(EXAMPLES):
        ax = figure.add_subplot(axes[i])
        choices = own[(own["condition"] == name) & (own["session"] <= episodes) & (own["trial"] <= shown)]
        for choice, colour, face, label in ((0, BLUE, BLUE, "left"), (1, VERMILLION, "white", "right")):
            points = choices[choices["choice"] == choice]
            style: dict[str, Any] = {"s": 4, "marker": "s", "facecolor": face, "edgecolor": colour, "linewidth": 0.6}
            ax.scatter(points["trial"], points["session"], label=label, **style)
        ax.set_title(f"$(p_L, p_R)$ = {name}", loc="left")
        ax.locator_params(axis="x", integer=True)
        ax.set(ylabel="Episode", yticks=[1, episodes], ylim=(episodes + 0.7, 0.3))
        if i == 0:
            panel_letter(ax, "c")
            ax.set_xticklabels([])
            ax.legend(loc="lower right", bbox_to_anchor=(1.03, 0.98), ncols=2, handletextpad=0, columnspacing=0.3)
        else:
            ax.set_xlabel("Trial")


def regret_panel(ax: Axes, regret: pd.DataFrame) -> None:
    """Panel d: cumulative regret on (.25, .75), mean and 95 % interval; open marks: published curves."""
    for group, (colour, marker) in AGENTS.items():
        own = regret[regret["group"] == group].pivot(index="trial", columns="subject", values="regret")
        mean_and_band(ax, own, colour)
        paper = published(1, panel="d", condition=PUBLISHED_NAME[group])
        ax.plot(paper["x"], paper["value"], color=colour, marker=marker, linestyle="", **PUBLISHED_STYLE)
        ax.plot([], [], color=colour, marker=marker, label=group, **PUBLISHED_STYLE | {"markevery": None})
    for group, style in ((BAYES_INDEPENDENT, "-"), (BAYES_CORRELATED, "--")):
        own = regret[regret["group"] == group]
        ax.plot(own["trial"], own["regret"], color="black", linewidth=0.6, linestyle=style, label=group)
    ax.set(xlabel="Trial", ylabel="Cumulative regret", ylim=(0, None))
    ax.set_title("$(p_L, p_R)$ = (.25, .75)")
    ax.legend(loc="upper left", ncols=2, handlelength=1.6, labelspacing=0.2, columnspacing=0.6, handletextpad=0.4)
    room_above(ax, 0.36)
    panel_letter(ax, "d")


def trajectory_panels(figure: Figure, spec: Any, state: pd.DataFrame) -> None:
    """Panel e: the state's path through its first two principal components, trial 1 dark, the last bright.

    A triangle points to the side that was chosen.
    """
    axes = spec.subgridspec(1, len(TRAJECTORIES), wspace=0.08)
    p_left = state.groupby("session")["p_left"].first()
    for i, p in enumerate(TRAJECTORIES):
        ax = figure.add_subplot(axes[i])
        own = state[state["session"] == (p_left - p).abs().idxmin()]
        for choice, marker in ((0, "<"), (1, ">")):
            points = own[own["choice"] == choice]
            image = ax.scatter(
                points["pc1"], points["pc2"], c=points["trial"], cmap="viridis", marker=marker, s=7, linewidth=0,
                vmin=1, vmax=state["trial"].max(),
            )  # fmt: skip
        ax.set(title=f"$p_L$ = {own['p_left'].iloc[0]:.2f}", xlabel="PC 1", ylabel="PC 2" if i == 0 else "")
        ax.set(xlim=limits(state["pc1"]), ylim=limits(state["pc2"]))
        ax.xaxis.set_major_locator(MaxNLocator(2, integer=True))
        if i:
            ax.set_yticklabels([])
        else:
            panel_letter(ax, "e")
    figure.colorbar(image, ax=ax, label="Trial", aspect=30, pad=0.02)
    sides = [Line2D([], [], linestyle="", marker=marker, color=GREY) for marker in "<>"]
    figure.legend(sides, ["e: chose left", "e: chose right"], loc="outside lower left", ncols=2, handletextpad=0.1)


def last_state_panel(figure: Figure, ax: Axes, state: pd.DataFrame) -> None:
    """Panel f: the state at the last trial, one point per episode, coloured by p_L."""
    own = state[state["trial"] == state["trial"].max()]
    image = ax.scatter(own["pc1"], own["pc2"], c=own["p_left"], cmap="coolwarm", s=6, linewidth=0)
    ax.set(xlabel="PC 1", ylabel="PC 2", title=f"State at trial {own['trial'].iloc[0]}")
    figure.colorbar(image, ax=ax, label="$p_L$", aspect=30, pad=0.02)
    panel_letter(ax, "f")


def supplement(figure: Figure, run: RunFolder) -> None:
    """The state as a belief: read-out of the ideal observer's posterior; and which training helps where."""
    grid = figure.add_gridspec(1, 3, width_ratios=[1, 1, 1.3])
    read_out = run.read_table("belief_read_out.csv")
    for i, (target, name) in enumerate((("mean", "posterior mean"), ("s.d.", "posterior s.d."))):
        ax = figure.add_subplot(grid[i])
        for group, colour in ((NETWORKS, BLUE), (UNTRAINED, GREY)):
            own = read_out[(read_out["target"] == target) & (read_out["group"] == group)]
            by_network = own.groupby(["subject", "trial"])["r2"].mean().unstack("subject")
            ax.plot(by_network.index, by_network, color=colour, linewidth=0.4, alpha=0.6)
            ax.plot(by_network.index, by_network.mean(axis=1), color=colour, marker="o", label=group)
        ax.set(xlabel="Trial", title=f"Read-out of the\n{name}", ylim=(0, 1.02))
        ax.set_ylabel("Held-out r²")
        panel_letter(ax, "ab"[i])
        if i == 0:
            ax.legend(loc="lower left")
    ax = figure.add_subplot(grid[2])
    table = run.read_table("generalisation.csv").groupby(["training", "test"], sort=False)["regret"].mean().unstack()
    sns.heatmap(
        table[[name for name in table.index if name in table]], annot=True, fmt=".1f", cmap="Blues", cbar=False, ax=ax
    )
    ax.set(xlabel="Tested on", ylabel="Trained on", title="Cumulative regret at the last trial")
    ax.tick_params(axis="y", rotation=0, length=0)
    ax.tick_params(axis="x", rotation=90, length=0)
    panel_letter(ax, "c")
