"""The one style of all figures."""

import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from textwrap import wrap
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch
from matplotlib.transforms import Bbox

from pfc_metarl.colours import GREY
from pfc_metarl.comparison import mean_and_interval
from pfc_metarl.errors import RunError
from pfc_metarl.results import RunFolder, written_aside

MM = 1 / 25.4
WIDTH = 180 * MM
"""Width of a two-column figure, in inches."""
LINE = 125
"""Letters in a line of a note below the panels."""

INTERVALS = "Bars and bands: 95 % intervals of the mean over networks."
"""What error bars and bands are in every figure (by the t distribution), as their notes say."""

MARKED = {"pdf": "Creator", "svg": "Creator", "png": "Software"}
"""What figures are written as, and where each says what drew it ..."""
MARK = "pfc_metarl"
"""... by which a figure is known as ours, to be drawn again."""

STYLE: Mapping[str, object] = {
    "font.size": 8,
    "font.family": "DejaVu Sans",
    "axes.titlesize": 8,
    "axes.labelsize": 8,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "legend.fontsize": 8,
    "legend.title_fontsize": 8,
    "figure.titlesize": 8,
    "figure.labelsize": 8,
    "legend.frameon": False,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.6,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "lines.linewidth": 1.0,
    "lines.markersize": 3,
    "pdf.fonttype": 42,
    "svg.hashsalt": MARK,  # the same names inside, drawn again
    "savefig.dpi": 300,
}


@contextmanager
def paper_figure(height_mm: float) -> Iterator[Figure]:
    """A figure of journal width in the common style; closed at the end."""
    with plt.style.context(dict(STYLE)):
        figure = plt.figure(figsize=(WIDTH, height_mm * MM), layout="constrained")
        try:
            yield figure
        finally:
            plt.close(figure)


def panel_letter(ax: Axes, letter: str) -> None:
    """The panel's letter, bold, above the left end of the axes."""
    ax.annotate(
        letter, (0, 1), (-16, 7), xycoords="axes fraction", textcoords="offset points", fontsize=10, fontweight="bold"
    )


def dots(ax: Axes, x: float, values: Sequence[float], **style: Any) -> None:
    """One dot per network (or animal) at x, spread a little by order so that all can be seen."""
    values = list(values)
    spread = [0.25 * (i / max(1, len(values) - 1) - 0.5) for i in range(len(values))]
    defaults: dict[str, Any] = {
        "marker": "o",
        "s": 5,
        "facecolor": "white",
        "edgecolor": "black",
        "linewidth": 0.5,
        "zorder": 3,
        "clip_on": False,
    }
    ax.scatter([x + s for s in spread], values, **(defaults | style))


def mean_and_half(table: pd.DataFrame) -> tuple[pd.Series, pd.Series]:
    """Mean over networks (columns), and half the width of its 95 % t interval: 0 where there is but one network."""
    told = [mean_and_interval(row[~np.isnan(row)]) for row in table.to_numpy(float)]
    mean, _, high = (pd.Series(column, table.index) for column in zip(*told))
    return mean, (high - mean).fillna(0.0)


def mean_and_band(ax: Axes, table: pd.DataFrame, colour: str, label: str = "", **style: Any) -> None:
    """A line of the mean over networks (columns), in a band that is its 95 % interval."""
    mean, half = mean_and_half(table)
    ax.plot(table.index, mean, color=colour, label=label, **style)
    ax.fill_between(table.index, mean - half, mean + half, color=colour, alpha=0.3, linewidth=0)


def box(
    ax: Axes, x: float, y: float, text: str, colour: str = "black", width: float = 2.0, height: float = 0.8
) -> None:
    """A labelled box of a diagram."""
    ax.add_patch(
        FancyBboxPatch((x - width / 2, y - height / 2), width, height, boxstyle="round,pad=0.08", fc=colour, ec="none")
    )
    ax.text(x, y, text, ha="center", va="center", color="white")


