"""Figures look as a journal wants them; those of all quick runs are looked at where they are drawn (conftest.py)."""

from collections.abc import Iterator

import numpy as np
import pandas as pd
import pytest
from looks import faults
from matplotlib.figure import Figure
from matplotlib.transforms import Bbox
from scipy import stats

from pfc_metarl.plotting import WIDTH, dots, mean_and_half, paper_figure, room_above


@pytest.fixture
def figure() -> Iterator[Figure]:
    """Two panels in the common style."""
    with paper_figure(60) as figure:
        figure.subplots(1, 2)
        yield figure


def found(figure: Figure, saved: Bbox | None = None) -> list[str]:
    """Faults of a figure, once it is laid out."""
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    return faults(figure, saved)


def test_a_figure_in_order_has_no_faults(figure: Figure) -> None:
    a, b = figure.axes
    a.plot([0, 1], [0, 1], label="rising")
    a.set(title="Left", xlabel="x", ylabel="y")
    a.legend(loc="upper left")
    b.bar(["this", "that"], [1, 2], label="bars")
    b.legend(loc="upper right")
    room_above(b, 0.2)
    b.axhline(2.3)  # lines across all of the axes may pass below a legend
    assert not found(figure)


def test_each_fault_is_found(figure: Figure) -> None:
    """Small, cut and overlapping texts, and legends on lines, bands, points and bars; not what cannot be seen."""
    a, b = figure.axes
    a.set_title("small", fontsize=7)
    a.set_xlabel("hidden", fontsize=3).set_visible(False)
    figure.text(0.99, 0.5, "beyond the edge")
    for text in ("one", "other"):
        a.text(0.5, 0.5, text)
    told = found(figure)
    assert told == ["'small' is of 7 points", "'beyond the edge' is cut", "'one' overlaps 'other'"]
    assert "'small' is cut" in found(figure, Bbox([[0, 0], [WIDTH, 2]]))
    for draw in (
        lambda: b.plot([0, 1], [0, 1], label="x"),
        lambda: b.errorbar([0.5], [0.5], [0.4], fmt="none", label="x"),
        lambda: b.fill_between([0, 1], [0, 0], [1, 1], label="x"),
        lambda: dots(b, 0.6, [0.5], label="x"),
        lambda: b.bar([0.5], [1], label="x"),
    ):
        b.clear()
        b.set(xlim=(0, 1), ylim=(0, 1))
        draw()
        legend = b.legend(loc="center")
        assert "the legend ['x'] lies on data" in found(figure)
        legend.remove()
        b.legend(loc="upper center", bbox_to_anchor=(0.5, -0.2))
        assert "the legend ['x'] lies on data" not in found(figure)


def test_a_legend_of_the_figure_is_beside_its_panels(figure: Figure) -> None:
    figure.axes[0].plot([0, 1], label="line")
    legend = figure.legend(loc="center left")
    assert "the legend ['line'] lies on a panel" in found(figure)
    legend.remove()
    figure.set_layout_engine("constrained")
    figure.legend(loc="outside upper center")
    assert not found(figure)


def test_intervals_are_of_the_mean_by_the_t_distribution() -> None:
    table = pd.DataFrame(np.random.default_rng(1).normal(size=(3, 5)))
    table.loc[1, 2:] = np.nan
    mean, half = mean_and_half(table)
    for row, values in table.iterrows():
        own = values.dropna()
        low, high = stats.t.interval(0.95, len(own) - 1, own.mean(), stats.sem(own))
        np.testing.assert_allclose([mean[row] - half[row], mean[row] + half[row]], [low, high])
    assert (mean_and_half(table[[0]])[1] == 0).all()  # of one network, none is drawn
