"""Bandits of many arms: total reward of networks and known algorithms, beside the published ones (Duan et al. 2016)."""

from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes

from pfc_metarl.agents.many_arms import OPTIMUM, PUBLICATION
from pfc_metarl.plotting import (
    BLUE,
    GREEN,
    GREY,
    INTERVALS,
    PURPLE,
    VERMILLION,
    mean_and_band,
    mean_and_half,
    panel_letter,
    paper_figure,
    room_above,
    save,
)
from pfc_metarl.published import published
from pfc_metarl.results import run_folder
from pfc_metarl.trials import NETWORKS

PUBLISHED_NAME = {NETWORKS: "RL2"}
"""Where the publication has another one."""
CURVES = {NETWORKS: VERMILLION, "Gittins": GREEN, "UCB1": BLUE, "Thompson": PURPLE, "random": GREY}
NOTE = (
    f"{INTERVALS} Of known algorithms: over as many sets of bandits. Diamonds: as published, each the mean of 1,000 "
    "bandits (networks: RL2's); black line: the exact optimum, where it can be computed."
)
COLUMNS = 3


def draw(results: Path, quick: bool) -> None:
    """Draw the figure from results/rl2_bandits."""
    run = run_folder(results, "rl2_bandits", quick)
    rewards, by_trial = run.read_table("rewards.csv"), run.read_table("by_trial.csv")
    bandits = list(rewards["bandit"].unique())
    rows = -(-(len(bandits) + 1) // COLUMNS)
    with paper_figure(height_mm=10 + 70 * rows) as figure:
        axes = figure.subplots(rows, COLUMNS, squeeze=False).ravel()
        for i, (ax, name) in enumerate(zip(axes, bandits)):
            totals(ax, name, rewards[rewards["bandit"] == name])
            if i % COLUMNS:
                ax.set_yticklabels([])
            panel_letter(ax, "abcdefghijkl"[i])
        longest = str(by_trial.groupby("bandit", sort=False)["trial"].max().idxmax())
        last = axes[len(bandits)]
        curves(last, by_trial[by_trial["bandit"] == longest])
        last.set_title(longest)
        panel_letter(last, "abcdefghijkl"[len(bandits)])
        for ax in axes[len(bandits) + 1 :]:
            ax.set_axis_off()
        save(figure, results, "rl2_bandits", quick, NOTE, run)


def totals(ax: Axes, name: str, rewards: pd.DataFrame) -> None:
    """Of one bandit: a row for each who plays, the best known above."""
    groups = [group for group in rewards["group"].unique() if group != OPTIMUM]
    paper = published(PUBLICATION, condition=name).set_index("series")["value"]
    for y, group in enumerate(groups):
        own = rewards[rewards["group"] == group][["reward"]].T
        mean, half = mean_and_half(own)
        colour = VERMILLION if group == NETWORKS else "black"
        ax.errorbar(mean, [y], xerr=half, color=colour, marker="o", capsize=2, linestyle="")
        told = PUBLISHED_NAME.get(group, group)
        if told in paper:
            ax.plot(paper[told], y + 0.25, marker="D", color=GREY, markerfacecolor="white", linestyle="")
    best = rewards[rewards["group"] == OPTIMUM]["reward"]
    for reward in best:
        ax.axvline(reward, color="black", linewidth=0.6, zorder=0)
    ax.set_yticks(range(len(groups)), groups)
    ax.set(title=name, xlabel="Total reward", ylim=(len(groups) - 0.4, -0.6))


def curves(ax: Axes, by_trial: pd.DataFrame) -> None:
    """Reward pull by pull."""
    for group, colour in CURVES.items():
        own = by_trial[by_trial["group"] == group].pivot(index="trial", columns="subject", values="reward")
        mean_and_band(ax, own, colour, group)
    ax.set(xlabel="Pull", ylabel="Reward per pull")
    room_above(ax, 0.35)
    ax.legend(loc="upper left", handlelength=1.2, labelspacing=0.2, borderaxespad=0.1)
