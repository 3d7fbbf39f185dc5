"""Learning curves of whatever has been trained, or is being trained, in the results folder."""

from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes

from pfc_metarl.colours import BLUE, GREEN, GREY, ORANGE, PURPLE, SKY, VERMILLION
from pfc_metarl.errors import RunError
from pfc_metarl.plotting import paper_figure, room_above, save
from pfc_metarl.results import run_folder

COLOURS = (BLUE, VERMILLION, GREEN, ORANGE, PURPLE, SKY, GREY)
COLUMNS = 3
NOTE = (
    "Mean reward per trial over stretches of the training, its actions drawn from the policy; thin: each network, "
    "thick: their mean. Of a training that goes on, as far as it has come."
)


def draw(results: Path, quick: bool) -> None:
    """Draw the curves of all runs below the results."""
    parent = run_folder(results, "runs", quick).path.parent
    curves = {path.parent.name: read(path) for path in sorted(parent.glob("*/learning_curve.csv"))}
    if not curves:
        raise RunError(f"{parent} holds no learning curves; first: {run_folder(results, 'two_step', quick).command}")
    columns = min(COLUMNS, len(curves))
    rows = -(-len(curves) // columns)
    with paper_figure(height_mm=12 + 58 * rows) as figure:
        axes = figure.subplots(rows, columns, squeeze=False).ravel()
        for ax, (name, curve) in zip(axes, curves.items()):
            learning(ax, curve)
            ax.set(title=name.replace("_", " ").capitalize(), xlabel="Episode", ylabel="Reward per trial")
            ax.locator_params(axis="x", nbins=4)
        for ax in axes[len(curves) :]:
            ax.set_axis_off()
        save(figure, results, "learning", quick, NOTE)


def read(path: Path) -> pd.DataFrame:
    """A learning curve, of a run that need not be finished."""
    try:
        return pd.read_csv(path)
    except (ValueError, OSError):
        raise RunError(f"{path} cannot be read (truncated?); move it away, or train anew") from None


def learning(ax: Axes, curve: pd.DataFrame) -> None:
    """One run: a line for each network, and their mean, by condition."""
    for (condition, own), colour in zip(curve.groupby("condition", sort=False, dropna=False), COLOURS):
        wide = own.pivot_table(index="episode", columns="subject", values="reward_per_trial")
        ax.plot(wide.index, wide, color=colour, linewidth=0.4, alpha=0.5)
        ax.plot(wide.index, wide.mean(axis=1), color=colour, label=str(condition))
    if curve["condition"].nunique() > 1:
        room_above(ax, 0.03 + 0.1 * curve["condition"].nunique())
        ax.legend(loc="upper left", handlelength=1, labelspacing=0.2, borderaxespad=0.1)
