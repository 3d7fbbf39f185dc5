"""Bandits of many arms: total reward of networks and known algorithms, beside the published ones (Duan et al. 2016)."""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes

from pfc_metarl.agents.many_arms import OPTIMUM, PUBLICATION
from pfc_metarl.analysis.total_rewards import PUBLISHED_NAMES
from pfc_metarl.colours import BLUE, GREEN, GREY, PURPLE, VERMILLION
from pfc_metarl.plotting import INTERVALS, mean_and_band, mean_and_half, panel_letter, paper_figure, room_above, save
from pfc_metarl.published import published
from pfc_metarl.results import RunFolder, run_folder
from pfc_metarl.trials import NETWORKS

CURVES = {NETWORKS: VERMILLION, "Gittins": GREEN, "UCB1": BLUE, "Thompson": PURPLE, "random": GREY}
NOTE = (
    INTERVALS + " Of known algorithms: over as many sets of {}. Diamonds: as published, each the mean of 1,000 {} "
    "(networks: RL2's); black line: {}."
)
COLUMNS = 3


def draw(results: Path, quick: bool) -> None:
    """Draw the figure from results/rl2_bandits."""
    note = NOTE.format("bandits", "bandits", "the exact optimum, where it can be computed")
    run = run_folder(results, "rl2_bandits", quick)
    draw_rewards(results, quick, run, "trial", "Pull", CURVES, OPTIMUM, note)


def draw_rewards(
    results: Path, quick: bool, run: RunFolder, part: str, label: str, colours: Mapping[str, str], best: str, note: str
) -> None:
    """Total rewards of each condition, and the rewards of its parts of the one that has most of them.

    Args:
        results, quick, run: where the run is.
        part: of an episode, of which the table by_<part> tells.
        label: of it.
        colours: of curves, by group.
        best: the group that is drawn as a line.
        note: below the panels.
    """
    rewards, by_part = run.read_table("rewards.csv"), run.read_table(f"by_{part}.csv")
    conditions = list(rewards["condition"].unique())
    rows = -(-(len(conditions) + 1) // COLUMNS)
    with paper_figure(height_mm=10 + 70 * rows) as figure:
        axes = figure.subplots(rows, COLUMNS, squeeze=False).ravel()
        for i, (ax, condition) in enumerate(zip(axes, conditions)):
            totals(ax, condition, rewards[rewards["condition"] == condition], best)
            if i % COLUMNS:
                ax.set_yticklabels([])
            panel_letter(ax, "abcdefghijkl"[i])
        longest = str(by_part.groupby("condition", sort=False)[part].max().idxmax())
        last = axes[len(conditions)]
        for group, colour in colours.items():
            own = by_part[(by_part["condition"] == longest) & (by_part["group"] == group)]
            mean_and_band(last, own.pivot(index=part, columns="subject", values="reward"), colour, group)
        last.set(title=longest, xlabel=label, ylabel=f"Reward per {label.lower()}")
        last.xaxis.get_major_locator().set_params(integer=True)
        room_above(last, 0.35)
        last.legend(loc="upper left", handlelength=1.2, labelspacing=0.2, borderaxespad=0.1)
        panel_letter(last, "abcdefghijkl"[len(conditions)])
        for ax in axes[len(conditions) + 1 :]:
            ax.set_axis_off()
        save(figure, results, run.path.name, quick, note, run)


def totals(ax: Axes, condition: str, rewards: pd.DataFrame, best: str) -> None:
    """Of one condition: a row for each who plays, the best known above."""
    groups = [group for group in rewards["group"].unique() if group != best]
    paper = published(PUBLICATION, condition=condition).set_index("series")["value"]
    for y, group in enumerate(groups):
        own = rewards[rewards["group"] == group][["reward"]].T
        mean, half = mean_and_half(own)
        colour = VERMILLION if group == NETWORKS else "black"
        ax.errorbar(mean, [y], xerr=half, color=colour, marker="o", capsize=2, linestyle="")
        told = PUBLISHED_NAMES.get(group, group)
        if told in paper:
            ax.plot(paper[told], y + 0.25, marker="D", color=GREY, markerfacecolor="white", linestyle="")
    own = rewards[rewards["group"] == best]["reward"]
    if len(own):
        ax.axvline(own.mean(), color="black", linewidth=0.6, zorder=0)
    ax.set_yticks(range(len(groups)), groups)
    ax.set(title=condition, xlabel="Total reward", ylim=(len(groups) - 0.4, -0.6))