def arrow(ax: Axes, start: tuple[float, float], end: tuple[float, float], **style: Any) -> None:
    """An arrow of a diagram."""
    defaults: dict[str, Any] = {"arrowstyle": "-|>", "mutation_scale": 7, "color": GREY, "linewidth": 0.9}
    ax.add_patch(FancyArrowPatch(start, end, **(defaults | style)))


def limits(values: Sequence[float]) -> tuple[float, float]:
    """Axis limits that hold all values; 0 to 1 without any."""
    if len(values) == 0:
        return 0.0, 1.0
    low, high = min(values), max(values)
    margin = 0.05 * (high - low)
    return low - margin, high + margin


def room_above(ax: Axes, share: float) -> None:
    """Leave a share of the axes' height free above what is drawn, for a legend; without ticks."""
    low, high = ax.get_ylim()
    ax.set_yticks([tick for tick in ax.get_yticks() if low <= tick <= high])
    ax.set_ylim(low, low + (high - low) / (1 - share))


def same_height(axes: Iterable[Axes]) -> None:
    """Give axes the same limits of y, which hold what is drawn in any of them."""
    axes = list(axes)
    lows, highs = zip(*(ax.get_ylim() for ax in axes))
    for ax in axes:
        ax.set_ylim(min(lows), max(highs))


def changed_settings(run: RunFolder) -> str:
    """The settings of a run that are not those of its preset; "" if there are none."""
    comparison = run.read_table("comparison.csv")
    told = comparison.get("changed", pd.Series(dtype=str)).dropna()
    return str(told.iloc[0]) if len(told) else ""


def figures_folder(results: Path, quick: bool) -> Path:
    """Where figures are written, below the results."""
    return results / "quick" / "figures" if quick else results / "figures"


def save(figure: Figure, results: Path, name: str, quick: bool, note: str = "", run: RunFolder | None = None) -> None:
    """Write figures/name.pdf and .png below the results; results of a quick run are stamped as such.

    Args:
        figure: what to write.
        results: folder of the simulations' results.
        name: of the files.
        quick: whether the results are those of a quick run.
        note: what a reader must know, in small letters below the panels.
        run: the run that is drawn; settings of it that are not those of its preset are added to the note.
    """
    folder = figures_folder(results, quick)
    changed = changed_settings(run) if run and not quick else ""
    notes = [line for text in (note, changed and f"Not as in the preset: {changed}") for line in wrap(text, LINE)]
    below = (4 + 10 * len(notes)) / 72 if notes else 0.0  # inches, of lines of 10 points
    figure.text(0.01, 0, "\n".join(notes), fontsize=8, linespacing=10 / 8 / 1.164, color="0.3", va="top")
    for _ in range(2):  # panels and legends are laid out now, as if there were no notes; ticks may change with them
        figure.draw_without_rendering()
    figure.set_layout_engine("none")
    for legend in figure.legends:
        legend.set_bbox_to_anchor((0, 0, 1, 1), figure.transFigure)
    if quick:
        stamp = "quick run: not a result"
        figure.text(0.5, 0.5, stamp, fontsize=40, color="0.5", alpha=0.3, ha="center", va="center", rotation=30).set(
            in_layout=False, zorder=10
        )
    width, height = figure.get_size_inches()
    for ending, key in MARKED.items():
        drawn = io.BytesIO()  # the writers' errors do not tell of full disks
        box = Bbox([[0, -below], [width, height]])
        figure.savefig(drawn, format=ending, bbox_inches=box, metadata={key: MARK})
        write_ours(folder / f"{name}.{ending}", drawn.getvalue())


def write_ours(path: Path, content: bytes) -> None:
    """Write what is marked as ours, in place of what is there and marked so too, and print where.

    Raises:
        RunError: what is there is not of this suite.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.is_dir() or (path.exists() and MARK.encode() not in path.read_bytes()):
        raise RunError(f"{path} is in the way, and not of this suite; move it, then draw again")
    with written_aside(path) as aside:
        aside.write_bytes(content)
    print(path)
