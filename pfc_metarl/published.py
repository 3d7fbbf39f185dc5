"""The paper's and the animals' numbers (data/*.csv), and the comparison of our networks with them.

The rule, stated before any network was compared: first the direction (a sign or an ordering, given with each
quantity as a gap that must be above 0) must hold on the mean over networks; then the published value must lie
within the stated distance of our mean. Both: "agrees". The first alone: "direction only". Not the first:
"disagrees". A network of which a quantity cannot be told (choices that a regression cannot be fitted to) has no part
in its mean, but counts among `n` as one that fails the direction; where none can be told, it "cannot be told".
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy import stats

from pfc_metarl.errors import ConfigError

_INSTALLED = Path(__file__).parent / "data"
DATA = _INSTALLED if _INSTALLED.is_dir() else Path(__file__).parent.parent / "data"
"""The published numbers: inside the installed package, or at the root of a checkout."""


def published(figure: int, **where: str | float) -> pd.DataFrame:
    """Published numbers of a figure: panel, series, condition, x, replicate, value, reading_error, source.

    Args:
        figure: number of the paper's figure.
        where: column=value to select rows by.

    Raises:
        ConfigError: no such figure or column.
    """
    known = ["panel", "series", "condition", "x", "replicate", "value", "reading_error", "source"]
    if not (DATA / f"figure{figure}.csv").is_file() or not set(where) <= set(known):
        raise ConfigError(f"nothing is published of figure {figure} by {', '.join(where)}; columns: {', '.join(known)}")
    table = pd.read_csv(DATA / f"figure{figure}.csv", dtype={"condition": str, "series": str, "panel": str})
    for column, value in where.items():
        table = table[table[column] == value]
    return table


def published_value(figure: int, **where: str | float) -> float:
    """The one published number that fits; ValueError if none or several do."""
    table = published(figure, **where)
    table = table[table["replicate"].isna()]
    if len(table) != 1:
        raise ValueError(f"{len(table)} published numbers fit figure {figure}, {where}")
    return float(table["value"].iloc[0])


class Quantity(NamedTuple):
    """One line of a comparison table."""

    name: str
    """What is compared."""
    ours: Sequence[float] | np.ndarray
    """One value per network."""
    published: float
    """The paper's value for its networks."""
    distance: float
    """How far our mean may be from it."""
    direction: str
    """The sign or ordering that must hold, in words."""
    gap: Sequence[float] | np.ndarray
    """By how much it holds (above 0) or fails, for each network."""
    animal: float = float("nan")
    """The value of the animals, if there is one."""
    short: str = ""
    """Label of a key result, beside others of its simulation; "": it is none."""

    @classmethod
    def ordered(
        cls, name: str, ours: np.ndarray, published: float, distance: float, direction: str, than: Any, **more: Any
    ) -> "Quantity":
        """A quantity that must be greater than others or than a number (its direction begins with ">"), or less."""
        gap = ours - than if direction.startswith(">") else than - ours
        return cls(name, ours, published, distance, direction, gap, **more)

    @classmethod
    def signed(cls, name: str, ours: np.ndarray, published: float, distance: float, **more: Any) -> "Quantity":
        """A quantity of which the published sign must hold."""
        rule = "> 0" if published > 0 else "< 0"
        return cls(name, ours, published, distance, rule, ours * np.sign(published), **more)


COLUMNS = [
    "quantity", "short", "published", "animal", "ours", "ci_low", "ci_high", "n", "direction", "networks_in_direction",
    "distance", "verdict",
]  # fmt: skip


def compare(quantities: Sequence[Quantity]) -> pd.DataFrame:
    """Comparison table: published, animal, ours (mean over networks, 95 % t interval, n) and the verdict.

    Raises:
        ConfigError: values or gaps are not one number for each network; a distance below 0; nothing published.
    """
    rows = []
    for q in quantities:
        if np.ndim(q.ours) != 1 or np.shape(q.ours) != np.shape(q.gap):
            raise ConfigError(f"{q.name}: ours and gap must be a number for each network")
        if not (np.isfinite(q.published) and q.distance >= 0):
            raise ConfigError(f"{q.name}: published must be a number, and distance at least 0")
        told = np.isfinite(np.asarray(q.ours, float)) & np.isfinite(np.asarray(q.gap, float))
        ours, gap = np.asarray(q.ours, float)[told], np.asarray(q.gap, float)[told]
        mean = ours.mean() if told.any() else np.nan
        half = stats.t.ppf(0.975, len(ours) - 1) * stats.sem(ours) if len(ours) > 1 else np.nan
        near = abs(mean - q.published) <= q.distance
        verdict = "agrees" if near else "direction only"
        if not told.any():
            verdict = "cannot be told"
        elif not gap.mean() > 0:
            verdict = "disagrees"
        of_networks = (mean, mean - half, mean + half, len(told), q.direction, int(np.sum(gap > 0)))
        rows.append((q.name, q.short, q.published, q.animal, *of_networks, q.distance, verdict))
    return pd.DataFrame(rows, columns=COLUMNS)


def print_comparison(table: pd.DataFrame) -> None:
    """The comparison table, for a terminal; nothing, if it is empty."""
    if table.empty:
        return
    shown = pd.DataFrame(
        {
            "quantity": table["quantity"],
            "published": table["published"].map("{:.3g}".format),
            "animal": table["animal"].map(lambda x: "" if pd.isna(x) else f"{x:.3g}"),
            "ours [95 % interval]": [
                f"{m:.3g} [{a:.3g}, {b:.3g}]" for m, a, b in zip(table["ours"], table["ci_low"], table["ci_high"])
            ],
            "direction": [
                f"{d} ({k}/{n})" for d, k, n in zip(table["direction"], table["networks_in_direction"], table["n"])
            ],
            "within": table["distance"].map("{:.2g}".format),
            "verdict": table["verdict"],
        }
    )
    print(shown.to_string(index=False))
    changed = table["changed"].dropna().unique() if "changed" in table else []
    for words in [words for words in changed if words]:
        print(f"not the preset's settings, so that published values need not hold: {words}")
