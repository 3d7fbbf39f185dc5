"""What every finished figure must look like: letters of 8 points and more that overlap nothing and are not cut."""

from collections.abc import Iterator
from itertools import combinations
from unittest.mock import patch

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import Collection, PathCollection
from matplotlib.figure import Figure
from matplotlib.legend import Legend
from matplotlib.path import Path
from matplotlib.text import Text
from matplotlib.transforms import Bbox, Transform

SMALLEST = 8.0
"""Points, at the size of print, which is the figure's own; superscripts within a text may be smaller."""
TOUCH = 1.0
"""Points by which boxes may overlap: they hold room for accents and descenders, which most texts do not have."""
STAMP = "quick run: not a result"
"""Over all panels of the figures of a quick run; on purpose."""
ANYWHERE = ("Final", "As trained", "trained: ", "common, rewarded")
"""First words of legends that may lie on data in a quick run, whose networks, hardly trained, score anywhere."""


def faults(figure: Figure, saved: Bbox | None = None) -> list[str]:
    """What is wrong with a figure whose layout is done; of `saved` inches, if that is not the figure's own size."""
    dpi = figure.dpi
    figure.dpi = 300  # as it is saved: sizes of letters are rounded to whole pixels
    try:
        texts = drawn_texts(figure)
        boxes = {text: text.get_window_extent() for text in texts}
        whole = Bbox(saved.get_points() * 300) if saved else figure.bbox
        point = 300 / 72
        legends = [legend for legend in figure.findobj(Legend) if legend.get_texts()]
        return [
            *(f"{told(text)} is of {text.get_fontsize():g} points" for text in texts if is_small(text)),
            *(f"{told(text)} is cut" for text, box in boxes.items() if not holds(whole, box, point)),
            *(f"{told(a)} overlaps {told(b)}" for a, b in combinations(texts, 2) if meet(boxes[a], boxes[b], point)),
            *(fault for legend in legends for fault in covered(legend, figure, boxes, point)),
        ]
    finally:
        figure.dpi = dpi


def drawn_texts(figure: Figure) -> list[Text]:
    """All texts that are really drawn (hidden axes and ticks out of view have some that are not), but the stamp."""
    texts: list[Text] = []
    draw = Text.draw

    def noted(text: Text, *args: object) -> None:
        texts.append(text)
        draw(text, *args)  # type: ignore[arg-type]

    with patch.object(Text, "draw", noted):
        figure.draw_without_rendering()
    shown = [text for text in texts if text.get_visible() and text.get_text().strip() not in ("", STAMP)]
    return list(dict.fromkeys(shown))


def told(text: Text) -> str:
    """A text, in a message."""
    return repr(text.get_text()[:60])


def is_small(text: Text) -> bool:
    """Whether it is too small to be read in print."""
    return text.get_fontsize() < SMALLEST - 1e-6


def holds(whole: Bbox, box: Bbox, point: float) -> bool:
    """Whether a box lies within the whole, to half a point."""
    grown = whole.padded(point / 2)
    return bool(grown.x0 <= box.x0 and grown.y0 <= box.y0 and box.x1 <= grown.x1 and box.y1 <= grown.y1)


def meet(a: Bbox, b: Bbox, point: float) -> bool:
    """Whether two boxes overlap by more than a touch."""
    width, height = min(a.x1, b.x1) - max(a.x0, b.x0), min(a.y1, b.y1) - max(a.y0, b.y0)
    return min(width, height) > TOUCH * point


def covered(legend: Legend, figure: Figure, boxes: dict[Text, Bbox], point: float) -> Iterator[str]:
    """What a legend lies on: texts, and data of its own axes, or (a figure's legend) any axes at all."""
    box, own = legend.get_window_extent(), legend.findobj(Text)
    labels = [text.get_text() for text in legend.get_texts()]
    name = f"the legend {labels}"
    yield from (f"{name} lies on {told(text)}" for text in boxes if text not in own and meet(boxes[text], box, point))
    if isinstance(legend.axes, Axes):
        spared = any(text.get_text() == STAMP for text in figure.texts) and labels[0].startswith(ANYWHERE)
        if not spared and any(path.intersects_bbox(box.padded(-TOUCH * point)) for path in data(legend.axes)):
            yield f"{name} lies on data"
    elif any(meet(ax.get_window_extent(), box, point) for ax in figure.axes):
        yield f"{name} lies on a panel"


def data(ax: Axes) -> Iterator[Path]:
    """Outlines on the screen of all that is plotted in an axes: lines, bars, bands, error bars, points.

    Not lines across all of an axes (of chance, of zero), which may pass below a legend.
    """
    for artist in (*ax.lines, *ax.patches, *ax.collections):
        to_screen = artist.get_transform()
        if isinstance(artist, PathCollection):
            centres = artist.get_offset_transform().transform(np.ma.filled(artist.get_offsets(), np.nan))
            across = np.sqrt(artist.get_sizes().max(initial=0)) * ax.figure.dpi / 72
            yield from (Path.circle(centre, across / 2) for centre in centres)
        elif isinstance(artist, Collection):
            yield from (to_screen.transform_path(path) for path in artist.get_paths())
        elif not any(to_screen is across for across in across_of(ax)):
            yield to_screen.transform_path(artist.get_path())


def across_of(ax: Axes) -> tuple[Transform, ...]:
    """How lines across all of an axes are placed."""
    return ax.get_xaxis_transform("grid"), ax.get_yaxis_transform("grid")
