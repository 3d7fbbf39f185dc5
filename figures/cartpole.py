"""CartPole of which neither pole nor actions are known: reward in each episode, with and without memory."""

from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes

from pfc_metarl.plotting import (
    BLUE,
    INTERVALS,
    VERMILLION,
    dots,
    mean_and_half,
    panel_letter,
    paper_figure,
    room_above,
    save,
)
from pfc_metarl.results import run_folder

COLOURS = {"memory": VERMILLION, "no memory": BLUE}
NOTE = f"An episode's reward is its number of steps. A dot for each network. {INTERVALS}"


def draw(results: Path, quick: bool) -> None:
    """Draw the figure from results/cartpole."""
    run = run_folder(results, "cartpole", quick)
    rewards = run.read_table("rewards.csv")
    with paper_figure(height_mm=65) as figure:
        axes = figure.subplots(1, 3, sharey=True)
        by_episode(axes[0], rewards.groupby(["condition", "subject", "episode"], sort=False)["reward"].mean())
        axes[0].set(ylabel="Reward in an episode", title="All")
        for ax, which, title in zip(axes[1:], (False, True), ("Actions as usual", "Actions exchanged")):
            own = rewards[rewards["reversed"] == which]
            by_episode(ax, own.set_index(["condition", "subject", "episode"])["reward"])
            ax.set(title=title)
        axes[0].set(ylim=(0, None))
        room_above(axes[0], 0.3)
        axes[0].legend(loc="upper left")
        for ax, letter in zip(axes, "abc"):
            panel_letter(ax, letter)
        save(figure, results, "cartpole", quick, NOTE, run)


def by_episode(ax: Axes, rewards: pd.Series) -> None:
    """Reward (condition, subject, episode) in each episode on the same CartPole."""
    for shift, (condition, colour) in zip((-0.12, 0.12), COLOURS.items()):
        own = rewards.loc[condition].unstack("subject")
        mean, half = mean_and_half(own)
        ax.errorbar(own.index + shift, mean, yerr=half, color=colour, marker="o", capsize=2, label=condition)
        for episode, values in own.iterrows():
            dots(ax, float(str(episode)) + shift, values.dropna().to_list(), edgecolor=colour)
    ax.set(xlabel="Episode on the same CartPole", xlim=(0.5, rewards.index.unique("episode").max() + 0.5))
    ax.set_xticks(sorted(rewards.index.unique("episode")))
