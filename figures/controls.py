"""Controls: what a reader asks next of the networks, beside the paper's own tests."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import LogLocator, NullLocator

from pfc_metarl.colours import BLUE, GREEN, GREY, ORANGE, PURPLE, VERMILLION
from pfc_metarl.controls_summary import headlines
from pfc_metarl.plotting import INTERVALS, dots, panel_letter, paper_figure, room_above, save
from pfc_metarl.results import RunFolder, run_folder

LABELS = {
    "bandits": "Bandits:\nregret",
    "foraging": "Foraging:\nmatching slope",
    "volatility": "Volatility:\ndifference of rates",
    "inferred_value": "Inferred value:\neffect of a reversal",
    "two_step": "Two-step:\nreward × transition",
    "harlow": "Harlow:\ngain of one trial, %",
}
"""By simulation: of the claim that is shown."""
LINES = {
    "before training": (GREY, ":"),
    "trained, weights frozen": (BLUE, "--"),
    "trained, weights still learning": (VERMILLION, "-"),
    "memory cut at each trial": (ORANGE, "-."),
}
"""Lines of panel a, by group."""
LACKING = {"nothing": ("black", "o"), "reward": (VERMILLION, "s"), "action": (BLUE, "^"), "memory": (ORANGE, "D")}
NOTE_OF_VARIANTS = (
    "Claims of the paper, of networks that are made otherwise, or lack something from the start; at the right: how "
    "many have learned the task by its criterion; dotted: as published."
)
NOTE = (
    "a: reward, mean of 5 trials. b: mean absolute change of P (right), from trial to trial and by one update of the "
    "weights. c, d: trained networks lose an input, or memory; d: Harlow's, trained on either variant, on either. e: "
    "two-step networks on usual and reversed transitions. g: model-based prediction errors with units silent. h: "
    "behaviour beside that of the policy at which the published objective comes to rest. b to g: a dot for "
    "each network."
)


def draw(results: Path, quick: bool) -> None:
    """Draw both figures from results/controls: networks made otherwise, and other tests of trained ones."""
    run = run_folder(results, "controls", quick)
    with paper_figure(height_mm=120) as figure:
        axes = figure.subplots(2, 3, sharey=True)
        shown = headlines(run.read_table("variants.csv"))
        variants = list(shown["variant"].unique())
        for ax, (simulation, label) in zip(axes.flat, LABELS.items()):
            claim(ax, shown[shown["simulation"] == simulation], label, variants)
        save(figure, results, "controls_variants", quick, f"{INTERVALS} {NOTE_OF_VARIANTS}")
    with paper_figure(height_mm=205) as figure:
        *axes, free = figure.subplots(5, 2).flat
        within_episode(axes[:3], run)
        lost(axes[3:6], run)
        dopamine_and_rest(axes[6:], run)
        for ax, letter in zip((axes[0], *axes[2:]), "abcdefgh"):
            panel_letter(ax, letter)
        lines, marks = (ax.get_legend_handles_labels() for ax in (axes[0], axes[4]))
        labels = [f"a: {name}" for name in lines[1]] + [f"c, d: lacking {name}" for name in marks[1]]
        free.legend([*lines[0], *marks[0]], labels, loc="center", labelspacing=0.3)
        free.set_axis_off()
        save(figure, results, "controls", quick, NOTE)


def claim(ax: Axes, own: pd.DataFrame, label: str, variants: list[str]) -> None:
    """One claim, and how many networks have learned, by variant: a row for each."""
    if own.empty:
        ax.set_axis_off()
        return
    half = (own["ci_high"] - own["ci_low"]) / 2
    y = [variants.index(name) for name in own["variant"]]
    ax.errorbar(own["ours"], y, xerr=half, fmt="o", color=BLUE, elinewidth=0.8)
    ax.axvline(own["published"].iloc[0], color=GREY, linestyle=":", linewidth=0.8)
    for at, learned, n in zip(y, own["learned"], own["n"]):
        ax.text(1.02, at, f"{learned:.0f}/{n:.0f}", transform=ax.get_yaxis_transform(), va="center")
    ax.set_yticks(range(len(variants)), variants)
    ax.set(ylim=(len(variants) - 0.5, -0.5), title=label)


def within_episode(axes: Sequence[Axes], run: RunFolder) -> None:
    """Panels a and b: the two learners."""
    table, speeds = run.read_table("learning_left_on.csv"), run.read_table("learning_rates.csv")
    for ax, simulation in zip(axes, ("bandits", "two_step")):
        own = table[table["simulation"] == simulation]
        for group, (colour, style) in LINES.items():
            mean = own[own["group"] == group].groupby("trial")["value"].mean()
            mean = mean.rolling(5, center=True, min_periods=1).mean()
            ax.plot(mean.index, mean, color=colour, linestyle=style, label=group)
        ax.set(xlabel="Trial", ylabel="Reward", title=simulation.replace("_", "-").capitalize())
    places = {(s, by): x for x, (s, by) in enumerate(speeds.groupby(["simulation", "by"]).groups)}
    for (simulation, by), x in places.items():
        own = speeds[(speeds["simulation"] == simulation) & (speeds["by"] == by)]
        dots(axes[2], x, own["change"].to_list())
    names = [f"{s.replace('_', '-')}\n{by.split(',')[0]}" for s, by in places]
    axes[2].set_xticks(range(len(places)), names)
    axes[2].set_yscale("log")
    axes[2].yaxis.set_major_locator(LogLocator(subs=(1, 3)))
    axes[2].yaxis.set_major_formatter("{x:g}")
    axes[2].yaxis.set_minor_locator(NullLocator())
    axes[2].set(ylabel="Change of P (right)", title="Two speeds of learning")


def lost(axes: Sequence[Axes], run: RunFolder) -> None:
    """Panels c to e: other tests of trained networks."""
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
    axes[1].set(xlabel="Trained on (above) and tested on", ylabel="% correct\nafter trial 1")
    by_lacking(axes[1], later.assign(where=later["trained"] + "\n" + later["tested"]))
    axes[1].axhline(50, color=GREY, linestyle=":", linewidth=0.8)
    axes[1].set(title="Harlow: lost after training")
    reward = moved[moved["quantity"] == "reward per trial"]
    places = list(reward.groupby(["networks", "tested"], sort=False).groups)
    for x, (networks, tested) in enumerate(places):
        own = reward[(reward["networks"] == networks) & (reward["tested"] == tested)]
        dots(axes[2], x, own["value"].to_list())
    axes[2].axhline(0.5, color=GREY, linestyle=":", linewidth=0.8)
    names = [f"{'usual' if n == 'as usual' else 'varying'}\n{t}" for n, t in places]
    axes[2].set_xticks(range(len(places)), names)
    axes[2].set(ylabel="Reward per trial", xlabel="Trained (above) and tested on", title="Two-step: transitions")


def by_lacking(ax: Axes, table: pd.DataFrame) -> None:
    """Mean of each network, by what networks lack and the column `where`."""
    places = list(table["where"].unique())
    for i, (lacking, (colour, marker)) in enumerate(LACKING.items()):
        for x, place in enumerate(places):
            own = table[(table["where"] == place) & (table["lacking"] == lacking)]
            means = own.groupby("subject")["value"].mean()
            dots(ax, x + 0.2 * (i - 1.5), means.to_list(), edgecolor=colour, marker=marker, s=3)
        ax.scatter([], [], s=8, facecolor="white", edgecolor=colour, marker=marker, label=lacking)
    ax.set_xticks(range(len(places)), places)


def dopamine_and_rest(axes: Sequence[Axes], run: RunFolder) -> None:
    """Panels f to h."""
    withheld, lesions = run.read_table("errors_withheld.csv"), run.read_table("lesions_of_units.csv")
    reward = withheld[withheld["quantity"] == "reward per trial"]
    names = list(reward["withheld"].unique())
    for x, name in enumerate(names):
        dots(axes[0], x, reward[reward["withheld"] == name]["value"].to_list())
    axes[0].axhline(0.5, color=GREY, linestyle=":", linewidth=0.8)
    axes[0].set_xticks(range(len(names)), names)
    axes[0].set(ylabel="Reward per trial", title="Two-step: errors withheld")
    wide = lesions.pivot_table(index=["lesion", "subject"], columns="quantity", values="value", sort=False)
    names = list(lesions["lesion"].unique())
    for x, name in enumerate(names):
        dots(axes[1], x - 0.15, wide.loc[name]["r2_model_based"].to_list(), edgecolor=BLUE)
        dots(axes[1], x + 0.15, wide.loc[name]["reward"].to_list(), edgecolor=VERMILLION, marker="s")
    axes[1].scatter([], [], s=5, facecolor="white", edgecolor=BLUE, label="r², model-based errors")
    axes[1].scatter([], [], s=5, facecolor="white", edgecolor=VERMILLION, marker="s", label="reward per trial")
    axes[1].legend(labelspacing=0.2, handletextpad=0, borderaxespad=0.1)
    labels = [name.removesuffix(" of units").replace("memory cut at each trial", "cut") for name in names]
    axes[1].set_xticks(range(len(names)), labels)
    axes[1].set(xlabel="Units silent", title="Two-step: lesions", ylim=(-0.6, 1.5))
    rest = run.read_table("at_rest.csv")
    styles = dict(zip(rest["simulation"].unique(), zip((GREY, BLUE, VERMILLION, GREEN, PURPLE), "osD^v")))
    for simulation, own in rest.groupby("simulation", sort=False):
        scale = 100.0 if simulation == "optogenetics" else 1.0
        colour, marker = styles[simulation]
        x, y = own["stationary"] / scale, own["ours"] / scale
        axes[2].scatter(
            x, y, s=6, facecolor="none", edgecolor=colour, marker=marker, label=simulation.replace("_", "-")
        )
    ends = axes[2].get_xlim()
    axes[2].plot(ends, ends, color=GREY, linewidth=0.5, zorder=0)
    room_above(axes[2], 0.35)
    axes[2].legend(loc="upper left", ncols=2, labelspacing=0.2, handletextpad=0, borderaxespad=0.1)
    axes[2].set(xlabel="Policy at rest", ylabel="Networks", title="Behaviour, of each kind")
