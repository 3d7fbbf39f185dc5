"""Controls: what a reader asks next of the networks, beside the paper's own tests."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes

from pfc_metarl.controls_summary import headlines
from pfc_metarl.plotting import BLUE, GREEN, GREY, ORANGE, PURPLE, VERMILLION, dots, panel_letter, paper_figure, save
from pfc_metarl.results import RunFolder, run_folder

LABELS = {
    "bandits": "Bandits: regret",
    "foraging": "Foraging: matching slope",
    "volatility": "Volatility: difference of rates",
    "inferred_value": "Inferred value: effect of a reversal",
    "two_step": "Two-step: reward x transition",
    "harlow": "Harlow: gain of one trial, %",
}
"""By simulation: of the claim that is shown."""
LINES = {
    "before training": GREY,
    "trained, weights frozen": BLUE,
    "trained, weights still learning": VERMILLION,
    "memory cut at each trial": ORANGE,
}
"""Colours of panel b, by group."""
LACKING = {"nothing": "black", "reward": VERMILLION, "action": BLUE, "memory": ORANGE}
NOTE = (
    "a: claims of the paper (mean and 95 % interval over networks) for networks that are made otherwise, or lack "
    "something from the start; above: networks that have learned the task by its criterion; dotted: as published. b: "
    "reward by trial. c: mean absolute change of P(right), from trial to trial, and by one update of the weights. d, "
    "e: trained networks lose an input, or memory; e: Harlow's, trained on either variant, on either. f: two-step "
    "networks on usual and reversed transitions. g: errors withheld in training. h: model-based prediction errors "
    "with units silent; i: behaviour beside that of the policy at which the published objective comes to rest."
)


def draw(results: Path, quick: bool) -> None:
    """Draw the figure from results/controls."""
    run = run_folder(results, "controls", quick)
    with paper_figure(height_mm=235) as figure:
        axes = figure.subplots(5, 3)
        shown = headlines(run.read_table("variants.csv"))
        for ax, (simulation, label) in zip(axes[:2].flat, LABELS.items()):
            claim(ax, shown[shown["simulation"] == simulation], label)
        panel_letter(axes[0, 0], "a")
        within_episode(axes[2], run)
        lost(axes[3], run)
        dopamine_and_rest(axes[4], run)
        for ax, letter in zip((axes[2, 0], *axes[2:].flat[2:]), "bcdefghi"):
            panel_letter(ax, letter)
        save(figure, results, "controls", quick, NOTE)


def claim(ax: Axes, own: pd.DataFrame, label: str) -> None:
    """One claim, and how many networks have learned, by variant."""
    if own.empty:
        ax.set_axis_off()
        return
    half = (own["ci_high"] - own["ci_low"]) / 2
    x = range(len(own))
    ax.errorbar(x, own["ours"], half, fmt="o", color=BLUE, elinewidth=0.8)
    ax.axhline(own["published"].iloc[0], color=GREY, linestyle=":", linewidth=0.8)
    for at, learned, n in zip(x, own["learned"], own["n"]):
        text = f"{learned:.0f}/{n:.0f}"
        ax.text(at, 1.0, text, transform=ax.get_xaxis_transform(), ha="center", va="bottom", fontsize=5)
    ax.set_xticks(x, own["variant"], rotation=45, ha="right", rotation_mode="anchor", fontsize=5.5)
    ax.set_ylabel(label)


def within_episode(axes: Sequence[Axes], run: RunFolder) -> None:
    """Panels b and c: the two learners."""
    table, speeds = run.read_table("learning_left_on.csv"), run.read_table("learning_rates.csv")
    for ax, simulation in zip(axes, ("bandits", "two_step")):
        own = table[table["simulation"] == simulation]
        for group, colour in LINES.items():
            mean = own[own["group"] == group].groupby("trial")["value"].mean()
            mean = mean.rolling(5, center=True, min_periods=1).mean()
            ax.plot(mean.index, mean, color=colour, label=group)
        ax.set(xlabel="Trial", ylabel="Reward", title=simulation.replace("_", "-").capitalize() + " (mean of 5 trials)")
    axes[0].legend(fontsize=5)
    places = {(s, by): x for x, (s, by) in enumerate(speeds.groupby(["simulation", "by"]).groups)}
    for (simulation, by), x in places.items():
        own = speeds[(speeds["simulation"] == simulation) & (speeds["by"] == by)]
        dots(axes[2], x, own["change"].to_list())
    names = [f"{s.replace('_', '-')}\n{by.split(',')[0]}" for s, by in places]
    axes[2].set_xticks(range(len(places)), names, fontsize=5.5)
    axes[2].set(yscale="log", ylabel="Change of P (right)", title="Two speeds of learning")


def lost(axes: Sequence[Axes], run: RunFolder) -> None:
    """Panels d to f: other tests of trained networks."""
    table, moved = run.read_table("lost_after_training.csv"), run.read_table("transitions.csv")
    simple, harlow = table[table["simulation"] != "harlow"], table[table["simulation"] == "harlow"]
    where = (
        simple["simulation"].str.replace("_", "-")
        + "\n"
        + simple["trained"].where(simple["trained"] != "published", "")
    )
    by_lacking(axes[0], simple.assign(where=where))
    axes[0].set(ylabel="Reward per trial", title="Lost after training")
    later = harlow[harlow["trial"] > 1].assign(value=100 * harlow["value"])
    by_lacking(axes[1], later.assign(where=later["trained"] + "\non " + later["tested"]))
    axes[1].axhline(50, color=GREY, linestyle=":", linewidth=0.8)
    axes[1].set(ylabel="% correct after trial 1", title="Harlow: lost after training")
    axes[1].legend(title="Lacking", fontsize=5, title_fontsize=5, loc="upper center")
    reward = moved[moved["quantity"] == "reward per trial"]
    places = list(reward.groupby(["networks", "tested"], sort=False).groups)
    for x, (networks, tested) in enumerate(places):
        own = reward[(reward["networks"] == networks) & (reward["tested"] == tested)]
        dots(axes[2], x, own["value"].to_list())
    axes[2].axhline(0.5, color=GREY, linestyle=":", linewidth=0.8)
    names = [f"{'usual' if n == 'as usual' else 'varying'}\non {t}" for n, t in places]
    axes[2].set_xticks(range(len(places)), names, fontsize=5.5)
    axes[2].set(ylabel="Reward per trial", title="Two-step: transitions")


def by_lacking(ax: Axes, table: pd.DataFrame) -> None:
    """Mean of each network, by what networks lack and the column `where`."""
    places = list(table["where"].unique())
    for i, (lacking, colour) in enumerate(LACKING.items()):
        for x, place in enumerate(places):
            own = table[(table["where"] == place) & (table["lacking"] == lacking)]
            means = own.groupby("subject")["value"].mean()
            dots(ax, x + 0.2 * (i - 1.5), means.to_list(), edgecolor=colour, s=3)
        ax.scatter([], [], s=5, facecolor="white", edgecolor=colour, label=lacking)
    ax.set_xticks(range(len(places)), places, fontsize=5.5)


def dopamine_and_rest(axes: Sequence[Axes], run: RunFolder) -> None:
    """Panels g to i."""
    withheld, lesions = run.read_table("errors_withheld.csv"), run.read_table("lesions_of_units.csv")
    reward = withheld[withheld["quantity"] == "reward per trial"]
    names = list(reward["withheld"].unique())
    for x, name in enumerate(names):
        dots(axes[0], x, reward[reward["withheld"] == name]["value"].to_list())
    axes[0].axhline(0.5, color=GREY, linestyle=":", linewidth=0.8)
    axes[0].set_xticks(range(len(names)), names)
    axes[0].set(ylabel="Reward per trial", title="Two-step: errors withheld in training")
    wide = lesions.pivot_table(index=["lesion", "subject"], columns="quantity", values="value", sort=False)
    names = list(lesions["lesion"].unique())
    for x, name in enumerate(names):
        dots(axes[1], x - 0.15, wide.loc[name]["r2_model_based"].to_list(), edgecolor=BLUE)
        dots(axes[1], x + 0.15, wide.loc[name]["reward"].to_list(), edgecolor=VERMILLION)
    axes[1].scatter([], [], s=5, facecolor="white", edgecolor=BLUE, label="r2 with model-based errors")
    axes[1].scatter([], [], s=5, facecolor="white", edgecolor=VERMILLION, label="reward per trial")
    axes[1].legend(fontsize=5)
    labels = [name.removesuffix(" of units").replace("memory cut at each trial", "cut") for name in names]
    axes[1].set_xticks(range(len(names)), labels)
    axes[1].set(xlabel="Units silent", title="Two-step: lesions", ylim=(-0.6, 1.3))
    rest = run.read_table("at_rest.csv")
    colours = dict(zip(rest["simulation"].unique(), (GREY, BLUE, VERMILLION, GREEN, PURPLE)))
    for simulation, own in rest.groupby("simulation", sort=False):
        scale = 100.0 if simulation == "optogenetics" else 1.0
        x, y = own["stationary"] / scale, own["ours"] / scale
        axes[2].scatter(x, y, s=6, facecolor="none", edgecolor=colours[simulation], label=simulation.replace("_", "-"))
    ends = axes[2].get_xlim()
    axes[2].plot(ends, ends, color=GREY, linewidth=0.5, zorder=0)
    axes[2].legend(fontsize=5)
    axes[2].set(xlabel="Policy at rest", ylabel="Networks", title="Behaviour, each of its own kind")
